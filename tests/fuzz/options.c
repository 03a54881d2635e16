/* SPDX-License-Identifier: MIT */
/* options.c: any text of options is read without harm. What it says to an option is what docs/options.md says, or the
 * option stays as it was, and the text is called wrong. Either the input is the text, or it chooses words and values
 * for which this file knows by itself what must come of them.
 */
#include "heap_support.h"
#include "fuzz/input.h"

#include "share/options.h"

enum form { FORM_FLAG, FORM_NUMBER, FORM_CHOICE, FORM_TEXT };
#define ROW_FLAG(id, name, ...) {name, FORM_FLAG, 0, 1, 1, ""},
#define ROW_NUMBER(id, name, least, most, first, bare, words, meaning) {name, FORM_NUMBER, least, most, bare, words},
#define ROW_CHOICE(id, name, first, words, meaning) {name, FORM_CHOICE, 0, 0, OPTION_NEEDS_VALUE, words},
#define ROW_TEXT(id, name, ...) {name, FORM_TEXT, 0, 0, OPTION_NEEDS_VALUE, ""},
static const struct {
    const char *name;
    enum form form;
    uint64_t least, most, bare;
    const char *words;
} rows[] = {OPTION_LIST(ROW_FLAG, ROW_NUMBER, ROW_CHOICE, ROW_TEXT)};

static unsigned complaints;

void __wrap_os_print(const char *text);
void __wrap_os_print(const char *text) {
    size_t length = strlen(text);
    CHECK(strncmp(text, "BrainMM: ", 9) == 0 && length < 1000 && text[length - 1] == '\n');
    complaints++;
}

static unsigned words_of(unsigned option) {
    unsigned count = rows[option].words[0] != 0;
    for (const char *at = rows[option].words; *at; at++)
        count += *at == '|';
    return count;
}

/* Whatever was said. */
static void values_are_possible(void) {
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (rows[i].form == FORM_TEXT) {
            CHECK(strlen(option_text(i)) <= OPTION_TEXT_MAX && option_is_set(i) == (option_text(i)[0] != 0));
            continue;
        }
        uint64_t most = rows[i].form == FORM_CHOICE ? words_of(i) - 1 : rows[i].most + words_of(i);
        CHECK_MSG(option_number(i) <= most, "%s is %" PRIu64, rows[i].name, option_number(i));
        CHECK(option_is_set(i) == (option_number(i) != 0));
    }
}

static bool set(const char *text) {
    unsigned before = complaints;
    bool right = options_set(text);
    CHECK(right == (complaints == before));
    values_are_possible();
    return right;
}

static void any_text(struct input *input) {
    static char text[1100];
    size_t length = (size_t)(input->end - input->at);
    length = length < sizeof text ? length : sizeof text - 1;
    take_bytes(input, text, length);
    text[length] = 0;
    unsigned before = complaints;
    bool right = set(text);
    unsigned first = complaints - before;
    CHECK(set(text) == right && complaints - before == 2 * first);
}

/* ---- Words whose meaning is known ------------------------------------------------------------------------------- */

static struct value {
    bool given;
    uint64_t number;
    char text[80];
} expected[OPTION_COUNT];

static char text[8192];
static size_t text_size;

static void add(const char *more) {
    size_t length = strlen(more);
    CHECK(text_size + length < sizeof text);
    memcpy(text + text_size, more, length + 1);
    text_size += length;
}

/* A number with or without a letter. False if it is no value of the option. */
static bool add_number(struct input *input, unsigned option, uint64_t *number) {
    static const char letters[] = "kKmMgG";
    static const unsigned shifts[] = {10, 10, 20, 20, 30, 30};
    char digits[32];
    uint64_t value = take_u64(input) >> take_byte(input) % 64;
    unsigned letter = take_byte(input) % 12, shift = 0;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%s%" PRIu64, letter & 1 ? "" : "00", value);
    if (letter < 6) {
        digits[length] = letters[letter];
        digits[length + 1] = 0;
        shift = shifts[letter];
    }
    add(digits);
    unsigned __int128 whole = (unsigned __int128)value << shift;
    *number = (uint64_t)whole;
    return rows[option].form != FORM_CHOICE && whole >= rows[option].least && whole <= rows[option].most;
}

/* One of the option's words. Half of one is none. */
static bool add_word(struct input *input, unsigned option, uint64_t *number, bool cut) {
    char word[64];
    unsigned count = words_of(option), place = count ? take_byte(input) % count : 0, at = 0, length = 0;
    for (const char *character = rows[option].words; *character; character++)
        if (*character == '|')
            at++;
        else if (at == place)
            word[length++] = *character;
    word[cut && length ? length - 1 : length] = 0;
    add(word);
    *number = rows[option].form == FORM_CHOICE ? place : rows[option].most + 1 + place;
    return count != 0 && !cut;
}

/* False if the word that it adds is wrong. */
static bool add_option(struct input *input) {
    unsigned option = take_byte(input) % OPTION_COUNT, how = take_byte(input);
    bool quoted = how & 128, right;
    struct value value = {.given = true};
    add(rows[option].name);
    if (how % 4 == 0) {
        value.number = rows[option].bare;
        right = value.number != OPTION_NEEDS_VALUE;
    } else {
        add(quoted ? "=\"" : "=");
        size_t begin = text_size;
        if (rows[option].form == FORM_TEXT) {
            add(quoted ? "a, b=#c" : "x/y=%p#");
            add_number(input, option, &value.number);
            right = true;
            memcpy(value.text, text + begin, text_size - begin + 1);
        } else {
            right = how % 4 == 1 ? add_word(input, option, &value.number, how & 64)
                                 : add_number(input, option, &value.number);
        }
        if (quoted)
            add("\"");
        if (how % 64 == 63) {
            add(quoted ? "z" : "\"");
            right = !quoted && rows[option].form == FORM_TEXT;
            strcat(value.text, "\"");
        }
    }
    if (right)
        expected[option] = value;
    return right;
}

static void known_words(struct input *input) {
    static const char *const separators[] = {",", " ", "\n", "\r\n", ", ", "\t", "\n# checked=no\n", ",,"};
    bool right = true;
    text_size = 0;
    text[0] = 0;
    memset(expected, 0, sizeof expected);
    while (!input_ends(input) && text_size < 3800) {
        right = add_option(input) && right;
        add(separators[take_byte(input) % 8]);
    }
    CHECK_MSG(set(text) == right, "%s", text);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (!expected[i].given)
            continue;
        CHECK(option_is_given(i));
        if (rows[i].form == FORM_TEXT)
            CHECK_MSG(strcmp(option_text(i), expected[i].text) == 0, "%s, not %s", option_text(i), expected[i].text);
        else
            CHECK_MSG(option_number(i) == expected[i].number, "%s is %" PRIu64 ", not %" PRIu64 ", after %s",
                      rows[i].name, option_number(i), expected[i].number, text);
    }
}

/* What the last input has asked for at the end of the process is not done. */
static void ask_for_nothing(void) { options_set("stats=0,leaks=0,message_box=0,dump="); }

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    CHECK(atexit(ask_for_nothing) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, data + size};
    if (take_byte(&input) & 1)
        known_words(&input);
    else
        any_text(&input);
    return 0;
}
