// SPDX-License-Identifier: MIT
/* cpp_failures.cpp: the heap has no memory, or refuses. All of brainmm.hpp throws then, or says so, and leaves
 * everything as it was. The linker's --wrap puts the functions below in the place of the heap's (tests.mk). */
#include "cpp_support.h"
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

BRAINMM_REPLACE_NEW_AND_DELETE;

using brainmm::allocator, brainmm::block, brainmm::block_size, brainmm::jit_buffer, brainmm::jit_heap;
using brainmm::jit_kind, brainmm::pages, brainmm::rights;

static unsigned requests;            /* for memory, since the last may_succeed() */
static unsigned succeed = ~0u;       /* so many of them succeed */
static int next_result = BRAINMM_OK; /* what the next function that returns a result returns, if not BRAINMM_OK */

static void may_succeed(unsigned count) {
    succeed = count;
    requests = 0;
}

extern "C" {
void *__real_brainmm_alloc(size_t size);
void *__real_brainmm_alloc_aligned(size_t alignment, size_t size);
void *__real_brainmm_block_get(size_t size, unsigned mode);
void *__real_brainmm_pages_get(size_t count, unsigned mode);
void *__real_brainmm_pages_realloc(void *pages, size_t count, unsigned mode);
void *__real_brainmm_pages_reget(void *pages, size_t count, unsigned mode);
void *__real_brainmm_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);
int __real_brainmm_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);
int __real_brainmm_block_free(void *block, unsigned mode);
int __real_brainmm_pages_set_rights(void *pages, size_t count, unsigned rights);

void *__wrap_brainmm_alloc(size_t size);
void *__wrap_brainmm_alloc_aligned(size_t alignment, size_t size);
void *__wrap_brainmm_pages_realloc(void *pages, size_t count, unsigned mode);
void *__wrap_brainmm_pages_reget(void *pages, size_t count, unsigned mode);
void *__wrap_brainmm_block_get(size_t size, unsigned mode);
void *__wrap_brainmm_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);
int __wrap_brainmm_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);
int __wrap_brainmm_block_free(void *block, unsigned mode);
int __wrap_brainmm_pages_set_rights(void *pages, size_t count, unsigned rights);

/* New memory is not zero. */
void *__wrap_brainmm_alloc(size_t size) {
    void *piece = requests++ < succeed ? __real_brainmm_alloc(size) : nullptr;
    return piece ? std::memset(piece, 0xAA, size) : nullptr;
}

void *__wrap_brainmm_alloc_aligned(size_t alignment, size_t size) {
    return requests++ < succeed ? __real_brainmm_alloc_aligned(alignment, size) : nullptr;
}

void *__wrap_brainmm_pages_realloc(void *pages, size_t count, unsigned mode) {
    return requests++ < succeed ? __real_brainmm_pages_realloc(pages, count, mode) : nullptr;
}

void *__wrap_brainmm_pages_reget(void *pages, size_t count, unsigned mode) {
    return requests++ < succeed ? __real_brainmm_pages_reget(pages, count, mode) : nullptr;
}

void *__wrap_brainmm_block_get(size_t size, unsigned mode) {
    return requests++ < succeed ? __real_brainmm_block_get(size, mode) : nullptr;
}

void *__wrap_brainmm_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable) {
    return requests++ < succeed ? __real_brainmm_jit_alloc(heap, size, writable) : nullptr;
}

int __wrap_brainmm_jit_heap_create(unsigned kind, brainmm_jit_heap **heap) {
    int result = std::exchange(next_result, BRAINMM_OK);
    return result ? result : __real_brainmm_jit_heap_create(kind, heap);
}

int __wrap_brainmm_block_free(void *block, unsigned mode) {
    int result = std::exchange(next_result, BRAINMM_OK);
    return result ? result : __real_brainmm_block_free(block, mode);
}

int __wrap_brainmm_pages_set_rights(void *pages, size_t count, unsigned rights) {
    int result = std::exchange(next_result, BRAINMM_OK);
    return result ? result : __real_brainmm_pages_set_rights(pages, count, rights);
}
}

/* Runs TEST, and lets first no request succeed, then one, two and so on, until TEST ends. Each time that TEST throws
 * bad_alloc, nothing is left in the heap. */
template <class Test> static void fails_anywhere(const Test &test) {
    std::uint64_t before = live();
    unsigned count = 0;
    for (bool failed = true; failed; count++) {
        may_succeed(count);
        try {
            test();
            failed = false;
        } catch (const std::bad_alloc &) {
            CHECK(requests > count);
        }
        may_succeed(~0u);
        CHECK(live() == before && counted::alive == 0);
    }
    CHECK(count > 1);
}

