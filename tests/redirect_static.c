/* SPDX-License-Identifier: MIT */
/* redirect_static.c: a program that imports nothing of a C run-time, like one that contains its own. Exit code 7. */
#include <windows.h>

void WINAPI start(void);
void WINAPI start(void) { ExitProcess(7); }
