# SPDX-License-Identifier: Apache-2.0
# WASI guest programs of the VM tests, by Debian's clang and wasi-libc.
WASI_CC ?= clang
WASI_CFLAGS := --target=wasm32-wasi -O1 -g0 -Wall -Wextra -Werror
WASI_GUESTS := $(patsubst test/guest/%.c,$(GUESTS)/%.wasm,$(wildcard test/guest/wasi_*.c))
$(GUESTS)/wasi_reactor.wasm: WASI_EXTRA = -mexec-model=reactor
$(WASI_GUESTS): $(GUESTS)/%.wasm: test/guest/%.c test/guest/wasi_check.h
	@mkdir -p $(@D)
	$(WASI_CC) $(WASI_CFLAGS) $(WASI_EXTRA) $< -o $@
$(B)/test/unit/wasi_run: $(WASI_GUESTS)
