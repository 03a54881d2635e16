# SPDX-License-Identifier: MIT
# Makefile: the whole project.
#
#   make                     every library for every target, in build/TARGET/
#   make demo                the demo on every target         make check     every test on every target
#   make bench               time and memory against other allocators
#   make check-programs      other people's programs with libbrainmm-malloc.so, by hand
#   make bench-programs      time and memory of these programs
#   make soak                a test of threads, forks and limits for MINUTES (10), by hand
#   make fuzz                fuzzing for MINUTES (10), by hand
#   make view                the page of tools/brainmm-view
#   make abi-baseline        records what the ABI has gained (docs/abi.md, "The policy")
#   make chart               draws the README's chart of what `make bench` has measured
#   make install             the native library (posix/install.sh has the variables); make uninstall removes it
#   make install-win64       the Windows libraries for MinGW; install-win32
#   make dist                the files of a release, in dist/: source, Windows, any Linux, Debian packages
#   make check-ports         the tests of the ports: other processors, musl; make check-PORT tests one
#   make check-dist          tests of the files of a release, as a newcomer uses them, and of brainmm-view's page
#   make clean               removes build/ and dist/
#
# make/targets.mk has the table of targets, make/ports.mk that of ports. The former says which variables choose other
# compilers and options. `make TARGET` builds the libraries of one target; `make check-TARGET` and `make demo-TARGET` do
# the rest for it. The same holds for ports, which are no part of `make`, `make check` and `make demo`. The goals demo,
# check, soak, fuzz and bench install what they need first (tools/setup.sh). `make` alone builds for the compilers that
# it finds. The Windows libraries are in Makefile.mingw, the tests in tests/tests.mk, the demo in demos/demo.mk.

VERSION := 2.0.0
JOBS ?= 2

.PHONY: all demo check check-ports soak fuzz bench check-programs bench-programs view chart abi-baseline install
.PHONY: uninstall dist check-dist clean
all:
include make/targets.mk
.PHONY: $(EVERY) FORCE

CFLAGS ?= -O2 -g
WERROR ?= 1
WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(filter-out 0,$(WERROR)),-Werror)
# compile TARGET, FOLDERS OF HEADERS: the options of every C file. Our folders of headers come before the user's. The
# options that the code needs to be correct come last, so that the user's cannot override them. -ffile-prefix-map keeps
# the name of this folder out of all built files.
compile = -std=gnu11 -Iinclude $2 $(ARCH_$1) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -fno-lto '-ffile-prefix-map=$(CURDIR)=.'

# If ccache is there, what was compiled before is taken from its cache, in whichever folder that was. CCACHE= turns it
# off.
CCACHE ?= $(shell command -v ccache)
CCACHE_DIR ?= $(CACHE)/ccache
CCACHE_BASEDIR := $(CURDIR)
export CCACHE_DIR CCACHE_BASEDIR

# make prints the name of each file that it builds. V=1 shows the commands, too.
$(if $(V),,.SILENT:)
.DELETE_ON_ERROR:

# ---- The Linux libraries ------------------------------------------------------------------------------------------

