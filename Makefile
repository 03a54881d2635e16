# Makefile: the whole project.
#
#   make                     every library for every target, in build/TARGET/
#   make demo                the demo on every target         make check     every test on every target
#   make bench               time and memory against other allocators
#   make install             the native library: prefix=/usr/local, DESTDIR
#   make dist                a source archive in build/       make clean     removes build/
#
# Each target is a target of make (its libraries), and so are check-TARGET and demo-TARGET. make/targets.mk has the
# table of them, and says which variables choose other compilers and options. demo and check install what they need
# first (tools/setup.sh); make alone builds what it finds compilers for.
# The Windows libraries are in Makefile.mingw, the tests in tests/tests.mk, the demo in demos/demo.mk.

VERSION := 2.0.0
JOBS ?= 2

.PHONY: all demo check bench install dist clean
all:
include make/targets.mk
.PHONY: $(TARGETS) FORCE

CFLAGS ?= -O2 -g
WERROR ?= 1
WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(filter-out 0,$(WERROR)),-Werror)
# compile TARGET, FOLDERS OF HEADERS: the options of every C file. The user's options stand behind our folders, and
# before those options that the code needs to be correct. The name of this folder is in no file that is built.
compile = -std=gnu11 -Iinclude $2 $(ARCH_$1) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -fno-lto '-ffile-prefix-map=$(CURDIR)=.'

# The name of each file as it is made; V=1 shows the commands.
$(if $(V),,.SILENT:)
.DELETE_ON_ERROR:

# ---- The Linux libraries ------------------------------------------------------------------------------------------

