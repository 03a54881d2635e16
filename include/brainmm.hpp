// SPDX-License-Identifier: MIT
/* brainmm.hpp: BrainMM for C++17 and later. Containers, smart pointers, pages, blocks, machine code, new and delete.
 *
 *     #include <brainmm.hpp>
 *
 *     std::vector<int, brainmm::allocator<int>> numbers;
 *     std::pmr::string text(brainmm::resource());
 *     auto shape = brainmm::make_unique<circle>(2.5);
 *
 * How a module gets the heap
 *   - As brainmm.h says: it is linked with the library, or with the static core and -DBRAINMM_STATIC.
 *   - Or it is linked with nothing: -DBRAINMM_USE_ATTACH. This header then includes brainmm_attach.h and calls through
 *     the table of the heap that a module of the process has published. If there is no heap, brainmm::manager() is
 *     null, brainmm_attach_failure() says why, and every allocation fails as if memory were out.
 * All files of a module do the same. Modules may differ: the types are the same, and so is the heap.
 *
 * What holds for all of it, unless a comment says otherwise
 *   - Compilers: g++, clang++ and MinGW's g++, from C++17 on.
 *   - Threads: any thread may allocate and free. An object of a class below is used by one thread at a time.
 *   - Alignment: an address is a multiple of 16, and of the alignment of the type. Any power of two can be asked for.
 *   - Memory: nothing here allocates but what it is asked for. No piece has a header in front of it.
 *   - Failure: where there is not enough memory, std::bad_alloc is thrown, and everything is as before. What takes
 *     std::nothrow does not throw, and its result tells. Without exceptions (-fno-exceptions) the program ends with a
 *     message in place of the exception.
 *   - Wrong pointers: C++'s functions that free have no result. If the heap refuses the pointer, because it was freed
 *     before or is no such allocation, the program's error handler hears of it (brainmm_set_error_handler), and then
 *     the program ends with a message (std::abort).
 *   - Unloading: memory outlives the module that allocated it. Code does not. A container with brainmm::allocator may
 *     be made in one module and grown and freed in another after the first one was unloaded. What holds a pointer to
 *     code of a module must not outlive that module: brainmm::resource(), the control block of a std::shared_ptr, an
 *     object with virtual functions.
 *
 * docs/cpp.md has examples.
 */
#ifndef BRAINMM_HPP
#define BRAINMM_HPP

#if __cplusplus < 201703L && (!defined(_MSVC_LANG) || _MSVC_LANG < 201703L)
#error "brainmm.hpp needs C++17 or later"
#endif

#if defined(BRAINMM_USE_ATTACH)
#include "brainmm_attach.h"
#else
#include "brainmm.h"
#endif
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif

/* Of these functions each module has its own copy. Otherwise the loader could bind one module to the copy of another,
 * and could not unload that one. */
#if defined(__GNUC__) && !defined(_WIN32)
#define BRAINMM_HPP_LOCAL __attribute__((visibility("hidden")))
#define BRAINMM_HPP_SHARED __attribute__((visibility("default")))
#else
#define BRAINMM_HPP_LOCAL
#define BRAINMM_HPP_SHARED
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define BRAINMM_HPP_EXCEPTIONS 1
#else
#define BRAINMM_HPP_EXCEPTIONS 0
#endif

