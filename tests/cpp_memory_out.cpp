// SPDX-License-Identifier: MIT
/* cpp_memory_out.cpp: the system itself has no more memory: under a limit of addresses on Linux, in the address
 * space of 32-bit Windows. A container then throws std::bad_alloc and keeps its contents. The program handles that,
 * frees, and goes on. */
#include "cpp_support.h"
#include <list>
#include <vector>
#if !defined(_WIN32)
#include <sys/resource.h>
#endif

using bytes = std::vector<char, brainmm::allocator<char>>;

/* Fills the list until there is no memory, and returns how many there was room for. Of each only the first page is
 * written to. */
static std::size_t fill(std::list<bytes, brainmm::allocator<bytes>> &list) {
    try {
        for (;;) {
            list.emplace_back(100, 'x');
            list.back().reserve(8 << 20);
        }
    } catch (const std::bad_alloc &) {
        CHECK(list.back().size() == 100 && list.back().back() == 'x');
    }
    return list.size() - 1;
}

int main() {
#if !defined(_WIN32)
    rlimit limit = {512 << 20, 512 << 20};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
#endif
    std::size_t first = 0;
    for (int round = 0; round < 3; round++) {
        std::list<bytes, brainmm::allocator<bytes>> list;
        std::size_t count = fill(list);
        std::printf("%zu times 8 MiB\n", count);
        first = round == 0 ? count : first;
        CHECK(count > 10 && count < 1000 && count + 2 >= first);
        CHECK_THROWS(std::bad_alloc, list.front().resize(64 << 20));
        CHECK(list.front().size() == 100 && list.front().capacity() >= 8 << 20 && list.front()[99] == 'x');
        CHECK_THROWS(std::bad_alloc, brainmm::make_bytes(64 << 20));
        CHECK_THROWS(std::bad_alloc, brainmm::pages(64 << 8));
        CHECK_THROWS(std::bad_alloc, brainmm::block(brainmm::block_size::mib_64));
        list.pop_front();
        CHECK(brainmm::make_bytes(7 << 20));
    }
    return 0;
}
