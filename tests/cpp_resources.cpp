// SPDX-License-Identifier: MIT
/* cpp_resources.cpp: pages, blocks and buffers for machine code own their memory. It passes on when they are moved, is
 * freed once, and has the rights and modes that were asked for. */
#include "cpp_support.h"
#include <utility>

using brainmm::block, brainmm::block_size, brainmm::jit_buffer, brainmm::jit_heap, brainmm::jit_kind;
using brainmm::memory_mode, brainmm::pages, brainmm::rights;

template <class T>
constexpr bool is_owner =
    !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> && std::is_nothrow_move_constructible_v<T> &&
    std::is_nothrow_move_assignable_v<T> && std::is_nothrow_swappable_v<T>;
static_assert(is_owner<pages> && is_owner<block> && is_owner<jit_heap> && is_owner<jit_buffer>);
static_assert((rights::read | rights::write | rights::execute) == static_cast<rights>(7));
static_assert((static_cast<rights>(7) & rights::write) == rights::write &&
              (rights::read & rights::write) == rights::none);

/* An object of type T, which MAKE gives and owns memory, passes it on by every way in which it can be moved. */
template <class Make, class Address> static void moves(const Make &make, const Address &address) {
    std::uint64_t before = live();
    {
        auto first = make();
        const void *memory = address(first);
        CHECK(first && memory && live() == before + 1);
        auto second = std::move(first);
        CHECK(!first && !address(first) && address(second) == memory && live() == before + 1);
        first = std::move(second);
        CHECK(!second && address(first) == memory);
        second = make();
        CHECK(live() == before + 2);
        const void *other = address(second);
        swap(first, second);
        CHECK(address(first) == other && address(second) == memory);
        first = std::move(second); /* what it owned is freed */
        CHECK(address(first) == memory && live() == before + 1);
        auto &same = first;
        first = std::move(same);
        CHECK(address(first) == memory && live() == before + 1);
        first.reset();
        CHECK(!first && live() == before);
        first.reset();
        first = make();
    }
    CHECK(live() == before);
}

static unsigned rights_of(const void *address) {
    unsigned found = 8;
    CHECK((brainmm::manager()->pages_get_rights)(block::start_of(address, block_size::kib_4), &found) == BRAINMM_OK);
    return found;
}

static brainmm_options options_of(const void *address) {
    brainmm_options options;
    CHECK((brainmm::manager()->get_options)(address, &options) == 1);
    return options;
}

static void pages_are_owned() {
    moves([] { return pages(3); }, [](pages &owner) { return owner.data(); });
    std::uint64_t before = live();
    {
        pages run(4), none, nothing(0);
        CHECK(run.count() == 4 && run.size() == 4 * BRAINMM_PAGE_SIZE && run.mode() == memory_mode::user);
        CHECK(options_of(run.data()).kind == BRAINMM_PAGES && is_aligned(run.data(), BRAINMM_PAGE_SIZE));
        CHECK(!none && !nothing && !none.data() && none.size() == 0 && live() == before + 1);

        std::memset(run.data(), 7, run.size());
        run.resize(100);
        CHECK(run.count() == 100 && run.data()[0] == std::byte{7} &&
              run.data()[4 * BRAINMM_PAGE_SIZE - 1] == std::byte{7});
        run.resize_discard(5);
        CHECK(run.count() == 5 && options_of(run.data()).size >= run.size());
        run.resize(0);
        CHECK(!run && run.count() == 0 && live() == before);
        none.resize(2);
        run.resize_discard(3);
        CHECK(none.count() == 2 && run.count() == 3 && live() == before + 2);
        run.resize_discard(0);
        CHECK(!run);

        pages code(2, memory_mode::jit), system(2, memory_mode::system);
        CHECK(options_of(code.data()).kind == BRAINMM_JIT_MEMORY && code.mode() == memory_mode::jit);
        code.resize(20); /* with the same mode */
        CHECK(options_of(code.data()).kind == BRAINMM_JIT_MEMORY);
        system = std::move(code); /* each is freed with its own mode */
        CHECK(system.mode() == memory_mode::jit);

        void *given_up = system.release();
        CHECK(!system && system.size() == 0 && is_ours(given_up));
        CHECK((brainmm::manager()->pages_free)(given_up, BRAINMM_JIT) == BRAINMM_OK);
    }
    CHECK(live() == before);
}

