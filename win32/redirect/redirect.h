/* SPDX-License-Identifier: MIT */
/* redirect.h (Windows): the functions of brainmm_redirect.h, for the rest of brainmm-malloc.dll. */
#ifndef BRAINMM_REDIRECT_REDIRECT_H
#define BRAINMM_REDIRECT_REDIRECT_H

/* Hears of each module that is loaded later and refused. Called while the loader's lock is held. */
typedef void (*redirect_refused)(const char *name, int result);

/* MODULE is this DLL. Called first. */
void redirect_start(void *module);

/* brainmm_redirect_imports(NULL). REFUSED may be NULL. */
int redirect_all(redirect_refused refused);

/* What brainmm_redirect_imports(MODULE) would return. */
int redirect_judge(void *module);

#endif