namespace brainmm {

/* The table of the heap that this module uses. Null only with BRAINMM_USE_ATTACH: there is no heap. */
[[nodiscard]] BRAINMM_HPP_LOCAL inline const struct brainmm_manager *manager() noexcept {
#if defined(BRAINMM_USE_ATTACH)
    return brainmm_attach();
#else
    return brainmm_get_manager();
#endif
}

/* What blocks and pages are for: enum brainmm_mode. */
enum class memory_mode : unsigned { user = BRAINMM_USER, system = BRAINMM_SYSTEM, jit = BRAINMM_JIT };

/* Rights of access to pages: enum brainmm_rights. They can be or-ed. */
enum class rights : unsigned { none = 0, read = BRAINMM_READ, write = BRAINMM_WRITE, execute = BRAINMM_EXECUTE };

[[nodiscard]] constexpr rights operator|(rights a, rights b) noexcept {
    return static_cast<rights>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

[[nodiscard]] constexpr rights operator&(rights a, rights b) noexcept {
    return static_cast<rights>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}

/* ---- The functions of the heap, however the module gets them ----------------------------------------------------- */

namespace detail {

/* heap_NAME calls the heap's function NAME. An older owner may not have it: the result is then MISSING. */
#if defined(BRAINMM_USE_ATTACH)
#define BRAINMM_HPP_FUNCTION(type, name, missing, parameters, arguments)                                               \
    BRAINMM_HPP_LOCAL inline type heap_##name parameters noexcept {                                                    \
        const struct brainmm_manager *heap = manager();                                                                \
        return heap && BRAINMM_HAS(heap, name) ? (heap->name)arguments : missing;                                      \
    }
#else
#define BRAINMM_HPP_FUNCTION(type, name, missing, parameters, arguments)                                               \
    inline type heap_##name parameters noexcept { return brainmm_##name arguments; }
#endif

BRAINMM_HPP_FUNCTION(void *, alloc, nullptr, (std::size_t size), (size))
BRAINMM_HPP_FUNCTION(void *, alloc_aligned, nullptr, (std::size_t alignment, std::size_t size), (alignment, size))
BRAINMM_HPP_FUNCTION(int, free, BRAINMM_E_UNSUPPORTED, (void *piece), (piece))
BRAINMM_HPP_FUNCTION(void *, block_get, nullptr, (std::size_t size, unsigned mode), (size, mode))
BRAINMM_HPP_FUNCTION(int, block_free, BRAINMM_E_UNSUPPORTED, (void *block, unsigned mode), (block, mode))
BRAINMM_HPP_FUNCTION(void *, pages_get, nullptr, (std::size_t count, unsigned mode), (count, mode))
BRAINMM_HPP_FUNCTION(void *, pages_reget, nullptr, (void *pages, std::size_t count, unsigned mode),
                     (pages, count, mode))
BRAINMM_HPP_FUNCTION(void *, pages_realloc, nullptr, (void *pages, std::size_t count, unsigned mode),
                     (pages, count, mode))
BRAINMM_HPP_FUNCTION(int, pages_free, BRAINMM_E_UNSUPPORTED, (void *pages, unsigned mode), (pages, mode))
BRAINMM_HPP_FUNCTION(int, pages_set_rights, BRAINMM_E_UNSUPPORTED, (void *pages, std::size_t count, unsigned rights),
                     (pages, count, rights))
BRAINMM_HPP_FUNCTION(int, jit_heap_create, BRAINMM_E_UNSUPPORTED, (unsigned kind, brainmm_jit_heap **heap_made),
                     (kind, heap_made))
BRAINMM_HPP_FUNCTION(int, jit_heap_destroy, BRAINMM_E_UNSUPPORTED, (brainmm_jit_heap * jit), (jit))
BRAINMM_HPP_FUNCTION(void *, jit_alloc, nullptr, (brainmm_jit_heap * jit, std::size_t size, void **writable),
                     (jit, size, writable))
BRAINMM_HPP_FUNCTION(int, jit_free, BRAINMM_E_UNSUPPORTED, (brainmm_jit_heap * jit, void *code), (jit, code))
BRAINMM_HPP_FUNCTION(void, jit_flush, static_cast<void>(0), (const void *code, std::size_t size), (code, size))
#undef BRAINMM_HPP_FUNCTION

[[noreturn]] inline void out_of_memory() {
#if BRAINMM_HPP_EXCEPTIONS
    throw std::bad_alloc();
#else
    std::fputs("BrainMM: not enough memory\n", stderr);
    std::abort();
#endif
}

[[noreturn]] inline void array_too_long() {
#if BRAINMM_HPP_EXCEPTIONS
    throw std::bad_array_new_length();
#else
    out_of_memory();
#endif
}

/* The heap has refused to free ADDRESS. */
[[noreturn]] inline void refused(const char *function, const void *address, int result) noexcept {
    const char *why = result == BRAINMM_E_DOUBLE_FREE ? "was freed before"
                      : result == BRAINMM_E_KIND      ? "is an allocation of another kind"
                                                      : "is not the start of a live allocation";
    std::fprintf(stderr, "BrainMM: %s: %p %s\n", function, address, why);
    std::abort();
}

/* RESULT is what a function that frees ADDRESS has returned. */
inline void must_be_freed(const char *function, const void *address, int result) noexcept {
    if (result != BRAINMM_OK)
        refused(function, address, result);
}

inline void *allocate_nothrow(std::size_t alignment, std::size_t size) noexcept {
    return alignment > BRAINMM_ALIGNMENT ? heap_alloc_aligned(alignment, size) : heap_alloc(size);
}

[[nodiscard]] inline void *allocate(std::size_t alignment, std::size_t size) {
    void *piece = allocate_nothrow(alignment, size);
    if (!piece)
        out_of_memory();
    return piece;
}

inline void deallocate(const char *function, void *piece) noexcept { must_be_freed(function, piece, heap_free(piece)); }

/* Memory for COUNT objects of type T. */
template <class T> [[nodiscard]] T *allocate_array(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T))
        array_too_long();
    return static_cast<T *>(allocate(alignof(T), count * sizeof(T)));
}

