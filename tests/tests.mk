# SPDX-License-Identifier: MIT
# tests.mk: builds the programs of tests/list. docs/testing.md tells how to add one. make/modes.mk has the table of
# modes.

# Options that link a program. It finds a shared library in its own folder.
program_link = $(LINK_$(SYSTEM_$1)) $(loader_link)
loader_link = $(if $(LOADER_$1),-Wl$(comma)--dynamic-linker=$(LOADER_$1) \
    -Wl$(comma)-rpath$(comma)$(patsubst %/,%,$(dir $(LOADER_$1))))
LINK_linux := -pthread -ldl -Wl,-rpath,'$$$$ORIGIN'
LINK_windows := -static -lpsapi $(STATIC_windows) -lpthread
PROGRAM_FLAGS_linux := -fPIC -fvisibility=hidden -pthread
PROGRAM_FLAGS_windows := -D__USE_MINGW_ANSI_STDIO=1 $(HIDDEN)
WHITE_BOX_linux := -Iposix
WHITE_BOX_windows := -Iwin32

# Link options of single programs: LINK_NAME for all systems, LINK_NAME_SYSTEM for one.
LINK_walk_interrupted := -Wl,--wrap=os_peek
HEAP_CLOCK := -Wl,--wrap=os_clock_ms
LINK_no_lock := $(HEAP_CLOCK)
LINK_heap_check := $(HEAP_CLOCK)
LINK_memory_decays := $(HEAP_CLOCK)
LINK_idle_threads := $(HEAP_CLOCK)
LINK_start_fails_linux := -Wl,--wrap=os_start,--wrap=os_protect_tables,--wrap=mmap
LINK_start_fails_windows := -Wl,--wrap=os_start,--wrap=os_protect
LINK_fork_without_wipe := -Wl,--wrap=madvise
LINK_image_at_place_linux := -no-pie -Wl,-Ttext-segment=0x200000
LINK_symbolize_fixed_linux := -no-pie
LINK_peek_linux := -Wl,--wrap=process_vm_readv
LINK_large_addresses := -Wl,--large-address-aware
LINK_imalloc_class := -lole32
LINK_imalloc_com := -lole32
# The functions of tests/failing_system.h, and those that a test wraps itself.
wrap = $(patsubst %,-Wl$(comma)--wrap=%,os_reserve os_reserve_at os_release os_commit os_decommit os_protect $1)
LINK_fault_injection := $(call wrap,os_move_pages)
LINK_fault_questions := $(call wrap,os_peek os_page_rights os_pages_are_mapped os_map_views os_unmap_views)
LINK_fuzz/calls := $(call wrap) $(HEAP_CLOCK)
LINK_fuzz/options := -Wl,--wrap=os_print
LINK_fuzz/handshake := $(HEAP_CLOCK) -Wl,--wrap=os_sleep
COUNTED := os_reserve os_reserve_at os_release os_commit os_decommit os_has_room
LINK_hopeless_requests := $(COUNTED:%=-Wl$(comma)--wrap=%)
LINK_tables_blocked := -Wl,--wrap=os_print
LINK_error_reports := -Wl,--wrap=os_print,--wrap=os_abort,--wrap=os_break
LINK_cpp_failures := $(patsubst %,-Wl$(comma)--wrap=brainmm_%,alloc alloc_aligned pages_realloc pages_reget block_get \
    block_free pages_set_rights jit_alloc jit_heap_create)
LINK_emergency_reserve := $(patsubst %,-Wl$(comma)--wrap=os_%,reserve reserve_at release commit decommit)

# If a target has no import library, programs are linked with the library that lies beside them.
# import_of TARGET, FOLDER
import_of = build/$1/$(if $(filter $(LIBRARY_$1),$(IMPORT_$1)),$2/)$(IMPORT_$1)

# ---- One target in one mode ---------------------------------------------------------------------------------------

# If a mode has flags for the core, its core's objects are in a folder of their own.
# core_of TARGET, MODE
core_of = $(if $(CORE_FLAGS_$2),$(POSIX:%.c=build/$1/$2/obj/%.o),$(CORE_OBJECTS_$1))
define mode_core
$(call core_objects,$1,build/$1/$2/obj,$(or $(COMPILER_$2),$(CC_$1)),$(call compile,$1,-Isrc -Iposix) \
    $(call linux_core,$1) -DBRAINMM_STATIC $(CORE_FLAGS_$2))
endef

# test_mode TARGET, MODE, C COMPILER, C++ COMPILER, COMPILE FLAGS, OBJECTS, LIBRARY
define test_mode
$(call remember,build/$1/obj/tests/$2/command,$3 $4 $5 $(LDFLAGS_$1),$1)
.PRECIOUS: build/$1/obj/tests/$2/%.o
build/$1/obj/tests/$2/%.o: tests/%.c build/$1/obj/tests/$2/command
	echo '  $$@'
	mkdir -p $$(@D)
	$(CCACHE) $3 $5 -MMD -MP -c -o $$@ $$<
build/$1/obj/tests/$2/%.o: tests/%.cpp build/$1/obj/tests/$2/command
	echo '  $$@'
	mkdir -p $$(@D)
	$(CCACHE) $4 $(subst gnu11,gnu++20,$5) -MMD -MP -c -o $$@ $$<
