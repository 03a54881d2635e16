# modes.mk: the modes in which tests/list builds and runs tests, one block a mode; included by targets.mk.
# docs/testing.md tells what each is for. The facts of a mode, each a variable FACT_MODE:
#
#   ON           the systems or targets that have it; empty: all
#   LINKED       core (the objects of the static core), shared (the library) or nothing
#   COMPILER     another C compiler than the target's; its C++ compiler has ++ behind the name
#   CORE_FLAGS   with these the static core is built once more, for this mode alone, and so are the tests
#   TEST_FLAGS   more options for the compilation of tests        LINK_FLAGS   and for their link
#   WITH         the command that runs a program                  ENVIRONMENT  and what it finds in its environment

MODES := core shared plain preload pascal script
LINKED_core := core
LINKED_shared := shared
ON_preload := linux
# A path that begins with a point has no blank in it, which the loader would take for the end.
ENVIRONMENT_preload := LD_PRELOAD=./libbrainmm-malloc.so

# ---- The core under sanitizers and valgrind, with its assertions ----------------------------------------------------

# The suites run in one process (CK_FORK). The shadow memory of two sanitizers collides with the kernel's widest address
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

# ---- The core on a system whose pages are larger -------------------------------------------------------------------

# tests/support/page_size.c stands between the core and these functions, and makes the system's pages TEST_PAGE_SIZE
# bytes long.
WRAP_page := os_facts_start os_commit_table os_commit os_decommit os_protect os_move_pages

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
