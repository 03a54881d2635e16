/* SPDX-License-Identifier: MIT */
/* loader_finds.c: whether this machine has an installed library. Then modules find it where tests expect that they find
 * none. A test runs it in a folder that has no library, because the program also searches its own. */
#include <dlfcn.h>

int main(void) { return dlopen("libbrainmm.so", RTLD_NOW) ? 0 : 1; }
