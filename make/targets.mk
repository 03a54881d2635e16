# SPDX-License-Identifier: MIT
# targets.mk: the table of targets. One block for each target says with what it is built, run and tested. The make
# files, the scripts and the benchmarks ask this table, and none of them keeps a list of its own. `make` and
# `make check` are for these targets. ports.mk has a table of more, the ports.
#
#   tools/target             prints the names of the targets
#   tools/target --ports     prints the names of the ports
#   tools/target win64       prints the facts of one, as assignments for a shell
#
# A new target of a known system needs one block. A new system also needs a block under "Systems" below, a folder of
# sources, and rules for its libraries, as in Makefile (Linux) and Makefile.mingw (Windows).
# The facts of a target, each a variable FACT_TARGET:
#
#   SYSTEM       linux, windows or darwin
#   BITS         32 or 64; not every kernel executes 32-bit programs, see tools/executes
#   CC CXX       the compilers, with the option that selects the target
#   BINUTILS     the beginning of the names of ar, nm, objcopy, objdump
#   ARCH         the oldest processor that the target runs on, and its calling convention
#   UNDERSCORE   the prefix of a C function's name in an object file
#   RUN          the command that runs a program of the target; empty: none is needed
#   LOADER       the dynamic loader of programs, if it is not in the system's usual place
#   CHECK        the options that link a suite of the test framework Check
#   CLANG        clang's command, if the tests compile the headers with it, too
#   FPC_CPU FPC_SYSTEM    Free Pascal's names of the processor and of the system
#   FPC_START    Free Pascal's units with the start of a program; empty: Debian's package has all units
#   FPC_PIC      Free Pascal's option for position-independent code
#   BENCH        not empty: `make bench` measures the target if BENCH_TARGETS is not set
#   NEEDS_build NEEDS_demo NEEDS_check NEEDS_bench    Debian's packages; a word with + is a step of tools/setup.sh
#   NEEDS_programs    the packages of the programs that tools/programs runs
#   NEEDS_view NEEDS_release NEEDS_dist    what the page of brainmm-view, `make dist` and `make check-dist` need
#
# The user may set, in the environment or on the command line:
#   CFLAGS CPPFLAGS            for every target; CFLAGS replaces -O2 -g
#   CC CXX AR LDFLAGS          for the native target
#   LINK                       what links the native target's shared libraries, if it is not CC
#   CC_win64 LDFLAGS_win64 ... for another target, here win64
#   WERROR=0                   warnings are not errors

comma := ,
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/brainmm
# The compilers that tools/setup-cross.sh has put there
export PATH := $(PATH):$(CACHE)/cross/bin
# given NAME, DEFAULT: the value that the user has set, in the environment or on the command line, or else DEFAULT.
given = $(if $(filter default undefined,$(origin $1)),$2,$($1))
INFO := python3-pefile python3-pyelftools
FREE_PASCAL := fp-compiler-3.2.2 fp-units-rtl-3.2.2 fpc-source-3.2.2 +fpc

# ---- linux-x86_64 -------------------------------------------------------------------------------------------------

TARGETS := linux-x86_64
SYSTEM_linux-x86_64 := linux
BITS_linux-x86_64 := 64
CC_linux-x86_64 := $(call given,CC,gcc)
CXX_linux-x86_64 := $(call given,CXX,g++)
AR_linux-x86_64 := $(call given,AR,ar)
BINUTILS_linux-x86_64 :=
ARCH_linux-x86_64 :=
UNDERSCORE_linux-x86_64 :=
RUN_linux-x86_64 :=
LOADER_linux-x86_64 :=
CHECK_linux-x86_64 := -lcheck_pic -lsubunit -lrt -lm
CLANG_linux-x86_64 := clang
FPC_CPU_linux-x86_64 := x86_64
FPC_SYSTEM_linux-x86_64 := linux
FPC_START_linux-x86_64 :=
FPC_PIC_linux-x86_64 := -Cg
BENCH_linux-x86_64 := yes
NEEDS_build_linux-x86_64 := gcc libc6-dev
NEEDS_demo_linux-x86_64 := $(FREE_PASCAL)
NEEDS_check_linux-x86_64 := $(FREE_PASCAL) $(INFO) g++ check python3 clang libclang-rt-dev valgrind clang-format gdb \
    ccache git sqlite3 xz-utils libc++-dev libc++abi-dev lcl-utils-2.2 lazarus-src-2.2 cmake pkg-config go-md2man \
    abigail-tools
