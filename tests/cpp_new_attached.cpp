// SPDX-License-Identifier: MIT
/* cpp_new_attached.cpp: the same in a program that is linked with nothing of ours. */
#define BRAINMM_USE_ATTACH
#include "cpp_new.cpp"
