# SPDX-License-Identifier: Apache-2.0
# Tests: unit programs (Criterion), probe images, fuzz targets. Included by the Makefile.

# Guest runtimes for the tests of vm/ alone.
$(G)/probe.elf $(G)/frozen.elf: $(G)/%.elf: $(B)/g-linux/test/guest/%.o $(call gobj,g-linux,$(guest_lib))
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(B)/g-linux/test/guest/probe.o $(B)/g-linux/test/guest/frozen.o: GUEST_EXTRA = $(LINUX_CFLAGS)
$(addprefix $(B)/test/unit/,vm_run.o vm_kvm_errors.o): $(G)/probe.img
$(addprefix $(B)/test/unit/,vm_snapshot.o vm_snapshot_file.o vm_recycle.o): $(G)/frozen.img

# Each test/unit/NAME.c is one program, linked with everything of the host's but the main functions.
UNIT := $(patsubst test/unit/%.c,$(B)/test/unit/%,$(wildcard test/unit/*.c))
$(B)/test/%.o: HOST_INC = $(INC_test)
$(B)/test/unit/%.o: HOST_CFLAGS += -Wno-conversion -Wa,-I$(B)
# Without the removal of unused sections: Criterion finds tests by theirs, which nothing refers to.
TEST_LDFLAGS = $(filter-out -static-pie %--gc-sections,$(HOST_LDFLAGS))
# The sanitizer variants have a runner of their own in Criterion's place, which finds leaks and data races of ours.
ifneq ($(SANITIZED),)
UNIT_RUNNER := $(B)/test/unit/runner/runner.o
INC_runner := -Itest/unit/runner
$(UNIT:=.o): test/unit/runner/criterion/criterion.h
else
UNIT_RUNNER := -lcriterion
endif
$(B)/test/unit/%.o: HOST_INC = $(INC_runner) $(INC_test)
$(UNIT): $(B)/test/unit/%: $(B)/test/unit/%.o $(filter-out $(B)/shim/main.o,$(OBJ_shim)) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(B)/internal.a $(filter %.o,$(UNIT_RUNNER))
	$(CC) $(TEST_LDFLAGS) $< -Wl,--start-group $(filter-out $<,$^) -Wl,--end-group $(filter -l%,$(UNIT_RUNNER)) $(LIB_HOST) -lm -o $@
unit: $(UNIT)
# Lines that the tests reach, and a floor for each directory.
coverage:
	@hack/coverage
# All suites of test/suites; hack/check builds what they need.
check:
	@hack/check
.PHONY: unit check coverage

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
	wat2wasm --enable-tail-call $< -o $@

# Benchmarks. `make bench BENCH=pattern` runs those whose names match.
BENCH ?= *
BENCH_GUESTS := $(addprefix $(GUESTS)/,exit0.elf exit0.wasm yield.elf calls_keeper.elf calls_keeper.wasm)
$(B)/test/bench/%.o: HOST_INC = $(call layer,abi) -Iapi/include
$(B)/test/bench/micro: $(addprefix $(B)/test/bench/,micro.o bench.o floor.o) $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
$(B)/test/bench/snapshot: $(addprefix $(B)/test/bench/,snapshot.o bench.o floor.o) $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
bench-programs: $(B)/test/bench/micro $(B)/test/bench/snapshot $(BENCH_GUESTS)
bench: product bench-programs
	test/bench/run '$(BENCH)'
.PHONY: bench bench-programs
-include test/security/module.mk
-include test/bench/kernels/module.mk
-include test/guest/wasi.mk

# Fuzz targets. `make fuzz` builds them with libFuzzer and sanitizers (clang); `make fuzz-smoke` runs each for
# FUZZ_SECONDS from its corpus; the replay programs run each corpus once in `hack/check`.
FUZZ_HELPERS := mutate json_mutator hostcall_frames hostcall_values
FUZZ := $(filter-out replay $(FUZZ_HELPERS) wasm_differential% wasm_smith,$(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*.c)))
FUZZ_SECONDS ?= 30
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_fuzz := -fsanitize=address,undefined
# What a corpus reaches is counted in a build without sanitizers, whose checks would count as edges; their runtime
# names the functions.
CFLAGS_cover := -O1 -fno-inline -fsanitize=fuzzer-no-link
LDFLAGS_cover := -fsanitize=address
FUZZ_BIN := $(addprefix $(B)/test/fuzz/,$(FUZZ))
REPLAY_BIN := $(addsuffix .replay,$(FUZZ_BIN))
FUZZ_OBJS := $(filter-out $(B)/shim/main.o,$(OBJ_shim)) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(OBJ_vm) $(OBJ_base) \
	$(B)/api/exports.o $(B)/api/functions.o $(B)/api/process.o $(B)/api/exchange.o $(B)/api/call.o
# An archive: a target takes just what it uses, which needs no guest images.
$(B)/test/fuzz/host.a: $(FUZZ_OBJS)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
# Mutators of single targets, and what those share.
$(addprefix $(B)/test/fuzz/,hostcall hostcall.replay): $(addprefix $(B)/test/fuzz/,hostcall_frames.o hostcall_values.o mutate.o)
$(addprefix $(B)/test/fuzz/,artefact artefact.replay config_json config_json.replay layout layout.replay): $(addprefix $(B)/test/fuzz/,json_mutator.o mutate.o)
$(addprefix $(B)/test/fuzz/,snapshot_file snapshot_file.replay ttrpc ttrpc.replay wire wire.replay): $(B)/test/fuzz/mutate.o
$(FUZZ_BIN): $(B)/test/fuzz/%: $(B)/test/fuzz/%.o $(B)/test/fuzz/host.a
	$(CC) $(TEST_LDFLAGS) -fsanitize=fuzzer $(filter %.o,$^) $(filter-out %.o,$^) $(LIB_HOST) -o $@
$(REPLAY_BIN): $(B)/test/fuzz/%.replay: $(B)/test/fuzz/%.o $(B)/test/fuzz/replay.o $(B)/test/fuzz/host.a
	$(CC) $(TEST_LDFLAGS) $(filter %.o,$^) $(filter-out %.o,$^) $(LIB_HOST) -o $@
fuzz-targets: $(FUZZ_BIN)
fuzz:
	$(MAKE) VARIANT=fuzz CC=clang fuzz-targets
fuzz-smoke: fuzz
	hack/fuzz-smoke $(FUZZ_SECONDS) $(FUZZ)
# Executions and edges of each target; one that does not reach its parser fails.
fuzz-report: fuzz
	$(MAKE) VARIANT=cover CC=clang fuzz-targets
	hack/fuzz-smoke --report $(FUZZ_SECONDS) $(FUZZ)
fuzz-replay: $(REPLAY_BIN)
.PHONY: fuzz fuzz-targets fuzz-smoke fuzz-report fuzz-replay

# What `ctr run` is measured with: hello as a module and as a program, the shim, and a shim that runs nothing.
$(GUESTS)/hello.wasm: test/guest/hello.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O2 $< -o $@
$(GUESTS)/hello.elf: test/guest/hello.c
	@mkdir -p $(@D)
	musl-gcc -O2 -static $< -o $@
SHIMS := $(B)/test/bench/shims
$(B)/test/bench/floor_runtime.o: HOST_INC = $(INC_base) $(call layer,runtime)
$(SHIMS)/containerd-shim-motefloor-v1: $(OBJ_shim) $(OBJ_proto) $(B)/test/bench/floor_runtime.o $(OBJ_base)
	@mkdir -p $(@D)
	$(CC) $(HOST_LDFLAGS) $^ -lprotobuf-c -lnettle -o $@
$(SHIMS)/containerd-shim-mote-v1: $(B)/containerd-shim-mote-v1
	@mkdir -p $(@D)
	ln -f $< $@
bench: $(SHIMS)/containerd-shim-motefloor-v1 $(SHIMS)/containerd-shim-mote-v1 $(GUESTS)/hello.wasm $(GUESTS)/hello.elf

# The engine as part of a host program: for fuzzing, conformance and sanitizers.
HOSTED_WASM := $(patsubst %,$(B)/hosted/%.o,$(basename $(guest_engine) $(call sources,guest/wasm/hosted)))
$(B)/hosted/guest/%.o: guest/%.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Wno-conversion $(INC_guest) -c $< -o $@
$(B)/hosted/guest/%.o: guest/%.S | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) -g -MMD -MP $(INC_guest) -c $< -o $@
$(addprefix $(B)/test/fuzz/,wasm_compile wasm_compile.replay dwarf dwarf.replay dwarf_info dwarf_info.replay): $(HOSTED_WASM)

# The official WebAssembly test suite: the runner in micro-VMs and, under sanitizers, as a program of this machine.
# `make spectest` runs all of both, `make spectest KVM=emulated` the micro-VMs on the emulated machine's KVM,
# `make spectest-emulated` a cross-section there. MOTE_SPEC_TESTSUITE names the suite.
# A guest runtime of the engine alone: what starts it, and the platform that it stands on.
ENGINE_GUEST := $(addprefix guest/wasi/,platform.c start.c $(addprefix x86_64/,start.S fault_entry.S resume.S fault.c)) \
	$(guest_lib) $(guest_engine)
SPECTEST_GUEST := test/conformance/spectest.c test/conformance/spectest_guest.c $(ENGINE_GUEST)
$(G)/spectest.elf: $(call gobj,g-wasm,$(SPECTEST_GUEST))
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(B)/test/conformance/spectest_vm.o: HOST_CFLAGS += -Wa,-I$(B)
$(B)/test/conformance/spectest_vm.o: $(G)/spectest.img
$(B)/test/conformance/spectest_vm: $(B)/test/conformance/spectest_vm.o $(OBJ_vm) $(OBJ_base)
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
$(B)/test/conformance/spectest_hosted: $(addprefix $(B)/test/conformance/,spectest_hosted.o spectest.o) $(HOSTED_WASM) \
	$(B)/hosted/guest/lib/format.o
	$(CC) $(HOST_LDFLAGS) $^ -o $@
# What validates, instantiates and calls components, as part of a host program.
HOSTED_COMPONENT := $(patsubst %,$(B)/hosted/%.o,$(basename $(call sources,guest/component)))
$(B)/test/conformance/component_check: $(addprefix $(B)/test/conformance/,component_check.o component_values.o) $(HOSTED_COMPONENT) $(HOSTED_WASM)
	$(CC) $(HOST_LDFLAGS) $^ -o $@
$(addprefix $(B)/test/unit/,component_names component_bounds): $(HOSTED_COMPONENT) $(HOSTED_WASM)
$(addprefix $(B)/test/fuzz/,component component.replay): $(HOSTED_COMPONENT) $(HOSTED_WASM)
# The other side of its calls is the target's own.
$(addprefix $(B)/test/fuzz/,encode encode.replay): $(addprefix $(B)/hosted/guest/component/,encode.o types.o) $(HOSTED_WASM)
$(addprefix $(B)/test/fuzz/,wave wave.replay): $(addprefix $(B)/hosted/guest/component/,wave_read.o wave_print.o decimal.o types.o) $(HOSTED_WASM)
component-spectest:
	$(MAKE) VARIANT=asan build/asan/test/conformance/component_check
	test/conformance/component_spectest.py build/asan/test/conformance/component_check
.PHONY: component-spectest

SPECTEST := test/conformance/spectest.py $(if $(filter emulated,$(KVM)),--emulated)
spectest: $(B)/test/conformance/spectest_vm
	$(MAKE) VARIANT=asan build/asan/test/conformance/spectest_hosted
	$(SPECTEST) --vm $< --hosted build/asan/test/conformance/spectest_hosted $(SPECTEST_PATTERN)
spectest-emulated: $(B)/test/conformance/spectest_vm
	test/conformance/spectest.py --emulated --sample --vm $<
.PHONY: spectest spectest-emulated

# Native programs of the VM tests, against both C libraries.
LINUX_GUESTS := $(foreach g,linux_checks linux_paths linux_events,$(GUESTS)/$(g).glibc $(GUESTS)/$(g).musl)
$(GUESTS)/%.glibc: test/guest/%.c test/guest/linux_check.h
	@mkdir -p $(@D)
	$(CC) -O1 -static $< -o $@ $(LIBS_$*) -lm
$(GUESTS)/%.musl: test/guest/%.c test/guest/linux_check.h
	@mkdir -p $(@D)
	musl-gcc -O1 -static $< -o $@ -lm
$(B)/test/unit/linux_run: | $(LINUX_GUESTS)
# Others' libraries in programs for the same: SQLite can load modules, of which the linker warns in static programs.
LIBS_linux_sqlite := -Wl,--no-warnings -lsqlite3
LIBS_linux_lua := -Wl,--no-warnings -llua5.4
$(B)/test/unit/linux_programs: | $(GUESTS)/linux_sqlite.glibc $(GUESTS)/linux_lua.glibc
$(B)/test/unit/linux_programs.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"' -DTEST_SCRIPTS='"$(abspath test/guest)"'
$(addprefix $(B)/test/unit/,wasi_component.o api_component.o): HOST_CFLAGS += -DTEST_COMPONENTS='"$(abspath test/guest/components)"'
$(B)/test/unit/linux_run.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# Function guests: one source, native and WebAssembly; a hostile one, which is native.
CALLS_GUESTS := $(addprefix $(GUESTS)/,calls_guest.elf calls_guest.wasm calls_hostile.elf calls_module.wasm calls_reactor.wasm \
	calls_keeper.elf calls_keeper.wasm calls_plain.wasm calls_imports.wasm)
$(GUESTS)/calls_%.elf: test/guest/calls_%.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc -O1 -Wall -Wextra $< -o $@
$(GUESTS)/calls_%.wasm: test/guest/calls_%.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc --wasm -O1 -Wall -Wextra $< -o $@
$(GUESTS)/calls_plain.wasm: test/guest/calls_plain.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -mexec-model=reactor -O1 -Wall -Wextra $< -o $@
$(GUESTS)/calls_reactor.wasm: test/guest/calls_guest.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc --wasm -mexec-model=reactor -O1 -Wall -Wextra $< -o $@
$(addprefix $(B)/test/unit/,api_calls api_calls_end api_calls_module api_imports api_snapshot api_layout): | $(CALLS_GUESTS) $(GUESTS)/hello.elf
$(addprefix $(B)/test/unit/,api_calls.o api_calls_end.o api_calls_module.o api_imports.o api_snapshot.o api_layout.o): HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

$(GUESTS)/cache_program.wasm: test/guest/cache_program.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O2 $< -o $@
$(B)/test/unit/api_cache: | $(GUESTS)/cache_program.wasm
$(B)/test/unit/api_cache.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# A program that is frozen after its start-up, of both kinds.
$(GUESTS)/snapshot_program.wasm: test/guest/snapshot_program.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O1 $< -o $@
$(GUESTS)/snapshot_wizer.wasm: test/guest/snapshot_program.c
	clang --target=wasm32-wasi -O1 -DWIZER $< -o $@
$(B)/test/unit/api_program_snapshot: | $(addprefix $(GUESTS)/,snapshot_program.wasm snapshot_wizer.wasm snapshot_reactor.wasm \
	snapshot_program.musl)
$(B)/test/unit/api_program_snapshot.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# The engine compared with V8 on random modules: make differential MODULES=N SEED=N.
MODULES ?= 1000
SEED ?= 1
$(B)/test/fuzz/wasm_differential: $(addprefix $(B)/test/fuzz/,wasm_differential.o wasm_differential_module.o wasm_differential_code.o wasm_differential_exception.o wasm_differential_vector.o wasm_differential_atomic.o) $(HOSTED_WASM)
	$(CC) $(HOST_LDFLAGS) $^ -o $@
differential: $(B)/test/fuzz/wasm_differential
	test/fuzz/wasm_differential.py $< $(MODULES) $(SEED)
# The same with another generator, of wasm-tools.
$(B)/test/fuzz/wasm_smith: $(B)/test/fuzz/wasm_smith.o $(HOSTED_WASM)
	$(CC) $(HOST_LDFLAGS) $^ -o $@
smith: $(B)/test/fuzz/wasm_smith
	test/fuzz/wasm_smith.py $< $(MODULES) $(SEED)
.PHONY: differential smith
# Rarely run, but always built: what changes with the engine would else be found much later.
unit: $(B)/test/fuzz/wasm_differential $(B)/test/fuzz/wasm_smith

# The Linux runtime's loader as part of a host program, for fuzzing.
HOSTED_LOADER := $(addprefix $(B)/hosted/guest/,linux/program/elf.o linux/program/file.o linux/program/load.o linux/program/script.o linux/program/stack.o linux/state.o linux/arch/$(ARCH)/program.o lib/message.o lib/format.o)
$(B)/hosted/guest/linux/%.o $(B)/hosted/guest/lib/message.o $(B)/test/fuzz/elf.o: HOST_CFLAGS += -DMOTE_HOSTED_CALLS
# As in the guest: the kernel's headers, without the C library's next to them.
$(B)/hosted/guest/linux/%.o: HOST_CFLAGS += -ffreestanding
$(B)/test/fuzz/elf $(B)/test/fuzz/elf.replay: $(HOSTED_LOADER)
# All of it but its entry, its start and the frames on a program's stack, for unit tests over a double of the host.
HOSTED_LINUX := $(patsubst guest/linux/%,$(B)/hosted/guest/linux/%.o,$(basename $(filter-out guest/linux/main.c %/signal_frame.c %.S,$(guest_linux)))) \
	$(patsubst %,$(B)/hosted/guest/lib/%.o,message format output walk)
$(addprefix $(B)/test/unit/,linux_fs linux_mm linux_signal): $(HOSTED_LINUX)
$(addprefix $(B)/test/unit/,linux_fs.o linux_mm.o linux_signal.o): HOST_CFLAGS += -DMOTE_HOSTED_CALLS

# What test/bench/io.bench compares: one source as a module and as a program of this machine.
$(GUESTS)/io_program.wasm: test/bench/io_program.c test/bench/measure.h
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O2 $< -o $@
$(B)/test/bench/io_program: test/bench/io_program.c test/bench/measure.h
	@mkdir -p $(@D)
	$(CC) -O2 $< -o $@
bench: $(GUESTS)/io_program.wasm $(B)/test/bench/io_program

# After the engine's own objects, which it links.
-include test/bench/compile.mk
# Native programs that polled host calls are tested with.
$(GUESTS)/polled_checks.musl: test/guest/polled_checks.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	musl-gcc -O1 -static $(call layer,abi) $< -o $@
$(B)/test/unit/vm_polled_calls: | $(GUESTS)/polled_checks.musl
$(B)/test/unit/vm_polled_calls.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# A tenant that means its embedder harm.
$(GUESTS)/tenant.musl: test/guest/tenant.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	musl-gcc -O1 -static $(call layer,abi) $< -o $@
$(B)/test/unit/api_tenant: | $(GUESTS)/tenant.musl $(GUESTS)/calls_guest.elf
$(B)/test/unit/api_tenant.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# The engine in the test's own process.
$(addprefix $(B)/test/unit/,wasm_heap wasm_store wasm_trap): $(HOSTED_WASM)

# The SIMD emitter alone, whose code runs in the test.
$(B)/test/unit/wasm_simd: $(addprefix $(B)/hosted/guest/wasm/x86_64/,simd.o simd_arith.o simd_constants.o simd_table.o cpu.o) \
	$(B)/hosted/guest/wasm/module/opcodes.o

# A program that accepts connections, of both kinds.
$(GUESTS)/listen_program.wasm: test/guest/listen_program.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O1 $< -o $@
$(B)/test/unit/api_listen: | $(GUESTS)/listen_program.wasm $(GUESTS)/listen_program.musl
$(B)/test/unit/api_listen.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'

# Paths that are swapped while they are resolved: `make race` a million times, the suite RACES times.
$(B)/test/unit/vm_race: | $(GUESTS)/race_checks.musl
$(B)/test/unit/vm_race.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'
RACES ?= 1000000
race: $(B)/test/unit/vm_race
	RACES=$(RACES) $<
.PHONY: race

# What processes have given up before they run guests.
$(B)/test/unit/api_confine: | $(GUESTS)/spin.musl
$(B)/test/unit/api_confine.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'
unit: $(GUESTS)/spin.musl

# Isolation of memory, and what it is for: a guest that tells what another reads of a file that both have.
$(B)/test/unit/api_isolation: | $(addprefix $(GUESTS)/,hello.elf cache_program.wasm snapshot_program.musl calls_keeper.elf)
$(B)/test/unit/api_isolation.o: HOST_CFLAGS += -DTEST_GUESTS='"$(abspath $(GUESTS))"'
$(GUESTS)/reload_spy.musl: test/guest/reload_spy.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	musl-gcc -O1 -static $(call layer,abi) $< -o $@
unit: $(GUESTS)/reload_spy.musl $(GUESTS)/hello.elf

# How long after a limit a guest has ended: test/security/kill.test, and `make bench BENCH='kill-latency*'`.
$(GUESTS)/hang.elf $(GUESTS)/calls_hang.elf: test/guest/hang.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc -O1 -Wall -Wextra -Wno-unused-result $(if $(findstring calls_,$@),-DHANG_CALLS) $< -o $@
$(B)/test/security/kill_latency.o: HOST_INC = -I. -Iapi/include
$(B)/test/security/kill_latency: $(B)/test/security/kill_latency.o $(B)/internal.a | $(GUESTS)/hang.elf $(GUESTS)/calls_hang.elf
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
unit bench: $(B)/test/security/kill_latency

# The tests' own sources, and the guest's as host programs have them: what `test/rules clang` has clang read.
test-sources: $(patsubst %.c,$(B)/%.o,$(wildcard test/unit/*.c test/fuzz/*.c)) \
	$(addprefix $(B)/test/security/,escape.o kill_latency.o $(SECURITY_SHARED:%=%.o)) \
	$(HOSTED_WASM) $(HOSTED_COMPONENT) $(HOSTED_LOADER) $(HOSTED_LINUX)
.PHONY: test-sources
