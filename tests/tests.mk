# tests.mk: builds the programs of tests/list. docs/testing.md tells how to add one.

# Sanitizers and valgrind: the static core once more, built for them, in build/linux-x86_64/MODE/.
INSTRUMENTED := asan ubsan tsan valgrind
CC_asan := clang
CC_ubsan := clang
CC_tsan := clang
CC_valgrind := gcc
FLAGS_asan := -O1 -fno-omit-frame-pointer -fsanitize=address
FLAGS_ubsan := -O1 -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread -DBRAINMM_TSAN
FLAGS_valgrind := -O1 -fno-omit-frame-pointer -DBRAINMM_VALGRIND

define instrumented_core
$(call core_objects,build/linux-x86_64/$1/obj,$(CC_$1),$(LINUX_CORE) -DBRAINMM_STATIC $(FLAGS_$1))
build/linux-x86_64/$1/libbrainmm.a: $(POSIX:%.c=build/linux-x86_64/$1/obj/%.o)
	echo '  $$@'
	rm -f $$@
	ar rcsD $$@ $$^
endef
$(foreach mode,$(INSTRUMENTED),$(eval $(call instrumented_core,$(mode))))

# ---- Check --------------------------------------------------------------------------------------------------------

CHECK_linux-x86_64 := -lcheck_pic -lsubunit -lrt -lm
CHECK_linux-i386 := -L$(CACHE)/check/linux-i386/lib -lcheck -lrt -lm
CHECK_win64 := -L$(CACHE)/check/win64/lib -lcheck -lshlwapi
CHECK_win32 := -L$(CACHE)/check/win32/lib -lcheck -lshlwapi
$(foreach target,linux-i386 win64 win32,$(eval INCLUDE_$(target) := -isystem $(CACHE)/check/$(target)/include))

# ---- One target in one mode ---------------------------------------------------------------------------------------

EXE_win64 := .exe
EXE_win32 := .exe
$(foreach target,$(LINUX),$(eval DLL_$(target) := .so))
$(foreach target,$(WINDOWS),$(eval DLL_$(target) := .dll))
$(foreach target,$(LINUX),$(eval SYSTEM_$(target) := -pthread -ldl -Wl,-rpath,'$$$$ORIGIN' $(PROGRAM_$(target))))
$(foreach target,$(WINDOWS),$(eval SYSTEM_$(target) := -static -lpsapi -lntdll -lpthread))
$(foreach target,$(LINUX),$(eval TEST_FLAGS_$(target) := -fPIC -fvisibility=hidden -pthread -Iposix))
$(foreach target,$(WINDOWS),$(eval TEST_FLAGS_$(target) := -D__USE_MINGW_ANSI_STDIO=1 -Iwin32 $(HIDDEN)))

# What single programs need at the link: LINK_NAME.
LINK_walk_interrupted := -Wl,--wrap=os_peek
LINK_peek = $(if $(filter win%,$(firstword $(subst /, ,$(patsubst build/%,%,$@)))),,-Wl,--wrap=process_vm_readv)
LINK_imalloc_class := -lole32
LINK_imalloc_com := -lole32
LINK_fault_injection := $(foreach function,os_reserve os_reserve_at os_commit os_protect os_move_pages,-Wl,--wrap=$(function))

# test_mode TARGET, MODE, C COMPILER, C++ COMPILER, COMPILE FLAGS, LIBRARY
define test_mode
build/$1/obj/tests/$2/%.o: tests/%.c Makefile tests/tests.mk
	echo '  $$@'
	mkdir -p $$(@D)
	$3 $$(C_COMMON) $(ARCH_$1) $(TEST_FLAGS_$1) $(INCLUDE_$1) -Itests -DTEST_TARGET='"$1"' $5 -c -o $$@ $$<
build/$1/obj/tests/$2/%.o: tests/%.cpp Makefile tests/tests.mk
	echo '  $$@'
	mkdir -p $$(@D)
	$4 $$(subst gnu11,gnu++20,$$(C_COMMON)) $(ARCH_$1) $(TEST_FLAGS_$1) -Itests -DTEST_TARGET='"$1"' $5 -c -o $$@ $$<
