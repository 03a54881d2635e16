/* SPDX-License-Identifier: MIT */
/* crt_original.c (Windows): see crt_malloc.h. */
#include "malloc/crt_malloc.h"

/* msvcrt.dll exports the mode of malloc under its C++ name only. */
#define QUERY_NEW_MODE_CXX "?_query_new_mode@@YAHXZ"

const char *crt_original_find(struct crt_original *original, crt_finder find, const void *run_time) {
#define FIND(result, name, parameters, arguments) original->name = (__typeof(original->name))find(run_time, #name);
    CRT_FUNCTIONS(FIND)
#define REQUIRE(result, name, parameters, arguments)                                                                   \
    if (!original->name)                                                                                               \
        return #name;
    CRT_FUNCTIONS_ALWAYS(REQUIRE)
    original->errno_place = (__typeof(original->errno_place))find(run_time, "_errno");
    if (!original->errno_place)
        return "_errno";
    original->invalid_parameter = (__typeof(original->invalid_parameter))find(run_time, "_invalid_parameter_noinfo");
    original->call_new_handler = (__typeof(original->call_new_handler))find(run_time, "_callnewh");
    original->query_new_mode = (__typeof(original->query_new_mode))find(run_time, "_query_new_mode");
    if (!original->query_new_mode)
        original->query_new_mode = (__typeof(original->query_new_mode))find(run_time, QUERY_NEW_MODE_CXX);
    return NULL;
}
