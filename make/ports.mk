# SPDX-License-Identifier: MIT
# ports.mk: the table of ports, which are targets beyond those of `make` and `make check`. Included by targets.mk, whose
# head explains the facts. `make PORT` builds one, `make check-PORT` tests it, and `make check-ports` tests all.
# tests/ports/list says which tests run for which port. docs/ports.md says what was run, and how.
#
# More facts of ports:
#   PORT         yes
#   RUN          `nothing`, if nothing on a usual machine executes programs of the port
#   LIBC         the C library, where it is not the one that the system usually has: musl
#   SLOWER       how many times the seconds of tests/list a test may take
#   THREAD_WORD  the options that say how code finds its thread-local words, if they are not those of Linux with glibc
#
# The cross compilers of Debian conflict with gcc-multilib. So tools/setup-cross.sh takes the packages apart in the
# cache. A compiler that is installed comes first.

# cross_facts PORT, TRIPLET, BITS: what each port has that is built by a cross compiler of Debian's and run by qemu.
define cross_facts
SYSTEM_$1 := linux
PORT_$1 := yes
BITS_$1 := $3
CC_$1 ?= $2-gcc
CXX_$1 ?= $2-g++
BINUTILS_$1 := $2-
RUN_$1 := tools/qemu-run $2
CHECK_$1 := -L'$(CACHE)/check/$1/lib' -lcheck -lrt -lm
SLOWER_$1 := 5
NEEDS_build_$1 := gcc-$2
NEEDS_check_$1 := $(INFO) gcc-$2 python3 cmake +check qemu-user-static +binfmt
NEEDS_demo_$1 := gcc-$2 qemu-user-static +binfmt
HAVE_gcc-$2 = command -v $2-gcc
endef

PORTS := linux-aarch64
$(eval $(call cross_facts,linux-aarch64,aarch64-linux-gnu,64))

PORTS += linux-armhf
$(eval $(call cross_facts,linux-armhf,arm-linux-gnueabihf,32))

PORTS += linux-riscv64
$(eval $(call cross_facts,linux-riscv64,riscv64-linux-gnu,64))

# Its bytes have the other order: the most significant one comes first.
PORTS += linux-s390x
$(eval $(call cross_facts,linux-s390x,s390x-linux-gnu,64))

# zig_facts PORT, SYSTEM, SYSTEM AND PROCESSOR FOR ZIG, PREFIX OF NAMES IN AN OBJECT FILE: what each port has that zig
# compiles. There is no program that executes them here.
define zig_facts
SYSTEM_$1 := $2
PORT_$1 := yes
BITS_$1 := 64
CC_$1 ?= tools/zig-clang $3
CXX_$1 ?= tools/zig-clang $3
BINUTILS_$1 := llvm-
UNDERSCORE_$1 := $4
RUN_$1 := nothing
NEEDS_build_$1 := zig lld llvm
NEEDS_check_$1 := $(INFO) zig lld llvm python3
endef
HAVE_zig = cmp -s tools/zig/package-lock.json '$(CACHE)/zig/ready'

PORTS += macos-arm64
$(eval $(call zig_facts,macos-arm64,darwin,aarch64-macos.11.0,_))

PORTS += macos-x86_64
$(eval $(call zig_facts,macos-x86_64,darwin,x86_64-macos.10.13,_))

PORTS += windows-arm64
$(eval $(call zig_facts,windows-arm64,windows,aarch64-windows-gnu,))