CORE := $(sort $(shell find src -name '*.c'))
# Only tests call heap_structures_check(), so it is in no library.
CHECKS := $(filter %check.c,$(CORE))
# The files posix/malloc*.c are for libbrainmm-malloc.so only. Two of them are about functions that only glibc has.
MALLOC := $(sort $(wildcard posix/malloc*.c))
malloc_of = $(filter-out $(if $(LIBC_$1),posix/malloc_dlopen.c posix/malloc_info.c),$(MALLOC))
POSIX := $(CORE) $(filter-out $(MALLOC),$(sort $(wildcard posix/*.c posix/linux/*.c)))
LIBRARIES_linux := $(LIBRARY_linux) libbrainmm-malloc.so

# -fno-tree-slp-vectorize: otherwise gcc makes one vector store of two stores on the fast path, which takes four more
# instructions. initial-exec and -fno-plt: one load finds the thread's heap or a function of the C library. Otherwise it
# takes a call or a second jump.
# linux_core TARGET
linux_core = -fno-tree-slp-vectorize -fPIC -fvisibility=hidden -fno-plt -pthread \
    $(or $(TLS_$1),-ftls-model=initial-exec)
# nodelete: a library that owns the heap must not be unloaded. Only the library's symbols have versions: those of
# libbrainmm-malloc.so take the place of symbols of the C library.
LINUX_LIBRARY = -shared -pthread -Wl,-soname,$(@F) -Wl,-z,nodelete -Wl,-z,defs -Wl,-z,relro -Wl,-z,now \
    $(if $(filter $(LIBRARY_linux),$(@F)),-Wl$(comma)--version-script=posix/brainmm.map)

# A short move takes ten cycles. Without aligned jumps, one or two of them depend on where the code happens to lie. Only
# gcc has this option.
FLAGS_move.c := -falign-jumps=64

# remember FILE, TEXT, TARGET: FILE holds TEXT, a command. It is written only if the command has changed; what depends
# on FILE is then built again. If the compiler of TARGET is missing, make ends with a message.
define remember
$1: FORCE | compiler-$3
	mkdir -p $$(@D)
	printf '%s\n' '$(subst ','\'',$2)' | cmp -s - $$@ || printf '%s\n' '$(subst ','\'',$2)' >$$@
endef

# missing TARGET: the packages that its libraries need and that are not installed. The shell of such a function does not
# have what a make before 4.4 exports.
missing = $(shell PATH='$(PATH)'; $(foreach package,$(NEEDS_build_$1), \
    { $(HAVE_$(package)); } >/dev/null 2>&1 || echo $(package);))
.PHONY: $(EVERY:%=compiler-%)
$(EVERY:%=compiler-%): compiler-%:
	$(if $(call missing,$*),echo "$* cannot be built: missing package $(call missing,$*)" >&2; exit 1)

# core_objects TARGET, FOLDER, COMPILER, OPTIONS: how sources become objects under FOLDER.
define core_objects
$(call remember,$2/command,$3 $4 $(LDFLAGS_$1),$1)
$2/%.o: %.c $2/command
	echo '  $$@'
	mkdir -p $$(@D)
	$(CCACHE) $3 $(if $(findstring clang,$3),,$$(FLAGS_$$(<F))) $4 -MMD -MP -c -o $$@ $$<
endef

# Libraries are stripped. The debug information is in a file beside the library, and the library refers to that file.
# -p keeps the time in a DLL's header, which is zero.
# shipped TARGET, LIBRARY
define shipped
build/$1/$2 build/$1/$2.debug &: build/$1/obj/linked/$2
	echo '  build/$1/$2'
	$(OBJCOPY_$1) -p --only-keep-debug $$< build/$1/$2.debug
	chmod -x build/$1/$2.debug
	$(OBJCOPY_$1) -p --strip-unneeded --add-gnu-debuglink=build/$1/$2.debug $$< build/$1/$2
	touch build/$1/$2 build/$1/$2.debug

endef

# The static core is one object, for two reasons. All its names except those of brainmm.h can be local, so that they
# cannot clash with a program's. And a program that uses any function also gets the code that runs at the beginning and
# end of a thread and of the process. The compiler's helper functions (libgcc) are in the object, too.
# static_core TARGET, OBJECTS, LINK OPTIONS, OPTIONS OF OBJCOPY, NAME OF THE LIBRARY, FILE WITH ITS NAMES
define static_core
build/$1/lib$5.a: $2 build/$1/obj/$6
	echo '  $$@'
	$(CC_$1) -r -nostdlib $3 -o build/$1/obj/linked-$5.o $2 -lgcc
	$(OBJCOPY_$1) $4 --keep-global-symbols=build/$1/obj/$6 build/$1/obj/linked-$5.o build/$1/obj/$5.o
	rm -f $$@ build/$1/obj/linked-$5.o
	$(AR_$1) rcsD $$@ build/$1/obj/$5.o
endef

# The names of brainmm.h, as objects have them.
define names
build/$1/obj/names: brainmm.def
	mkdir -p $$(@D)
	awk '/^EXPORTS/ { on = 1; next } on && !/^ *(;|$$$$)/ { print "$(UNDERSCORE_$1)" $$$$1 }' $$< >$$@
endef
$(foreach target,$(EVERY),$(eval $(call names,$(target))))

# The objects of libbrainmm.so export what brainmm.h marks. Those of the static core export nothing;
# libbrainmm-malloc.so is made of them, too.
define linux_target
$1: $(addprefix build/$1/,$(LIBRARIES_linux) libbrainmm.so libbrainmm.a)
# The name that -lbrainmm means
build/$1/libbrainmm.so: build/$1/$(LIBRARY_linux)
	ln -sf $$(<F) $$@
$(call core_objects,$1,build/$1/obj/shared,$(CC_$1),$(call compile,$1,-Isrc -Iposix) $(call linux_core,$1))
$(call core_objects,$1,build/$1/obj/static,$(CC_$1),$(call compile,$1,-Isrc -Iposix) $(call linux_core,$1) \
    -DBRAINMM_STATIC)
CORE_OBJECTS_$1 := $(POSIX:%.c=build/$1/obj/static/%.o)
$(call static_core,$1,$(patsubst %.c,build/$1/obj/static/%.o,$(filter-out $(CHECKS),$(POSIX))), \
    -Wl$(comma)--force-group-allocation,,brainmm,names)
build/$1/obj/linked/$(LIBRARY_linux): $(patsubst %.c,build/$1/obj/shared/%.o,$(filter-out $(CHECKS),$(POSIX))) \
    posix/brainmm.map
build/$1/obj/linked/libbrainmm-malloc.so: \
    $(patsubst %.c,build/$1/obj/static/%.o,$(filter-out $(CHECKS),$(POSIX)) $(call malloc_of,$1))
$(LIBRARIES_linux:%=build/$1/obj/linked/%):
	mkdir -p $$(@D)
	$(or $(LINK_$1),$(CC_$1)) $(LDFLAGS_$1) $$(LINUX_LIBRARY) -o $$@ $$(filter %.o,$$^) $(LINK_WITH_$1)
$(foreach library,$(LIBRARIES_linux),$(call shipped,$1,$(library)))
endef
$(foreach target,$(call every_of_system,linux),$(eval $(call linux_target,$(target))))

# tools/brainmm-view puts dumps into this page.
VIEW := build/view/brainmm-view.html

include Makefile.mingw
include Makefile.zig
include tests/tests.mk
-include demos/demo.mk
-include bench/bench.mk
-include $(shell find build -name '*.d' 2>/dev/null)

# ---- The goals ----------------------------------------------------------------------------------------------------

# A second make, because this one has looked for compilers before the set-up installed them.
SECOND = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

demo $(EVERY:%=demo-%): demo%:
	tools/setup.sh demo $(*:-%=%)
	$(SECOND) run-demo$*

bench:
	tools/setup.sh bench $(BENCH_TARGETS)
	$(SECOND) run-bench

# One of these programs may not be run by root, so the folder is one that others can read, too.
# PROGRAMS_TARGETS=linux-x86_64 leaves out the programs for Windows, PROGRAMS="git php" runs these alone.
PROGRAMS_FOLDER ?= $(or $(TMPDIR),/tmp)/brainmm-programs
PROGRAMS ?=
PROGRAMS_OPTIONS ?=
PROGRAMS_TARGETS ?= $(NATIVE) $(call of_system,windows)
check-programs:
	tools/setup.sh programs $(PROGRAMS_TARGETS)
	$(SECOND) $(PROGRAMS_TARGETS)
	$(foreach target,$(filter $(NATIVE),$(PROGRAMS_TARGETS)), \
	    tools/programs/run.py $(PROGRAMS_OPTIONS) '$(PROGRAMS_FOLDER)' $(PROGRAMS) &&) true
	$(foreach target,$(filter-out $(NATIVE),$(PROGRAMS_TARGETS)), \
	    tools/windows-programs.sh $(target) '$(PROGRAMS_FOLDER)/$(target)' &&) true

bench-programs:
	tools/setup.sh programs $(NATIVE)
	$(SECOND) $(NATIVE) build/$(NATIVE)/bench/measure
	tools/programs/run.py --measure --allocator=mimalloc-debian=libmimalloc.so.2.0 $(PROGRAMS_OPTIONS) \
	    '$(PROGRAMS_FOLDER)' $(PROGRAMS)

# If some tests cannot be built, the others still run, and the whole run counts as failed. The targets of `make check`
# have their tests in tests/list. tests/ports/list says which of these the ports have, and adds more.
check $(TARGETS:%=check-%): check%:
	tools/setup.sh check $(*:-%=%)
	$(SECOND) --keep-going tests$* || built=no; \
	tests/run --jobs=$(JOBS) --built=$${built-yes} $(if $*,--target=$(*:-%=%)) $(TESTS)

check-ports $(PORTS:%=check-%): check-%:
	tools/setup.sh check $(or $(filter $*,$(PORTS)),$(PORTS))
	$(SECOND) --keep-going $(patsubst %,tests-%,$(or $(filter $*,$(PORTS)),$(PORTS))) || built=no; \
	tests/run --ports --jobs=$(JOBS) --built=$${built-yes} $(if $(filter $*,$(PORTS)),--target=$*) $(TESTS)

$(VIEW): $(wildcard tools/view/*)
	echo '  $@'
	mkdir -p $(@D)
	python3 tools/view/bundle.py '$(CACHE)/view' $@
view:
	tools/setup.sh view $(NATIVE)
	$(SECOND) $(VIEW)

# The chart of the README, of what `make bench` has measured.
chart:
	tools/setup.sh dist $(NATIVE)
	node bench/chart.mjs '$(CACHE)/view' bench/results/$(NATIVE).csv bench/results/$(NATIVE).svg

# What is recorded is compared by the test `abi`. All targets are recorded, or none.
abi-baseline:
	tools/setup.sh check
	$(SECOND) $(TARGETS)
	/usr/bin/python3 tests/abi/abi.py record $(TARGETS)

# With TESTS, the files of a release stay as they are.
check-dist:
	tools/setup.sh dist
	$(SECOND) --keep-going tests-dist $(if $(TESTS),,dist) || built=no; \
	tests/run --list=tests/dist/list --jobs=$(JOBS) --built=$${built-yes} $(TESTS)

MINUTES ?= 10
SEED = $(shell date +%s)
soak $(EVERY:%=soak-%): soak%:
	tools/setup.sh check $(*:-%=%)
	$(SECOND) $(foreach target,$(or $(*:-%=%),$(TARGETS)),build/$(target)/tests/soak-core$(EXE_$(target)))
	tests/soak $(MINUTES) $(SEED) $(JOBS) $(or $(*:-%=%),$(TARGETS))

FUZZ := $(basename $(notdir $(wildcard tests/fuzz/*.corpus)))
fuzz:
	tools/setup.sh check $(NATIVE)
	$(SECOND) $(FUZZ:%=build/$(NATIVE)/tests/fuzz/%-fuzz)
	printf '%s\n' $(FUZZ) | xargs -P $(JOBS) -I NAME sh tests/fuzz.sh NAME $(MINUTES) m

# Without a goal, make builds the targets whose compilers are installed. It names those that it leaves out, and fails if
# it leaves out all.
ifneq ($(filter all,$(or $(MAKECMDGOALS),all)),)
LEFT_OUT := $(foreach target,$(TARGETS),$(if $(call missing,$(target)),$(target)))
all: $(filter-out $(LEFT_OUT),$(TARGETS))
	$(foreach target,$(LEFT_OUT),echo "$(target) is left out: missing package $(call missing,$(target))";)
	$(if $^,true,echo "nothing can be built" >&2; exit 1)
endif

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
mallocdir ?= $(libdir)
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
pascaldir ?= $(prefix)/share/brainmm/pascal
STRIP ?= yes
install: $(NATIVE)
install uninstall:
	$(foreach name,DESTDIR prefix bindir libdir mallocdir includedir mandir pascaldir STRIP VERSION,\
	    $(name)='$($(name))') library=$(LIBRARY_linux) BUILD=build/$(NATIVE) posix/install.sh $@

# install-win64, install-win32: a folder below prefix is named as the compiler names the target.
windows_folder = $(prefix)/$(patsubst %-,%,$(BINUTILS_$1))
$(foreach target,$(call of_system,windows),install-$(target)): install-%: %
	install -d "$(DESTDIR)$(call windows_folder,$*)/bin" "$(DESTDIR)$(call windows_folder,$*)/include" \
	    "$(DESTDIR)$(call windows_folder,$*)/lib/pkgconfig"
	install -m 755 $(LIBRARIES_windows:%=build/$*/%) "$(DESTDIR)$(call windows_folder,$*)/bin/"
	install -m 644 $(ARCHIVES_windows:%=build/$*/%) "$(DESTDIR)$(call windows_folder,$*)/lib/"
	install -m 644 $(wildcard include/*) "$(DESTDIR)$(call windows_folder,$*)/include/"
	sed -e 's|@prefix@|$(call windows_folder,$*)|; s|@version@|$(VERSION)|; s|@underscore@|$(UNDERSCORE_$*)|' \
	    win32/malloc/brainmm-malloc.pc.in >"$(DESTDIR)$(call windows_folder,$*)/lib/pkgconfig/brainmm-malloc.pc"

dist:
	tools/setup.sh release
	packaging/dist.sh $(VERSION)

# Every make runs the recipe of a file that depends on FORCE. The recipe writes the file only if it has changed.
FORCE:

clean:
	rm -rf build dist
