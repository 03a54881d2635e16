# SPDX-License-Identifier: MIT
# demo.mk: the demo, in build/TARGET/demo; included by the Makefile.
#
#   make demo DEMO_OPTIONS="--seed=7 --size=16"      make demo DEMO_OPTIONS=some/text.txt
#
# Each module is built by itself. The host contains the static core, and reader is linked with the library. splitter,
# indexer and ranker link nothing of BrainMM. pascal_host and cutter are in Free Pascal and use the unit.
# program_link and import_of are in tests/tests.mk.

DEMO_OPTIONS ?=
DEMO_FLAGS_linux := -D_GNU_SOURCE
DEMO_HOST := host report text

# The Pascal host, or nothing if Free Pascal is missing. Then a second copy of the splitter, which does the same job,
# takes the cutter's place.
DEMO_PASCAL := $(if $(shell test -e '$(CACHE)/fpc-3.2.2/ready' && echo yes),pascal_host)
build/demo-pascal: FORCE
	mkdir -p $(@D)
	echo '$(DEMO_PASCAL)' | cmp -s - $@ || echo '$(DEMO_PASCAL)' >$@

# demo_target TARGET, COMPILE FLAGS, THE LIBRARY'S FILE
define demo_target
$(call remember,build/$1/obj/demos/command,$(CC_$1) $(call compile,$1) $2 $(LDFLAGS_$1),$1)
.PRECIOUS: build/$1/obj/demos/%.o
build/$1/obj/demos/%.o: demos/%.c build/$1/obj/demos/command
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) $(call compile,$1) $2 -MMD -MP $$(if $$(filter host,$$*),-DBRAINMM_STATIC) -DDEMO_TARGET='"$1"' -c -o $$@ $$<
build/$1/demo/host$(EXE_$1): $(DEMO_HOST:%=build/$1/obj/demos/%.o) build/$1/libbrainmm.a
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) $(ARCH_$1) $(LDFLAGS_$1) -o $$@ $$^ $(call program_link,$1)
build/$1/demo/reader$(DLL_$1): $(call import_of,$1,demo)
build/$1/demo/%$(DLL_$1): build/$1/obj/demos/%.o
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) -shared $(ARCH_$1) $(LDFLAGS_$1) -o $$@ $$^ $(call program_link,$1)
build/$1/demo/vendor/%$(DLL_$1): build/$1/obj/demos/%.o
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) -shared $(ARCH_$1) $(LDFLAGS_$1) -o $$@ $$^ $(call program_link,$1)
ifdef DEMO_PASCAL
build/$1/demo/cutter$(DLL_$1): demos/cutter.pas demos/demoparts.pas pascal/BrainMM.pas tools/fpc build/demo-pascal
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/demos/cutter
	tools/fpc $1 -O2 -Sew $(FPC_PIC_$1) -Fupascal -FUbuild/$1/obj/demos/cutter -o$$@ $$<
else
build/$1/demo/cutter$(DLL_$1): build/$1/obj/demos/splitter.o build/demo-pascal
	echo '  $$@'
	mkdir -p $$(@D)
	$(CC_$1) -shared $(ARCH_$1) $(LDFLAGS_$1) -o $$@ $$< $(call program_link,$1)
endif
build/$1/demo/pascal_host$(EXE_$1): demos/pascal_host.pas demos/demoparts.pas pascal/BrainMM.pas tools/fpc
	echo '  $$@'
	mkdir -p $$(@D) build/$1/obj/demos/pascal_host
	tools/fpc $1 -O2 -Sew -Fupascal -FUbuild/$1/obj/demos/pascal_host -o$$@ $$<
build/$1/demo/$3 build/$1/demo/vendor/$3: build/$1/$3
	mkdir -p $$(@D)
	cp $$< $$@
.PHONY: demo-programs-$1 run-demo-$1
demo-programs-$1: $(addprefix build/$1/demo/,host$(EXE_$1) $(DEMO_PASCAL:%=%$(EXE_$1)) \
    $(addsuffix $(DLL_$1),reader splitter cutter ranker vendor/indexer) $3 vendor/$3)
run-demo-$1: demo-programs-$1
	demos/run --hosts='host $(DEMO_PASCAL)' $1 -- $$(DEMO_OPTIONS)
endef
$(foreach target,$(EVERY),$(eval $(call demo_target,$(target), \
    $(DEMO_FLAGS_$(SYSTEM_$(target))) $(PROGRAM_FLAGS_$(SYSTEM_$(target))),$(LIBRARY_$(target)))))

.PHONY: run-demo
# The targets run one after the other, whatever -j says.
run-demo: $(TARGETS:%=demo-programs-%)
	demos/run --hosts='host $(DEMO_PASCAL)' $(TARGETS) -- $(DEMO_OPTIONS)
