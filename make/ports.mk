# SPDX-License-Identifier: MIT
# ports.mk: the table of ports, which are targets beyond those of `make` and `make check`. Included by targets.mk, whose
# head explains the facts. `make PORT` builds one, `make check-PORT` tests it, and `make check-ports` tests all.
# tests/ports/list says which tests run for which port. docs/ports.md says what was run, and how.
#
# More facts of ports:
#   PORT         yes
#   RUN          `nothing`, if nothing on a usual machine executes programs of the port
#   LIBC         the C library, where it is not the one that the system usually has: musl
#   LINK_WITH    what the libraries are linked with
#   SLOWER       how many times the seconds of tests/list a test may take
#   TLS          how the libraries find their thread-local words, if not as with glibc
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
# The compiler calls it for atomic variables of less than four bytes. The libraries are to need the C library only.
LINK_WITH_linux-riscv64 := -Wl,--push-state,-Bstatic -latomic -Wl,--pop-state

# Its bytes have the other order: the most significant one comes first.
PORTS += linux-s390x
$(eval $(call cross_facts,linux-s390x,s390x-linux-gnu,64))

# ---- musl ---------------------------------------------------------------------------------------------------------

# musl's loader refuses to load a library later that finds its thread-local words as those of a program are found
# (initial-exec). With descriptors it does, and glibc is left as it is. Linux's own headers are those of the machine.
PORTS += linux-x86_64-musl
SYSTEM_linux-x86_64-musl := linux
PORT_linux-x86_64-musl := yes
LIBC_linux-x86_64-musl := musl
BITS_linux-x86_64-musl := 64
CC_linux-x86_64-musl ?= musl-gcc
ARCH_linux-x86_64-musl := -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu
TLS_linux-x86_64-musl := -ftls-model=global-dynamic -mtls-dialect=gnu2
CHECK_linux-x86_64-musl := -L'$(CACHE)/check/linux-x86_64-musl/lib' -lcheck
# A processor executes it, but musl's own functions are slower.
SLOWER_linux-x86_64-musl := 2
NEEDS_build_linux-x86_64-musl := gcc libc6-dev musl-tools
NEEDS_check_linux-x86_64-musl := $(INFO) python3 cmake +check
HAVE_musl-tools = command -v musl-gcc

# tools/setup-cross.sh takes musl from the packages for arm64, and makes a musl-gcc of the cross compiler.
PORTS += linux-aarch64-musl
$(eval $(call cross_facts,linux-aarch64-musl,aarch64-linux-musl,64))
LIBC_linux-aarch64-musl := musl
CHECK_linux-aarch64-musl := -L'$(CACHE)/check/linux-aarch64-musl/lib' -lcheck
NEEDS_check_linux-aarch64-musl := gcc-aarch64-linux-gnu $(NEEDS_check_linux-aarch64-musl)
CXX_linux-aarch64-musl :=
BINUTILS_linux-aarch64-musl := aarch64-linux-gnu-
# libgcc's functions for atomic variables ask glibc what the processor has, so there is none of them.
ARCH_linux-aarch64-musl := -mno-outline-atomics -idirafter '$(CACHE)/cross/usr/aarch64-linux-gnu/include'
TLS_linux-aarch64-musl := -ftls-model=global-dynamic
NEEDS_build_linux-aarch64-musl := gcc-aarch64-linux-gnu gcc-aarch64-linux-musl

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
