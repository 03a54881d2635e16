/* SPDX-License-Identifier: MIT */
/* options.c: reading options; see options.h. All of it happens in one thread, before there is a heap and perhaps before
 * there is a C run-time. */
#include "share/options.h"
#include "base/text.h"
#include "os.h"
#include <string.h>

enum source { SOURCE_NONE, SOURCE_PROGRAM, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_CALL };
enum form { FORM_FLAG, FORM_NUMBER, FORM_CHOICE, FORM_TEXT };

struct row {
    const char *name;
    uint8_t form;
    uint64_t least, most, bare;
    const char *words;
};

#define ROW_FLAG(id, name, meaning) {name, FORM_FLAG, 0, 1, 1, ""},
#define ROW_NUMBER(id, name, least, most, first, bare, words, meaning) {name, FORM_NUMBER, least, most, bare, words},
#define ROW_CHOICE(id, name, first, words, meaning) {name, FORM_CHOICE, 0, 0, OPTION_NEEDS_VALUE, words},
#define ROW_TEXT(id, name, meaning) {name, FORM_TEXT, 0, 0, OPTION_NEEDS_VALUE, ""},
static const struct row rows[OPTION_COUNT] = {OPTION_LIST(ROW_FLAG, ROW_NUMBER, ROW_CHOICE, ROW_TEXT)};

#define FIRST_FLAG(id, name, meaning) 0,
#define FIRST_NUMBER(id, name, least, most, first, bare, words, meaning) first,
#define FIRST_CHOICE(id, name, first, words, meaning) first,
static uint64_t numbers[OPTION_COUNT] = {OPTION_LIST(FIRST_FLAG, FIRST_NUMBER, FIRST_CHOICE, FIRST_FLAG)};

/* Where a text is kept: its place in `texts`. */
#define TEXT_NONE(...)
#define TEXT_NAME(id, name, meaning) PLACE_##id,
enum { OPTION_LIST(TEXT_NONE, TEXT_NONE, TEXT_NONE, TEXT_NAME) TEXT_COUNT };
#define PLACE_NONE(...) 0,
#define PLACE_OF(id, name, meaning) PLACE_##id,
static const uint8_t places[OPTION_COUNT] = {OPTION_LIST(PLACE_NONE, PLACE_NONE, PLACE_NONE, PLACE_OF)};
static char texts[TEXT_COUNT][OPTION_TEXT_MAX + 1];

static uint8_t given_by[OPTION_COUNT]; /* enum source */
static bool were_read;

/* ---- What is wrong ---------------------------------------------------------------------------------------------- */

/* As much of a word as a message shows. */
#define SHOWN_MAX 200u

static void text_add_part(struct text *text, const char *part, size_t length) {
    char shown[SHOWN_MAX + 1];
    size_t kept = length < SHOWN_MAX ? length : SHOWN_MAX;
    memcpy(shown, part, kept);
    shown[kept] = 0;
    text_add(text, shown);
    if (kept < length)
        text_add(text, "...");
}

/* One source, while it is read. */
struct reader {
    enum source source;
    const char *name; /* of the source */
    bool wrong;       /* something in it was ignored */
};

