# SPDX-License-Identifier: MIT
# bench.mk: `make run-bench` measures every target in BENCH_TARGETS; included by the Makefile.
#
#   make bench BENCH_OPTIONS="--rounds=9 --only=trees,words"
#   make bench BENCH_TARGETS=linux-x86_64 BENCH_OPTIONS="--allocator=NAME=LIBRARY.so --mimalloc-bench=BUILD_FOLDER"
#   make bench BENCH_PASCAL_OPTIONS="--peer fastmm4=FOLDER --peer fpcx64mm=FOLDER"

BENCH_TARGETS ?= $(foreach target,$(TARGETS),$(if $(BENCH_$(target)),$(target)))
BENCH_OPTIONS ?=
BENCH_PASCAL_OPTIONS ?=
BENCH_WORKLOADS := $(addprefix bench/,workloads.c single_thread.c large.c replace.c multi_thread.c)
BENCH_HEADERS := $(addprefix bench/,workload.h allocate.h) include/brainmm.h
BENCH_COMPILE := -std=gnu11 -O2 -g $(WARNINGS) -Iinclude

define bench_linux
build/$1/bench/measure: bench/measure.c
	@mkdir -p $$(@D)
	$(CC_$1) $(BENCH_COMPILE) $(ARCH_$1) $(call loader_link,$1) -o $$@ $$<
build/$1/bench/workloads: $(BENCH_WORKLOADS) $(BENCH_HEADERS)
	@mkdir -p $$(@D)
	$(CC_$1) $(BENCH_COMPILE) $(ARCH_$1) $(call loader_link,$1) -pthread -o $$@ $(BENCH_WORKLOADS)
$(addprefix build/$1/bench/,move walk): build/$1/bench/%: bench/%.c include/brainmm.h build/$1/libbrainmm.so
	@mkdir -p $$(@D)
	$(CC_$1) $(BENCH_COMPILE) $(ARCH_$1) $(call loader_link,$1) -Wl,-rpath,'$$$$ORIGIN/..' -o $$@ $$< \
	    build/$1/libbrainmm.so
bench-programs-$1: $(addprefix build/$1/bench/,measure workloads move walk) build/$1/libbrainmm-malloc.so
endef
$(foreach target,$(call of_system,linux),$(eval $(call bench_linux,$(target))))

# The list of workloads comes from the native program, so the Windows targets need it too.
define bench_windows
build/$1/bench/workloads-%.exe: $(BENCH_WORKLOADS) $(BENCH_HEADERS)
	@mkdir -p $$(@D)
	$(CC_$1) $(BENCH_COMPILE) $(ARCH_$1) $$(BENCH_BUILD_$$*) -o $$@ $(BENCH_WORKLOADS) \
	    $$(BENCH_LIBRARY_$$*:%=build/$1/%) -lpsapi
build/$1/bench/workloads-brainmm.exe: build/$1/libbrainmm.dll.a
$(addprefix build/$1/bench/,move.exe walk.exe): build/$1/bench/%.exe: bench/%.c include/brainmm.h \
    build/$1/libbrainmm.dll.a
	@mkdir -p $$(@D)
	$(CC_$1) $(BENCH_COMPILE) $(ARCH_$1) -D__USE_MINGW_ANSI_STDIO=1 -o $$@ $$< build/$1/libbrainmm.dll.a
build/$1/bench/brainmm.dll: build/$1/brainmm.dll
	@mkdir -p $$(@D)
	cp $$< $$@
bench-programs-$1: $(addprefix build/$1/bench/,workloads-brainmm.exe workloads-HeapAlloc.exe workloads-msvcrt.exe \
    move.exe walk.exe brainmm.dll) build/$(NATIVE)/bench/workloads
endef
BENCH_BUILD_brainmm := -DBENCH_BRAINMM
BENCH_LIBRARY_brainmm := libbrainmm.dll.a
BENCH_BUILD_HeapAlloc := -DBENCH_PROCESS_HEAP
$(foreach target,$(call of_system,windows),$(eval $(call bench_windows,$(target))))

.PHONY: run-bench $(TARGETS:%=bench-programs-%)
# The targets run one after the other, whatever -j says, because two at once would disturb each other's times. A time
# under qemu says nothing.
run-bench: $(BENCH_TARGETS:%=bench-programs-%)
	$(foreach target,$(BENCH_TARGETS),by="$$(tools/executes $(target))" && if [ "$$by" = kernel ]; then \
	    bench/run.py $(target) $(BENCH_OPTIONS) && bench/pascal_managers.py $(target) $(BENCH_PASCAL_OPTIONS); \
	    else echo "$(target) is not measured: $${by#* }"; fi &&) true
