/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of test/security's programs: options, lines, VMs. */
#include "security.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct security_options security_options = {.seed = 1};
char security_log[8192];
static unsigned passed, failed;

void security_begin(int argc, char **argv)
{
	security_options.names = argv;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0)
			security_options.whole = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			security_options.seed = strtoull(argv[++i], NULL, 0);
		else
			security_options.names[security_options.name_count++] = argv[i];
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
}

bool security_chosen(const char *name)
{
	for (int i = 0; i < security_options.name_count; i++)
		if (strncmp(name, security_options.names[i], strlen(security_options.names[i])) == 0)
			return true;
	return security_options.name_count == 0;
}

void security_report(bool ok, const char *name, const char *figure, ...)
{
	va_list ap;
	va_start(ap, figure);
	printf("%s %s: ", ok ? "ok  " : "FAIL", name);
	vprintf(figure, ap);
	putchar('\n');
	va_end(ap);
	passed += ok;
	failed += !ok;
}

int security_end(void)
{
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}

void security_die(const char *what, ...)
{
	va_list ap;
	va_start(ap, what);
	fputs("FAIL ", stdout);
	vprintf(what, ap);
	putchar('\n');
	va_end(ap);
	failed++;
	exit(security_end());
}

uint64_t security_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 88172645463325252UL;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

uint64_t security_now_ns(void)
{
	return (uint64_t)vm_now_ns(CLOCK_MONOTONIC);
}

bool security_native(void)
{
	return access("/sys/module/kvm_amd", F_OK) < 0 && access("/sys/module/kvm_intel", F_OK) < 0;
}

static void collect(void *arg, const char *line)
{
	(void)arg;
	size_t len = strlen(security_log);
	snprintf(security_log + len, sizeof(security_log) - len, "%s%s", len ? "; " : "", line);
}

struct vm *security_vm(struct security_image image, char **argv, uint64_t memory_mib, uint64_t limit_ns)
{
	static int payload = -1, null = -1;
	char *envp[] = {NULL};
	struct err e = {0};
	struct vm *vm = NULL;
	if (payload < 0) {
		payload = memfd_create("payload", MFD_CLOEXEC);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (payload < 0 || null < 0 || write(payload, "payload", 7) != 7)
			security_die("payload: %m");
	}
	struct vm_config c = {
		.kvm_fd = -1,
		.image = image.at,
		.image_bytes = image.bytes,
		.image_fd = -1,
		.payload_fd = payload,
		.memory_bytes = memory_mib << 20,
		.argv = argv,
		.envp = envp,
		.stdio = {null, null, null},
		.time_limit_ns = limit_ns,
		.log = collect,
	};
	security_log[0] = '\0';
	if (vm_create(&c, &vm, &e) < 0)
		security_die("creating a VM: %s", e.text);
	return vm;
}
