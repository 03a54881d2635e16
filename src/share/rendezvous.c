/* SPDX-License-Identifier: MIT */
/* rendezvous.c: what is accepted as an owner's record and tables, and the order in which places are tried.
 *
 * Any process of the session can have written a record, and it may contain anything. So nothing that it says is
 * believed. It is copied once. The addresses in it are followed only into images that are loaded in this process, where
 * no other process can put a table. The checks are the same on every system. What an image is, the port knows.
 */
#include "share/rendezvous.h"
#include "base/text.h"
#include "os.h"
#include <string.h>

_Static_assert(offsetof(struct brainmm_record, version1) == 0, "where the original's modules read the pointer");
_Static_assert(offsetof(struct brainmm_record, magic) == 8, "docs/abi.md");
_Static_assert(offsetof(struct brainmm_record, size) == 24, "docs/abi.md");
_Static_assert(offsetof(struct brainmm_record, abi_version) == 28, "docs/abi.md");
_Static_assert(offsetof(struct brainmm_record, manager) == 32, "docs/abi.md");
_Static_assert(sizeof BRAINMM_MAGIC == 17 && sizeof BRAINMM_RECORD_MAGIC == 17,
               "16 bytes and the zero that is not there");

#define TABLE_OFFSET(member) offsetof(struct brainmm_manager, member)
#define WORD sizeof(void *)
_Static_assert(TABLE_OFFSET(size) == 16 && TABLE_OFFSET(abi_version) == 20 && TABLE_OFFSET(self) == 24, "docs/abi.md");
_Static_assert(TABLE_OFFSET(version1) == 24 + WORD && TABLE_OFFSET(heap_id) == 24 + 2 * WORD, "docs/abi.md");
_Static_assert(TABLE_OFFSET(alloc) == 24 + 3 * WORD && TABLE_OFFSET(usable_size) == 24 + 9 * WORD, "docs/abi.md");
_Static_assert(TABLE_OFFSET(thread_done) == 24 + 18 * WORD, "docs/abi.md");
_Static_assert(sizeof(struct brainmm_manager) == 24 + 48 * WORD, "docs/abi.md");

enum { OPTIONS_SIZE_MAX = 4096 }; /* a later version's options may be longer than 15 or 19 bytes, but not that long */
enum { FILL_WAIT_MS = 500 };      /* how long a claimed place may stay unfilled; its owner needs microseconds */

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

static char refusals[480];
static struct text refusals_text = TEXT_IN(refusals);
static uint32_t refused_places; /* one bit a place: each is reported once */

static bool is_refused(unsigned place) { return (refused_places & 1u << place) != 0; }

static void refuse(unsigned place, const char *reason) {
    if (is_refused(place))
        return;
    refused_places |= 1u << place;
    text_add(&refusals_text, " Refused at ");
    text_add(&refusals_text, rendezvous_place_name(place));
    text_add(&refusals_text, ": ");
    text_add(&refusals_text, reason);
    text_add(&refusals_text, ".");
}

const char *rendezvous_refusals(void) { return refusals; }

/* ---- Checks: NULL if all is well, else what is wrong ------------------------------------------------------------ */

static const void *word_at(const void *structure, size_t offset) {
    const void *word;
    memcpy(&word, (const char *)structure + offset, sizeof word);
    return word;
}

static bool is_misaligned(const void *address) { return ((uintptr_t)address & (WORD - 1)) != 0; }

