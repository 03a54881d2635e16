/* SPDX-License-Identifier: MIT */
/* attach_second_file.h: a second file of the same module that calls brainmm_attach(). */
#ifndef TESTS_ATTACH_SECOND_FILE_H
#define TESTS_ATTACH_SECOND_FILE_H

const struct brainmm_manager *attach_in_second_file(void);

#endif
