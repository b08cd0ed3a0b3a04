# SPDX-License-Identifier: Apache-2.0
# Tests: unit programs (Criterion), probe images, fuzz targets. Included by the Makefile.

# A personality for the tests of vm/ alone.
$(G)/probe.elf: $(B)/g-linux/test/guest/probe.o
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $^ -o $@
$(B)/g-linux/test/guest/probe.o: GUEST_EXTRA = $(LINUX_CFLAGS)
$(B)/test/unit/vm_run.o: $(G)/probe.img

# Each test/unit/NAME.c is one program, linked with everything of the host's but the main functions.
UNIT := $(patsubst test/unit/%.c,$(B)/test/unit/%,$(wildcard test/unit/*.c))
$(B)/test/%.o: HOST_INC = $(INC_test)
$(B)/test/unit/%.o: HOST_CFLAGS += -Wno-conversion -Wa,-I$(B)
TEST_LDFLAGS = $(filter-out -static-pie,$(HOST_LDFLAGS))
$(UNIT): $(B)/test/unit/%: $(B)/test/unit/%.o $(filter-out $(B)/shim/main.o,$(OBJ_shim)) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(B)/libmote.a
	$(CC) $(TEST_LDFLAGS) $< -Wl,--start-group $(filter-out $<,$^) -Wl,--end-group -lcriterion $(LIB_HOST) -lm -o $@
unit: $(UNIT)
.PHONY: unit
