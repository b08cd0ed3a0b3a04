/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs each packed script given as argument in a micro-VM of its own; the guest writes its results
 * to our stdout.
 */
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_BYTES (512ull << 20)
/* under emulation the longest script takes a minute */
#define TIME_LIMIT_NS 240000000000ull

/* The same program runs other guest runtimes that take a file, each built with its image. */
#ifndef SPECTEST_IMAGE
#define SPECTEST_IMAGE "guest/spectest.img"
#endif
extern const uint8_t spectest_image[], spectest_image_end[];
__asm__(".section .rodata\n.globl spectest_image, spectest_image_end\n.balign 16\n"
	"spectest_image: .incbin \"" SPECTEST_IMAGE "\"\nspectest_image_end:\n.previous\n");

static void log_line(void *arg, const char *line)
{
	fprintf(stderr, "%s: %s\n", (const char *)arg, line);
}

static int run(const char *path, struct vm_outcome *out, struct err *e)
{
	char *argv[] = {(char *)path, NULL}, *envp[] = {NULL};
	int payload = open(path, O_RDONLY | O_CLOEXEC);
	if (payload < 0) {
		snprintf(e->text, sizeof(e->text), "%s", strerror(errno));
		return -1;
	}
	struct vm_config c = {
		.kvm_fd = -1,
		.image = spectest_image,
		.image_bytes = (size_t)(spectest_image_end - spectest_image),
		.image_fd = -1,
		.program_fd = payload,
		.program_path = path,
		.memory_bytes = MEMORY_BYTES,
		.argv = argv,
		.envp = envp,
		.stdio = {-1, STDOUT_FILENO, STDERR_FILENO},
		.time_limit_ns = TIME_LIMIT_NS,
		.log = log_line,
		.log_arg = (char *)path,
	};
	struct vm *vm = NULL;
	int rc = vm_create(&c, &vm, e);
	if (rc == 0)
		rc = vm_run(vm, out, e);
	vm_destroy(vm);
	close(payload);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const ends[] = {[VM_EXITED] = "exit status",
					   [VM_SIGNALLED] = "signal",
					   [VM_TIMED_OUT] = "time limit",
					   [VM_FAULTED] = "fault"};
	int bad = argc < 2;
	if (bad)
		fprintf(stderr, "usage: spectest_vm PACKED-SCRIPT...\n");
	for (int i = 1; i < argc; i++) {
		struct err e = {0};
		struct vm_outcome out = {0};
		if (run(argv[i], &out, &e) != 0)
			printf("END %s error %s\n", argv[i], e.text);
		else
			printf("END %s %s %d\n", argv[i], ends[out.end], out.code);
		fflush(stdout);
		bad |= out.end != VM_EXITED || out.code != 0;
	}
	return bad;
}
