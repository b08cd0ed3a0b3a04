# Mote's whole build. `make help` lists what there is to make.
VERSION := 0.1.0
VARIANT ?= release
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B := build/$(VARIANT)
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

all: product

WARN := -Wall -Wextra -Wconversion -Wshadow -Wvla -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-sign-conversion -Wno-missing-field-initializers
ifdef CI
WARN += -Werror
endif
COMMON := -std=gnu17 -g $(WARN) -MMD -MP -DMOTE_VERSION='"$(VERSION)"'

CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_debug := -O0
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -fsanitize=thread
# Counters are a file mapped into each process, so that they outlive _exit, SIGKILL and a filter that forbids writing.
PROFILES := $(CURDIR)/build/coverage/profiles
CFLAGS_coverage := -O1 -fprofile-instr-generate=$(PROFILES)/%m%c.profraw -fcoverage-mapping -mllvm -runtime-counter-relocation
LDFLAGS_release := -static-pie -Wl,-z,relro,-z,now,--gc-sections
LDFLAGS_debug := -static-pie
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_coverage := -fprofile-instr-generate
HOST_CFLAGS = $(COMMON) $(CFLAGS_$(VARIANT)) -D_GNU_SOURCE -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
HOST_LDFLAGS = $(LDFLAGS_$(VARIANT))

# What is made of the tables of functions, "gen/NAME.h": GEN_INC_M for those who have layer M.
GEN_ABI := build/gen/abi/gen
GEN_INC_abi := -Ibuild/gen/abi
GEN_GUEST := build/gen/guest/gen
GEN_INC_guest := -Ibuild/gen/guest
GEN_OCI := build/gen/oci/gen
GEN_INC_oci := -Ibuild/gen/oci
GENERATED := $(patsubst %,$(GEN_ABI)/hostcall_%.h,numbers stubs types decode shapes) \
	$(patsubst %,$(GEN_GUEST)/p1_%.h,functions imports invoke) $(GEN_GUEST)/syscall_names.h \
	$(GEN_OCI)/linux_calls.h

# Layers. build/layers/M/M is a link to module M; a module gets -I only for those it may include.
LAYERS := build/layers
layer = -I$(LAYERS)/$(1) $(GEN_INC_$(1))
INC_proto := -Ibuild/gen
INC_base := $(call layer,base)
INC_oci := $(INC_base) $(call layer,oci)
INC_vm := $(INC_base) $(call layer,abi) $(call layer,vm)
INC_api := $(INC_base) $(call layer,abi) $(call layer,vm) $(call layer,image_layout) $(call layer,api) -Iapi/include
INC_runtime := $(INC_base) $(call layer,oci) $(call layer,runtime) -Iapi/include $(INC_proto)
INC_shim := $(INC_base) $(call layer,runtime) $(call layer,shim) $(INC_proto)
INC_cli := $(INC_base) -Iapi/include
INC_guest := $(call layer,abi) $(call layer,guest)
INC_test := $(INC_base) $(INC_oci) $(INC_api) $(INC_runtime) $(INC_shim) $(INC_guest) $(call layer,contrib)

layers := base oci vm runtime shim guest contrib
$(LAYERS)/.made: Makefile | $(GENERATED)
	@for m in $(layers); do mkdir -p $(LAYERS)/$$m && ln -sfn ../../../$$m $(LAYERS)/$$m/$$m; done
	@mkdir -p $(LAYERS)/abi $(LAYERS)/api && ln -sfn ../../../api/abi $(LAYERS)/abi/abi && ln -sfn ../../../api $(LAYERS)/api/api
	@mkdir -p $(LAYERS)/abi/mote && ln -sfn ../../../../api/include/mote/value.h $(LAYERS)/abi/mote/value.h
	@ln -sfn ../../../../api/include/mote/wit.h $(LAYERS)/abi/mote/wit.h
	@mkdir -p $(LAYERS)/image_layout/oci && ln -sfn ../../../../oci/image_layout.h $(LAYERS)/image_layout/oci/image_layout.h
	@touch $@

