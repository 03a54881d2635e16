// SPDX-License-Identifier: MIT
/* cpp_containers.cpp: the standard containers and smart pointers work over the heap, with brainmm::allocator and with
 * std::pmr. Their memory is a piece of the heap, has the alignment of its type, and is gone with them. */
#include "cpp_support.h"
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

/* ---- What the standard asks of an allocator ---------------------------------------------------------------------- */

using brainmm::allocator;
using traits = std::allocator_traits<allocator<int>>;
static_assert(std::is_same_v<traits::value_type, int> && std::is_same_v<traits::pointer, int *>);
static_assert(std::is_same_v<traits::size_type, std::size_t> &&
              std::is_same_v<traits::difference_type, std::ptrdiff_t>);
static_assert(std::is_same_v<traits::rebind_alloc<char>, allocator<char>>);
static_assert(std::is_same_v<allocator<int>::rebind<char>::other, allocator<char>>);
static_assert(traits::is_always_equal::value && traits::propagate_on_container_move_assignment::value);
static_assert(std::is_empty_v<allocator<int>> && std::is_trivially_copyable_v<allocator<int>>);
static_assert(std::is_nothrow_default_constructible_v<allocator<int>>);
static_assert(std::is_nothrow_constructible_v<allocator<int>, const allocator<char> &>);
static_assert(allocator<int>() == allocator<char>() && !(allocator<int>() != allocator<int>()));
static_assert(allocator<char>::max_size() == PTRDIFF_MAX && allocator<int>::max_size() == PTRDIFF_MAX / sizeof(int));
static_assert(std::is_nothrow_move_assignable_v<std::vector<int, allocator<int>>>);
static_assert(sizeof(std::vector<int, allocator<int>>) == sizeof(std::vector<int>));
static_assert(sizeof(brainmm::unique_ptr<int>) == sizeof(int *) && sizeof(brainmm::unique_bytes) == sizeof(int *));
/* A deleter of a base without a virtual destructor could not find the object. */
struct plain_base {};
struct plain_derived : plain_base {};
static_assert(!std::is_convertible_v<brainmm::object_delete<plain_derived>, brainmm::object_delete<plain_base>>);
static_assert(std::is_convertible_v<brainmm::object_delete<int>, brainmm::object_delete<const int>>);

/* ---- Containers -------------------------------------------------------------------------------------------------- */

enum { COUNT = 2000 };

/* TEST runs with MAKE, which gives an empty container each time, and leaves nothing in the heap. */
template <class Make, class Test> static void leaves_nothing(const Make &make, const Test &test) {
    std::uint64_t before = live();
    test(make);
    CHECK(live() == before);
}

struct test_sequence {
    template <class Make> void operator()(const Make &make) const {
        std::uint64_t before = live();
        auto numbers = make();
        for (int i = 0; i < COUNT; i++)
            numbers.push_back(i);
        CHECK(live() > before);
        auto copy = numbers;
        CHECK(copy == numbers && copy.size() == COUNT);
        auto moved = std::move(copy);
        int expected = 0;
        for (int number : moved)
            CHECK(number == expected++);
        numbers.insert(numbers.begin(), -1);
        numbers.erase(numbers.begin());
        numbers.resize(COUNT / 2);
        swap(numbers, moved);
        CHECK(numbers.size() == COUNT && moved.back() == COUNT / 2 - 1);
        numbers.clear();
        numbers.assign(3, 4);
        CHECK(numbers.front() == 4);
        copy = std::move(numbers);
        CHECK(copy.size() == 3);
    }
};

struct test_map {
    template <class Make> void operator()(const Make &make) const {
        std::uint64_t before = live();
        auto names = make();
        for (int i = 0; i < COUNT; i++)
            names[i] = std::to_string(i).c_str();
        CHECK(live() >= before + COUNT);
        auto copy = names;
        for (int i = 0; i < COUNT; i += 2)
            names.erase(i);
        CHECK(names.size() == COUNT / 2 && names.find(2) == names.end() && names.at(3) == "3");
        names.merge(copy);
        CHECK(names.size() == COUNT && copy.size() == COUNT / 2 && names.at(2) == "2");
        auto node = names.extract(5);
        copy.insert(std::move(node));
        CHECK(names.count(5) == 0);
        copy = std::move(names);
        CHECK(copy.at(4) == "4");
    }
};

struct test_string {
    template <class Make> void operator()(const Make &make) const {
        auto text = make();
        CHECK(!is_ours(text.data())); /* a short one lies in the string itself */
        for (int i = 0; i < COUNT; i++)
            text += "0123456789";
        CHECK(is_ours(text.data()) && text.size() == COUNT * 10 && text.substr(9995, 5) == "56789");
        auto copy = text + "!";
        CHECK(copy.back() == '!' && is_ours(copy.data()));
        copy.shrink_to_fit();
        copy = std::move(text);
        CHECK(is_ours(copy.data()));
    }
};