build/$1/obj/tests/$2/support.a: $(patsubst tests/%.c,build/$1/obj/tests/$2/%.o,$(wildcard tests/support/*.c))
	mkdir -p $$(@D)
	rm -f $$@
	$(AR_$1) rcsD $$@ $$^
build/$1/tests/%_test-$2$(EXE_$1): build/$1/obj/tests/$2/%_test.o $6 build/$1/obj/tests/$2/support.a $7
	echo '  $$@'
	mkdir -p $$(@D)
	$3 $(ARCH_$1) $(CORE_FLAGS_$2) $(LDFLAGS_$1) -o $$@ $$^ $(CHECK_$1) $(call program_link,$1) $(LINK_FLAGS_$2)
build/$1/tests/%-$2$(EXE_$1): build/$1/obj/tests/$2/%.o $6 build/$1/obj/tests/$2/support.a $7
	echo '  $$@'
	mkdir -p $$(@D)
	$$(if $$(wildcard tests/$$*.cpp),$4,$3) $(ARCH_$1) $(CORE_FLAGS_$2) $(LDFLAGS_$1) -o $$@ $$^ $(call program_link,$1) \
	    $(LINK_FLAGS_$2) $$(LINK_$$*) $$(LINK_$$*_$(SYSTEM_$1))
build/$1/tests/%-$2$(DLL_$1): build/$1/obj/tests/$2/%.o $6 build/$1/obj/tests/$2/support.a $7
	echo '  $$@'
	mkdir -p $$(@D)
	$$(if $$(wildcard tests/$$*.cpp),$4,$3) -shared $(ARCH_$1) $(CORE_FLAGS_$2) $(LDFLAGS_$1) -o $$@ $$^ \
	    $(call program_link,$1) $(LINK_FLAGS_$2)
endef

# -iquote, because <list> is a header of C++, and tests/list is none. A test that is linked with the core may include
# the core's headers.
test_flags = $(call compile,$1,-iquote tests $(if $(filter core,$(LINKED_$2)),-Isrc) $(WHITE_BOX_$(SYSTEM_$1))) \
    $(PROGRAM_FLAGS_$(SYSTEM_$1)) -isystem '$(CACHE)/check/$1/include' -DTEST_TARGET='"$1"' \
    $(if $(filter core,$(LINKED_$2)),-DBRAINMM_STATIC) $(CORE_FLAGS_$2) $(TEST_FLAGS_$2)

# on MODE: the targets that have it.
on = $(if $(ON_$1),$(foreach word,$(ON_$1),$(filter $(word),$(EVERY)) $(call every_of_system,$(word))),$(EVERY))
COMPILED := $(filter-out pascal script,$(MODES))
$(foreach mode,$(COMPILED),$(foreach target,$(call on,$(mode)), \
    $(if $(CORE_FLAGS_$(mode)),$(eval $(call mode_core,$(target),$(mode)))) \
    $(eval $(call test_mode,$(target),$(mode),$(or $(COMPILER_$(mode)),$(CC_$(target))), \
    $(if $(COMPILER_$(mode)),$(COMPILER_$(mode))++,$(CXX_$(target))),$(call test_flags,$(target),$(mode)), \
    $(if $(filter core,$(LINKED_$(mode))),$(call core_of,$(target),$(mode))), \
    $(if $(filter shared,$(LINKED_$(mode))),$(call import_of,$(target),tests))))))

# ---- Pascal -------------------------------------------------------------------------------------------------------

PASCAL_UNITS := $(wildcard pascal/*.pas pascal/tests/support/*.pas)

# Each program has a folder of its own for the units that it uses, so that two programs can be compiled at a time.
define test_pascal
build/$1/tests/%-pascal$2: pascal/tests/%.pas $(PASCAL_UNITS) tools/fpc tests/tests.mk
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/pascal/$$*
	tools/fpc $1 -O2 -Sew $3 -Fupascal -Fupascal/tests/support -FUbuild/$1/obj/pascal/$$* -o$$@ $$<
endef
$(foreach target,$(EVERY),$(eval $(call test_pascal,$(target),$(EXE_$(target)))))
$(foreach target,$(EVERY),$(eval $(call test_pascal,$(target),$(DLL_$(target)),$(FPC_PIC_$(target)))))

# ---- All of a target ----------------------------------------------------------------------------------------------

# With TESTS="NAME ..." only these tests are built. All modules and helpers are, because the tests may need them.
TEST_FILES := $(sort $(shell tools/target --table | awk -v files=1 -v only="$(TESTS)" -f tests/list.awk - tests/list))
TEST_FILES += $(sort $(shell tools/target --table | \
    awk -v ports=1 -v files=1 -v only="$(TESTS)" -f tests/list.awk - tests/ports/list tests/list))

# test_folder TARGET, LIBRARY...: everything that lies in build/TARGET/tests
define test_folder
$(foreach library,$2,build/$1/tests/$(library)): build/$1/tests/%: build/$1/%
	mkdir -p $$(@D)
	cp $$< $$@
build/$1/tests/second/%: build/$1/%
	mkdir -p $$(@D)
	cp $$< $$@
.PHONY: tests-$1
tests-$1: $1 $(addprefix build/$1/tests/,$2 $(addprefix second/,$2)) $(filter build/$1/%,$(TEST_FILES)) \
    $(CORE_OBJECTS_$1)
endef
$(foreach target,$(EVERY),$(eval $(call test_folder,$(target),$(LIBRARIES_$(SYSTEM_$(target))))))

# What `make check-dist` runs, and the programs that it needs.
DIST_FILES := $(sort $(shell tools/target --table | awk -v files=1 -f tests/list.awk - tests/dist/list))
.PHONY: tests-dist
tests-dist: $(TARGETS) $(VIEW) $(LIBRARIES_linux:%=build/$(NATIVE)/tests/%) $(DIST_FILES)

.PHONY: tests
tests: $(TARGETS:%=tests-%)
