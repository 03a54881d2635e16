// SPDX-License-Identifier: MIT
/* cpp_module_attached.cpp: the same in a module that is linked with nothing of ours. */
#define BRAINMM_USE_ATTACH
#include "cpp_module.cpp"