build/$1/obj/tests/$2/support.a: $(patsubst tests/%.c,build/$1/obj/tests/$2/%.o,$(wildcard tests/support/*.c))
	mkdir -p $$(@D)
	rm -f $$@
	$(AR_$1) rcsD $$@ $$^
build/$1/tests/%_test-$2$(EXE_$1): build/$1/obj/tests/$2/%_test.o build/$1/obj/tests/$2/support.a $6
	echo '  $$@'
	mkdir -p $$(@D)
	$3 $(ARCH_$1) $5 -o $$@ $$^ $(CHECK_$1) $$(SYSTEM_$1)
build/$1/tests/%-$2$(EXE_$1): build/$1/obj/tests/$2/%.o build/$1/obj/tests/$2/support.a $6
	echo '  $$@'
	mkdir -p $$(@D)
	$$(if $$(wildcard tests/$$*.cpp),$4,$3) $(ARCH_$1) $5 -o $$@ $$^ $$(SYSTEM_$1) $$(LINK_$$*)
build/$1/tests/%-$2$(DLL_$1): build/$1/obj/tests/$2/%.o build/$1/obj/tests/$2/support.a $6
	echo '  $$@'
	mkdir -p $$(@D)
	$$(if $$(wildcard tests/$$*.cpp),$4,$3) -shared $(ARCH_$1) $5 -o $$@ $$^ $$(SYSTEM_$1)
endef

define test_target
$(eval $(call test_mode,$1,core,$(CC_$1),$(CXX_$1),-DBRAINMM_STATIC -Isrc,build/$1/libbrainmm.a))
$(eval $(call test_mode,$1,shared,$(CC_$1),$(CXX_$1),,$2))
$(eval $(call test_mode,$1,plain,$(CC_$1),$(CXX_$1),,))
endef
$(foreach target,$(LINUX),$(call test_target,$(target),build/$(target)/tests/libbrainmm.so))
$(foreach target,$(WINDOWS),$(call test_target,$(target),build/$(target)/libbrainmm.dll.a))
$(foreach target,$(LINUX),$(eval $(call test_mode,$(target),preload,$(CC_$(target)),$(CXX_$(target)),,)))
$(foreach mode,$(INSTRUMENTED),$(eval $(call test_mode,linux-x86_64,$(mode),$(CC_$(mode)),$(CC_$(mode))++, \
    -DBRAINMM_STATIC -Isrc $(FLAGS_$(mode)),build/linux-x86_64/$(mode)/libbrainmm.a)))

# ---- Pascal -------------------------------------------------------------------------------------------------------

# Where position-independent code differs from other code, the compiler needs an option for it.
PIC_linux-x86_64 := -Cg
# What single programs need: PASCAL_NAME.
PASCAL_UNITS := $(wildcard pascal/*.pas pascal/tests/support/*.pas)

# Each program compiles the units it uses into a folder of its own, so that two can be made at a time.
define test_pascal
build/$1/tests/%-pascal$2: pascal/tests/%.pas $(PASCAL_UNITS) tools/fpc tests/tests.mk
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/pascal/$$*
	tools/fpc $1 -O2 -Sew $3 $$(PASCAL_$$*) -Fupascal -Fupascal/tests/support \
	    -FUbuild/$1/obj/pascal/$$* -o$$@ $$<
endef
$(foreach target,$(TARGETS),$(eval $(call test_pascal,$(target),$(EXE_$(target)))))
$(foreach target,$(TARGETS),$(eval $(call test_pascal,$(target),$(DLL_$(target)),$(PIC_$(target)))))

# ---- All of a target ----------------------------------------------------------------------------------------------

TEST_FILES := $(sort $(shell awk -v files=1 -f tests/list.awk tests/list))

# test_folder TARGET, LIBRARY...: everything that lies in build/TARGET/tests
define test_folder
$(foreach library,$2,build/$1/tests/$(library)): build/$1/tests/%: build/$1/%
	mkdir -p $$(@D)
	cp $$< $$@
build/$1/tests/second/%: build/$1/%
	mkdir -p $$(@D)
	cp $$< $$@
.PHONY: tests-$1
tests-$1: $1 $(addprefix build/$1/tests/,$2 $(addprefix second/,$2)) $(filter build/$1/%,$(TEST_FILES))
endef
$(foreach target,$(LINUX),$(eval $(call test_folder,$(target),libbrainmm.so libbrainmm-malloc.so)))
$(foreach target,$(WINDOWS),$(eval $(call test_folder,$(target),brainmm.dll $(COMPANIONS:%=%.dll))))

.PHONY: tests
tests: $(TARGETS:%=tests-%)
