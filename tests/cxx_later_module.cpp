// SPDX-License-Identifier: MIT
// cxx_later_module.cpp: the library in C++ that cxx_later.c loads. Each function returns 0, or the number of the line
// that did not do what C++ says.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#define MODULE extern "C" __attribute__((visibility("default")))
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return __LINE__;                                                                                           \
    } while (0)

namespace {

constexpr std::size_t too_much = static_cast<std::size_t>(-1) / 2 - 1000;

struct alignas(256) wide {
    char bytes[256];
};

// The compiler must not know the size, nor that nobody uses the memory, or it removes the allocation.
volatile std::size_t request = too_much;
void *volatile used;

void *use(void *piece) {
    used = piece;
    return used;
}

struct own_exception {};

int calls;

void end_handling() {
    calls++;
    if (calls == 3)
        std::set_new_handler(nullptr);
}

void throw_own() {
    calls++;
    throw own_exception();
}

void throw_bad_alloc() {
    calls++;
    throw std::bad_alloc();
}

template <class Exception, class Function> bool throws(Function function) {
    try {
        function();
    } catch (const Exception &) {
        return true;
    }
    return false;
}

} // namespace

MODULE int throws_bad_alloc() {
    EXPECT(throws<std::bad_alloc>([] { ::operator delete(use(::operator new(request))); }));
    EXPECT(throws<std::bad_alloc>([] { ::operator delete[](use(::operator new[](request))); }));
    EXPECT(throws<std::bad_alloc>(
        [] { ::operator delete(use(::operator new(request, std::align_val_t(256))), std::align_val_t(256)); }));
    EXPECT(throws<std::bad_alloc>([] { use(new wide[request / sizeof(wide)]); }));
    EXPECT(throws<std::bad_alloc>([] {
        std::vector<char> bytes(request);
        use(bytes.data());
    }));
    EXPECT(throws<std::bad_alloc>([] {
        std::vector<void *> kept;
        kept.reserve(request / sizeof(void *));
        use(kept.data());
    }));
    return 0;
}

MODULE int nothrow_returns_null() {
    EXPECT(::operator new(request, std::nothrow) == nullptr);
    EXPECT(::operator new[](request, std::nothrow) == nullptr);
    EXPECT(::operator new(request, std::align_val_t(256), std::nothrow) == nullptr);
    EXPECT(::operator new[](request, std::align_val_t(256), std::nothrow) == nullptr);
    return 0;
}

// Each form calls the handler until there is none, and then fails in its own way.
MODULE int calls_the_handler() {
    calls = 0;
    std::set_new_handler(end_handling);
    EXPECT(throws<std::bad_alloc>([] { ::operator delete(use(::operator new(request))); }) && calls == 3);
    calls = 0;
    std::set_new_handler(end_handling);
    EXPECT(::operator new[](request, std::nothrow) == nullptr &&calls == 3);
    calls = 0;
    std::set_new_handler(end_handling);
    EXPECT(::operator new(request, std::align_val_t(64), std::nothrow) == nullptr &&calls == 3);
    return 0;
}

// A handler that throws ends the request. The nothrow forms let no exception out.
MODULE int the_handler_may_throw() {
    calls = 0;
    std::set_new_handler(throw_own);
    EXPECT(throws<own_exception>([] { ::operator delete(use(::operator new(request))); }) && calls == 1);
    std::set_new_handler(throw_bad_alloc);
    EXPECT(::operator new(request, std::nothrow) == nullptr &&calls == 2);
    EXPECT(::operator new[](request, std::nothrow) == nullptr &&calls == 3);
    EXPECT(::operator new(request, std::align_val_t(64), std::nothrow) == nullptr &&calls == 4);
    std::set_new_handler(nullptr);
    return 0;
}

// What a nothrow form gives after its handler has made room is a piece like any other.
MODULE int the_request_may_be_met_at_last(int (*limit)(int on), std::size_t size) {
    static int (*set_limit)(int);
    set_limit = limit;
    calls = 0;
    for (int form = 0; form < 4; form++) {
        std::size_t more = size << form; // than the heap has kept
        void *piece = nullptr;
        std::set_new_handler([] {
            calls++;
            set_limit(0);
        });
        if (set_limit(1) != 0)
            return __LINE__;
        switch (form) {
        case 0: piece = ::operator new(more); break;
        case 1: piece = ::operator new[](more, std::nothrow); break;
        case 2: piece = ::operator new(more, std::nothrow); break;
        case 3: piece = ::operator new(more, std::align_val_t(64), std::nothrow); break;
        }
        set_limit(0);
        EXPECT(piece != nullptr);
        EXPECT(calls == form + 1);
        switch (form) {
        case 1: ::operator delete[](piece); break;
        case 3: ::operator delete(piece, std::align_val_t(64)); break;
        default: ::operator delete(piece); break;
        }
    }
    std::set_new_handler(nullptr);
    return 0;
}