/* ---- Containers and smart pointers ------------------------------------------------------------------------------- */

template <class Sequence> static void fill_sequence() {
    fails_anywhere([] {
        Sequence objects(3);
        for (int i = 0; i < 40; i++)
            objects.emplace_back(i);
        Sequence copy = objects;
        copy.resize(60);
        CHECK(copy.back().value == 7);
    });
}

template <class Map> static void fill_map() {
    fails_anywhere([] {
        Map objects;
        for (int i = 0; i < 20; i++)
            objects.emplace(i, i);
        Map copy = objects;
        CHECK(copy.at(19).value == 19);
    });
}

static void containers() {
    using pair = std::pair<const int, counted>;
    fill_sequence<std::vector<counted, allocator<counted>>>();
    fill_sequence<std::deque<counted, allocator<counted>>>();
    fill_sequence<std::list<counted, allocator<counted>>>();
    fill_map<std::map<int, counted, std::less<int>, allocator<pair>>>();
    fill_map<std::unordered_map<int, counted, std::hash<int>, std::equal_to<int>, allocator<pair>>>();
    /* libstdc++ copies a shared memory resource by its default, which is new and delete: ours as well */
    fill_sequence<std::pmr::vector<counted>>();
    fill_sequence<std::vector<counted>>();
    fails_anywhere([] {
        std::pmr::list<std::pmr::string> texts(brainmm::resource());
        texts.emplace_back("a text that is too long for a string itself");
        texts.emplace_front(texts.back() + texts.back());
    });
    fails_anywhere([] {
        auto one = brainmm::make_unique<counted>();
        auto array = brainmm::make_unique<counted[]>(4);
        auto numbers = brainmm::make_unique<int[]>(100);
        auto bytes = brainmm::make_bytes(5), aligned = brainmm::make_bytes(5, 64);
        auto shared = std::allocate_shared<counted>(allocator<counted>());
        CHECK(array[3].value == 7 && shared->value == 7 && numbers[0] == 0 && numbers[99] == 0);
    });

    /* A container that cannot grow keeps its contents. */
    std::vector<int, allocator<int>> numbers{1, 2, 3};
    const int *data = numbers.data();
    may_succeed(0);
    CHECK_THROWS(std::bad_alloc, numbers.reserve(100));
    may_succeed(~0u);
    CHECK(numbers.data() == data && numbers.size() == 3 && numbers[2] == 3);
}

static void sizes() {
    std::uint64_t before = live();
    may_succeed(~0u);
    volatile std::size_t most = SIZE_MAX; /* or the compiler warns of the sizes */
    CHECK_THROWS(std::bad_array_new_length, allocator<int>().allocate(most / sizeof(int) + 1));
    CHECK_THROWS(std::bad_array_new_length, brainmm::make_unique<int[]>(most));
    CHECK(requests == 0);
    CHECK_THROWS(std::bad_alloc, allocator<int>().allocate(allocator<int>::max_size() + 1));
    CHECK_THROWS(std::bad_alloc, allocator<char>().allocate(most));
    CHECK_THROWS(std::bad_alloc, brainmm::make_bytes(most));
    CHECK_THROWS(std::bad_alloc, brainmm::make_bytes(1, 48)); /* no power of two */
    CHECK_THROWS(std::bad_alloc, brainmm::resource()->allocate(most / 2));
    CHECK_THROWS(std::length_error, (std::vector<int, allocator<int>>(most)));
    CHECK_THROWS(std::bad_alloc, pages(most));
    CHECK(!pages(std::nothrow, most) && live() == before);
    int *empty = allocator<int>().allocate(0);
    CHECK(empty && is_ours(empty));
    allocator<int>().deallocate(empty, 0);
}

/* ---- Owners of memory -------------------------------------------------------------------------------------------- */

