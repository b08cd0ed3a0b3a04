/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of test/security share: a line for each test, VMs with hostile guest runtimes,
 * and a look of the host's own at what a guest must not have reached. They use vm/ from inside, as
 * no embedder can.
 */
#ifndef MOTE_TEST_SECURITY_H
#define MOTE_TEST_SECURITY_H

#include "vm/internal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS 1000000000UL

/*
 * The image NAME.img below the build's guest/, as security_image_NAME and security_image_NAME_end.
 */
#define SECURITY_IMAGE(name)                                                               \
	extern const uint8_t security_image_##name[], security_image_##name##_end[];       \
	__asm__(".section .rodata\n.globl security_image_" #name ", security_image_" #name \
		"_end\n.balign 16\n"                                                       \
		"security_image_" #name ": .incbin \"guest/security/" #name                \
		".img\"\nsecurity_image_" #name "_end:\n"                                  \
		".previous\n")

struct security_image {
	const uint8_t *at;
	size_t bytes;
};
#define SECURITY_IMAGE_OF(name)                         \
	((struct security_image){security_image_##name, \
				 (size_t)(security_image_##name##_end - security_image_##name)})

/*
 * Options of every program: --long, --emulated, --seed N, --count N, and words that choose tests by
 * the beginning of their names.
 */
struct security_options {
	bool whole;    /* the long form */
	bool emulated; /* the machine is: its times mean little */
	uint64_t seed;
	uint64_t count; /* of the long form, in place of its own; or 0 */
	char **names;
	int name_count;
};
extern struct security_options security_options;
void security_begin(int argc, char **argv);
bool security_chosen(const char *name);
/* One line: ok or FAIL, the test's name and its figure. */
void security_report(bool ok, const char *name, const char *figure, ...)
	__attribute__((format(printf, 3, 4)));
/* The closing line; the program's exit status. */
int security_end(void);
/* The host's own failure, which is not the test's subject: ends the program. */
_Noreturn void security_die(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* xorshift: the same on every machine for one seed. */
uint64_t security_random(uint64_t *state);
uint64_t security_now_ns(void);
/* A KVM without hardware virtualisation, where CPL 3 runs natively and CPL 0 is interpreted. */
bool security_native(void);

/*
 * A VM of 64 MiB (or memory_mib) with this guest runtime; argv as a guest runtime finds it. Its log
 * goes to security_log.
 */
extern char security_log[8192];
struct vm *security_vm(struct security_image image, char **argv, uint64_t memory_mib,
		       uint64_t limit_ns);

/* The same with a directory as descriptor 3, in 64 MiB. */
struct vm *security_vm_in(struct security_image image, char **argv, int directory,
			  uint64_t limit_ns);
/* A VM from a snapshot, with the descriptors of those above. 0 or -errno. */
struct vm_snapshot;
int security_vm_from(struct vm_snapshot *s, uint64_t memory_mib, struct vm **out);
/*
 * Before its first run: the guest starts at CPL 0, without SMEP and SMAP, and finds guest-physical
 * memory mapped (guest/owner.h). It is the test that does this, from outside; the product has no
 * such way.
 */
void security_start_at_cpl0(struct vm *vm);

/*
 * Walks the page tables at cr3 as the CPU would, through memory that the guest may have filled with
 * anything: tables and pages outside guest memory are left out. `table` (may be NULL) is called
 * with each table's address.
 */
struct security_leaf {
	/* rights of all levels together in entry's WRITE, USER and NX bits */
	uint64_t va, gpa, bytes, entry;
};
void security_walk(struct vm *vm, uint64_t cr3, void (*leaf)(void *, const struct security_leaf *),
		   void (*table)(void *, uint64_t gpa), void *arg);

/* What CPL 3 must leave as it is, noted by the host before the guest's first run. */
struct security_evidence;
struct security_evidence *security_note(struct vm *vm);
/* Compares with it, after a run: NULL, or what is wrong. Frees the evidence. */
const char *security_compare(struct vm *vm, struct security_evidence *before);

#endif
