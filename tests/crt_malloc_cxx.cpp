// SPDX-License-Identifier: MIT
// crt_malloc_cxx.cpp: every form of new and delete of a C++ program that is linked with libbrainmm-malloc.a. With the
// argument "static" libstdc++ is a part of the program, and its memory is the heap's. With "shared" it is a DLL with a
// malloc of its own; then nothing is the heap's, and all works. A second argument names a DLL that is linked in the
// same way (crt_malloc_module.cpp): pieces of either are freed by the other.
#include "brainmm.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
#include <windows.h>

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);                             \
            std::_Exit(1);                                                                                             \
        }                                                                                                              \
    } while (0)

static int expected; // whether C++'s memory is the heap's

static bool as_expected(const void *piece) { return piece && brainmm_contains(piece) == expected; }

struct alignas(256) wide {
    char bytes[700];
};

static void all_forms() {
    int *one = new int(5);
    CHECK(as_expected(one) && *one == 5);
    delete one;
    std::string *strings = new std::string[20];
    CHECK(as_expected(strings));
    delete[] strings;
    wide *aligned = new wide, *aligned_array = new wide[3];
    CHECK(as_expected(aligned) && as_expected(aligned_array) && (uintptr_t)aligned % 256 == 0 &&
          (uintptr_t)aligned_array % 256 == 0);
    delete aligned;
    delete[] aligned_array;
    char *nothrow = new (std::nothrow) char[100];
    wide *nothrow_aligned = new (std::nothrow) wide;
    CHECK(as_expected(nothrow) && as_expected(nothrow_aligned));
    delete[] nothrow;
    delete nothrow_aligned;
    void *raw = ::operator new(100);
    ::operator delete(raw, (size_t)100);
    raw = ::operator new[](0);
    CHECK(as_expected(raw));
    ::operator delete[](raw);
    raw = ::operator new(100, std::align_val_t(64));
    ::operator delete(raw, (size_t)100, std::align_val_t(64));
    raw = ::operator new(100, std::align_val_t(64), std::nothrow);
    ::operator delete(raw, std::align_val_t(64), std::nothrow);
}

static void library() {
    std::map<std::string, std::vector<int>> map;
    for (int i = 0; i < 1000; i++)
        map["a key that is too long for a short string " + std::to_string(i)].push_back(i);
    CHECK(map.size() == 1000 && as_expected(&*map.begin()));
    std::ostringstream stream;
    for (int i = 0; i < 1000; i++)
        stream << i << ' ';
    std::string text = stream.str();
    CHECK(as_expected(text.data()) && text.size() == 3890);
    std::shared_ptr<int> shared = std::make_shared<int>(7);
    CHECK(as_expected(shared.get()));
}

// No compiler sees that it cannot be.
static volatile size_t too_much = SIZE_MAX / 2 - 1000;
static int handled;

static void handler() {
    if (++handled == 3)
        throw std::bad_alloc();
}

static bool is_thrown() {
    try {
        char *volatile piece = new char[too_much]; // volatile: or the compiler leaves it out
        delete[] piece;
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void out_of_memory() {
    CHECK(is_thrown());
    CHECK(!::operator new(too_much, std::nothrow) && !::operator new(too_much, std::align_val_t(64), std::nothrow));
    std::set_new_handler(handler);
    CHECK(is_thrown() && handled == 3);
    handled = 0;
    CHECK(!::operator new(too_much, std::nothrow) && handled == 3);
    std::set_new_handler(nullptr);
    bool caught = false;
    try {
        std::vector<std::string> all;
        for (;;) { // until there is no more, which 32 bit reaches
            all.push_back(std::string(sizeof(void *) == 4 ? 16 << 20 : too_much / 4, 'x'));
        }
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
    try {
        throw std::runtime_error("an exception that is too long for a short string, and has a text of its own");
    } catch (const std::exception &exception) {
        CHECK(strlen(exception.what()) > 60);
    }
}

template <class function> static function module_function(HMODULE module, const char *name) {
    auto found = reinterpret_cast<function>(reinterpret_cast<void (*)()>(GetProcAddress(module, name)));
    CHECK(found);
    return found;
}

static void with_module(const char *name) {
    HMODULE module = LoadLibraryA(name);
    CHECK(module);
    auto get_malloc = module_function<void *(*)(size_t)>(module, "module_malloc");
    auto get_new = module_function<char *(*)(size_t)>(module, "module_new");
    auto get_text = module_function<std::string *(*)()>(module, "module_text");
    auto give_free = module_function<void (*)(void *)>(module, "module_free");
    auto give_delete = module_function<void (*)(char *)>(module, "module_delete");
    auto give_text = module_function<void (*)(std::string *)>(module, "module_text_delete");
    auto throws = module_function<void (*)(size_t)>(module, "module_throws");
    for (int i = 0; i < 1000; i++) {
        void *piece = get_malloc(100 + i);
        char *object = get_new(100 + i);
        std::string *text = get_text();
        CHECK(brainmm_contains(piece) && brainmm_contains(object) && brainmm_contains(text->data()));
        *text += " and some more that makes it longer";
        free(realloc(piece, 10000));
        delete[] object;
        delete text;
        give_free(malloc(i));
        give_delete(new char[i]);
        give_text(new std::string(i, 'x'));
        give_free(_strdup("made by the run-time"));
    }
    bool caught = false;
    try {
        throws(too_much);
    } catch (...) { // the module has caught its own
        caught = true;
    }
    CHECK(!caught);
    void *outlives = get_malloc(100);
    FreeLibrary(module);
    free(outlives);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    expected = strcmp(arguments[1], "static") == 0;
    void *piece = calloc(10, 1);
    CHECK(brainmm_contains(piece));
    free(piece);
    all_forms();
    library();
    if (count == 3)
        with_module(arguments[2]);
    out_of_memory();
    all_forms();
    return 0;
}
