/* SPDX-License-Identifier: MIT */
/* options.c: reading BRAINMM_OPTIONS; see options.h. */
#include "share/options.h"
#include "base/text.h"
#include "os.h"

#define TEXT_MAX 255u /* characters of the variable */

static const char *const words[OPTION_COUNT] = {
    [OPTION_FASTMM] = "fastmm", [OPTION_FIXED_ADDRESSES] = "fixed_addresses"};
static bool set[OPTION_COUNT], were_read;

static bool is_separator(char character) { return character == ',' || character == ' '; }

static void word_read(const char *word) {
    for (unsigned option = 0; option < OPTION_COUNT; option++)
        if (text_equal(word, words[option])) {
            set[option] = true;
            return;
        }
    os_print("BrainMM: BRAINMM_OPTIONS has an unknown word, which is ignored: ");
    os_print(word);
    os_print("\n");
}

void options_read(void) {
    char text[TEXT_MAX + 1];
    if (were_read)
        return;
    were_read = true;
    size_t length = os_options(text, sizeof text);
    if (length >= sizeof text) {
        os_print("BrainMM: BRAINMM_OPTIONS is longer than 255 characters, and ignored\n");
        return;
    }
    for (char *at = text; *at;) {
        char *word = at;
        while (*at && !is_separator(*at))
            at++;
        if (*at)
            *at++ = 0;
        if (*word)
            word_read(word);
    }
}

bool option_is_set(enum option option) { return set[option]; }
