/* SPDX-License-Identifier: MIT */
/* symbolize_fixed.c: symbolize_helper.c as a program that lies at fixed addresses (tests.mk). */
#include "symbolize_helper.c"