/* Gives COUNT of TOTAL pages, from number FIRST on, the rights ALLOWED. */
inline int set_rights(void *base, std::size_t total, rights allowed, std::size_t first, std::size_t count) noexcept {
    if (first > total || count > total - first)
        return BRAINMM_E_ARGUMENT;
    return heap_pages_set_rights(static_cast<std::byte *>(base) + first * BRAINMM_PAGE_SIZE, count,
                                 static_cast<unsigned>(allowed));
}

} // namespace detail

/* ---- Containers -------------------------------------------------------------------------------------------------- */

/* An allocator for containers and for std::allocate_shared. It has no state, and all are equal. T may be incomplete
 * when a container is declared, and may have any alignment.
 *
 * The container's memory may be freed in another thread and by another module, if that module uses this allocator, too.
 */
template <class T> class allocator {
  public:
    using value_type = T;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using propagate_on_container_move_assignment = std::true_type;
    using is_always_equal = std::true_type;
    template <class U> struct rebind { using other = allocator<U>; };

    constexpr allocator() noexcept = default;
    template <class U> constexpr allocator(const allocator<U> &) noexcept {}

    /* Memory for COUNT objects, which are not constructed. COUNT 0 gives an address of its own that nobody may touch.
     * Throws std::bad_array_new_length if COUNT objects have more bytes than size_type can say, and std::bad_alloc if
     * there is not enough memory. */
    [[nodiscard]] T *allocate(size_type count) { return detail::allocate_array<T>(count); }

    /* Frees what allocate() of any such allocator has returned, in any module. A wrong pointer ends the program. */
    void deallocate(T *first, [[maybe_unused]] size_type count) noexcept {
        detail::deallocate("allocator::deallocate", first);
    }

    /* How many objects allocate() can give at most, however much memory there is. */
    [[nodiscard]] static constexpr size_type max_size() noexcept {
        return static_cast<size_type>(std::numeric_limits<difference_type>::max()) / sizeof(T);
    }
};

template <class T, class U>
[[nodiscard]] constexpr bool operator==(const allocator<T> &, const allocator<U> &) noexcept {
    return true;
}

template <class T, class U>
[[nodiscard]] constexpr bool operator!=(const allocator<T> &, const allocator<U> &) noexcept {
    return false;
}

#if defined(__cpp_lib_memory_resource)

/* The heap as a resource for the containers of std::pmr. allocate() throws std::bad_alloc; a wrong pointer given to
 * deallocate() ends the program.
 *
 * Two such resources, of whatever modules, are equal: what one has allocated the other may deallocate. Without RTTI
 * (-fno-rtti) a resource equals itself only. They differ if a module could not publish its heap
 * (BRAINMM_OWNER_UNPUBLISHED). */
class heap_resource : public std::pmr::memory_resource {
  public:
    /* Which heap it is: brainmm_manager::heap_id. */
    [[nodiscard]] virtual std::uintptr_t heap_id() const noexcept {
        const struct brainmm_manager *heap = manager();
        return heap ? heap->heap_id : 0;
    }

  private:
    void *do_allocate(std::size_t size, std::size_t alignment) override { return detail::allocate(alignment, size); }

    void do_deallocate(void *piece, std::size_t, std::size_t) override {
        detail::deallocate("memory_resource::deallocate", piece);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
#if defined(__cpp_rtti) || defined(_CPPRTTI)
        const auto *resource = dynamic_cast<const heap_resource *>(&other);
        return resource && resource->heap_id() == heap_id();
#else
        return this == &other;
#endif
    }
};

/* The resource of this module. It is never destroyed, and can be used as long as the module is loaded. */
[[nodiscard]] BRAINMM_HPP_LOCAL inline heap_resource *resource() noexcept {
    union lasting { /* the destructor does not run: objects with static storage may still use the resource */
        heap_resource value;
        constexpr lasting() noexcept : value() {}
        ~lasting() {}
    };
    static lasting only;
    return &only.value;
}

