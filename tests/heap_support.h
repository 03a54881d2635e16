/* SPDX-License-Identifier: MIT */
/* heap_support.h: what the heap's test programs share.
 *
 * All of it is in headers, so that each test is one source file. A program exits with 0 if everything held, with 1 if
 * something did not (the line says what) and with 77 if the machine cannot run the test (the line says why). Tests in
 * which other threads check something use CHECK. Check's own assertions jump, which only the main thread may do.
 */
#ifndef TESTS_HEAP_SUPPORT_H
#define TESTS_HEAP_SUPPORT_H

#include "support/outcome.h"
#include "support/memory.h"
#include "support/pattern.h"
#include "support/process.h"
#include "support/thread.h"

#endif