/* Prints one line. WORD may be NULL. */
static void complain(struct reader *reader, const char *sentence, const char *word, size_t length) {
    char line[2 * SHOWN_MAX + 200];
    struct text text = TEXT_IN(line);
    text_add(&text, "BrainMM: ");
    text_add_part(&text, reader->name, text_length(reader->name));
    text_add(&text, " ");
    text_add(&text, sentence);
    if (word) {
        text_add(&text, ": ");
        text_add_part(&text, word, length);
    }
    text_add(&text, "\n");
    os_print(line);
    reader->wrong = true;
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

/* Whether WORDS begins with PART, and the word ends there. */
static bool is_word(const char *words, const char *part, size_t length) {
    size_t same = 0;
    while (same < length && words[same] == part[same] && part[same] != '|')
        same++;
    return same == length && (words[length] == 0 || words[length] == '|');
}

/* WORDS is "one|two|three". Which of them PART is; SIZE_MAX if none. */
static size_t word_place(const char *words, const char *part, size_t length) {
    for (size_t place = 0; length != 0 && *words; place++) {
        if (is_word(words, part, length))
            return place;
        while (*words && *words++ != '|') {
        }
    }
    return SIZE_MAX;
}

/* The bits that K, M or G stand for; 0 for any other character. */
static unsigned shift_of(char letter) {
    switch (letter) {
    case 'k':
    case 'K': return 10;
    case 'm':
    case 'M': return 20;
    case 'g':
    case 'G': return 30;
    default: return 0;
    }
}

/* False if PART is no number from LEAST to MOST. */
static bool number_read(const struct row *row, const char *part, size_t length, uint64_t *number) {
    uint64_t value = 0;
    unsigned shift = length > 1 ? shift_of(part[length - 1]) : 0;
    size_t digits = shift ? length - 1 : length;
    for (size_t i = 0; i < digits; i++) {
        if (part[i] < '0' || part[i] > '9' || value > row->most) /* so it never wraps round */
            return false;
        value = value * 10 + (uint64_t)(part[i] - '0');
    }
    if (digits == 0 || value > row->most >> shift || value << shift < row->least)
        return false;
    *number = value << shift;
    return true;
}

/* False if PART is no value of the option. */
static bool value_read(const struct row *row, const char *part, size_t length, uint64_t *number) {
    if (row->form != FORM_CHOICE && number_read(row, part, length, number))
        return true;
    size_t place = word_place(row->words, part, length);
    if (place == SIZE_MAX)
        return false;
    *number = place + (row->form == FORM_CHOICE ? 0 : row->most + 1);
    return true;
}

/* ---- Words ------------------------------------------------------------------------------------------------------ */

/* A word of a source: NAME, or NAME=VALUE. */
struct word {
    const char *start, *end;
    const char *name_end;
    const char *value; /* NULL if there is none */
    const char *value_end;
};

static void value_give(struct reader *reader, enum option option, const struct word *word) {
    const struct row *row = &rows[option];
    uint64_t number = row->bare;
    size_t length = (size_t)(word->end - word->start);
    size_t value_length = word->value ? (size_t)(word->value_end - word->value) : 0;
    if (!word->value && number == OPTION_NEEDS_VALUE)
        return complain(reader, "has an option without its value, which is ignored", word->start, length);
    if (row->form == FORM_TEXT && value_length > OPTION_TEXT_MAX)
        return complain(reader, "has a value of more than 1023 characters, which is ignored", word->start, length);
    if (row->form != FORM_TEXT && word->value && !value_read(row, word->value, value_length, &number))
        return complain(reader, "has a wrong value, which is ignored", word->start, length);
    if (given_by[option] > reader->source)
        return;
    given_by[option] = (uint8_t)reader->source;
    if (row->form == FORM_TEXT) {
        char *text = texts[places[option]];
        memcpy(text, word->value, value_length);
        text[value_length] = 0;
    } else {
        numbers[option] = number;
    }
}

static void word_give(struct reader *reader, const struct word *word) {
    size_t length = (size_t)(word->name_end - word->start);
    for (unsigned option = 0; option < OPTION_COUNT && length != 0; option++)
        if (is_word(rows[option].name, word->start, length))
            return value_give(reader, (enum option)option, word);
    complain(reader, "has an unknown word, which is ignored", word->start, (size_t)(word->end - word->start));
}

static bool is_line_end(char character) { return character == '\n' || character == '\r' || character == 0; }

static bool is_separator(char character) {
    return character == ',' || character == ' ' || character == '\t' || is_line_end(character);
}

/* Words have commas, blanks or ends of lines between them. A value may stand in double quotes. Then it may have commas
 * and blanks in it. From # to the end of the line there is no word. */
static void text_read(struct reader *reader, const char *text) {
    const char *at = text;
    while (*at) {
        struct word word = {.start = at};
        if (*at == '#')
            while (!is_line_end(*at))
                at++;
        while (!is_separator(*at) && *at != '=')
            at++;
        word.name_end = at;
        if (*at == '=' && at[1] == '"') {
            word.value = at += 2;
            while (!is_line_end(*at) && *at != '"')
                at++;
            word.value_end = at;
            if (*at == '"')
                at++;
            else
                word.name_end = word.start; /* makes the word a wrong one */
        } else if (*at == '=') {
            word.value = ++at;
            while (!is_separator(*at))
                at++;
            word.value_end = at;
        }
        while (!is_separator(*at)) { /* behind a quote */
            word.name_end = word.start;
            at++;
        }
        word.end = at;
        if (word.end > word.start && *word.start != '#')
            word_give(reader, &word);
        if (*at)
            at++;
    }
}

/* ---- Sources ---------------------------------------------------------------------------------------------------- */

/* LENGTH is that of the whole text, which may be more than was read. */
static void source_read(struct reader *reader, const char *text, size_t length) {
    if (length > OPTION_SOURCE_MAX)
        complain(reader, "has more than 4096 characters, and is ignored", NULL, 0);
    else if (length)
        text_read(reader, text);
}

void options_read(void) {
    static char text[OPTION_SOURCE_MAX + 1], path[OS_PATH_MAX]; /* a thread's stack may be small */
    static const char ending[] = ".brainmm";
    if (were_read)
        return;
    were_read = true;

    const char *own = os_program_options();
    if (own)
        source_read(&(struct reader){SOURCE_PROGRAM, "the program's own text of options", false}, own,
                    text_length(own));

    if (os_is_privileged())
        return;
    size_t length = os_program_path(path, sizeof path - sizeof ending);
    if (length) {
        memcpy(path + length, ending, sizeof ending);
        length = os_text_file(path, text, sizeof text);
        source_read(&(struct reader){SOURCE_FILE, path, false}, text, length);
    }
    length = os_environment("BRAINMM_OPTIONS", text, sizeof text);
    source_read(&(struct reader){SOURCE_ENVIRONMENT, "BRAINMM_OPTIONS", false}, text, length);
}

bool options_set(const char *text) {
    struct reader reader = {SOURCE_CALL, "brainmm_set_options()", false};
    source_read(&reader, text, text_length(text));
    return !reader.wrong;
}

bool option_is_given(enum option option) { return given_by[option] != SOURCE_NONE; }

bool option_is_text(enum option option) { return rows[option].form == FORM_TEXT; }

bool option_is_set(enum option option) {
    return option_is_text(option) ? *option_text(option) != 0 : numbers[option] != 0;
}

uint64_t option_number(enum option option) { return numbers[option]; }

const char *option_text(enum option option) { return texts[places[option]]; }