#endif

/* ---- Smart pointers ---------------------------------------------------------------------------------------------- */

/* A deleter for memory without objects, which came from make_bytes(), from brainmm_alloc and its relatives, or from a
 * module in another language. For T a trivially destructible type, std::unique_ptr<T, raw_delete> and
 * std::unique_ptr<T[], raw_delete>. A wrong pointer ends the program. */
struct raw_delete {
    void operator()(const void *piece) const noexcept { detail::deallocate("raw_delete", const_cast<void *>(piece)); }
};

/* A deleter for an object: destroys it and frees its memory, which is a piece of the heap. If T has a virtual
 * destructor, the object may be of a derived class. A wrong pointer ends the program. */
template <class T> struct object_delete {
    constexpr object_delete() noexcept = default;
    template <class U, class = std::enable_if_t<std::is_convertible_v<U *, T *> &&
                                                (std::is_same_v<std::remove_cv_t<U>, std::remove_cv_t<T>> ||
                                                 std::has_virtual_destructor_v<T>)>>
    constexpr object_delete(const object_delete<U> &) noexcept {}

    void operator()(T *object) const noexcept {
        const volatile void *piece = object;
        /* A base class may begin in the middle of the object. */
        if constexpr (std::is_polymorphic_v<T>)
            piece = dynamic_cast<const volatile void *>(object);
        object->~T();
        detail::deallocate("object_delete", const_cast<void *>(piece));
    }
};

/* The same for an array whose length the deleter knows. Destroys the last element first. */
template <class T> struct object_delete<T[]> {
    std::size_t count = 0;

    void operator()(T *first) const noexcept {
        for (std::size_t i = count; i > 0; i--)
            first[i - 1].~T();
        detail::deallocate("object_delete", const_cast<std::remove_cv_t<T> *>(first));
    }
};

/* std::unique_ptr over the heap. Of T[], get_deleter().count is the length. */
template <class T> using unique_ptr = std::unique_ptr<T, object_delete<T>>;

using unique_bytes = std::unique_ptr<std::byte[], raw_delete>;

/* Allocates SIZE bytes at a multiple of ALIGNMENT, a power of two. Their contents are undefined. Throws
 * std::bad_alloc. */
[[nodiscard]] inline unique_bytes make_bytes(std::size_t size, std::size_t alignment = BRAINMM_ALIGNMENT) {
    return unique_bytes(static_cast<std::byte *>(detail::allocate(alignment, size)));
}

/* Makes an object of the ARGUMENTS. Throws std::bad_alloc, or what the constructor throws: then nothing is left. */
template <class T, class... Arguments>
[[nodiscard]] std::enable_if_t<!std::is_array_v<T>, unique_ptr<T>> make_unique(Arguments &&...arguments) {
    std::unique_ptr<void, raw_delete> memory(detail::allocate(alignof(T), sizeof(T)));
    unique_ptr<T> object(::new (memory.get()) T(std::forward<Arguments>(arguments)...));
    static_cast<void>(memory.release()); /* it is the object's now */
    return object;
}

/* Makes an array of COUNT elements, each value-initialised: numbers are 0. T is U[]. Throws std::bad_array_new_length,
 * std::bad_alloc, or what a constructor throws: then nothing is left. */
template <class T>
[[nodiscard]] std::enable_if_t<std::is_array_v<T> && std::extent_v<T> == 0, unique_ptr<T>>
make_unique(std::size_t count) {
    using element = std::remove_extent_t<T>;
    using object = std::remove_cv_t<element>;
    std::unique_ptr<void, raw_delete> memory(detail::allocate_array<object>(count));
    auto *first = static_cast<object *>(memory.get());
    std::uninitialized_value_construct_n(first, count);
    static_cast<void>(memory.release());
    return unique_ptr<T>(first, object_delete<T>{count});
}

/* ---- Pages ------------------------------------------------------------------------------------------------------- */

/* Owns a run of pages of 4 KiB, BRAINMM_PAGE_SIZE, at a multiple of 4 KiB, or nothing. Its contents are undefined at
 * first. It can be moved and not copied; what was moved from owns nothing. */
class pages {
  public:
    pages() noexcept = default;

    /* Allocates COUNT pages. COUNT 0 owns nothing. Throws std::bad_alloc. */
    explicit pages(std::size_t count, memory_mode mode = memory_mode::user) : pages(std::nothrow, count, mode) {
        if (count > 0 && !first_)
            detail::out_of_memory();
    }

