# SPDX-License-Identifier: Apache-2.0
# The kernels: one source as a WebAssembly program, natively, and natively without vectors. Debian's clang for all.
KERNELS := $(B)/test/bench/kernels
KERNEL_SETS := integer float
kernel_sources = $(addprefix test/bench/kernels/,main.c $(KERNEL_$(1)))
KERNEL_integer := integer.c integer_bytes.c
KERNEL_float := float.c float_grid.c
# No contraction: both sides round after each operation, so the answers agree to the last bit.
KERNEL_CFLAGS := -std=gnu17 -O2 -ffp-contract=off $(WARN)
define kernel_rules
$(KERNELS)/$(1).wasm: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang --target=wasm32-wasi $(KERNEL_CFLAGS) $$(filter %.c,$$^) -o $$@
$(KERNELS)/$(1).native: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang $(KERNEL_CFLAGS) $$(filter %.c,$$^) -lm -o $$@
$(KERNELS)/$(1).scalar: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang $(KERNEL_CFLAGS) -fno-vectorize -fno-slp-vectorize $$(filter %.c,$$^) -lm -o $$@
bench: $(addprefix $(KERNELS)/$(1),.wasm .native .scalar)
endef
$(foreach set,$(KERNEL_SETS),$(eval $(call kernel_rules,$(set))))