# What belongs to one architecture stands in a directory of its name; those of others are left out.
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
OTHER_ARCHES := $(filter-out $(ARCH),x86_64 aarch64)
# $(call sources,DIRECTORY,EXCEPT): the .c and .S files below DIRECTORY, up to three directories down, without those that match EXCEPT.
levels = $(foreach level,* */* */*/* */*/*/*,$(1)/$(level).c $(1)/$(level).S)
of_other_arch = $(foreach arch,$(OTHER_ARCHES),$(if $(findstring /$(arch)/,$(1)),$(1)))
sources = $(foreach file,$(sort $(filter-out $(2),$(wildcard $(call levels,$(1))))),$(if $(call of_other_arch,$(file)),,$(file)))

# $(call module,NAME,SOURCES): objects of one host module below $(B)/NAME.
define module
OBJ_$(1) := $$(patsubst %.c,$$(B)/%.o,$$(filter %.c,$(2))) $$(patsubst %.S,$$(B)/%.o,$$(filter %.S,$(2)))
$$(OBJ_$(1)): HOST_INC = $$(INC_$(1))
endef
$(eval $(call module,base,$(call sources,base)))
$(eval $(call module,oci,$(call sources,oci)))
$(eval $(call module,vm,$(call sources,vm,vm/jail/generate.c)))
$(eval $(call module,api,$(call sources,api,api/cli/% api/abi/%)))
$(eval $(call module,cli,$(call sources,api/cli)))
$(eval $(call module,runtime,$(call sources,runtime)))
$(eval $(call module,shim,$(call sources,shim)))

$(B)/%.o: %.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(HOST_INC) -c $< -o $@
$(B)/%.o: %.S | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) -g -MMD -MP -fPIC $(HOST_INC) -Wa,-I$(B) -c $< -o $@

# Code made of tables: the generator of each includes its table, so that the compiler names a row that is wrong.
ROWS := api/abi/generate/rows.c api/abi/generate/rows.h
$(GEN_ABI)/hostcalls: api/abi/generate/hostcalls.c api/abi/calls.def $(ROWS)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) -Iapi -Iapi/abi/generate $(filter %.c,$^) -o $@
$(GEN_ABI)/hostcall_%.h: $(GEN_ABI)/hostcalls
	$< $* $@ > $@.$(VARIANT) && mv $@.$(VARIANT) $@
$(GEN_GUEST)/p1: guest/wasi/generate/p1.c guest/wasi/p1/preview1.def $(ROWS)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) -Iguest/wasi -Iapi/abi/generate $(filter %.c,$^) -o $@
$(GEN_GUEST)/p1_%.h: $(GEN_GUEST)/p1
	$< $* $@ > $@.$(VARIANT) && mv $@.$(VARIANT) $@

# Which system calls native guests have: what a profile of linux.seccomp is compared with.
$(GEN_OCI)/linux_calls.h: guest/linux/syscalls.def guest/linux/arch/x86_64/syscalls.def
	@mkdir -p $(@D)
	sed -n 's/^\(CALL\|SAME\)(\([a-z0-9_]*\),.*/"\2",/p' $^ > $@.$(VARIANT) && mv $@.$(VARIANT) $@

# Protocol messages from the project's own .proto files.
PROTO := $(wildcard shim/proto/*.proto runtime/containerd/*.proto)
PROTO_C := $(patsubst %.proto,build/gen/proto/%.pb-c.c,$(notdir $(PROTO)))
OBJ_proto := $(patsubst build/gen/%.c,$(B)/gen/%.o,$(PROTO_C))
build/gen/proto/%.pb-c.c build/gen/proto/%.pb-c.h: shim/proto/%.proto
	@mkdir -p build/gen/proto
	protoc-c --proto_path=shim/proto --c_out=build/gen/proto $<
build/gen/proto/%.pb-c.c build/gen/proto/%.pb-c.h: runtime/containerd/%.proto
	@mkdir -p build/gen/proto
	protoc-c --proto_path=runtime/containerd --c_out=build/gen/proto $<
$(B)/gen/%.o: build/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Wno-conversion -Wno-missing-prototypes -Ibuild/gen/proto -Ibuild/gen -c $< -o $@
$(OBJ_shim) $(OBJ_runtime): | $(PROTO_C)
protocol: $(PROTO_C)
.PHONY: protocol

# The seccomp filters, made once by libseccomp from vm/jail/*.def. Sanitizers' runtime libraries need more.
SANITIZED := $(filter asan tsan,$(VARIANT))
JAIL := build/gen/jail$(if $(SANITIZED),-sanitized)
$(JAIL)/generate: vm/jail/generate.c vm/jail/jail.h vm/jail/rules.h $(wildcard vm/jail/*.def) vm/hostcall/socket_options.def | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARN) -D_GNU_SOURCE $(if $(SANITIZED),-DMOTE_SANITIZED) $(INC_vm) $< -lseccomp -o $@
$(JAIL)/jail_filters.h: $(JAIL)/generate
	$< > $@.$(VARIANT) && mv $@.$(VARIANT) $@
$(B)/vm/jail/jail.o: $(JAIL)/jail_filters.h
$(B)/vm/jail/jail.o: HOST_CFLAGS += -I$(JAIL)

# The names of all system calls, also of those that are not there, out of the kernel's own header: NAME(number, name).
$(GEN_GUEST)/syscall_names.h:
	@mkdir -p $(@D)
	echo '#include <asm/unistd.h>' | $(CC) -E -dM -x c - | LC_ALL=C sort | \
		sed -nE 's/^#define __NR_(\w+) ([0-9]+)$$/NAME(\2, \1)/p' > $@.$(VARIANT) && mv $@.$(VARIANT) $@

# Guest side: freestanding, position fixed at the window's address, one image for each guest runtime.
GUEST_CC ?= $(CC)
GUEST_CFLAGS := -std=gnu17 -O2 -g $(WARN) -MMD -MP -DMOTE_VERSION='"$(VERSION)"' -ffreestanding -fno-stack-protector -fno-stack-clash-protection -fpie -mno-red-zone \
	-fcf-protection=none -fno-asynchronous-unwind-tables $(if $(findstring clang,$(GUEST_CC)),-fno-builtin,-fno-tree-loop-distribute-patterns) -ffunction-sections -fdata-sections \
	-fvisibility=hidden
# What runs between a program's system call and its return must not touch its vector registers.
LINUX_CFLAGS := -mgeneral-regs-only
MOTE_WINDOW := $(shell awk '$$2 == "MOTE_WINDOW" { print $$3 }' api/abi/arch/$(ARCH).h)
GUEST_LDFLAGS := -nostdlib -static -Wl,-Ttext-segment=$(MOTE_WINDOW) -Wl,-z,max-page-size=4096 -Wl,-z,separate-code \
	-Wl,--no-relax -Wl,--gc-sections -Wl,--build-id=none -Wl,-e,mote_guest_entry -Wl,-z,noexecstack
G := $(B)/guest
guest_lib := $(call sources,guest/lib)
guest_linux := $(call sources,guest/linux)
guest_engine := $(call sources,guest/wasm,guest/wasm/hosted/%)
guest_wasm := $(guest_engine) $(call sources,guest/component) $(call sources,guest/wasi,guest/wasi/generate/%)
gobj = $(patsubst %,$(B)/$(1)/%.o,$(basename $(2)))
OBJ_guest_linux := $(call gobj,g-linux,$(guest_lib) $(guest_linux))
OBJ_guest_wasm := $(call gobj,g-wasm,$(guest_lib) $(guest_wasm))
$(OBJ_guest_linux): GUEST_EXTRA = $(LINUX_CFLAGS)
$(B)/g-linux/%.o: %.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) $(GUEST_EXTRA) $(INC_guest) -c $< -o $@
$(B)/g-linux/%.o: %.S | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(GUEST_CC) -g -MMD -MP $(INC_guest) -c $< -o $@
$(B)/g-wasm/%.o: %.c | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) $(INC_guest) -c $< -o $@
$(B)/g-wasm/%.o: %.S | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(GUEST_CC) -g -MMD -MP $(INC_guest) -c $< -o $@
$(G)/linux.elf: $(OBJ_guest_linux) Makefile
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $(filter %.o,$^) -o $@
# libiberty: its demanglers alone, for backtraces (guest/wasi/demangle.c).
$(G)/wasm.elf: $(OBJ_guest_wasm) Makefile
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_LDFLAGS) $(filter %.o,$^) -liberty -o $@
$(G)/%.img: $(G)/%.elf
	objcopy --strip-all $< $@
# CPL 0 stubs, linked at their place in the kernel window.
$(G)/kernel.bin: guest/kernel/$(ARCH)/stubs.S guest/kernel/$(ARCH)/stubs.ld api/abi/layout.h api/abi/arch/$(ARCH).h | $(LAYERS)/.made
	@mkdir -p $(@D)
	$(CC) -g -nostdlib -static -fcf-protection=none $(INC_guest) -Wl,-T,guest/kernel/$(ARCH)/stubs.ld -Wl,--build-id=none -Wl,-z,noexecstack $< -o $(G)/kernel.elf
	objcopy -O binary -j .text $(G)/kernel.elf $@
$(B)/vm/arch/x86_64/kernel_image.o: $(G)/kernel.bin
$(B)/api/image_bytes.o: $(G)/linux.img $(G)/wasm.img $(G)/build.id
# Differs where snapshots of one build are of no use to another.
$(G)/build.id: $(G)/linux.img $(G)/wasm.img $(G)/kernel.bin $(wildcard $(foreach level,* */* */*/* */*/*/*,vm/$(level).[chS]) api/abi/*.h api/abi/*.def api/abi/*/*)
	cat $^ | sha256sum | head -c 64 > $@

# Libraries and programs.
LIB_VM := -lcap -ljansson -lnettle
LIB_HOST := $(LIB_VM) -lprotobuf-c -lnghttp2
# What libmote has of oci/: snapshots are saved as OCI image layouts. It is all that needs jansson in it.
OBJ_image_layout := $(filter %/image_layout.o %/json.o,$(OBJ_oci))
OBJ_libmote := $(OBJ_base) $(OBJ_vm) $(OBJ_image_layout) $(OBJ_api)
# For our own programs, which use more of it than its interface.
$(B)/internal.a: $(OBJ_libmote)
	rm -f $@ && ar rcs $@ $^
# For others: one object, whose global names all begin with mote_.
$(B)/libmote.o: $(OBJ_libmote) Makefile
	$(CC) -r -nostdlib $(filter %.o,$^) -o $@ && objcopy --wildcard --keep-global-symbol='mote_*' $@
$(B)/libmote.a: $(B)/libmote.o Makefile
	rm -f $@ && ar rcs $@ $<
$(B)/libmote.so: $(OBJ_libmote) api/libmote.map
	$(CC) -shared $(filter-out -static-pie,$(HOST_LDFLAGS)) -Wl,-soname,libmote.so.0 -Wl,-z,nodelete -Wl,--version-script=api/libmote.map $(filter %.o,$^) $(LIB_VM) -o $@
$(B)/mote: $(OBJ_cli) $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_VM) -o $@
$(B)/containerd-shim-mote-v1: $(OBJ_shim) $(OBJ_proto) $(OBJ_runtime) $(OBJ_oci) $(B)/internal.a
	$(CC) $(HOST_LDFLAGS) $^ $(LIB_HOST) -o $@
