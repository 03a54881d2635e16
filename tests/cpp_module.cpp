// SPDX-License-Identifier: MIT
/* cpp_module.cpp: a module that fills containers, and grows those of others. It can be unloaded. So it does without
 * map's operator[], of which g++ makes a symbol that keeps a library loaded on Linux. */
#include "cpp_module.h"

BRAINMM_REPLACE_NEW_AND_DELETE;

static const char text[] = "a text that is too long for a string itself";

static void fill(belongings &things) {
    for (int i = 0; i < 1000; i++) {
        things.numbers.push_back(i);
        things.queue.push_back(i);
        things.texts.push_back(text);
        things.sorted.emplace(i, text);
        things.hashed.emplace(i, text);
        things.shared.emplace_back(text);
    }
    things.object = brainmm::make_unique<point>(point{1, 2});
    things.array = brainmm::make_unique<point[]>(10);
    things.bytes = brainmm::make_bytes(1000, 64);
    things.pages = brainmm::pages(3);
    things.block = brainmm::block(brainmm::block_size::kib_16);
    things.made_by_new = new point{3, 4};
}

static void grow(belongings &things) {
    CHECK(things.numbers.size() == 1000 && things.sorted.at(999) == text && things.shared.back() == text);
    for (int i = 1000; i < 5000; i++) {
        things.numbers.push_back(i);
        things.queue.push_back(i);
        things.texts.push_front(things.texts.back() + text);
        things.sorted.emplace(i, text);
        things.hashed.emplace(i, text);
        things.shared.emplace_back(text);
    }
    for (int i = 0; i < 5000; i += 2) {
        things.sorted.erase(i);
        things.hashed.erase(i);
    }
    for (int i = 0; i < 500; i++)
        things.texts.pop_back();
    things.numbers.shrink_to_fit();
    things.queue.erase(things.queue.begin(), things.queue.begin() + 100);
    CHECK(things.object->y == 2 && things.array[9].x == 0 && things.made_by_new->y == 4);
    things.object = brainmm::make_unique<point>(point{5, 6});
    things.bytes.reset();
    things.pages.resize(100);
    brainmm::block other(brainmm::block_size::kib_64);
    swap(things.block, other);
    delete things.made_by_new;
    things.made_by_new = new point{7, 8};
}

static bool is_equal(const std::pmr::memory_resource &other) { return *brainmm::resource() == other; }

static std::uintptr_t heap_id() { return brainmm::manager()->heap_id; }

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

extern "C" EXPORT const cpp_module *cpp_module_get();
extern "C" EXPORT const cpp_module *cpp_module_get() {
    static const cpp_module functions = {fill, grow, is_equal, heap_id};
    return &functions;
}
