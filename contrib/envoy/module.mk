# SPDX-License-Identifier: Apache-2.0
# A dynamic module for Envoy that hosts proxy-wasm plugins; libmote is in it.
$(eval $(call module,proxy_wasm,$(call sources,contrib/proxy-wasm)))
$(eval $(call module,envoy,$(call sources,contrib/envoy)))
INC_proxy_wasm := $(INC_base) $(call layer,abi) $(call layer,contrib_hosts) -Iapi/include
INC_envoy := $(INC_proxy_wasm)
$(LAYERS)/contrib_hosts/.made: | $(LAYERS)/.made
	@mkdir -p $(@D) && ln -sfn ../../../contrib/proxy-wasm $(@D)/proxy-wasm && ln -sfn ../../../contrib/envoy $(@D)/envoy
	@touch $@
$(OBJ_proxy_wasm) $(OBJ_envoy): | $(LAYERS)/contrib_hosts/.made
$(B)/libmote_envoy.so: $(OBJ_envoy) $(OBJ_proxy_wasm) $(B)/internal.a
	$(CC) -shared $(filter-out -static-pie,$(HOST_LDFLAGS)) -Wl,--exclude-libs,ALL $^ $(LIB_VM) -lpthread -o $@
envoy: $(B)/libmote_envoy.so
.PHONY: envoy

# The fuzz target has the host alone, without VMs.
$(B)/test/fuzz/proxy_wasm.o: HOST_INC = $(INC_test) $(call layer,contrib_hosts)
$(B)/test/fuzz/proxy_wasm.o: | $(LAYERS)/contrib_hosts/.made
$(addprefix $(B)/test/fuzz/,proxy_wasm proxy_wasm.replay): $(patsubst %,$(B)/contrib/proxy-wasm/%.o,items fields log metrics shared)

# Plugins of test/integration/envoy.
PLUGINS := $(patsubst test/integration/plugins/%.c,$(B)/test/plugins/%.wasm,$(wildcard test/integration/plugins/*.c))
$(B)/test/plugins/%.wasm: test/integration/plugins/%.c test/integration/plugins/proxy.h
	@mkdir -p $(@D)
	clang --target=wasm32 -nostdlib -Wl,--no-entry -O2 -g -fno-builtin -Wall -Wextra $< -o $@
envoy-test: $(B)/libmote_envoy.so $(PLUGINS)
bench: envoy-test
.PHONY: envoy-test