static void rights_are_set() {
    constexpr unsigned data = BRAINMM_READ | BRAINMM_WRITE;
    std::size_t step = brainmm_system_page_size() / BRAINMM_PAGE_SIZE;
    pages run(4 * step);
    CHECK(run.set_rights(rights::read, step, step) == BRAINMM_OK);
    CHECK(rights_of(run.data()) == data && rights_of(run.data() + step * BRAINMM_PAGE_SIZE) == BRAINMM_READ);
    CHECK(rights_of(run.data() + 2 * step * BRAINMM_PAGE_SIZE) == data);
    CHECK(run.set_rights(rights::none) == BRAINMM_OK && rights_of(run.data()) == 0);
    CHECK(run.set_rights(rights::read | rights::write) == BRAINMM_OK && rights_of(run.data()) == data);
    /* Outside of the run nothing changes, also not where the sum wraps round. */
    CHECK(run.set_rights(rights::none, 3 * step, 2 * step) == BRAINMM_E_ARGUMENT);
    CHECK(run.set_rights(rights::none, 5 * step, 0) == BRAINMM_E_ARGUMENT);
    CHECK(run.set_rights(rights::none, 2, SIZE_MAX) == BRAINMM_E_ARGUMENT);
    CHECK(run.set_rights(rights::none, SIZE_MAX, 1) == BRAINMM_E_ARGUMENT);
    CHECK(run.set_rights(static_cast<rights>(8)) == BRAINMM_E_ARGUMENT && rights_of(run.data()) == data);

    block memory(block_size::kib_256);
    CHECK(memory.set_rights(rights::read) == BRAINMM_OK && rights_of(memory.data()) == BRAINMM_READ);
    CHECK(rights_of(memory.data() + memory.size() - BRAINMM_PAGE_SIZE) == BRAINMM_READ);
    CHECK(memory.set_rights(rights::read | rights::write, step, step) == BRAINMM_OK);
    CHECK(rights_of(memory.data()) == BRAINMM_READ && rights_of(memory.data() + step * BRAINMM_PAGE_SIZE) == data);
    CHECK(memory.set_rights(rights::none, 0, 65) == BRAINMM_E_ARGUMENT && memory.reset() == BRAINMM_OK);
}

static void blocks_are_owned() {
    moves([] { return block(block_size::kib_16); }, [](block &owner) { return owner.data(); });
    std::uint64_t before = live();
    static constexpr block_size sizes[] = {block_size::kib_4,   block_size::kib_16, block_size::kib_64,
                                           block_size::kib_256, block_size::mib_1,  block_size::mib_4,
                                           block_size::mib_16,  block_size::mib_64, block_size::mib_256};
    std::size_t bytes = 4096;
    for (block_size size : sizes) {
        block memory(std::nothrow, size, memory_mode::system);
        CHECK(static_cast<std::size_t>(size) == bytes);
        if (!memory) { /* 32 bit may not have so many addresses in one piece */
            CHECK(sizeof(void *) == 4 && size == block_size::mib_256 && memory.size() == 0);
            continue;
        }
        CHECK(memory.size() == bytes && is_aligned(memory.data(), bytes) && memory.mode() == memory_mode::system);
        CHECK(options_of(memory.data()).kind == BRAINMM_BLOCK && options_of(memory.data()).size == bytes);
        CHECK(block::start_of(memory.data() + bytes - 1, size) == memory.data());
        CHECK(block::start_of(memory.data(), size) == memory.data());
        bytes *= 4;
    }
    block code(block_size::kib_64, memory_mode::jit);
    CHECK(options_of(code.data()).kind == BRAINMM_JIT_MEMORY);
    void *given_up = code.release();
    CHECK(!code && code.size() == 0 && is_ours(given_up));
    CHECK((brainmm::manager()->block_free)(given_up, BRAINMM_JIT) == BRAINMM_OK);
    CHECK(live() == before);
}

/* ---- Machine code ------------------------------------------------------------------------------------------------ */

/* Writes a function that returns NUMBER. */
static void write_code(std::byte *code, std::uint32_t number) {
#if defined(__x86_64__) || defined(__i386__)
    const unsigned char bytes[] = {0xB8, 0, 0, 0, 0, 0xC3}; /* mov eax, NUMBER; ret */
    std::memcpy(code, bytes, sizeof bytes);
    std::memcpy(code + 1, &number, 4);
#else
#error "this processor's code for returning a number is missing"
#endif
}

static void code_runs(jit_kind kind) {
    std::uint64_t before = live();
    {
        jit_heap heap(kind);
        moves([&] { return jit_buffer(heap, 100); }, [](jit_buffer &owner) { return owner.code(); });
        jit_buffer first(heap, 64), second(heap, 16), none;
        CHECK(first.size() == 64 && first.code() != second.code() && !none && !none.writable());
        CHECK(live() == before + 2);
        write_code(first.writable(), 1234);
        write_code(first.writable() + 32, 5678);
        write_code(second.writable(), 42);
        CHECK(first.entry<std::uint32_t()>()() == 1234 && first.entry<std::uint32_t()>(32)() == 5678);
        CHECK(second.entry<std::uint32_t()>()() == 42);
        write_code(first.writable(), 4321);
        auto *function = first.entry<std::uint32_t()>();
        jit_buffer moved = std::move(first);
        CHECK(function() == 4321 && moved.code() == reinterpret_cast<void *>(function) && !first.writable());
        if (kind == jit_kind::two_views)
            CHECK(moved.writable() != moved.code() && !(rights_of(second.code()) & BRAINMM_WRITE));

        jit_heap other = std::move(heap); /* buffers do not mind */
        CHECK(!heap && other && second.entry<std::uint32_t()>()() == 42);
        heap = jit_heap(std::move(other));
        CHECK(heap && heap.get() && !other);
        CHECK_THROWS(std::bad_alloc, jit_buffer(heap, 0));
        CHECK(!jit_buffer(std::nothrow, heap, PTRDIFF_MAX));
        void *left; /* ends with the heap */
        CHECK((brainmm::manager()->jit_alloc)(heap.get(), 100, &left));
    }
    CHECK(live() == before);
}

int main() {
    pages_are_owned();
    rights_are_set();
    blocks_are_owned();
    code_runs(jit_kind::writable);
    code_runs(jit_kind::two_views);
    return 0;
}
