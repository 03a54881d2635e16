# SPDX-License-Identifier: MIT
# modes.mk: the table of modes, in which the tests of tests/list are built and run. Included by targets.mk.
# docs/testing.md tells what each mode is for. The facts of a mode, each a variable FACT_MODE:
#
#   ON           the systems or targets that have the mode; empty: all
#   LINKED       core (the objects of the static core), shared (the library) or nothing
#   COMPILER     a C compiler that replaces the target's; the name of its C++ compiler ends with ++
#   CORE_FLAGS   options for the core and the tests; the core is compiled once more, for this mode alone
#   TEST_FLAGS   options for the compilation of the tests alone
#   LINK_FLAGS   options for their link
#   WITH         the command that runs a program
#   ENVIRONMENT  variables that the program finds in its environment

MODES := core shared plain preload pascal script
LINKED_core := core
LINKED_shared := shared
ON_preload := linux
# A relative path, because the absolute one may have a blank in it, and the loader ends a name there.
ENVIRONMENT_preload := LD_PRELOAD=./libbrainmm-malloc.so

# ---- The core under sanitizers and valgrind, with its assertions ----------------------------------------------------

# CK_FORK=no: a suite runs in one process. The shadow memory of two sanitizers collides with the kernel's widest address
# randomisation, which setarch -R turns off.
INSTRUMENT := -O1 -fno-omit-frame-pointer -DBRAINMM_ASSERT

MODES += asan
ON_asan := linux-x86_64
LINKED_asan := core
COMPILER_asan := clang
CORE_FLAGS_asan := $(INSTRUMENT) -fsanitize=address
WITH_asan := setarch -R
ENVIRONMENT_asan := CK_FORK=no

MODES += ubsan
ON_ubsan := linux-x86_64
LINKED_ubsan := core
COMPILER_ubsan := clang
CORE_FLAGS_ubsan := $(INSTRUMENT) -fsanitize=undefined -fno-sanitize-recover=all
ENVIRONMENT_ubsan := CK_FORK=no

MODES += tsan
ON_tsan := linux-x86_64
LINKED_tsan := core
COMPILER_tsan := clang
CORE_FLAGS_tsan := $(INSTRUMENT) -fsanitize=thread -DBRAINMM_TSAN
WITH_tsan := setarch -R
ENVIRONMENT_tsan := CK_FORK=no

MODES += valgrind
ON_valgrind := linux-x86_64
LINKED_valgrind := core
CORE_FLAGS_valgrind := $(INSTRUMENT) -DBRAINMM_VALGRIND
WITH_valgrind := valgrind --quiet --error-exitcode=99 --leak-check=no
ENVIRONMENT_valgrind := CK_FORK=no

# ---- The core for the fuzzer (tests/fuzz) ---------------------------------------------------------------------------

# A check that does not hold aborts, so that the fuzzer keeps the input.
MODES += fuzz
ON_fuzz := linux-x86_64
LINKED_fuzz := core
COMPILER_fuzz := clang
CORE_FLAGS_fuzz := $(INSTRUMENT) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
TEST_FLAGS_fuzz := -DTEST_ON_FAILURE=abort
LINK_FLAGS_fuzz := -fsanitize=fuzzer
WITH_fuzz := setarch -R

# ---- The core under a scheduler (tests/schedule) ---------------------------------------------------------------------

SCHEDULE := -Wno-macro-redefined -DBRAINMM_ASSERT -include tests/schedule/hooks.h
WRAP_schedule := os_thread_id os_thread_alive os_wait os_wake os_sleep os_clock_ms os_watch_thread_exit \
    rendezvous_look rendezvous_claim

MODES += schedule
ON_schedule := linux-x86_64
LINKED_schedule := core
COMPILER_schedule := clang
CORE_FLAGS_schedule := -O1 -g $(SCHEDULE)
LINK_FLAGS_schedule := $(WRAP_schedule:%=-Wl,--wrap=%)
WITH_schedule := setarch -R

MODES += schedule_tsan
ON_schedule_tsan := linux-x86_64
LINKED_schedule_tsan := core
COMPILER_schedule_tsan := clang
CORE_FLAGS_schedule_tsan := $(INSTRUMENT) -fsanitize=thread -DBRAINMM_TSAN $(SCHEDULE)
LINK_FLAGS_schedule_tsan := $(LINK_FLAGS_schedule)
WITH_schedule_tsan := setarch -R

# ---- The core on a system whose pages are larger -------------------------------------------------------------------

# The linker replaces these functions by those of tests/support/page_size.c, which give the core pages of TEST_PAGE_SIZE
# bytes.
WRAP_page := os_facts_start os_commit os_decommit os_protect os_move_pages

MODES += page16k
ON_page16k := linux-x86_64
LINKED_page16k := core
TEST_FLAGS_page16k := -DTEST_PAGE_SIZE=16384
LINK_FLAGS_page16k := $(WRAP_page:%=-Wl,--wrap=%)

MODES += page64k
ON_page64k := linux-x86_64
LINKED_page64k := core
TEST_FLAGS_page64k := -DTEST_PAGE_SIZE=65536
LINK_FLAGS_page64k := $(WRAP_page:%=-Wl,--wrap=%)

PRINTED_MODE := ON WITH ENVIRONMENT
