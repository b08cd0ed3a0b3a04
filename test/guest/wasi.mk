# SPDX-License-Identifier: Apache-2.0
# WASI guest programs of the VM tests, by Debian's clang and wasi-libc.
WASI_CC ?= clang
WASI_CFLAGS := --target=wasm32-wasi -O1 -g0 -Wall -Wextra -Werror
WASI_GUESTS := $(patsubst test/guest/%.c,$(GUESTS)/%.wasm,$(wildcard test/guest/wasi_*.c))
$(GUESTS)/wasi_reactor.wasm: WASI_EXTRA = -mexec-model=reactor
# With DWARF, of the compiler's default version and of the one before.
$(GUESTS)/wasi_lines.wasm: WASI_EXTRA = -gdwarf-5
$(GUESTS)/wasi_lines_dwarf4.wasm: test/guest/wasi_lines.c
	@mkdir -p $(@D)
	$(WASI_CC) $(WASI_CFLAGS) -gdwarf-4 $< -o $@
$(B)/test/unit/wasi_run: | $(GUESTS)/wasi_lines_dwarf4.wasm
$(WASI_GUESTS): $(GUESTS)/%.wasm: test/guest/%.c test/guest/wasi_check.h
	@mkdir -p $(@D)
	$(WASI_CC) $(WASI_CFLAGS) $(WASI_EXTRA) $< -o $@
$(B)/test/unit/wasi_run $(B)/test/unit/wasi_sockets: | $(WASI_GUESTS)
$(B)/test/unit/wasi_run: | $(GUESTS)/tail_calls.wasm

# guest/wasi/p1 as part of a host program, for its unit tests: what needs neither engine nor VM.
HOSTED_WASI := $(patsubst guest/wasi/%.c,$(B)/hosted/wasi/%.o,$(wildcard guest/wasi/p1/*.c guest/wasi/host/*.c)) \
	$(addprefix $(B)/hosted/guest/lib/,clock.o format.o output.o walk.o)
$(addprefix $(B)/hosted/guest/lib/,clock.o output.o): HOST_CFLAGS += -DMOTE_HOSTED_CALLS
HOSTED_WASI_CFLAGS = $(HOST_CFLAGS) -DMOTE_HOSTED_CALLS $(INC_guest)
$(B)/hosted/wasi/%.o: guest/wasi/%.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) $(HOSTED_WASI_CFLAGS) -c $< -o $@
$(B)/test/unit/wasi_functions.o: HOST_CFLAGS += -DMOTE_HOSTED_CALLS
$(B)/test/unit/wasi_functions: $(HOSTED_WASI)
$(B)/test/unit/wasi_ip_text: $(B)/hosted/wasi/p2/ip_text.o

# The output protocol: both of its sides in one program.
GUEST_OUTPUT_TESTS := $(addprefix $(B)/test/unit/,guest_output guest_output_steps)
$(GUEST_OUTPUT_TESTS:=.o): HOST_CFLAGS += -DMOTE_HOSTED_CALLS
$(GUEST_OUTPUT_TESTS): $(B)/hosted/guest/lib/output.o
