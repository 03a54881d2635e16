/* SPDX-License-Identifier: MIT */
/* program.cpp: what somebody who has just got the files of a release may try first. */
#include <brainmm.hpp>
#include <vector>

int main() {
    std::vector<int, brainmm::allocator<int>> numbers(1000, 1);
    return brainmm_contains(numbers.data()) ? 0 : 1;
}
