# SPDX-License-Identifier: MIT
# Makefile.zig: the libraries of the ports that zig compiles and lld links: macOS, and Windows on ARM64. Included by the
# Makefile. make/ports.mk has their table. Nothing on a usual machine executes them.
#
# -fno-sanitize=all: zig's clang has a sanitizer on otherwise.
# -fno-builtin: clang turns loops into calls of memset, even the loop of memset itself.
ZIG_CORE := -fno-sanitize=all -g0

# ---- macOS --------------------------------------------------------------------------------------------------------

# Files of posix/darwin take the place of some of posix.
DARWIN_INSTEAD := $(addprefix posix/,images.c init.c tables.c tools.c)
DARWIN := $(CORE) $(filter-out $(MALLOC) $(DARWIN_INSTEAD),$(sort $(wildcard posix/*.c))) \
    $(sort $(wildcard posix/darwin/*.c))
DARWIN_CORE := $(ZIG_CORE) -fvisibility=hidden -momit-leaf-frame-pointer

# Debian has this linker under a name with a version, beside the one for Windows.
LD64 := "$$(dirname "$$(readlink -f "$$(command -v lld-link)")")/ld64.lld"

# darwin_target TARGET, PROCESSOR, OLDEST SYSTEM. Programs find the library by their rpath.
define darwin_target
$1: build/$1/$(LIBRARY_darwin) build/$1/libbrainmm.dylib
build/$1/libbrainmm.dylib: build/$1/$(LIBRARY_darwin) | build/$1/obj/names
	ln -sf $$(<F) $$@
$(call core_objects,$1,build/$1/obj/shared,$(CC_$1),$(call compile,$1,-Isrc -Iposix) $(DARWIN_CORE))
build/$1/obj/linked/$(LIBRARY_darwin): $(patsubst %.c,build/$1/obj/shared/%.o,$(filter-out $(CHECKS),$(DARWIN)))
	mkdir -p $$(@D)
	$$(LD64) -dylib -arch $2 -platform_version macos $3 $3 -install_name @rpath/$(LIBRARY_darwin) \
	    -compatibility_version $(VERSION) -current_version $(VERSION) \
	    -L"$$$$(tools/zig-clang --file lib/libc/darwin)" -lSystem -o $$@ $$^
build/$1/$(LIBRARY_darwin): build/$1/obj/linked/$(LIBRARY_darwin)
	echo '  $$@'
	cp $$< $$@
endef
$(eval $(call darwin_target,macos-arm64,arm64,11.0))
$(eval $(call darwin_target,macos-x86_64,x86_64,10.13))

# ---- Windows on ARM64 ---------------------------------------------------------------------------------------------

# The libraries are those of Makefile.mingw, but for the static core and libbrainmm-malloc.a: lld makes no object of
# many. This clang writes hidden visibility into objects for Windows, in a way that lld does not know yet.
ARM64 := windows-arm64
ARM64_CORE := $(ZIG_CORE) $(HIDDEN) -DBRAINMM_BUILD '-Dvisibility(level)=' -fno-stack-protector -U_FORTIFY_SOURCE \
    -fno-builtin
ARM64_DLL := lld-link -dll -machine:arm64 -nodefaultlib -timestamp:0 -debug:symtab -highentropyva -nxcompat -dynamicbase

$(ARM64): $(addprefix build/$(ARM64)/,$(LIBRARIES_windows) libbrainmm.dll.a libbrainmm-redirect.dll.a)
$(eval $(call core_objects,$(ARM64),build/$(ARM64)/obj,$(CC_$(ARM64)),$(call compile,$(ARM64),-Isrc -Iwin32) \
    $(ARM64_CORE)))
build/$(ARM64)/obj/win32/version-%.res: win32/version.rc Makefile Makefile.zig tools/zig-clang
	echo '  $@'
	mkdir -p $(@D)
	tools/zig-clang --resources /:auto-includes gnu /d BRAINMM_VERSION=$(subst .,$(comma),$(VERSION)),0 \
	    /d 'BRAINMM_VERSION_TEXT="$(VERSION)"' /d 'BRAINMM_FILE="$(or $(FILE_$*),$*.dll)"' \
	    /d 'BRAINMM_TITLE="$(TITLE_$*)"' $< $@
# Import libraries of the system's own DLLs, of the lists that zig has
build/$(ARM64)/obj/%.lib: tools/zig-clang | compiler-$(ARM64)
	mkdir -p $(@D)
	lists=$$(tools/zig-clang --file lib/libc/mingw) && $(CC_$(ARM64)) -E -P -x assembler-with-cpp -DDEF_ARM64 \
	    -I"$$lists/def-include" "$$lists/lib-common/$*.def.in" >build/$(ARM64)/obj/$*.def
	llvm-dlltool -m arm64 -d build/$(ARM64)/obj/$*.def -l $@
arm64_objects = $(patsubst %.c,build/$(ARM64)/obj/%.o,$1)
build/$(ARM64)/obj/linked/brainmm.dll build/$(ARM64)/libbrainmm.dll.a &: \
    $(call arm64_objects,$(filter-out $(CHECKS),$(WINDOWS_COMMON)) win32/dll.c win32/crt.c) \
    build/$(ARM64)/obj/win32/version-brainmm.res build/$(ARM64)/obj/kernel32.lib | brainmm.def
	mkdir -p build/$(ARM64)/obj/linked
	$(ARM64_DLL) -entry:brainmm_dll_entry -def:brainmm.def -implib:build/$(ARM64)/libbrainmm.dll.a \
	    -out:build/$(ARM64)/obj/linked/brainmm.dll $^
$(COMPANIONS:%=build/$(ARM64)/obj/linked/%.dll): build/$(ARM64)/obj/linked/%.dll: \
    build/$(ARM64)/obj/win32/companions/%.o $(call arm64_objects,win32/companions/companion.c win32/crt.c) \
    build/$(ARM64)/obj/win32/version-%.res build/$(ARM64)/obj/kernel32.lib | win32/companions/%.def
	mkdir -p $(@D)
	$(ARM64_DLL) -entry:companion_entry -def:win32/companions/$*.def -implib:build/$(ARM64)/obj/linked/$*.lib \
	    -out:$@ $^
build/$(ARM64)/obj/linked/brainmm_com.dll: build/$(ARM64)/obj/win32/malloc_object.o build/$(ARM64)/obj/advapi32.lib
build/$(ARM64)/obj/linked/brainmm-malloc.dll build/$(ARM64)/libbrainmm-redirect.dll.a &: \
    $(call arm64_objects,$(REDIRECT)) build/$(ARM64)/obj/win32/version-brainmm-malloc.res \
    build/$(ARM64)/obj/kernel32.lib | win32/redirect/brainmm-malloc.def
	mkdir -p build/$(ARM64)/obj/linked
	$(ARM64_DLL) -entry:malloc_dll_entry -def:win32/redirect/brainmm-malloc.def \
	    -implib:build/$(ARM64)/libbrainmm-redirect.dll.a -out:build/$(ARM64)/obj/linked/brainmm-malloc.dll $^
build/$(ARM64)/obj/linked/brainmm-run.exe: $(call arm64_objects,$(RUNNER)) \
    build/$(ARM64)/obj/win32/version-brainmm-run.res build/$(ARM64)/obj/kernel32.lib
	mkdir -p $(@D)
	$(filter-out -dll,$(ARM64_DLL)) -subsystem:console -entry:run_entry -out:$@ $^
$(LIBRARIES_windows:%=build/$(ARM64)/%): build/$(ARM64)/%: build/$(ARM64)/obj/linked/%
	echo '  $@'
	$(OBJCOPY_$(ARM64)) --strip-all $< $@