NEEDS_bench_linux-x86_64 := $(FREE_PASCAL) python3 libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4
NEEDS_programs_linux-x86_64 := python3 libmimalloc2.0 g++ clang clang-format gdb git perl sqlite3 xz-utils \
    libpython3.11-testsuite nodejs ruby php-cli php-mbstring php-xml php-intl php-sqlite3 default-jdk-headless \
    redis-server redis-tools postgresql postgresql-contrib ghostscript chromium
NEEDS_view_linux-x86_64 := python3 npm +npm
NEEDS_release_linux-x86_64 := git xz-utils zip llvm debhelper dpkg-dev go-md2man cmark-gfm python3 npm +zig
NEEDS_dist_linux-x86_64 := $(NEEDS_release_linux-x86_64) $(NEEDS_view_linux-x86_64) chromium unzip lintian cmake \
    pkg-config g++ gdb $(FREE_PASCAL) debootstrap +root

# ---- linux-i386 ---------------------------------------------------------------------------------------------------

TARGETS += linux-i386
SYSTEM_linux-i386 := linux
BITS_linux-i386 := 32
# gcc -m32 or a cross compiler. A cross compiler's programs must name its loader and the folder of its libraries.
CC_linux-i386 := $(or $(shell tools/i386-compiler),gcc -m32)
CXX_linux-i386 := $(subst gcc,g++,$(CC_linux-i386))
BINUTILS_linux-i386 := $(if $(filter i686-linux-gnu-gcc,$(CC_linux-i386)),i686-linux-gnu-)
ARCH_linux-i386 := -march=pentium4 -mfpmath=sse -Wno-psabi
UNDERSCORE_linux-i386 :=
RUN_linux-i386 :=
LOADER_linux-i386 := $(if $(BINUTILS_linux-i386),/usr/i686-linux-gnu/lib/ld-linux.so.2)
CHECK_linux-i386 := -L'$(CACHE)/check/linux-i386/lib' -lcheck -lrt -lm
# Without gcc -m32, clang has no headers for 32 bit.
CLANG_linux-i386 := $(if $(filter -m32,$(CC_linux-i386)),clang -m32)
FPC_CPU_linux-i386 := i386
FPC_SYSTEM_linux-i386 := linux
FPC_START_linux-i386 := si_prc.pp si_c.pp si_c21.pp si_c21g.pp si_dll.pp si_uc.pp
FPC_PIC_linux-i386 :=
BENCH_linux-i386 :=
NEEDS_build_linux-i386 := gcc-multilib
NEEDS_demo_linux-i386 := $(FREE_PASCAL) +qemu
NEEDS_check_linux-i386 := $(FREE_PASCAL) $(INFO) g++-multilib clang python3 cmake +check +qemu
NEEDS_bench_linux-i386 := $(FREE_PASCAL) python3

# ---- win64 --------------------------------------------------------------------------------------------------------

TARGETS += win64
SYSTEM_win64 := windows
BITS_win64 := 64
CC_win64 ?= x86_64-w64-mingw32-gcc
CXX_win64 ?= x86_64-w64-mingw32-g++
BINUTILS_win64 := x86_64-w64-mingw32-
# In the small code model, code reaches the library's own data directly, not through a table.
ARCH_win64 := -mcmodel=small
UNDERSCORE_win64 :=
RUN_win64 := tools/wine-run win64
LOADER_win64 :=
CHECK_win64 := -L'$(CACHE)/check/win64/lib' -lcheck -lshlwapi
CLANG_win64 := clang --target=x86_64-w64-windows-gnu
FPC_CPU_win64 := x86_64
FPC_SYSTEM_win64 := win64
FPC_START_win64 := sysinit.pp
FPC_PIC_win64 :=
BENCH_win64 := yes
NEEDS_build_win64 := gcc-mingw-w64-x86-64-win32
NEEDS_demo_win64 := $(FREE_PASCAL) wine wine64 +wine
NEEDS_check_win64 := $(NEEDS_demo_win64) $(INFO) g++-mingw-w64-x86-64-win32 python3 cmake +check clang +programs
NEEDS_programs_win64 := wine wine64 +wine tcl npm
NEEDS_bench_win64 := $(NEEDS_demo_win64) python3
NEEDS_release_win64 := $(FREE_PASCAL)
NEEDS_dist_win64 := $(NEEDS_demo_win64) g++-mingw-w64-x86-64-win32 clang lld cmake unzip llvm $(INFO)

