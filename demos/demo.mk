# demo.mk: the demo, in build/TARGET/demo; included by the Makefile.
#
#   make demo DEMO_OPTIONS="--seed=7 --size=16"      make demo DEMO_OPTIONS=some/text.txt
#
# Each module is built by itself. The host contains the static core, reader is linked with the library, splitter,
# indexer and ranker link nothing of BrainMM, and pascal_host and cutter are in Free Pascal and use the unit.
# EXE, DLL, SYSTEM and PIC are in tests/tests.mk.

DEMO_OPTIONS ?=
DEMO_FLAGS_LINUX := -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread
DEMO_FLAGS_WINDOWS := -D__USE_MINGW_ANSI_STDIO=1
DEMO_HOST := host report text

# demo_target TARGET, COMPILE FLAGS, THE LIBRARY'S FILE, WHAT TO LINK WITH TO USE IT
define demo_target
build/$1/obj/demos/%.o: demos/%.c Makefile demos/demo.mk
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) $$(C_COMMON) $(ARCH_$1) $2 $$(if $$(filter host,$$*),-DBRAINMM_STATIC) -DDEMO_TARGET='"$1"' -c -o $$@ $$<
build/$1/demo/host$(EXE_$1): $(DEMO_HOST:%=build/$1/obj/demos/%.o) build/$1/libbrainmm.a
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) $(ARCH_$1) -o $$@ $$^ $$(SYSTEM_$1)
build/$1/demo/reader$(DLL_$1): $4
build/$1/demo/%$(DLL_$1): build/$1/obj/demos/%.o
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) -shared $(ARCH_$1) -o $$@ $$^ $$(SYSTEM_$1)
build/$1/demo/vendor/%$(DLL_$1): build/$1/obj/demos/%.o
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) -shared $(ARCH_$1) -o $$@ $$^ $$(SYSTEM_$1)
build/$1/demo/cutter$(DLL_$1): demos/cutter.pas demos/demoparts.pas pascal/BrainMM.pas tools/fpc
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/demos/cutter
	tools/fpc $1 -O2 -Sew $(PIC_$1) -Fupascal -FUbuild/$1/obj/demos/cutter -o$$@ $$<
build/$1/demo/pascal_host$(EXE_$1): demos/pascal_host.pas demos/demoparts.pas pascal/BrainMM.pas tools/fpc
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/demos/pascal_host
	tools/fpc $1 -O2 -Sew -Fupascal -FUbuild/$1/obj/demos/pascal_host -o$$@ $$<
build/$1/demo/$3 build/$1/demo/vendor/$3: build/$1/$3
	mkdir -p $$(@D)
	cp $$< $$@
.PHONY: demo-programs-$1 run-demo-$1
demo-programs-$1: $(addprefix build/$1/demo/,host$(EXE_$1) pascal_host$(EXE_$1) \
    $(addsuffix $(DLL_$1),reader splitter cutter ranker vendor/indexer) $3 vendor/$3)
run-demo-$1: demo-programs-$1
	demos/run $1 -- $$(DEMO_OPTIONS)
endef
$(foreach target,$(LINUX),$(eval $(call demo_target,$(target),$(DEMO_FLAGS_LINUX),libbrainmm.so,build/$(target)/demo/libbrainmm.so)))
$(foreach target,$(WINDOWS),$(eval $(call demo_target,$(target),$(DEMO_FLAGS_WINDOWS),brainmm.dll,build/$(target)/libbrainmm.dll.a)))

.PHONY: run-demo
# One after the other, whatever -j says.
run-demo: $(TARGETS:%=demo-programs-%)
	demos/run $(TARGETS) -- $(DEMO_OPTIONS)
