// SPDX-License-Identifier: MIT
/* cpp_new.cpp: after BRAINMM_REPLACE_NEW_AND_DELETE, what the program makes with new is a piece of the heap: by all
 * forms, in the standard library's own code, and before and after main(). */
#include "cpp_support.h"
#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

BRAINMM_REPLACE_NEW_AND_DELETE;

static void *volatile escape; /* so that the compiler does not leave out a new and its delete */

/* PIECE has come from a form of new, and DELETE_IT is a form of delete. */
template <class Delete> static void is_one_piece(void *piece, std::size_t alignment, const Delete &delete_it) {
    std::uint64_t with = live();
    escape = piece;
    CHECK(piece && is_ours(piece) && is_aligned(piece, alignment));
    CHECK((brainmm::manager()->usable_size)(piece) >= 100);
    delete_it(escape);
    CHECK(!is_ours(piece) && live() == with - 1);
}

static void all_forms() {
    constexpr std::align_val_t wide = std::align_val_t(128);
    std::uint64_t before = live();
    is_one_piece(operator new(100), 16, [](void *piece) { operator delete(piece); });
    is_one_piece(operator new(100), 16, [](void *piece) { operator delete(piece, std::size_t(100)); });
    is_one_piece(operator new(100, std::nothrow), 16, [](void *piece) { operator delete(piece, std::nothrow); });
    is_one_piece(operator new(100, wide), 128, [](void *piece) { operator delete(piece, wide); });
    is_one_piece(operator new(100, wide), 128, [](void *piece) { operator delete(piece, std::size_t(100), wide); });
    is_one_piece(operator new(100, wide, std::nothrow), 128,
                 [](void *piece) { operator delete(piece, wide, std::nothrow); });
    is_one_piece(operator new[](100), 16, [](void *piece) { operator delete[](piece); });
    is_one_piece(operator new[](100), 16, [](void *piece) { operator delete[](piece, std::size_t(100)); });
    is_one_piece(operator new[](100, std::nothrow), 16, [](void *piece) { operator delete[](piece, std::nothrow); });
    is_one_piece(operator new[](100, wide), 128, [](void *piece) { operator delete[](piece, wide); });
    is_one_piece(operator new[](100, wide), 128, [](void *piece) { operator delete[](piece, std::size_t(100), wide); });
    is_one_piece(operator new[](100, wide, std::nothrow), 128,
                 [](void *piece) { operator delete[](piece, wide, std::nothrow); });
    operator delete(nullptr);
    operator delete[](nullptr, std::nothrow);
    escape = operator new(0);
    CHECK(escape && is_ours(escape));
    operator delete(escape);
    CHECK(live() == before);

    /* A constructor that throws: the compiler frees the memory. */
    counted::throw_at = 3;
    CHECK_THROWS(int, new counted[5]);
    CHECK_THROWS(int, (counted::throw_at = 0, new counted));
    CHECK(live() == before && counted::alive == 0);
    counted::throw_at = -1;
}

static void standard_library() {
    std::uint64_t before = live();
    {
        std::vector<int> numbers(1000);
        std::string text(1000, 'x');
        text.append(1000, 'y');
        std::function<int()> function = [text] { return static_cast<int>(text.size()); };
        auto shared = std::make_shared<counted>();
        CHECK(is_ours(numbers.data()) && is_ours(text.data()) && function() == 2000);
        CHECK(live() == before + 5); /* the function has an object and a text */
        std::ostringstream stream;   /* code of the library itself */
        stream << text << text;
        CHECK(live() > before + 5 && stream.str().size() == 4000);
        std::stable_sort(text.begin(), text.end(), std::greater<char>());
        CHECK(text.front() == 'y');
    }
    CHECK(live() == before);
}

/* Made before main(), and freed after it. */
static std::vector<std::string> early(10, "a text that is too long for a string itself");

int main() {
    CHECK(is_ours(early.data()) && is_ours(early[9].data()));
    all_forms();
    standard_library();
    return 0;
}