CORE := $(sort $(shell find src -name '*.c'))
# heap_check() is for tests, so far: it is in no library.
CHECKS := $(filter %check.c,$(CORE))
# posix/malloc.c and whatever else begins with malloc is for libbrainmm-malloc.so only.
MALLOC := $(sort $(wildcard posix/malloc*.c))
POSIX := $(CORE) $(filter-out $(MALLOC),$(sort $(wildcard posix/*.c posix/linux/*.c)))
LIBRARIES_linux := libbrainmm.so libbrainmm-malloc.so

# Without slp-vectorize: gcc pairs two stores of the fast path into one vector and pays four instructions for it.
# initial-exec and -fno-plt: the thread's heap and the system's functions are one load away, not a call.
LINUX_CORE := -fno-tree-slp-vectorize -fPIC -fvisibility=hidden -fno-plt -ftls-model=initial-exec -pthread
# A library that owns the heap is never unloaded. The name has no version: as with brainmm.dll, the ABI only grows.
LINUX_LIBRARY = -shared -pthread -Wl,-soname,$(@F) -Wl,-z,nodelete -Wl,-z,defs -Wl,-z,relro -Wl,-z,now

# Short moves take ten cycles, of which one or two are the chance of where code lies (gcc; clang has no such option).
FLAGS_move.c := -falign-jumps=64

# remember FILE, TEXT, TARGET: FILE holds TEXT, which is a command. It is written anew if the command has changed, so
# that what depends on FILE is made anew as well. Without the target's compiler it ends with a message.
define remember
$1: FORCE | compiler-$3
	mkdir -p $$(@D)
	printf '%s\n' '$(subst ','\'',$2)' | cmp -s - $$@ || printf '%s\n' '$(subst ','\'',$2)' >$$@
endef

# missing TARGET: the packages that its libraries lack.
missing = $(shell $(foreach package,$(NEEDS_build_$1),{ $(HAVE_$(package)); } >/dev/null 2>&1 || echo $(package);))
.PHONY: $(TARGETS:%=compiler-%)
$(TARGETS:%=compiler-%): compiler-%:
	$(if $(call missing,$*),echo "$* cannot be built: missing package $(call missing,$*)" >&2; exit 1)

# core_objects TARGET, FOLDER, COMPILER, OPTIONS: how sources become objects under FOLDER.
define core_objects
$(call remember,$2/command,$3 $4 $(LDFLAGS_$1),$1)
$2/%.o: %.c $2/command
	echo '  $$@'
	mkdir -p $$(@D)
	$3 $(if $(findstring clang,$3),,$$(FLAGS_$$(<F))) $4 -MMD -MP -c -o $$@ $$<
endef

# A library is shipped stripped. What a debugger wants is in a file beside it, to which the library refers. -p: the time
# in a DLL's header is kept, which is none.
# shipped TARGET, LIBRARY
define shipped
build/$1/$2 build/$1/$2.debug &: build/$1/obj/linked/$2
	echo '  build/$1/$2'
	$(OBJCOPY_$1) -p --only-keep-debug $$< build/$1/$2.debug
	chmod -x build/$1/$2.debug
	$(OBJCOPY_$1) -p --strip-unneeded --add-gnu-debuglink=build/$1/$2.debug $$< build/$1/$2
	touch build/$1/$2 build/$1/$2.debug

endef

# The static core is one object: no name in it but those of brainmm.h can clash with a program's, and who uses one
# function gets the beginnings and ends of threads and of the process with it. The compiler's own helper functions are
# in it.
# static_core TARGET, OBJECTS, LINK OPTIONS, OPTIONS OF OBJCOPY
define static_core
build/$1/obj/names: brainmm.def
	mkdir -p $$(@D)
	awk '/^EXPORTS/ { on = 1; next } on && !/^ *(;|$$$$)/ { print "$(UNDERSCORE_$1)" $$$$1 }' $$< >$$@
build/$1/libbrainmm.a: $2 build/$1/obj/names
	echo '  $$@'
	$(CC_$1) -r -nostdlib $3 -o build/$1/obj/linked.o $2 -lgcc
	$(OBJCOPY_$1) $4 --keep-global-symbols=build/$1/obj/names build/$1/obj/linked.o build/$1/obj/brainmm.o
	rm -f $$@ build/$1/obj/linked.o
	$(AR_$1) rcsD $$@ build/$1/obj/brainmm.o
endef

# The shared library's objects export what brainmm.h marks; the static core's, in libbrainmm-malloc.so too, nothing.
define linux_target
$1: $(addprefix build/$1/,$(LIBRARIES_linux) libbrainmm.a)
$(call core_objects,$1,build/$1/obj/shared,$(CC_$1),$(call compile,$1,-Isrc -Iposix) $(LINUX_CORE))
$(call core_objects,$1,build/$1/obj/static,$(CC_$1),$(call compile,$1,-Isrc -Iposix) $(LINUX_CORE) -DBRAINMM_STATIC)
CORE_OBJECTS_$1 := $(POSIX:%.c=build/$1/obj/static/%.o)
$(call static_core,$1,$(patsubst %.c,build/$1/obj/static/%.o,$(filter-out $(CHECKS),$(POSIX))), \
    -Wl$(comma)--force-group-allocation)
build/$1/obj/linked/libbrainmm.so: $(patsubst %.c,build/$1/obj/shared/%.o,$(filter-out $(CHECKS),$(POSIX)))
build/$1/obj/linked/libbrainmm-malloc.so: \
    $(patsubst %.c,build/$1/obj/static/%.o,$(filter-out $(CHECKS),$(POSIX)) $(MALLOC))
$(LIBRARIES_linux:%=build/$1/obj/linked/%):
	mkdir -p $$(@D)
	$(CC_$1) $(LDFLAGS_$1) $$(LINUX_LIBRARY) -o $$@ $$^
$(foreach library,$(LIBRARIES_linux),$(call shipped,$1,$(library)))
endef
$(foreach target,$(call of_system,linux),$(eval $(call linux_target,$(target))))

include Makefile.mingw
include tests/tests.mk
-include demos/demo.mk
-include bench/bench.mk
-include $(shell find build -name '*.d' 2>/dev/null)

# ---- What one calls -----------------------------------------------------------------------------------------------

# A second make: only after set-up is it known which compilers there are.
SECOND = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

demo $(TARGETS:%=demo-%): demo%:
	tools/setup.sh demo $(*:-%=%)
	$(SECOND) run-demo$*

bench:
	tools/setup.sh bench $(BENCH_TARGETS)
	$(SECOND) run-bench

# One half of the tests failing to build must not hide what the other half finds, but is a failure all the same.
check $(TARGETS:%=check-%): check%:
	tools/setup.sh check $(*:-%=%)
	$(SECOND) --keep-going tests$* || built=no; \
	tests/run --jobs=$(JOBS) --built=$${built-yes} $(if $*,--target=$(*:-%=%)) $(TESTS)

# Without goals: what the compilers that are here can build. What is left out is said, and is a failure if it is all.
ifneq ($(filter all,$(or $(MAKECMDGOALS),all)),)
LEFT_OUT := $(foreach target,$(TARGETS),$(if $(call missing,$(target)),$(target)))
all: $(filter-out $(LEFT_OUT),$(TARGETS))
	$(foreach target,$(LEFT_OUT),echo "left out: $(target), for which the package $(call missing,$(target)) is missing";)
	$(if $^,true,echo "nothing can be built" >&2; exit 1)
endif

prefix ?= /usr/local
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
install: $(NATIVE)
	install -d "$(DESTDIR)$(libdir)/pkgconfig" "$(DESTDIR)$(includedir)"
	install -m 644 build/$(NATIVE)/libbrainmm.a "$(DESTDIR)$(libdir)/"
	install -m 755 $(LIBRARIES_linux:%=build/$(NATIVE)/%) "$(DESTDIR)$(libdir)/"
	install -m 644 $(wildcard include/*) "$(DESTDIR)$(includedir)/"
	sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|; s|@version@|$(VERSION)|' \
	    posix/brainmm.pc.in >"$(DESTDIR)$(libdir)/pkgconfig/brainmm.pc"

# The archive has what git has committed. Without git, in a tree unpacked from an archive, it has the same files again.
DIST := brainmm-$(VERSION)
dist:
	rm -rf build/dist
	mkdir -p build/dist/$(DIST)
	if [ -e .git ]; then \
	    git archive HEAD | tar -xf - -C build/dist/$(DIST); \
	else \
	    tar -cf - --exclude=./build . | tar -xf - -C build/dist/$(DIST); \
	fi
	tar -C build/dist --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar \
	    --mtime="@$$(stat -c %Y build/dist/$(DIST)/Makefile)" -cf - $(DIST) | gzip -n >build/$(DIST).tar.gz
	rm -rf build/dist

# What is made anew whenever a make begins; it is newer only if it has changed.
FORCE:

clean:
	rm -rf build