    /* The same. Owns nothing if there is not enough memory. */
    pages(const std::nothrow_t &, std::size_t count, memory_mode mode = memory_mode::user) noexcept : mode_(mode) {
        static_cast<void>(resize(std::nothrow, count));
    }

    pages(pages &&other) noexcept { swap(other); }
    pages &operator=(pages &&other) noexcept {
        pages(std::move(other)).swap(*this);
        return *this;
    }
    ~pages() { reset(); }

    void swap(pages &other) noexcept {
        std::swap(first_, other.first_);
        std::swap(count_, other.count_);
        std::swap(mode_, other.mode_);
    }

    [[nodiscard]] std::byte *data() noexcept { return static_cast<std::byte *>(first_); }
    [[nodiscard]] const std::byte *data() const noexcept { return static_cast<const std::byte *>(first_); }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }                    /* pages */
    [[nodiscard]] std::size_t size() const noexcept { return count_ * BRAINMM_PAGE_SIZE; } /* bytes */
    [[nodiscard]] memory_mode mode() const noexcept { return mode_; }
    [[nodiscard]] explicit operator bool() const noexcept { return first_ != nullptr; }

    /* Makes the run COUNT pages long and keeps the contents up to the smaller of both lengths. The run may move. All
     * its pages get their first rights back, also if the call fails. COUNT 0 frees it. Throws std::bad_alloc; the run
     * and its contents then stay. */
    void resize(std::size_t count) {
        if (!resize(std::nothrow, count))
            detail::out_of_memory();
    }

    /* The same. False if there is not enough memory. */
    [[nodiscard]] bool resize(const std::nothrow_t &, std::size_t count) noexcept {
        return take(count, count > 0 ? detail::heap_pages_realloc(first_, count, mode_number()) : nullptr);
    }

    /* The same, but copies nothing: the contents become undefined. If it throws, they stay. */
    void resize_discard(std::size_t count) {
        if (!take(count, count > 0 ? detail::heap_pages_reget(first_, count, mode_number()) : nullptr))
            detail::out_of_memory();
    }

    /* Gives COUNT pages, from number FIRST on, the rights ALLOWED, until the run is freed or resized. Write includes
     * read. Returns an enum brainmm_result. BRAINMM_E_ARGUMENT: the run has fewer pages, or FIRST and COUNT do not fit
     * the larger pages that the system has. BRAINMM_E_REFUSED: the system refuses, and some of the pages may have the
     * new rights already. */
    [[nodiscard]] int set_rights(rights allowed, std::size_t first, std::size_t count) noexcept {
        return detail::set_rights(first_, count_, allowed, first, count);
    }

    /* The same for all pages. */
    [[nodiscard]] int set_rights(rights allowed) noexcept { return set_rights(allowed, 0, count_); }

    /* Frees the run, and then owns nothing. */
    void reset() noexcept {
        if (first_)
            detail::must_be_freed("pages", first_, detail::heap_pages_free(first_, mode_number()));
        first_ = nullptr;
        count_ = 0;
    }

    /* Gives the run up without freeing it. The caller frees it with brainmm_pages_free and its mode. */
    [[nodiscard]] void *release() noexcept {
        count_ = 0;
        return std::exchange(first_, nullptr);
    }

  private:
    [[nodiscard]] unsigned mode_number() const noexcept { return static_cast<unsigned>(mode_); }

    /* RESIZED is what the heap has given for COUNT pages. */
    bool take(std::size_t count, void *resized) noexcept {
        if (count == 0)
            reset();
        if (resized) {
            first_ = resized;
            count_ = count;
        }
        return resized || count == 0;
    }

    void *first_ = nullptr;
    std::size_t count_ = 0;
    memory_mode mode_ = memory_mode::user;
};

inline void swap(pages &a, pages &b) noexcept { a.swap(b); }

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* The sizes of blocks, in bytes. */
enum class block_size : std::size_t {
    kib_4 = 0x1000,
    kib_16 = 0x4000,
    kib_64 = 0x10000,
    kib_256 = 0x40000,
    mib_1 = 0x100000,
    mib_4 = 0x400000,
    mib_16 = 0x1000000,
    mib_64 = 0x4000000,
    mib_256 = 0x10000000
};

/* Owns a block, which lies at a multiple of its size, or nothing. Its contents are undefined at first. It can be moved
 * and not copied; what was moved from owns nothing. */
