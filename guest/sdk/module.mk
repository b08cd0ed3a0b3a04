# SPDX-License-Identifier: Apache-2.0
# For programs written for Mote: the compiler wrapper, its header and its library, native (musl) and WebAssembly.
SDK := $(B)/sdk
SDK_CFLAGS := -std=gnu17 -O2 -g $(WARN) -MMD -MP -ffunction-sections -fdata-sections -Iguest/sdk $(call layer,abi) $(call layer,guest)
SDK_SOURCES := guest/sdk/guest.c guest/sdk/main.c
MUSL_CC ?= musl-gcc
WASI_CC ?= clang
WASI_AR ?= llvm-ar
$(B)/sdk-native/%.o: %.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(MUSL_CC) $(SDK_CFLAGS) -fPIE -c $< -o $@
$(B)/sdk-wasm32/%.o: %.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(WASI_CC) --target=wasm32-wasi $(SDK_CFLAGS) -c $< -o $@
$(SDK)/lib/libmote-guest.a: $(patsubst %.c,$(B)/sdk-native/%.o,$(SDK_SOURCES))
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $^
$(SDK)/lib/libmote-guest-wasm32.a: $(patsubst %.c,$(B)/sdk-wasm32/%.o,$(SDK_SOURCES))
	@mkdir -p $(@D)
	rm -f $@ && $(WASI_AR) rcs $@ $^
$(SDK)/include/mote_guest.h: guest/sdk/mote_guest.h api/include/mote/value.h
	@mkdir -p $(@D)/mote
	install -m 644 api/include/mote/value.h $(@D)/mote/
	install -m 644 $< $@
SDK_FILES := $(SDK)/include/mote_guest.h $(SDK)/lib/libmote-guest.a $(SDK)/lib/libmote-guest-wasm32.a
$(B)/mote-cc: guest/sdk/mote-cc $(SDK_FILES)
	@mkdir -p $(@D)
	install -m 755 $< $@
# In a directory of its own: next to others' headers, a compiler for guests would find those of this machine first.
SDK_INSTALLED := $(LIBDIR)/mote-guest
install-sdk: $(B)/mote-cc
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SDK_INSTALLED)/lib $(DESTDIR)$(SDK_INSTALLED)/include/mote
	sed "s|^sdk=.*|sdk=\$$here/$$(realpath -m --relative-to='$(PREFIX)/bin' '$(SDK_INSTALLED)')|" $(B)/mote-cc > $(DESTDIR)$(PREFIX)/bin/mote-cc
	chmod 755 $(DESTDIR)$(PREFIX)/bin/mote-cc
	install -m 644 $(SDK)/lib/*.a $(DESTDIR)$(SDK_INSTALLED)/lib/
	install -m 644 guest/sdk/mote_guest.h $(DESTDIR)$(SDK_INSTALLED)/include/
	install -m 644 api/include/mote/value.h $(DESTDIR)$(SDK_INSTALLED)/include/mote/
install: install-sdk
.PHONY: install-sdk