template <template <class> class Allocator, class From> static void all_containers(const From &from) {
    using text = std::basic_string<char, std::char_traits<char>, Allocator<char>>;
    using pair = std::pair<const int, std::string>;
    leaves_nothing([&] { return std::vector<int, Allocator<int>>(from); }, test_sequence());
    leaves_nothing([&] { return std::deque<int, Allocator<int>>(from); }, test_sequence());
    leaves_nothing([&] { return std::list<int, Allocator<int>>(from); }, test_sequence());
    leaves_nothing([&] { return std::map<int, std::string, std::less<int>, Allocator<pair>>(from); }, test_map());
    leaves_nothing(
        [&] { return std::unordered_map<int, std::string, std::hash<int>, std::equal_to<int>, Allocator<pair>>(from); },
        test_map());
    leaves_nothing([&] { return text(from); }, test_string());

    std::uint64_t before = live();
    {
        std::vector<int, Allocator<int>> vector(1000, 1, from);
        std::vector<bool, Allocator<bool>> bits(10000, true, from);
        std::forward_list<int, Allocator<int>> list(100, 2, from);
        std::multiset<text, std::less<text>, Allocator<text>> set(from);
        for (int i = 0; i < 100; i++)
            set.emplace("a text that is too long for a string itself");
        CHECK(is_ours(vector.data()) && bits[9999] && is_ours(set.begin()->data()));
        CHECK(live() == before + 1 + 1 + 100 + 200);
    }
    CHECK(live() == before);
}

/* Containers of containers, whose elements are incomplete types while the container is declared. */
struct tree {
    std::vector<tree, allocator<tree>> children;
    std::map<int, tree, std::less<int>, allocator<std::pair<const int, tree>>> named;
};

static void incomplete_types() {
    std::uint64_t before = live();
    {
        tree root;
        root.children.resize(3);
        root.children[1].named[4].children.resize(2);
        CHECK(live() == before + 3);
    }
    CHECK(live() == before);
}

/* ---- Alignment --------------------------------------------------------------------------------------------------- */

template <std::size_t ALIGNMENT> static void over_aligned() {
    struct alignas(ALIGNMENT) wide {
        char bytes[ALIGNMENT];
    };
    std::uint64_t before = live();
    {
        std::vector<wide, allocator<wide>> vector;
        for (int i = 0; i < 9; i++) {
            vector.emplace_back();
            CHECK(is_aligned(vector.data(), ALIGNMENT) && is_ours(vector.data()));
        }
        std::list<wide, allocator<wide>> list(5);
        for (const wide &element : list)
            CHECK(is_aligned(&element, ALIGNMENT));
        auto shared = std::allocate_shared<wide>(allocator<wide>());
        auto unique = brainmm::make_unique<wide>();
        auto array = brainmm::make_unique<wide[]>(3);
        CHECK(is_aligned(shared.get(), ALIGNMENT) && is_aligned(unique.get(), ALIGNMENT));
        CHECK(is_aligned(array.get(), ALIGNMENT) && is_aligned(&array[2], ALIGNMENT));
        CHECK(is_aligned(brainmm::make_bytes(1, ALIGNMENT).get(), ALIGNMENT));
#if defined(__cpp_lib_memory_resource)
        void *piece = brainmm::resource()->allocate(1, ALIGNMENT);
        CHECK(is_aligned(piece, ALIGNMENT) && is_ours(piece));
        brainmm::resource()->deallocate(piece, 1, ALIGNMENT);
#endif
    }
    CHECK(live() == before);
}

/* ---- Smart pointers ---------------------------------------------------------------------------------------------- */

struct first_base {
    virtual ~first_base() = default;
    int a = 1;
};
struct second_base {
    virtual ~second_base() = default;
    int b = 2;
};
struct derived : first_base, second_base {
    counted member;
};

