/* SPDX-License-Identifier: MIT */
/* cpp_module.h: what the program cpp_modules and its modules pass to each other. */
#ifndef TESTS_CPP_MODULE_H
#define TESTS_CPP_MODULE_H

#include "cpp_support.h"
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

template <class T> using heap_allocator = brainmm::allocator<T>;
using heap_text = std::basic_string<char, std::char_traits<char>, heap_allocator<char>>;
using heap_pair = std::pair<const int, heap_text>;

struct point {
    int x, y;
};

/* Everything that may outlive the module that filled it. */
struct belongings {
    std::vector<int, heap_allocator<int>> numbers;
    std::deque<int, heap_allocator<int>> queue;
    std::list<heap_text, heap_allocator<heap_text>> texts;
    std::map<int, heap_text, std::less<int>, heap_allocator<heap_pair>> sorted;
    std::unordered_map<int, heap_text, std::hash<int>, std::equal_to<int>, heap_allocator<heap_pair>> hashed;
    std::pmr::vector<std::pmr::string> shared; /* its resource is that of the program */
    brainmm::unique_ptr<point> object;
    brainmm::unique_ptr<point[]> array;
    brainmm::unique_bytes bytes;
    brainmm::pages pages;
    brainmm::block block;
    point *made_by_new = nullptr;
    explicit belongings(std::pmr::memory_resource *resource) : shared(resource) {}
};

/* What a module exports as cpp_module_get(). */
struct cpp_module {
    void (*fill)(belongings &things);
    void (*grow)(belongings &things);                         /* what another module has filled */
    bool (*is_equal)(const std::pmr::memory_resource &other); /* the module's own resource */
    std::uintptr_t (*heap_id)();
};

using cpp_module_get_function = const cpp_module *(*)();

#endif