static const char *check_manager(const void *address, const struct brainmm_manager *self,
                                 struct brainmm_manager *copy) {
    const void *image;
    if (!address)
        return "its version-2 table is NULL";
    if (address == self)
        return "it names this module's own table, which this module has not published";
    /* The size must be known before the whole can be read: a shorter table may end where its image ends. */
    if (is_misaligned(address) || !rendezvous_read(copy, address, TABLE_OFFSET(alloc), &image))
        return "its version-2 table does not lie in an image loaded in this process";
    size_t size = copy->size;
    if (memcmp(copy->magic, BRAINMM_MAGIC, sizeof copy->magic) != 0)
        return "its version-2 table has the wrong magic";
    if (size < BRAINMM_MANAGER_SIZE_MIN || size > BRAINMM_MANAGER_SIZE_MAX || size % WORD != 0)
        return "its version-2 table has an impossible size";
    if (size > sizeof *copy)
        size = sizeof *copy;
    memset(copy, 0, sizeof *copy);
    if (!rendezvous_read(copy, address, size, &image))
        return "its version-2 table runs over the end of its image";
    if (memcmp(copy->magic, BRAINMM_MAGIC, sizeof copy->magic) != 0 || copy->size < size)
        return "its version-2 table changed while it was read";
    if (copy->abi_version != BRAINMM_ABI_VERSION)
        return "its version-2 table has another ABI version";
    if (copy->self != address)
        return "its version-2 table is a copy that lies elsewhere than it says";
    if (copy->heap_id == 0)
        return "its version-2 table belongs to a module that has no heap yet";
    for (size_t offset = TABLE_OFFSET(alloc); offset < size; offset += WORD)
        if (!rendezvous_is_code(word_at(copy, offset), image))
            return "a function of its version-2 table is not in the code of the table's image";
    return NULL;
}

/* Slots that hold data or may be NULL in the original. A module of the original calls the others blindly. */
static bool slot_is_function(size_t slot) { return slot >= 1 && slot <= 19 && slot != 8 && slot != 9; }
static bool slot_may_be_null(size_t slot) { return slot <= 2 || slot == 10 || slot == 11 || slot >= 18; }

static const char *check_version1(const void *address, const void *self, struct version1 *copy, bool *free_pascal) {
    struct version1_options options;
    const void *image, *options_image, *flag_image;
    uint8_t flag;
    if (!address)
        return "it holds NULL";
    if (address == self)
        return "it names this module's own version-1 table, which this module has not published";
    if (is_misaligned(address) || !rendezvous_read(copy, address, sizeof *copy, &image))
        return "its version-1 table does not lie in an image loaded in this process";
    if (!copy->options || !rendezvous_read(&options, copy->options, sizeof options, &options_image) ||
        options_image != image)
        return "the options of its version-1 table do not lie in the table's image";
    if (options.record_size < (int32_t)sizeof options || options.record_size > OPTIONS_SIZE_MAX ||
        options.version < 1 || options.free_pascal > 1 || options.pure_pascal > 1 || options.redirect > 1)
        return "the options of its version-1 table are not valid";
    if (!rendezvous_read(&flag, options.report_leaks, sizeof flag, &flag_image))
        return "the leak flag of its version-1 table does not lie in an image";
    for (size_t slot = 0; slot < VERSION1_SLOTS; slot++) {
        const void *function = word_at(copy, slot * WORD);
        if (slot_is_function(slot) && !(function == NULL && slot_may_be_null(slot)) &&
            !rendezvous_is_code(function, image))
            return "a function of its version-1 table is not in the code of the table's image";
    }
    *free_pascal = options.free_pascal != 0;
    return NULL;
}

/* Addresses in a record are 64 bit wide; on 32 bit the upper half must be zero. */
static const void *record_address(uint64_t address) {
    return (uintptr_t)address == address ? (const void *)(uintptr_t)address : NULL;
}