static void smart_pointers() {
    std::uint64_t before = live();
    {
        auto one = brainmm::make_unique<counted>(11);
        brainmm::unique_ptr<const counted> read_only = brainmm::make_unique<const counted>(12);
        CHECK(one->value == 11 && read_only->value == 12 && is_ours(one.get()) && live() == before + 2);
        read_only = std::move(one);
        CHECK(read_only->value == 11 && counted::alive == 1 && live() == before + 1);

        auto array = brainmm::make_unique<counted[]>(10);
        auto numbers = brainmm::make_unique<const int[]>(1000);
        CHECK(array[9].value == 7 && array.get_deleter().count == 10 && counted::alive == 11);
        CHECK(numbers[0] == 0 && numbers[999] == 0 && live() == before + 3);
        array.reset();
        CHECK(counted::alive == 1 && live() == before + 2);

        /* The second base begins in the middle of the piece. */
        brainmm::unique_ptr<second_base> base = brainmm::make_unique<derived>();
        CHECK(!is_ours(base.get()) && counted::alive == 2);
        base.reset();
        CHECK(counted::alive == 1 && live() == before + 2);

        brainmm::unique_bytes bytes = brainmm::make_bytes(100);
        std::unique_ptr<char, brainmm::raw_delete> piece(static_cast<char *>((brainmm::manager()->alloc)(10)));
        std::unique_ptr<const int[], brainmm::raw_delete> constant(new (brainmm::make_bytes(40).release()) int[10]());
        CHECK(is_ours(bytes.get()) && live() == before + 5);

        auto shared = std::allocate_shared<counted>(allocator<counted>(), 13);
        std::weak_ptr<counted> weak = shared;
        auto aliased = std::shared_ptr<int>(shared, &shared->value);
        CHECK(live() == before + 6 && counted::alive == 2);
        shared.reset();
        CHECK(*aliased == 13 && !weak.expired());
        aliased.reset();
        CHECK(weak.expired() && counted::alive == 1 && live() == before + 6);
        weak.reset();
        CHECK(live() == before + 5);
        std::shared_ptr<counted> taken = brainmm::make_unique<counted>(); /* the deleter goes with it */
        CHECK(counted::alive == 2);
    }
    CHECK(live() == before && counted::alive == 0);

    /* A constructor that throws leaves nothing: no object and no memory. */
    counted::throw_at = 0;
    CHECK_THROWS(int, brainmm::make_unique<counted>());
    CHECK_THROWS(int, std::allocate_shared<counted>(allocator<counted>()));
    counted::throw_at = 5;
    CHECK_THROWS(int, brainmm::make_unique<counted[]>(9));
    CHECK_THROWS(int, (std::vector<counted, allocator<counted>>(9)));
    counted::throw_at = -1;
    CHECK(live() == before && counted::alive == 0);
}

/* ---- Resources --------------------------------------------------------------------------------------------------- */

#if defined(__cpp_lib_memory_resource)
template <class T> using pmr_allocator = std::pmr::polymorphic_allocator<T>;

/* The resource serves an object that begins before it was first used, and so ends later than all of static storage that
 * began after that. */
static struct last {
    ~last() {
        void *piece = brainmm::resource()->allocate(10);
        CHECK(is_ours(piece));
        brainmm::resource()->deallocate(piece, 10);
    }
} last;

/* Containers of static storage end after main(). */
static std::pmr::vector<int> early(100, 5, brainmm::resource());

static void resources() {
    CHECK(is_ours(early.data()) && brainmm::resource() == brainmm::resource());
    CHECK(brainmm::resource()->heap_id() == brainmm::manager()->heap_id);
    brainmm::heap_resource other;
    CHECK(other == *brainmm::resource() && !(other == *std::pmr::new_delete_resource()));

    std::uint64_t before = live();
    {
        std::pmr::monotonic_buffer_resource buffer(brainmm::resource());
        std::pmr::unsynchronized_pool_resource pool(&other);
        std::pmr::list<int> list(1000, 1, &buffer), pooled(1000, 1, &pool);
        CHECK(live() > before);
        std::pmr::vector<int> first(1000, 1, brainmm::resource()), second(&other);
        const int *data = first.data();
        second = std::move(first); /* the resources are equal, so the memory itself passes on */
        CHECK(second.data() == data);
    }
    CHECK(live() == before);
    std::pmr::memory_resource *previous = std::pmr::set_default_resource(brainmm::resource());
    {
        std::pmr::vector<std::pmr::string> texts(10, "another text that is too long for a string itself");
        CHECK(live() == before + 11 && is_ours(texts[9].data()));
    }
    all_containers<pmr_allocator>(pmr_allocator<char>(brainmm::resource())); /* copies have the default resource */
    std::pmr::set_default_resource(previous);
    CHECK(live() == before);
}
#else
#error "this compiler's library has no <memory_resource>, and its part of brainmm.hpp is not tested"
#endif

int main() {
    all_containers<allocator>(allocator<char>());
    incomplete_types();
    over_aligned<16>();
    over_aligned<32>();
    over_aligned<256>();
    over_aligned<4096>();
    over_aligned<65536>();
    smart_pointers();
    resources();
    return 0;
}
