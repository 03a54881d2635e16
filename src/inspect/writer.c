/* SPDX-License-Identifier: MIT */
/* writer.c: see writer.h. */
#include "inspect/writer.h"
#include "base/text.h"

void writer_flush(struct writer *writer) {
    if (writer->used && !writer->stopped && writer->write(writer->context, writer->text, writer->used) != 0)
        writer->stopped = true;
    writer->used = 0;
}

void writer_put(struct writer *writer, const char *text) {
    for (; *text; text++) {
        if (writer->used == sizeof writer->text)
            writer_flush(writer);
        writer->text[writer->used++] = *text;
    }
}

void writer_put_decimal(struct writer *writer, uint64_t number) {
    char digits[24];
    struct text text = TEXT_IN(digits);
    text_add_decimal(&text, number);
    writer_put(writer, digits);
}

void writer_put_hex(struct writer *writer, uint64_t number) {
    char digits[24];
    struct text text = TEXT_IN(digits);
    text_add(&text, "0x");
    text_add_hex(&text, number);
    writer_put(writer, digits);
}
