# SPDX-License-Identifier: Apache-2.0
# The examples, built as their users would build them: libmote's public headers, and mote-cc for guests.
EXAMPLES := $(B)/contrib/examples
EXAMPLE_CFLAGS = $(COMMON) $(CFLAGS_$(VARIANT)) -D_GNU_SOURCE -Iapi/include

http := contrib/examples/http
$(EXAMPLES)/http/server: $(addprefix $(http)/,server.c message.c answer.c handler.c http.h handler.h) $(B)/libmote.a
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -MF $@.d $(filter %.c,$^) $(B)/libmote.a $(LIB_VM) -o $@
$(EXAMPLES)/http/guest.elf: $(addprefix $(http)/,guest.c handler.c handler.h) $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc -O2 $(filter %.c,$^) -o $@
$(EXAMPLES)/http/guest.wasm: $(addprefix $(http)/,guest.c handler.c handler.h) $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc --wasm -O2 $(filter %.c,$^) -o $@
http-example: $(addprefix $(EXAMPLES)/http/,server guest.elf guest.wasm)
# One source of the host and one of the guest each.
$(EXAMPLES)/%/host: contrib/examples/%/host.c $(B)/libmote.a
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -MF $@.d $< $(B)/libmote.a $(LIB_VM) -o $@
$(EXAMPLES)/%.wasm: contrib/examples/%.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc --wasm -O2 $< -o $@
$(EXAMPLES)/%.elf: contrib/examples/%.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc -O2 $< -o $@
examples: http-example $(addprefix $(EXAMPLES)/,filter/host filter/redact.wasm function/host function/guest.elf function/guest.wasm)
bench: http-example
.PHONY: examples http-example