class block {
  public:
    block() noexcept = default;

    /* Allocates a block. Throws std::bad_alloc. */
    explicit block(block_size size, memory_mode mode = memory_mode::user) : block(std::nothrow, size, mode) {
        if (!start_)
            detail::out_of_memory();
    }

    /* The same. Owns nothing if there is not enough memory. */
    block(const std::nothrow_t &, block_size size, memory_mode mode = memory_mode::user) noexcept
        : start_(detail::heap_block_get(static_cast<std::size_t>(size), static_cast<unsigned>(mode))),
          size_(start_ ? static_cast<std::size_t>(size) : 0), mode_(mode) {}

    block(block &&other) noexcept { swap(other); }
    block &operator=(block &&other) noexcept {
        block(std::move(other)).swap(*this);
        return *this;
    }
    ~block() { static_cast<void>(reset()); }

    void swap(block &other) noexcept {
        std::swap(start_, other.start_);
        std::swap(size_, other.size_);
        std::swap(mode_, other.mode_);
    }

    [[nodiscard]] std::byte *data() noexcept { return static_cast<std::byte *>(start_); }
    [[nodiscard]] const std::byte *data() const noexcept { return static_cast<const std::byte *>(start_); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; } /* bytes */
    [[nodiscard]] memory_mode mode() const noexcept { return mode_; }
    [[nodiscard]] explicit operator bool() const noexcept { return start_ != nullptr; }

    /* The start of the block of SIZE that ADDRESS lies in. */
    [[nodiscard]] static void *start_of(const void *address, block_size size) noexcept {
        return reinterpret_cast<void *>(reinterpret_cast<std::uintptr_t>(address) &
                                        ~(static_cast<std::uintptr_t>(size) - 1));
    }

    /* Gives COUNT pages of the block, from number FIRST on, the rights ALLOWED, until the block is freed. The result is
     * that of pages::set_rights. */
    [[nodiscard]] int set_rights(rights allowed, std::size_t first, std::size_t count) noexcept {
        return detail::set_rights(start_, size_ / BRAINMM_PAGE_SIZE, allowed, first, count);
    }

    /* The same for the whole block. */
    [[nodiscard]] int set_rights(rights allowed) noexcept { return set_rights(allowed, 0, size_ / BRAINMM_PAGE_SIZE); }

    /* Frees the block, and then owns nothing. BRAINMM_OK, or BRAINMM_E_REFUSED: set_rights() changed rights that the
     * system does not give back (blocks of 4 and 16 KiB only), and this object still owns the block. The destructor
     * leaves such a block to the heap, which keeps it. */
    int reset() noexcept {
        int result = start_ ? detail::heap_block_free(start_, static_cast<unsigned>(mode_)) : BRAINMM_OK;
        if (result == BRAINMM_E_REFUSED)
            return result;
        detail::must_be_freed("block", start_, result);
        start_ = nullptr;
        size_ = 0;
        return BRAINMM_OK;
    }

    /* Gives the block up without freeing it. The caller frees it with brainmm_block_free and its mode. */
    [[nodiscard]] void *release() noexcept {
        size_ = 0;
        return std::exchange(start_, nullptr);
    }

  private:
    void *start_ = nullptr;
    std::size_t size_ = 0;
    memory_mode mode_ = memory_mode::user;
};

inline void swap(block &a, block &b) noexcept { a.swap(b); }

/* ---- Machine code ------------------------------------------------------------------------------------------------ */

/* Why a JIT heap could not be made, if it was not for lack of memory. Allocates nothing. */
class error : public std::exception {
  public:
    explicit error(int result) noexcept : result_(result) {}
    [[nodiscard]] int result() const noexcept { return result_; } /* enum brainmm_result */
    [[nodiscard]] const char *what() const noexcept override {
        return result_ == BRAINMM_E_REFUSED ? "BrainMM: the system refuses executable memory"
                                            : "BrainMM: the process's heap has no executable memory";
    }

  private:
    int result_;
};

/* enum brainmm_jit_kind */
enum class jit_kind : unsigned { writable = BRAINMM_JIT_WRITABLE, two_views = BRAINMM_JIT_TWO_VIEWS };

/* Owns a heap for machine code, or nothing. It can be moved and not copied. All buffers of a heap must end before it.
 * Several threads may allocate and free buffers of one heap at the same time. */
