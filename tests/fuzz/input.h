/* SPDX-License-Identifier: MIT */
/* input.h: reads the bytes of the fuzzer one after the other. Behind their end everything is 0. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
    const uint8_t *at, *end;
};

static inline bool input_ends(const struct input *input) { return input->at == input->end; }

static inline uint8_t take_byte(struct input *input) { return input_ends(input) ? 0 : *input->at++; }

static inline void take_bytes(struct input *input, void *to, size_t size) {
    size_t left = (size_t)(input->end - input->at), taken = size < left ? size : left;
    memset(to, 0, size);
    if (taken)
        memcpy(to, input->at, taken);
    input->at += taken;
}

static inline uint16_t take_u16(struct input *input) {
    uint16_t value;
    take_bytes(input, &value, sizeof value);
    return value;
}

static inline uint64_t take_u64(struct input *input) {
    uint64_t value;
    take_bytes(input, &value, sizeof value);
    return value;
}

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
