# SPDX-License-Identifier: Apache-2.0
# Hostile guests: `make security` runs test/security/*.test in their long form, on both KVMs.
# Each test/security/NAME.c is a program; guest/NAME.c and guest/NAME_*.c are its guest runtime, linked with guest/guest.c.
SECURITY_SHARED := security evidence workers
# kill_latency is a program of libmote's (test/module.mk).
SECURITY := $(filter-out $(SECURITY_SHARED) kill_latency,$(patsubst test/security/%.c,%,$(wildcard test/security/*.c)))
SECURITY_GUESTS := $(filter-out guest owner escape_%,$(patsubst test/security/guest/%.c,%,$(wildcard test/security/guest/*.c)))
$(SECURITY_GUESTS:%=$(G)/security/%.elf): $(G)/security/%.elf: $(B)/g-linux/test/security/guest/%.o $(addprefix $(B)/g-linux/test/security/guest/,guest.o owner.o) \
	$(call gobj,g-linux,$(guest_lib))
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(G)/security/escape.elf: $(patsubst %.c,$(B)/g-linux/%.o,$(wildcard test/security/guest/escape_*.c))
$(B)/g-linux/test/security/guest/%.o: GUEST_EXTRA = $(LINUX_CFLAGS) -mfsgsbase
$(SECURITY:%=$(B)/test/security/%.o): $(SECURITY_GUESTS:%=$(G)/security/%.img)
$(B)/test/security/%.o: HOST_CFLAGS += -Wno-conversion -Wa,-I$(B)
$(SECURITY:%=$(B)/test/security/%): $(B)/test/security/%: $(B)/test/security/%.o $(SECURITY_SHARED:%=$(B)/test/security/%.o) $(OBJ_vm) $(OBJ_base)
	$(CC) $(TEST_LDFLAGS) $^ $(LIB_VM) -o $@
security-programs: $(SECURITY:%=$(B)/test/security/%)
.PHONY: security-programs
unit: $(B)/test/security/escape
# The whole of it; SHORT=1: what hack/check runs. TESTS="escape polled-calls" chooses.
security:
	test/security/run $(if $(SHORT),,--long) $(TESTS)
.PHONY: security

# What fails one allocation or one system call after the other (nth-failure.test).
NTH := $(B)/test/security/nth
WRAP_ALLOC := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray
$(NTH)/syscall: $(NTH)/syscall.o
	$(CC) $(HOST_LDFLAGS) $^ -o $@
$(NTH)/calls: $(NTH)/calls.o $(NTH)/fail_alloc.o $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $(WRAP_ALLOC) $^ $(LIB_VM) -o $@
$(NTH)/mote_failing: $(OBJ_cli) $(NTH)/fail_alloc.o $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $(WRAP_ALLOC) $^ $(LIB_VM) -o $@
$(NTH)/shim_failing: $(OBJ_shim) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(NTH)/fail_alloc.o $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $(WRAP_ALLOC) $^ $(LIB_HOST) -o $@
$(GUESTS)/nth_program.wasm: test/guest/nth_program.c
	@mkdir -p $(@D)
	clang --target=wasm32-wasi -O1 $< -o $@
nth-failure: $(addprefix $(NTH)/,syscall calls mote_failing shim_failing) $(B)/mote \
	$(addprefix $(GUESTS)/,spin.musl hello.elf nth_program.wasm nth_program.musl calls_keeper.elf calls_keeper.wasm)
.PHONY: nth-failure
