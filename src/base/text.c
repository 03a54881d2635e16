/* SPDX-License-Identifier: MIT */
/* text.c: see text.h. */
#include "base/text.h"

static void add_character(struct text *text, char character) {
    if (text->length + 1 >= text->size)
        return;
    text->start[text->length++] = character;
    text->start[text->length] = 0;
}

void text_add(struct text *text, const char *more) {
    while (*more)
        add_character(text, *more++);
}

static void add_number(struct text *text, uint64_t value, unsigned base) {
    char digits[21], *first = digits + sizeof digits - 1;
    *first = 0;
    do
        *--first = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    text_add(text, first);
}

void text_add_hex(struct text *text, uint64_t value) { add_number(text, value, 16); }

void text_add_decimal(struct text *text, uint64_t value) { add_number(text, value, 10); }

void text_add_hex_digits(struct text *text, uint64_t value, unsigned digits) {
    while (digits > 0)
        add_character(text, "0123456789ABCDEF"[value >> 4 * --digits & 15]);
}

size_t text_length(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

bool text_equal(const char *one, const char *other) {
    while (*one && *one == *other)
        one++, other++;
    return *one == *other;
}

unsigned text_hex_digit(char digit) {
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}