class jit_heap {
  public:
    /* Throws std::bad_alloc, or error with BRAINMM_E_REFUSED (the system forbids executable memory of that kind) or
     * BRAINMM_E_UNSUPPORTED. */
    explicit jit_heap(jit_kind kind = jit_kind::writable) {
        int result;
        jit_heap(std::nothrow, result, kind).swap(*this);
        if (result == BRAINMM_E_MEMORY)
            detail::out_of_memory();
        if (result != BRAINMM_OK)
            refused(result);
    }

    /* The same. RESULT becomes an enum brainmm_result; if that is not BRAINMM_OK, the object owns nothing. */
    jit_heap(const std::nothrow_t &, int &result, jit_kind kind = jit_kind::writable) noexcept {
        result = detail::heap_jit_heap_create(static_cast<unsigned>(kind), &heap_);
    }

    jit_heap(jit_heap &&other) noexcept { swap(other); }
    jit_heap &operator=(jit_heap &&other) noexcept {
        jit_heap(std::move(other)).swap(*this);
        return *this;
    }
    ~jit_heap() {
        if (heap_)
            detail::must_be_freed("jit_heap", heap_, detail::heap_jit_heap_destroy(heap_));
    }

    void swap(jit_heap &other) noexcept { std::swap(heap_, other.heap_); }
    [[nodiscard]] brainmm_jit_heap *get() const noexcept { return heap_; } /* for the functions of brainmm.h */
    [[nodiscard]] explicit operator bool() const noexcept { return heap_ != nullptr; }

  private:
    [[noreturn]] static void refused(int result) {
        error reason(result);
#if BRAINMM_HPP_EXCEPTIONS
        throw reason;
#else
        std::fprintf(stderr, "%s\n", reason.what());
        std::abort();
#endif
    }

    brainmm_jit_heap *heap_ = nullptr;
};

inline void swap(jit_heap &a, jit_heap &b) noexcept { a.swap(b); }

/* Owns memory for machine code, or nothing. It can be moved and not copied.
 *
 * Code is written and run in two steps, which may be repeated: writable() is where it is written, and entry() makes
 * what was written executable and tells where it runs. Between both calls no thread may run the code. */
class jit_buffer {
  public:
    jit_buffer() noexcept = default;

    /* Allocates SIZE bytes at a multiple of 16. Their contents are undefined. Throws std::bad_alloc, also if SIZE is 0
     * or above 2 GiB. */
    jit_buffer(const jit_heap &heap, std::size_t size) : jit_buffer(std::nothrow, heap, size) {
        if (!code_)
            detail::out_of_memory();
    }

    /* The same. Owns nothing in place of throwing. */
    jit_buffer(const std::nothrow_t &, const jit_heap &heap, std::size_t size) noexcept : heap_(heap.get()) {
        void *writable = nullptr;
        code_ = detail::heap_jit_alloc(heap_, size, &writable);
        writable_ = static_cast<std::byte *>(writable);
        size_ = code_ ? size : 0;
    }

    jit_buffer(jit_buffer &&other) noexcept { swap(other); }
    jit_buffer &operator=(jit_buffer &&other) noexcept {
        jit_buffer(std::move(other)).swap(*this);
        return *this;
    }
    ~jit_buffer() { reset(); }

    void swap(jit_buffer &other) noexcept {
        std::swap(heap_, other.heap_);
        std::swap(code_, other.code_);
        std::swap(writable_, other.writable_);
        std::swap(size_, other.size_);
        std::swap(written_, other.written_);
    }

    /* Where the code is written: size() bytes. In a heap with two views it runs elsewhere. */
    [[nodiscard]] std::byte *writable() noexcept {
        written_ = true;
        return writable_;
    }

    /* Where the code runs. What was written since the last entry() is not visible to the processor yet. */
    [[nodiscard]] const void *code() const noexcept { return code_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; } /* bytes */
    [[nodiscard]] explicit operator bool() const noexcept { return code_ != nullptr; }

    /* The function of type SIGNATURE that was written at OFFSET, which is less than size(). The processor sees all that
     * was written before. */
    template <class Signature> [[nodiscard]] Signature *entry(std::size_t offset = 0) noexcept {
        static_assert(std::is_function_v<Signature>, "such as entry<int(int)>()");
        if (std::exchange(written_, false))
            detail::heap_jit_flush(code_, size_);
        return reinterpret_cast<Signature *>(reinterpret_cast<std::uintptr_t>(code_) + offset);
    }

