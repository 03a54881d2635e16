/* SPDX-License-Identifier: MIT */
/* stacks.c: see stacks.h.
 *
 * A stack is of use when what it came from is gone: a plug-in that left its memory behind, and another loaded in the
 * same place. So the modules of a new stack's addresses are noted at once, with their names. A stack that is found in
 * the depot is not new, but its modules may be. The port tells that (os_image_is_same), for those modules that are ever
 * unloaded. The program and the C library are not, so most stacks are found without such a question.
 */
#include "checked/stacks.h"
#include "checked/depot.h"

#define MODULES 1024u
#define NAME_MAX_BYTES 1024u
_Static_assert(STACK_FRAMES_MAX == DEPOT_FRAMES_MAX, "a stack fits into the depot");

/* A module that a stack was found in. Stays here when it is unloaded. */
struct module {
    struct os_image image;
    char name[];
};

static ATOMIC(struct module *) modules[MODULES]; /* number n is modules[n - 1] */
static atomic_u32 module_count;                  /* may be above MODULES: those have no place */
static bool wants_tables;

bool stacks_start(bool exact) {
    wants_tables = exact;
    os_images_start();
    return frames_start(exact) && depot_start();
}

void stacks_load(void) {
    if (wants_tables)
        os_unwind_start();
}

size_t stacks_bytes(void) { return depot_bytes(); }

/* ---- Modules ---------------------------------------------------------------------------------------------------- */

static struct module *module_at(unsigned number) {
    return number ? load_acquire(&modules[number - 1]) : NULL; /* with module_number() */
}

static bool module_is(const struct module *module, const struct os_image *image, const char *name) {
    return module && module->image.start == image->start && module->image.size == image->size &&
           module->image.identity == image->identity && text_equal(module->name, name);
}

/* The number of a module; a new one if it has none. 0 if there is no more room. Two threads may give it two: that harms
 * nobody. */
static uint16_t module_number(const struct os_image *image, const char *name) {
    uint32_t count = load_relaxed(&module_count);
    size_t length = 0;
    for (uint32_t number = count < MODULES ? count : MODULES; number > 0; number--)
        if (module_is(module_at(number), image, name))
            return (uint16_t)number;
    while (name[length])
        length++;
    struct module *module = count < MODULES ? depot_take(sizeof *module + length + 1) : NULL;
    if (!module)
        return 0;
    module->image = *image;
    for (size_t i = 0; i <= length; i++)
        module->name[i] = name[i];
    uint32_t number = add_relaxed(&module_count, 1) + 1;
    if (number > MODULES)
        return 0;
    store_release(&modules[number - 1], module);
    return (uint16_t)number;
}

/* The number of a known module that lies at an address now. To ask the port for what lies there may take long. */
static uint16_t module_known(uintptr_t code) {
    uint32_t count = load_relaxed(&module_count);
    for (uint32_t number = count < MODULES ? count : MODULES; number > 0; number--) {
        struct module *module = module_at(number);
        if (module && code - module->image.start < module->image.size &&
            (module->image.stays || os_image_is_same(&module->image, module->name)))
            return (uint16_t)number;
    }
    return 0;
}

/* The byte before a return address is the call's. The return address may be behind the last byte of its function. */
static void describe(struct depot_stack *stack) {
    uint16_t *numbers = (uint16_t *)(uintptr_t)depot_modules(stack);
    struct os_image image;
    char name[NAME_MAX_BYTES];
    stack->stays = true;
    for (unsigned i = 0; i < stack->count; i++) {
        const char *code = (const char *)stack->addresses[i] - 1;
        uint16_t number = module_known((uintptr_t)code);
        if (number == 0 && os_image_of(code, &image, name, sizeof name))
            number = module_number(&image, name);
        numbers[i] = number;
        stack->stays = stack->stays && number != 0 && module_at(number)->image.stays;
    }
}

/* An address that lay in no module, but does now, is of another stack. */
static bool is_valid(const struct depot_stack *stack) {
    const uint16_t *numbers = depot_modules(stack);
    for (unsigned i = 0; i < stack->count; i++) {
        struct module *module = module_at(numbers[i]);
        if (i > 0 && numbers[i] == numbers[i - 1] && module)
            continue;
        if (module ? !module->image.stays && !os_image_is_same(&module->image, module->name)
                   : os_is_code((const char *)stack->addresses[i] - 1) && load_relaxed(&module_count) < MODULES)
            return false;
    }
    return true;
}

/* ---- Stacks ----------------------------------------------------------------------------------------------------- */

uint32_t stack_capture(struct stack_origin origin, unsigned frames) {
    const void *addresses[STACK_FRAMES_MAX];
    if (frames == 0)
        return 0;
    unsigned count = frames_collect(origin, addresses, frames < STACK_FRAMES_MAX ? frames : STACK_FRAMES_MAX);
    return depot_number(addresses, count, is_valid, describe);
}

static brainmm_frame frame_of(const struct depot_stack *stack, unsigned i) {
    const struct module *module = module_at(depot_modules(stack)[i]);
    brainmm_frame frame = {.address = stack->addresses[i]};
    if (module) {
        frame.module = module->name;
        frame.offset = (uintptr_t)frame.address - module->image.bias;
    }
    return frame;
}

unsigned BRAINMM_CALL heap_stack_frames(uint32_t stack, brainmm_frame *frames, unsigned capacity) {
    const struct depot_stack *found = depot_stack(stack);
    for (unsigned i = 0; found && frames && i < found->count && i < capacity; i++)
        frames[i] = frame_of(found, i);
    return found ? found->count : 0;
}

static void add_line(struct text *text, const struct depot_stack *stack, unsigned i) {
    brainmm_frame frame = frame_of(stack, i);
    text_add(text, "    #");
    text_add_decimal(text, i);
    text_add(text, " 0x");
    for (unsigned digit = 2 * sizeof(void *); digit-- > 1 && (uintptr_t)frame.address >> 4 * digit == 0;)
        text_add(text, "0");
    text_add_hex(text, (uintptr_t)frame.address);
    if (frame.module) {
        text_add(text, " ");
        text_add(text, frame.module);
        text_add(text, "+0x");
        text_add_hex(text, frame.offset);
    }
    text_add(text, "\n");
}

bool stack_line(struct text *text, uint32_t stack, unsigned frame) {
    const struct depot_stack *found = depot_stack(stack);
    if (!found || frame >= found->count)
        return false;
    add_line(text, found, frame);
    return true;
}

void stack_text(struct text *text, uint32_t stack) {
    const struct depot_stack *found = depot_stack(stack);
    for (unsigned i = 0; found && i < found->count; i++)
        add_line(text, found, i);
}