/* Fills *owner if the record is good: with the version-2 table if it is, else with the version-1 table. */
static const char *check_record(const struct brainmm_record *record, const struct brainmm_manager *self,
                                struct rendezvous_owner *owner) {
    const char *reason = NULL, *reason1;
    owner->manager = NULL;
    owner->version1 = NULL;
    if (memcmp(record->magic, BRAINMM_RECORD_MAGIC, sizeof record->magic) == 0) {
        if (record->size < sizeof *record || record->abi_version != BRAINMM_ABI_VERSION)
            reason = "its record has an impossible size or another ABI version";
        else
            reason = check_manager(record_address(record->manager), self, &owner->manager_copy);
        if (!reason) {
            owner->manager = record_address(record->manager);
            return rendezvous_pin(owner->manager) ? NULL : "its image is being unloaded";
        }
    }
    /* On 32 bit a module of the original wrote 4 bytes only; a fresh mapping's others are zero, but need not be. */
    const void *version1 = (const void *)(uintptr_t)record->version1;
    reason1 = check_version1(version1, self->version1, &owner->version1_copy, &owner->free_pascal);
    if (reason1)
        return reason ? reason : reason1;
    owner->version1 = version1;
    return rendezvous_pin(version1) ? NULL : "its image is being unloaded";
}

/* ---- Places ----------------------------------------------------------------------------------------------------- */

/* What to do about a place that somebody has claimed and not filled in. */
enum wait { DO_NOT_WAIT, WAIT_UNTIL_FILLED };

/* True if *owner has been filled from PLACE. Reports what is refused. A claimed place is waited for if WAIT says so and
 * no wait has been in vain before. Else *unfilled becomes true. */
static bool place_check(unsigned place, const struct brainmm_manager *self, struct rendezvous_owner *owner,
                        enum wait wait, bool *unfilled) {
    struct brainmm_record record;
    const char *reason = "nobody filled it in for half a second";
    uint64_t start = os_clock_ms();
    enum rendezvous_look look;
    memset(owner, 0, sizeof *owner);
    while ((look = rendezvous_look(place, &record, &reason)) == PLACE_UNFILLED && !is_refused(place)) {
        if (wait == DO_NOT_WAIT) {
            *unfilled = true;
            return false;
        }
        if (os_clock_ms() - start >= FILL_WAIT_MS)
            break;
        os_sleep();
    }
    if (look == PLACE_EMPTY)
        return false;
    if (look == PLACE_FILLED)
        reason = check_record(&record, self, owner);
    if (!reason) {
        owner->place = place;
        return true;
    }
    refuse(place, reason);
    return false;
}

/* All places are looked at before one is waited for, or one with a version-1 table only is taken. When the first name
 * was in other hands once, an owner may have published elsewhere, and a module of the original may have come after. */
bool rendezvous_find(const struct brainmm_manager *self, struct rendezvous_owner *owner) {
    unsigned version1_place = rendezvous_places;
    bool unfilled = true;
    for (enum wait wait = DO_NOT_WAIT; unfilled; wait = WAIT_UNTIL_FILLED) {
        unfilled = false;
        for (unsigned place = 0; place < rendezvous_places; place++) {
            if (!place_check(place, self, owner, wait, &unfilled))
                continue;
            if (owner->manager)
                return true;
            if (version1_place == rendezvous_places)
                version1_place = place;
        }
    }
    return version1_place < rendezvous_places && place_check(version1_place, self, owner, DO_NOT_WAIT, &unfilled);
}

enum rendezvous_result rendezvous_publish(const struct brainmm_manager *self, struct rendezvous_owner *owner,
                                          unsigned *place) {
    struct brainmm_record record = {
        .version1 = (uintptr_t)self->version1,
        .size = sizeof record,
        .abi_version = BRAINMM_ABI_VERSION,
        .manager = (uintptr_t)self,
    };
    bool unfilled;
    memcpy(record.magic, BRAINMM_RECORD_MAGIC, sizeof record.magic);
    for (*place = 0; *place < rendezvous_places; ++*place) {
        /* The second attempt is for a place whose content changed or vanished between look and claim. */
        for (int attempt = 0; attempt < 2; attempt++) {
            if (rendezvous_claim(*place, &record))
                return RENDEZVOUS_PUBLISHED;
            if (place_check(*place, self, owner, WAIT_UNTIL_FILLED, &unfilled))
                return RENDEZVOUS_LOST;
        }
        refuse(*place, "it could not be used for publishing");
    }
    return RENDEZVOUS_NOWHERE;
}
