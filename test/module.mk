# SPDX-License-Identifier: Apache-2.0
# Tests: unit programs (Criterion), probe images, fuzz targets. Included by the Makefile.

# A personality for the tests of vm/ alone.
$(G)/probe.elf: $(B)/g-linux/test/guest/probe.o
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(B)/g-linux/test/guest/probe.o: GUEST_EXTRA = $(LINUX_CFLAGS)
$(B)/test/unit/vm_run.o: $(G)/probe.img

# Each test/unit/NAME.c is one program, linked with everything of the host's but the main functions.
UNIT := $(patsubst test/unit/%.c,$(B)/test/unit/%,$(wildcard test/unit/*.c))
$(B)/test/%.o: HOST_INC = $(INC_test)
$(B)/test/unit/%.o: HOST_CFLAGS += -Wno-conversion -Wa,-I$(B)
TEST_LDFLAGS = $(filter-out -static-pie,$(HOST_LDFLAGS))
$(UNIT): $(B)/test/unit/%: $(B)/test/unit/%.o $(filter-out $(B)/shim/main.o,$(OBJ_shim)) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(B)/libmote.a
	$(CC) $(TEST_LDFLAGS) $< -Wl,--start-group $(filter-out $<,$^) -Wl,--end-group -lcriterion $(LIB_HOST) -lm -o $@
unit: $(UNIT)
# All suites of test/suites; hack/check builds what they need.
check:
	@hack/check
.PHONY: unit check

# Guest programs of tests and benchmarks: native ones by mote-cc, Wasm ones by wat2wasm or Debian's clang.
GUESTS := $(B)/test/guests
$(GUESTS)/exit0.elf: test/guest/exit0.c
	@mkdir -p $(@D)
	$(CC) -O2 -nostdlib -static -fno-asynchronous-unwind-tables -Wl,--build-id=none $< -o $@
$(GUESTS)/yield.elf: test/guest/yield.c
	@mkdir -p $(@D)
	musl-gcc -O2 -static $< -o $@
$(GUESTS)/%.wasm: test/guest/%.wat
	@mkdir -p $(@D)
	wat2wasm $< -o $@

# Benchmarks. `make bench BENCH=pattern` runs those whose names match.
BENCH ?= *
BENCH_GUESTS := $(addprefix $(GUESTS)/,exit0.elf exit0.wasm yield.elf)
$(B)/test/bench/%.o: HOST_INC = $(call layer,abi) -Iapi/include
$(B)/test/bench/micro: $(B)/test/bench/micro.o $(B)/test/bench/floor.o $(B)/libmote.a
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
bench: product $(B)/test/bench/micro $(BENCH_GUESTS)
	test/bench/run '$(BENCH)'
.PHONY: bench
-include test/guest/wasi.mk
