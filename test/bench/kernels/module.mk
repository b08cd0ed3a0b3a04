# SPDX-License-Identifier: Apache-2.0
# The kernels: one source as a WebAssembly program, natively, and natively without vectors. Debian's clang for all.
KERNELS := $(B)/test/bench/kernels
KERNEL_SETS := integer float simd
kernel_sources = $(addprefix test/bench/kernels/,main.c $(KERNEL_$(1)))
KERNEL_integer := integer.c integer_bytes.c
KERNEL_float := float.c float_grid.c
KERNEL_simd := simd.c
# No contraction: both sides round after each operation, so the answers agree to the last bit.
KERNEL_CFLAGS := -std=gnu17 -O2 -ffp-contract=off $(WARN)
# The SIMD kernels use WebAssembly's vectors, and natively those of x86-64-v2.
KERNEL_WASM_simd := -msimd128
KERNEL_NATIVE_simd := -march=x86-64-v2
define kernel_rules
$(KERNELS)/$(1).wasm: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang --target=wasm32-wasi $(KERNEL_CFLAGS) $(KERNEL_WASM_$(1)) $$(filter %.c,$$^) -o $$@
$(KERNELS)/$(1).native: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang $(KERNEL_CFLAGS) $(KERNEL_NATIVE_$(1)) $$(filter %.c,$$^) -lm -o $$@
$(KERNELS)/$(1).scalar: $(call kernel_sources,$(1)) $(wildcard test/bench/kernels/*.h)
	@mkdir -p $$(@D)
	clang $(KERNEL_CFLAGS) -fno-vectorize -fno-slp-vectorize $$(filter %.c,$$^) -lm -o $$@
bench: $(addprefix $(KERNELS)/$(1),.wasm .native)
endef
$(foreach set,$(KERNEL_SETS),$(eval $(call kernel_rules,$(set))))

# The same WebAssembly as C, by Debian's wasm2c, which knows no SIMD.
WASM2C_RT := /usr/share/wabt/wasm2c
$(KERNELS)/%.wasm2c: $(KERNELS)/%.wasm test/bench/wasm2c_wasi.c
	@mkdir -p $@-c
	wasm2c -n program $< -o $@-c/program.c
	clang -O2 -ffp-contract=off -w -I$@-c -I$(WASM2C_RT) test/bench/wasm2c_wasi.c $@-c/program.c $(WASM2C_RT)/wasm-rt-impl.c -lm -o $@
bench: $(addprefix $(KERNELS)/,integer.wasm2c float.wasm2c integer.scalar float.scalar)
