/* SPDX-License-Identifier: MIT */
/* imports.h (Windows): a module's tables of imports: what in them is a replaced function, and the replacements. */
#ifndef BRAINMM_REDIRECT_IMPORTS_H
#define BRAINMM_REDIRECT_IMPORTS_H

#include "redirect/pe.h"

/* The results are those of brainmm_redirect.h. The caller holds the lock, and the module stays loaded meanwhile. */

/* What imports_redirect would return. EXPORTS_TOO: the tables of exports are replaced, so that imports that get their
 * addresses later get the replacements. */
int imports_judge(const struct pe_image *image, bool exports_too);

/* Writes the replacements. If the result is negative, nothing has changed. */
int imports_redirect(const struct pe_image *image, bool exports_too);

/* Writes the replacements of functions that start processes. */
void imports_redirect_starts(const struct pe_image *image);

/* Puts back what was there, for the functions of the set WHICH (libraries.h). */
int imports_restore(const struct pe_image *image, unsigned which);

#endif
