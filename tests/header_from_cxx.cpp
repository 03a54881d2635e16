// SPDX-License-Identifier: MIT
// header_from_cxx.cpp: brainmm.h compiles as C++ without a warning, and its functions link by their C names.
#include "brainmm.h"
#include <cstring>

int main() {
    auto *text = static_cast<char *>(brainmm_alloc(100));
    if (!text)
        return 1;
    std::strcpy(text, "one heap");
    text = static_cast<char *>(brainmm_realloc(text, 100000));
    if (!text || std::strcmp(text, "one heap") != 0)
        return 2;
    if (brainmm_manager.abi_version != BRAINMM_ABI_VERSION)
        return 3;
    return brainmm_get_manager()->free(text) == BRAINMM_OK ? 0 : 4;
}