static void owners() {
    std::uint64_t before = live();
    {
        pages run(3);
        std::memset(run.data(), 7, run.size());
        const std::byte *data = run.data();
        block memory(block_size::kib_4);
        jit_heap heap;
        may_succeed(0);
        CHECK_THROWS(std::bad_alloc, pages(1));
        CHECK_THROWS(std::bad_alloc, run.resize(1000));
        CHECK_THROWS(std::bad_alloc, run.resize_discard(1000));
        CHECK(!pages(std::nothrow, 1) && !run.resize(std::nothrow, 1000));
        CHECK(run.data() == data && run.count() == 3 && data[3 * BRAINMM_PAGE_SIZE - 1] == std::byte{7});
        CHECK_THROWS(std::bad_alloc, block(block_size::kib_4));
        CHECK(!block(std::nothrow, block_size::mib_1) && block(std::nothrow, block_size::mib_1).size() == 0);
        CHECK_THROWS(std::bad_alloc, jit_buffer(heap, 16));
        CHECK(!jit_buffer(std::nothrow, heap, 16) && jit_buffer(std::nothrow, heap, 16).size() == 0);
        CHECK(run.resize(std::nothrow, 0)); /* it frees, and needs no memory */
        may_succeed(~0u);

        int result = -1;
        next_result = BRAINMM_E_MEMORY;
        CHECK_THROWS(std::bad_alloc, jit_heap());
        next_result = BRAINMM_E_REFUSED;
        CHECK_THROWS(brainmm::error, jit_heap(jit_kind::two_views));
        next_result = BRAINMM_E_REFUSED;
        CHECK(!jit_heap(std::nothrow, result) && result == BRAINMM_E_REFUSED);
        for (int reason : {BRAINMM_E_REFUSED, BRAINMM_E_UNSUPPORTED}) {
            next_result = reason;
            try {
                jit_heap unused;
                CHECK(false);
            } catch (const brainmm::error &why) {
                CHECK(why.result() == reason && std::strstr(why.what(), "executable memory"));
            }
        }
        CHECK(jit_heap(std::nothrow, result) && result == BRAINMM_OK);

        next_result = BRAINMM_E_REFUSED;
        CHECK(memory.set_rights(rights::read) == BRAINMM_E_REFUSED);
        next_result = BRAINMM_E_REFUSED;
        CHECK(memory.reset() == BRAINMM_E_REFUSED && memory && memory.size() == 4096 && live() == before + 1);
        CHECK(memory.reset() == BRAINMM_OK && !memory && live() == before);

        void *kept;
        {
            block left(block_size::kib_4);
            kept = left.data();
            next_result = BRAINMM_E_REFUSED;
        } /* the destructor leaves it to the heap */
        CHECK(is_ours(kept) && __real_brainmm_block_free(kept, BRAINMM_USER) == BRAINMM_OK);
    }
    CHECK(live() == before);
}

/* ---- new --------------------------------------------------------------------------------------------------------- */

struct alignas(64) wide {
    char bytes[64];
};
struct handler_failed {};
static int handler_calls;
static void *volatile escape; /* so that the compiler does not leave out a new and its delete */

/* The handler makes the third request succeed. */
static void handler_that_helps() {
    if (++handler_calls == 2)
        may_succeed(~0u);
}

static void handler_that_throws() { throw handler_failed(); }

static void handler_that_gives_up() {
    handler_calls++;
    std::set_new_handler(nullptr);
}

/* ONE makes an object by a form of new, and frees it. It throws; OR_NULL does not. */
template <class One, class Null> static void new_fails(const One &one, const Null &or_null) {
    std::uint64_t before = live();
    std::set_new_handler(nullptr);
    may_succeed(0);
    CHECK_THROWS(std::bad_alloc, one());
    CHECK(!or_null());

    std::set_new_handler(handler_that_helps);
    may_succeed(0);
    handler_calls = 0;
    one();
    CHECK(handler_calls == 2);
    may_succeed(0);
    handler_calls = 0;
    CHECK(or_null() && handler_calls == 2);

    std::set_new_handler(handler_that_throws);
    may_succeed(0);
    CHECK_THROWS(handler_failed, one());
    CHECK(!or_null());

    std::set_new_handler(handler_that_gives_up);
    handler_calls = 0;
    CHECK_THROWS(std::bad_alloc, one());
    CHECK(handler_calls == 1);
    std::set_new_handler(handler_that_gives_up);
    CHECK(!or_null() && handler_calls == 2);

    may_succeed(~0u);
    one();
    CHECK(or_null() && live() == before);
}

template <class T> static void new_of() {
    new_fails(
        [] {
            escape = new T;
            delete static_cast<T *>(escape);
        },
        [] {
            escape = new (std::nothrow) T;
            delete static_cast<T *>(escape);
            return escape != nullptr;
        });
    new_fails(
        [] {
            escape = new T[10];
            delete[] static_cast<T *>(escape);
        },
        [] {
            escape = new (std::nothrow) T[10];
            delete[] static_cast<T *>(escape);
            return escape != nullptr;
        });
}

int main() {
    containers();
    sizes();
    owners();
    new_of<int>();
    new_of<wide>();
    new_of<counted>();
    return 0;
}
