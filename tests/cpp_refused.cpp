// SPDX-License-Identifier: MIT
/* cpp_refused.cpp: a function of C++ that frees has no result. If the heap refuses the pointer, the program's error
 * handler hears of it, and then the program ends by std::abort. The argument names the mistake. */
#include "cpp_support.h"
#include <csignal>
#include <string>
#include <vector>

BRAINMM_REPLACE_NEW_AND_DELETE;

static std::uint32_t heard; /* the kind of error that the handler was told; 0: it was not called */
static std::uint32_t expected;

static void BRAINMM_CALL hear(void *, const brainmm_error *error) { heard = error->kind; }

/* The test has passed if the program ends by abort() after the handler was told. */
static void aborted(int) { test_end(heard == expected ? 0 : 3); }

int main(int argc, char **argv) {
    std::string mistake = argc > 1 ? argv[1] : "";
    std::signal(SIGABRT, aborted);
    CHECK((brainmm::manager()->set_error_handler)(hear, nullptr) == BRAINMM_OK);
    if (mistake == "delete_twice") {
        int *volatile number = new int(5);
        expected = BRAINMM_ERROR_DOUBLE_FREE;
        operator delete(number);
        operator delete(number);
    } else if (mistake == "delete_inside") {
        char *volatile inside = new char[100] + 16;
        expected = BRAINMM_ERROR_POINTER;
        operator delete[](inside);
    } else if (mistake == "deallocate_foreign") {
        int local[4] = {};
        int *volatile first = local;
        expected = BRAINMM_ERROR_POINTER;
        brainmm::allocator<int>().deallocate(first, 4);
    } else if (mistake == "resource_other_kind") {
        brainmm::pages run(1);
        expected = BRAINMM_ERROR_KIND;
        brainmm::resource()->deallocate(run.data(), 4096);
    } else if (mistake == "pages_freed_before") {
        brainmm::pages run(1);
        CHECK((brainmm::manager()->pages_free)(run.data(), BRAINMM_USER) == BRAINMM_OK);
        expected = BRAINMM_ERROR_POINTER;
        run.reset();
    } else if (mistake == "buffer_after_heap") {
        auto heap = brainmm::make_unique<brainmm::jit_heap>();
        brainmm::jit_buffer code(*heap, 16);
        heap.reset();
        expected = BRAINMM_ERROR_POINTER;
        code.reset();
    } else {
        std::fprintf(stderr, "no such mistake: %s\n", mistake.c_str());
        test_end(2);
    }
    std::fprintf(stderr, "%s did not end the program\n", mistake.c_str());
    test_end(4);
}