# ---- win32 --------------------------------------------------------------------------------------------------------

TARGETS += win32
SYSTEM_win32 := windows
BITS_win32 := 32
CC_win32 ?= i686-w64-mingw32-gcc
CXX_win32 ?= i686-w64-mingw32-g++
BINUTILS_win32 := i686-w64-mingw32-
# On x86, callers from Delphi, Free Pascal and MSVC align the stack to 4 bytes only.
ARCH_win32 := -march=pentium4 -mfpmath=sse -mincoming-stack-boundary=2
UNDERSCORE_win32 := _
RUN_win32 := tools/wine-run win32
LOADER_win32 :=
CHECK_win32 := -L'$(CACHE)/check/win32/lib' -lcheck -lshlwapi
CLANG_win32 := clang --target=i686-w64-windows-gnu
FPC_CPU_win32 := i386
FPC_SYSTEM_win32 := win32
FPC_START_win32 := sysinitpas.pp
FPC_PIC_win32 :=
BENCH_win32 := yes
NEEDS_build_win32 := gcc-mingw-w64-i686-win32
NEEDS_demo_win32 := $(FREE_PASCAL) wine wine64 +wine32 +wine
NEEDS_check_win32 := $(NEEDS_demo_win32) $(INFO) g++-mingw-w64-i686-win32 python3 cmake +check clang +programs
NEEDS_programs_win32 := wine wine64 +wine32 +wine tcl npm
NEEDS_bench_win32 := $(NEEDS_demo_win32) python3
NEEDS_release_win32 := $(FREE_PASCAL)
NEEDS_dist_win32 := $(NEEDS_demo_win32) g++-mingw-w64-i686-win32 clang lld cmake unzip llvm $(INFO)

include make/ports.mk
EVERY := $(TARGETS) $(PORTS)

# ---- Systems: what their targets have in common -------------------------------------------------------------------

# EXE, DLL: how the names of programs and of modules end. LIBRARY: the file that a program needs beside it, on Linux the
# soname. Its number is that of the ABI. IMPORT: the file that a program is linked with. STATIC: the options that the
# static core needs at the link; README.md and brainmm.h give the same.
EXE_linux :=
DLL_linux := .so
LIBRARY_linux := libbrainmm.so.2
IMPORT_linux := libbrainmm.so.2
STATIC_linux := -pthread

EXE_windows := .exe
DLL_windows := .dll
LIBRARY_windows := brainmm.dll
IMPORT_windows := libbrainmm.dll.a
STATIC_windows :=

EXE_darwin :=
DLL_darwin := .dylib
LIBRARY_darwin := libbrainmm.2.dylib
IMPORT_darwin := libbrainmm.2.dylib
STATIC_darwin :=

NATIVE := linux-x86_64
LDFLAGS_$(NATIVE) := $(LDFLAGS)
LINK_$(NATIVE) := $(LINK)
define target_facts
AR_$1 ?= $(BINUTILS_$1)ar
NM_$1 := $(BINUTILS_$1)nm
OBJCOPY_$1 := $(BINUTILS_$1)objcopy
OBJDUMP_$1 := $(BINUTILS_$1)objdump
$(foreach fact,EXE DLL LIBRARY IMPORT STATIC,$(eval $(fact)_$1 := $($(fact)_$(SYSTEM_$1))))
endef
$(foreach target,$(EVERY),$(eval $(call target_facts,$(target))))
# of_system SYSTEM: its targets. every_of_system SYSTEM: its targets and ports.
every_of_system = $(foreach target,$(EVERY),$(if $(filter $1,$(SYSTEM_$(target))),$(target)))
of_system = $(filter $(TARGETS),$(call every_of_system,$1))

# ---- Packages: for each one a command that tests whether it is installed ------------------------------------------

