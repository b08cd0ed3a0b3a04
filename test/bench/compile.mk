# SPDX-License-Identifier: Apache-2.0
# The compiler's speed: the engine as a program of this machine and as a guest runtime that only compiles, and a C
# program of about 100 KB of code for it (the kernels with parts of the C library).
COMPILE_GUEST := test/bench/compile.c test/bench/compile_guest.c $(ENGINE_GUEST)
$(G)/compile_bench.elf: $(call gobj,g-wasm,$(COMPILE_GUEST))
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(B)/test/bench/compile_vm.o: test/conformance/spectest_vm.c $(G)/compile_bench.img | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(INC_test) -Wa,-I$(B) -DSPECTEST_IMAGE='"guest/compile_bench.img"' -c $< -o $@
$(B)/test/bench/compile_vm: $(B)/test/bench/compile_vm.o $(OBJ_vm) $(OBJ_base)
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
$(B)/test/bench/compile.o $(B)/test/bench/compile_hosted.o: HOST_INC = $(INC_guest)
$(B)/test/bench/compile_hosted: $(addprefix $(B)/test/bench/,compile.o compile_hosted.o) $(HOSTED_WASM) \
	$(B)/hosted/guest/lib/format.o
	$(CC) $(HOST_LDFLAGS) $^ -o $@

COMMA := ,
C_PROGRAM_EXPORTS := regcomp regexec sscanf swprintf strftime strptime glob qsort tsearch hcreate mktime getopt_long \
	pow exp log sin tan lgamma jn cbrt
$(B)/test/bench/c_program.wasm: $(call kernel_sources,integer) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $(@D)
	clang --target=wasm32-wasi $(KERNEL_CFLAGS) $(filter %.c,$^) $(addprefix -Wl$(COMMA)--export=,$(C_PROGRAM_EXPORTS)) -o $@
bench: $(addprefix $(B)/test/bench/,compile_vm compile_hosted c_program.wasm)

# Modules made to be slow to compile: `make adversarial`.
adversarial: $(addprefix $(B)/test/bench/,compile_hosted c_program.wasm)
	test/conformance/adversarial.py $^
.PHONY: adversarial
