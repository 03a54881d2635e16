/* attach_second_file.h: brainmm_attach() as another file of the same module sees it. */
#ifndef TESTS_ATTACH_SECOND_FILE_H
#define TESTS_ATTACH_SECOND_FILE_H

const struct brainmm_manager *attach_in_second_file(void);

#endif
