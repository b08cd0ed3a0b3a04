/* SPDX-License-Identifier: Apache-2.0 */
/* VMs with test/guest/frozen.c as their guest runtime, for tests of vm/. */
#ifndef MOTE_TEST_VM_FROZEN_H
#define MOTE_TEST_VM_FROZEN_H

#include "vm/snapshot/snapshot.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const uint8_t test_frozen_image[], test_frozen_image_end[];
__asm__(".section .rodata\n.globl test_frozen_image, test_frozen_image_end\n.balign 16\n"
	"test_frozen_image: .incbin \"guest/frozen.img\"\ntest_frozen_image_end:\n.previous\n");

static char frozen_log[4096];

static inline void frozen_collect(void *arg, const char *line)
{
	(void)arg;
	strncat(frozen_log, line, sizeof(frozen_log) - strlen(frozen_log) - 1);
}

static inline int frozen_program(void)
{
	int fd = memfd_create("payload", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, "payload", 7) == 7);
	return fd;
}

static char *frozen_argv[] = {(char *)"serve", NULL}, *frozen_envp[] = {NULL};

static inline struct vm_config frozen_config(int standard_output)
{
	return (struct vm_config){
		.kvm_fd = -1,
		.image = test_frozen_image,
		.image_bytes = (size_t)(test_frozen_image_end - test_frozen_image),
		.image_fd = -1,
		.program_fd = frozen_program(),
		.memory_bytes = 64 << 20,
		.argv = frozen_argv,
		.envp = frozen_envp,
		.stdio = {-1, standard_output, -1},
		.log = frozen_collect,
	};
}

static inline enum vm_end frozen_resume(struct vm *vm, int *code)
{
	struct err e = {0};
	struct vm_outcome out = {0};
	const struct vm_limits limits = {.wall_ns = 60000000000};
	vm_begin(vm, &limits);
	cr_assert(vm_resume(vm, &out, &e) == 0, "%s", e.text);
	vm_finish(vm);
	*code = out.code;
	return out.end;
}

/* Has the guest loop without end until its time limit stops it. */
static inline void frozen_stop_in_loop(struct vm *vm)
{
	struct err e = {0};
	struct vm_outcome out = {0};
	cr_assert(vm_reply(vm, "l", 1, &e) == 0);
	vm_begin(vm, &(struct vm_limits){.wall_ns = 20000000});
	cr_assert(vm_resume(vm, &out, &e) == 0 && out.end == VM_TIMED_OUT);
	vm_finish(vm);
}

static inline struct vm *frozen_ready(int standard_output)
{
	struct vm_config c = frozen_config(standard_output);
	struct err e = {0};
	struct vm *vm = NULL;
	int code;
	frozen_log[0] = '\0';
	cr_assert(vm_create(&c, &vm, &e) == 0, "%s", e.text);
	close(c.program_fd);
	vm_offer_calls(vm, 4096, false);
	cr_assert(frozen_resume(vm, &code) == VM_WAITING, "code %d; %s", code, frozen_log);
	return vm;
}

static inline struct vm *frozen_from(struct vm_snapshot *s, int standard_output)
{
	struct vm_config c = frozen_config(standard_output);
	struct err e = {0};
	struct vm *vm = NULL;
	close(c.program_fd);
	cr_assert(vm_create_from(s, &c, &vm, &e) == 0, "%s", e.text);
	return vm;
}

static inline struct vm_snapshot *frozen_take(struct vm *vm)
{
	struct err e = {0};
	struct vm_snapshot *s = NULL;
	cr_assert(vm_snapshot_take(vm, &s, &e) == 0, "%s", e.text);
	return s;
}

/* Gives the guest a command; its answer. */
static inline uint64_t frozen_command(struct vm *vm, const char *what)
{
	struct err e = {0};
	int code;
	size_t len;
	uint64_t answer = 0;
	cr_assert(vm_reply(vm, what, strlen(what), &e) == 0, "%s", e.text);
	enum vm_end end = frozen_resume(vm, &code);
	cr_assert(end == VM_WAITING, "%s: end %d, code %d; %s", what, end, code, frozen_log);
	const uint8_t *message = vm_message(vm, &len);
	memcpy(&answer, message, len < sizeof(answer) ? len : sizeof(answer));
	return answer;
}

#endif