-include guest/sdk/module.mk

product: $(B)/mote $(B)/containerd-shim-mote-v1 $(B)/libmote.a $(B)/libmote.so $(B)/mote-cc

# Tests. Each test/unit/NAME.c is one Criterion program; fuzz targets replay their corpus in `make check`.
-include test/module.mk
-include contrib/examples/module.mk
-include contrib/envoy/module.mk
-include contrib/kubernetes/node/module.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# Installing: one file for nodes, the command, the library. What is written outside of DESTDIR is nothing but the
# linker's cache, for a root that installs without one.
D := $(DESTDIR)
install: product
	install -d $(D)$(PREFIX)/bin $(D)$(LIBDIR)/pkgconfig $(D)$(PREFIX)/include/mote
	install -m 755 $(B)/mote $(B)/containerd-shim-mote-v1 $(D)$(PREFIX)/bin/
	install -m 644 $(B)/libmote.a $(D)$(LIBDIR)/
	install -m 755 $(B)/libmote.so $(D)$(LIBDIR)/libmote.so.$(VERSION)
	ln -sf libmote.so.$(VERSION) $(D)$(LIBDIR)/libmote.so.0
	ln -sf libmote.so.0 $(D)$(LIBDIR)/libmote.so
	install -m 644 api/include/mote/*.h $(D)$(PREFIX)/include/mote/
	for page in contrib/man/*.[1-9]; do \
		install -D -m 644 $$page $(D)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	install -D -m 644 contrib/completions/mote.bash $(D)$(PREFIX)/share/bash-completion/completions/mote
	install -D -m 644 contrib/completions/_mote $(D)$(PREFIX)/share/zsh/site-functions/_mote
	printf 'prefix=%s\nlibdir=%s\nName: mote\nDescription: micro-VMs as a library\nVersion: %s\nLibs: -L$${libdir} -lmote\nLibs.private: %s\nCflags: -I$${prefix}/include\n' \
		'$(PREFIX)' '$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' '$(VERSION)' '$(LIB_VM)' > $(D)$(LIBDIR)/pkgconfig/mote.pc
	@[ -n "$(D)" ] || [ "$$(id -u)" != 0 ] || ldconfig
dist:
	@mkdir -p build
	git archive --format=tar --prefix=mote-$(VERSION)/ HEAD | xz > build/mote-$(VERSION).tar.xz

# Lays out all C sources as .clang-format says; hack/check finds what it would change.
format:
	clang-format --style=file -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

clean:
	rm -rf $(B)
help:
	@printf '%s\n' \
		'make                the product into build/release (VARIANT=debug, asan, tsan; CC=clang)' \
		'make format         lays out the sources (.clang-format)' \
		'make check          every test; ends with N passed, N failed' \
		'make unit           unit test programs' \
		'make coverage       lines that the tests reach, by directory' \
		'make security       what hostile guests try, in its long form (SHORT=1, TESTS="escape polled-calls")' \
		'make bench          benchmarks (BENCH=pattern); build/bench/results.json' \
		'make fuzz-smoke     each fuzz target for FUZZ_SECONDS; make fuzz-report: and what it reached' \
		'make examples       contrib/examples into build/release/contrib/examples' \
		'make node-image     what the image of contrib/kubernetes/node has, in build/release/node-image' \
		'make install        PREFIX=/usr/local LIBDIR=$$PREFIX/lib DESTDIR=' \
		'make dist           build/mote-$(VERSION).tar.xz' \
		'make clean          removes build/$$(VARIANT)'
.PHONY: all product install dist format clean help
