/* SPDX-License-Identifier: MIT */
/* json.c: see json.h. */
#include "inspect/json.h"
#include "base/text.h"

static void put(struct json *json, const char *text) { writer_put(&json->writer, text); }

void json_begin(struct json *json, const char *name) {
    if (!json->first)
        put(json, ",");
    json->first = false;
    if (name) {
        put(json, "\"");
        put(json, name);
        put(json, "\":");
    }
}

void json_open(struct json *json, const char *name, const char *bracket) {
    json_begin(json, name);
    put(json, bracket);
    json->first = true;
}

void json_close(struct json *json, const char *bracket) {
    put(json, bracket);
    json->first = false;
}

void json_number(struct json *json, const char *name, uint64_t number) {
    json_begin(json, name);
    writer_put_decimal(&json->writer, number);
}

void json_address(struct json *json, const char *name, uintptr_t address) {
    json_begin(json, name);
    put(json, "\"");
    writer_put_hex(&json->writer, address);
    put(json, "\"");
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static void put_escape(struct json *json, uint32_t unit) {
    char digits[8];
    struct text text = TEXT_IN(digits);
    text_add_hex_digits(&text, unit, 4);
    put(json, "\\u");
    put(json, digits);
}

/* Decodes the character at TEXT, which ends with a zero. Returns its bytes; 0 if it is none. */
static unsigned decode(const unsigned char *text, uint32_t *character) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned bytes = *text < 0x80 ? 1 : *text >= 0xF0 ? 4 : *text >= 0xE0 ? 3 : 2;
    uint32_t value = bytes == 1 ? *text : *text & (0x7Fu >> bytes);
    if ((*text >= 0x80 && *text < 0xC0) || *text >= 0xF8)
        return 0;
    for (unsigned i = 1; i < bytes; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3Fu);
    }
    *character = value;
    return value < least[bytes] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000) ? 0 : bytes;
}

static void put_character(struct json *json, uint32_t character) {
    if (character >= 0x10000) {
        put_escape(json, 0xD800 + ((character - 0x10000) >> 10));
        put_escape(json, 0xDC00 + ((character - 0x10000) & 0x3FF));
    } else if (character < 0x20 || character >= 0x7F || character == '"' || character == '\\') {
        put_escape(json, character);
    } else {
        put(json, (const char[]){(char)character, '\0'});
    }
}

void json_text(struct json *json, const char *name, const char *text) {
    json_begin(json, name);
    put(json, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t character;
        unsigned bytes = decode(at, &character);
        put_character(json, bytes ? character : 0xDC00u + *at);
        at += bytes ? bytes : 1;
    }
    put(json, "\"");
}
