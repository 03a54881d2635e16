/* SPDX-License-Identifier: MIT */
/* options_own.c: options_helper.c with a text of options of its own. */
#define OPTIONS_OWN "scan=1,quarantine=1K,leaks_file=own,stacks=1 own_word"
#include "options_helper.c"