HAVE_gcc = command -v $(CC_linux-x86_64)
HAVE_g++ = command -v $(CXX_linux-x86_64)
HAVE_libc6-dev = test -e /usr/include/stdio.h
HAVE_gcc-multilib = tools/i386-compiler
HAVE_g++-multilib = tools/i386-compiler c++
HAVE_gcc-mingw-w64-x86-64-win32 = command -v $(CC_win64)
HAVE_g++-mingw-w64-x86-64-win32 = command -v $(CXX_win64)
HAVE_gcc-mingw-w64-i686-win32 = command -v $(CC_win32)
HAVE_g++-mingw-w64-i686-win32 = command -v $(CXX_win32)
HAVE_wine = command -v wine
HAVE_qemu-user-static = command -v qemu-aarch64-static
HAVE_wine64 = test -e /usr/lib/wine/wine64
HAVE_clang = command -v clang
HAVE_libclang-rt-dev = clang -print-file-name=libclang_rt.tsan-x86_64.a | grep -q /
HAVE_clang-format = command -v clang-format
HAVE_valgrind = command -v valgrind
HAVE_gdb = command -v gdb
HAVE_check = test -e /usr/include/check.h
HAVE_cmake = command -v cmake
HAVE_python3 = test -e /usr/bin/python3
HAVE_fp-compiler-3.2.2 = test -e /usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64
HAVE_fp-units-rtl-3.2.2 = test -e /usr/lib/x86_64-linux-gnu/fpc/3.2.2/units/x86_64-linux/rtl-objpas/variants.ppu
HAVE_fpc-source-3.2.2 = test -e /usr/share/fpcsrc/3.2.2/rtl/win64/system.pp
HAVE_lcl-utils-2.2 = command -v lazbuild-2.2.6
HAVE_lazarus-src-2.2 = test -e /usr/lib/lazarus/2.2.6/packager/registration/fcl.lpk
HAVE_libc++-dev = clang++ -stdlib=libc++ -x c++ -include new -fsyntax-only /dev/null
HAVE_libc++abi-dev = test -e /usr/lib/x86_64-linux-gnu/libc++abi.so
HAVE_zip = command -v zip
HAVE_unzip = command -v unzip
HAVE_npm = command -v npm
HAVE_cmark-gfm = command -v cmark-gfm
HAVE_llvm = command -v llvm-dlltool
HAVE_lld = command -v lld-link
HAVE_debhelper = command -v dh
HAVE_dpkg-dev = command -v dpkg-buildpackage
HAVE_lintian = command -v lintian
HAVE_debootstrap = PATH=$$PATH:/usr/sbin:/sbin command -v debootstrap
HAVE_python3-pefile = /usr/bin/python3 -c "import pefile"
HAVE_python3-pyelftools = /usr/bin/python3 -c "import elftools"
HAVE_git = command -v git
HAVE_ccache = command -v ccache
HAVE_abigail-tools = command -v abidiff
HAVE_pkg-config = command -v pkg-config
HAVE_go-md2man = command -v go-md2man
HAVE_tcl = command -v tclsh
HAVE_perl = command -v perl
HAVE_sqlite3 = command -v sqlite3
HAVE_xz-utils = command -v xz
$(foreach package,libpython3.11-testsuite nodejs ruby php-cli php-mbstring php-xml php-intl php-sqlite3 \
    default-jdk-headless redis-server redis-tools postgresql postgresql-contrib ghostscript chromium, \
    $(eval HAVE_$(package) = dpkg-query --show $(package)))
HAVE_libmimalloc2.0 = dpkg-query --show libmimalloc2.0
HAVE_libjemalloc2 = dpkg-query --show libjemalloc2
HAVE_libtcmalloc-minimal4 = dpkg-query --show libtcmalloc-minimal4
GOALS := build demo check bench programs view release dist
PACKAGES := $(sort $(filter-out +%,$(foreach target,$(EVERY),$(foreach goal,$(GOALS),$(NEEDS_$(goal)_$(target))))))

# ---- The table as text, for tools/target: a line is KIND NAME FACT VALUE... ---------------------------------------

include make/modes.mk

PRINTED := SYSTEM PORT LIBC SLOWER BITS CC CXX AR NM OBJCOPY OBJDUMP BINUTILS ARCH UNDERSCORE RUN LOADER EXE DLL \
    LIBRARY IMPORT STATIC CLANG FPC_CPU FPC_SYSTEM FPC_START FPC_PIC NEEDS_build NEEDS_demo NEEDS_check NEEDS_bench \
    NEEDS_programs NEEDS_view NEEDS_release NEEDS_dist

.PHONY: table
table:
	$(foreach target,$(EVERY),$(foreach fact,$(PRINTED),$(info target $(target) $(fact) $($(fact)_$(target)))))
	$(foreach mode,$(MODES),$(foreach fact,$(PRINTED_MODE),$(info mode $(mode) $(fact) $($(fact)_$(mode)))))
	$(foreach package,$(PACKAGES),$(info package $(package) HAVE $(HAVE_$(package))))
	@:
