/* SPDX-License-Identifier: MIT */
/* malloc_cxx.h (POSIX): the C++ run-time of the code that calls an operator new. */
#ifndef BRAINMM_MALLOC_CXX_H
#define BRAINMM_MALLOC_CXX_H

/* The function with that mangled name that the code at CALLER would reach if this library were not there; NULL: none.
 *
 * It is looked up when a request has failed, not before: a program in C may load its first library in C++ at any time,
 * and out of sight of all others (RTLD_LOCAL). So the look begins with the image that CALLER lies in, and what that was
 * linked with. Takes the loader's lock. */
void *cxx_function(const void *caller, const char *name) __attribute__((visibility("hidden")));

#endif