    /* Frees the code, and then owns nothing. No thread may run it any more. */
    void reset() noexcept {
        if (code_)
            detail::must_be_freed("jit_buffer", code_, detail::heap_jit_free(heap_, code_));
        code_ = nullptr;
        writable_ = nullptr;
        size_ = 0;
    }

  private:
    brainmm_jit_heap *heap_ = nullptr;
    void *code_ = nullptr;
    std::byte *writable_ = nullptr;
    std::size_t size_ = 0;
    bool written_ = false;
};

inline void swap(jit_buffer &a, jit_buffer &b) noexcept { a.swap(b); }

/* ---- new and delete ---------------------------------------------------------------------------------------------- */

namespace detail {

/* Calls the new handler until there is memory. Null: there is none of both. Throws what the handler throws. */
inline void *new_or_null(std::size_t alignment, std::size_t size) {
    for (;;) {
        void *piece = allocate_nothrow(alignment, size);
        std::new_handler handler = piece ? nullptr : std::get_new_handler();
        if (!handler)
            return piece;
        handler();
    }
}

inline void *new_piece(std::size_t size, std::align_val_t alignment) {
    void *piece = new_or_null(static_cast<std::size_t>(alignment), size);
    if (!piece)
        out_of_memory();
    return piece;
}

inline void *new_nothrow(std::size_t size, std::align_val_t alignment) noexcept {
#if BRAINMM_HPP_EXCEPTIONS
    try {
        return new_or_null(static_cast<std::size_t>(alignment), size);
    } catch (...) {
        return nullptr;
    }
#else
    return new_or_null(static_cast<std::size_t>(alignment), size);
#endif
}

constexpr std::align_val_t usual_alignment = static_cast<std::align_val_t>(BRAINMM_ALIGNMENT);

} // namespace detail

/* Replaces the global operators new and delete by functions over the heap: all forms, of arrays, aligned, sized, and
 * with std::nothrow. It stands in one file of a module, outside any namespace, with a semicolon. From then on all
 * objects that the module makes with new lie in the heap, and other modules that do the same may delete them.
 *
 * A failed new calls the new handler (std::set_new_handler) as long as there is one, and then throws std::bad_alloc. A
 * delete of a wrong pointer ends the program.
 *
 * Linux: a program's operators hold for all its libraries. Those of a library hold only if the program has no C++
 * run-time library; otherwise everybody uses that one's, the library too.
 * MinGW: each module has its own operators. Link with -static-libstdc++, because libstdc++-6.dll has operators of its
 * own and would free strings that the module has made. */
#define BRAINMM_REPLACE_NEW_AND_DELETE                                                                                 \
    BRAINMM_HPP_NEW((std::size_t size), new_piece(size, brainmm::detail::usual_alignment))                             \
    BRAINMM_HPP_NEW((std::size_t size, std::align_val_t alignment), new_piece(size, alignment))                        \
    BRAINMM_HPP_NEW((std::size_t size, const std::nothrow_t &) noexcept,                                               \
                    new_nothrow(size, brainmm::detail::usual_alignment))                                               \
    BRAINMM_HPP_NEW((std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept,                   \
                    new_nothrow(size, alignment))                                                                      \
    BRAINMM_HPP_DELETE((void *piece))                                                                                  \
    BRAINMM_HPP_DELETE((void *piece, std::size_t))                                                                     \
    BRAINMM_HPP_DELETE((void *piece, std::align_val_t))                                                                \
    BRAINMM_HPP_DELETE((void *piece, std::size_t, std::align_val_t))                                                   \
    BRAINMM_HPP_DELETE((void *piece, const std::nothrow_t &))                                                          \
    BRAINMM_HPP_DELETE((void *piece, std::align_val_t, const std::nothrow_t &))                                        \
    static_assert(true, "")

#define BRAINMM_HPP_NEW(parameters, call)                                                                              \
    BRAINMM_HPP_SHARED void *operator new parameters { return brainmm::detail::call; }                                 \
    BRAINMM_HPP_SHARED void *operator new[] parameters { return brainmm::detail::call; }

#define BRAINMM_HPP_DELETE(parameters)                                                                                 \
    BRAINMM_HPP_SHARED void operator delete parameters noexcept {                                                      \
        brainmm::detail::deallocate("operator delete", piece);                                                         \
    }                                                                                                                  \
    BRAINMM_HPP_SHARED void operator delete[] parameters noexcept {                                                    \
        brainmm::detail::deallocate("operator delete[]", piece);                                                       \
    }

} // namespace brainmm

#endif
