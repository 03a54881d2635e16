/* SPDX-License-Identifier: MIT */
/* text.h: putting text together in memory of a fixed size, without a C library.
 *
 * What does not fit is cut off. There is always a zero behind the text.
 */
#ifndef BRAINMM_TEXT_H
#define BRAINMM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *start;
    size_t size; /* of the memory at START, the zero included */
    size_t length;
};

/* An empty text in the array BUFFER. */
#define TEXT_IN(buffer)                                                                                                \
    { (buffer), sizeof(buffer), 0 }

void text_add(struct text *text, const char *more);

/* VALUE in hexadecimal, lower case, without leading zeros; in decimal. */
void text_add_hex(struct text *text, uint64_t value);
void text_add_decimal(struct text *text, uint64_t value);

/* VALUE in hexadecimal, upper case, as exactly DIGITS digits. */
void text_add_hex_digits(struct text *text, uint64_t value, unsigned digits);

size_t text_length(const char *text);

bool text_equal(const char *one, const char *other);

/* The value of a hexadecimal digit of either case; 16 for any other character. */
unsigned text_hex_digit(char digit);

#endif
