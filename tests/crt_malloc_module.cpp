// SPDX-License-Identifier: MIT
// crt_malloc_module.cpp: a DLL in C++ that is linked with libbrainmm-malloc.a, for crt_malloc_cxx.cpp. Nothing in it
// but the C++ run-time would need malloc if MODULE_MALLOC is not defined: the linker is told to take the library all
// the same.
#include <new>
#include <stdlib.h>
#include <string>

#define EXPORT extern "C" __declspec(dllexport)

// What a constructor allocates is there before anybody calls.
static std::string early(1000, 'e');

EXPORT void *module_malloc(size_t size) {
#if defined(MODULE_MALLOC)
    return malloc(size);
#else
    return ::operator new(size);
#endif
}

EXPORT void module_free(void *piece) {
#if defined(MODULE_MALLOC)
    free(piece);
#else
    ::operator delete(piece);
#endif
}

EXPORT char *module_new(size_t size) { return new char[size]; }
EXPORT void module_delete(char *piece) { delete[] piece; }
EXPORT std::string *module_text() { return new std::string(early); }
EXPORT void module_text_delete(std::string *text) { delete text; }

EXPORT void module_throws(size_t size) {
    try {
        char *volatile piece = new char[size]; // volatile: the compiler may leave out a new whose piece is not used
        delete[] piece;
        abort();
    } catch (const std::bad_alloc &) {
    }
}
