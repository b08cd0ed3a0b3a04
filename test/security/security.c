/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of test/security's programs: options, lines, VMs. */
#include "security.h"

#include "guest/owner.h"
#include "vm/snapshot/snapshot.h"

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
		else if (strcmp(argv[i], "--emulated") == 0)
			security_options.emulated = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			security_options.seed = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			security_options.count = strtoull(argv[++i], NULL, 0);
		else
			security_options.names[security_options.name_count++] = argv[i];
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
}

bool security_chosen(const char *name)
{
	for (int i = 0; i < security_options.name_count; i++)
		if (strncmp(name, security_options.names[i], strlen(security_options.names[i])) ==
		    0)
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

static struct vm_config config_of(struct security_image image, char **argv, uint64_t memory_mib,
				  uint64_t limit_ns)
{
	static int payload = -1, null = -1;
	static char *envp[] = {NULL};
	if (payload < 0) {
		payload = memfd_create("payload", MFD_CLOEXEC);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (payload < 0 || null < 0 || write(payload, "payload", 7) != 7)
			security_die("payload: %m");
	}
	return (struct vm_config){
		.kvm_fd = -1,
		.image = image.at,
		.image_bytes = image.bytes,
		.image_fd = -1,
		.program_fd = payload,
		.memory_bytes = memory_mib << 20,
		.argv = argv,
		.envp = envp,
		.stdio = {null, null, null},
		.time_limit_ns = limit_ns,
		.log = collect,
	};
}

static struct vm *make(const struct vm_config *c)
{
	struct err e = {0};
	struct vm *vm = NULL;
	security_log[0] = '\0';
	if (vm_create(c, &vm, &e) < 0)
		security_die("creating a VM: %s", e.text);
	return vm;
}

struct vm *security_vm(struct security_image image, char **argv, uint64_t memory_mib,
		       uint64_t limit_ns)
{
	const struct vm_config c = config_of(image, argv, memory_mib, limit_ns);
	return make(&c);
}

struct vm *security_vm_in(struct security_image image, char **argv, int directory,
			  uint64_t limit_ns)
{
	const struct vm_preopen given = {.fd = directory, .kind = MOTE_PREOPEN_DIR, .path = "/w"};
	struct vm_config c = config_of(image, argv, 64, limit_ns);
	c.preopens = &given;
	c.preopen_count = 1;
	return make(&c);
}

int security_vm_from(struct vm_snapshot *s, uint64_t memory_mib, struct vm **out)
{
	const struct vm_config c = config_of((struct security_image){0}, NULL, memory_mib, 0);
	struct err e = {0};
	return vm_create_from(s, &c, out, &e);
}

static uint64_t *guest_page(struct vm *vm, uint64_t gpa)
{
	return (uint64_t *)(void *)(vm->memory.hva + gpa);
}

/* Two tables at the end of the memory that KVM has, which nothing has been taken of. */
void security_start_at_cpl0(struct vm *vm)
{
	enum { PRESENT_WRITE = 3, LARGE_PAGE = 0xe3, SMEP_SMAP = 3 << 20 };
	struct kvm_sregs *s = &vm->vcpus[0].kvm.run->s.regs.sregs;
	uint64_t pointers = vm->memory.slot_end - MOTE_PAGE, directory = pointers - MOTE_PAGE;
	for (uint64_t i = 0; i < IDENTITY_BYTES >> 21; i++)
		guest_page(vm, directory)[i] = i << 21 | LARGE_PAGE;
	guest_page(vm, pointers)[0] = directory | PRESENT_WRITE;
	guest_page(vm, s->cr3)[IDENTITY_SLOT] = pointers | PRESENT_WRITE;
	s->cs.selector = MOTE_KERNEL_CS;
	s->cs.dpl = 0;
	s->ss.selector = MOTE_KERNEL_CS + 8;
	s->ss.dpl = 0;
	s->cr4 &= ~(uint64_t)SMEP_SMAP;
}
