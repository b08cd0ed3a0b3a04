/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid snapshot files, changed field by field and bit by bit, their digests made right again: each
 * is refused, or makes a VM that harms nobody. That is: the host does not crash, the guest's page
 * tables give CPL 3 no page of CPL 0's and the kernel window is Mote's own, after the guest has
 * used memory, in some all that it can get (guest/flips.c).
 */
#include "security.h"
#include "workers.h"

#include "base/sha256.h"
#include "vm/snapshot/recycle.h"
#include "vm/snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

SECURITY_IMAGE(flips);

#define BUILD   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HANG_NS (60 * NS) /* of CPU time */
enum { MEMORY_MIB = 24, HEADER_BYTES = 4096, BATCH = 64 };

/* As vm/snapshot/file.c writes it. */
struct header {
	char magic[16];
	uint32_t format, abi_version;
	char build[64], cpu[64];
	uint64_t meta_bytes, memory_at, memory_bytes;
	char meta_digest[64], digest[64];
};

struct progress {
	_Atomic uint64_t tries, begun, refused, ran;
	char wrong[160];
};
static struct progress *progress;

static uint8_t *file; /* a valid one: header and description; each worker has its own */
static size_t meta_bytes;
static int file_fd = -1;

/* --- the valid file --- */

static void make_file(void)
{
	char *argv[] = {(char *)"flips", NULL};
	struct vm *vm = security_vm(SECURITY_IMAGE_OF(flips), argv, MEMORY_MIB, 0);
	const struct vm_limits limits = {.wall_ns = 60 * NS};
	struct vm_outcome out = {0};
	struct err e = {0};
	struct header h;
	vm_offer_calls(vm, 4096, false);
	vm_begin(vm, &limits);
	if (vm_resume(vm, &out, &e) < 0 || out.end != VM_WAITING)
		security_die("the guest that is to be frozen: end %d, code %d; %s", out.end,
			     out.code, e.text);
	vm_finish(vm);
	file_fd = memfd_create("snapshot", MFD_CLOEXEC);
	if (vm_snapshot_take_to_file(vm, BUILD, NULL, 0, file_fd, &e) < 0)
		security_die("writing a snapshot: %s", e.text);
	vm_destroy(vm);
	if (pread(file_fd, &h, sizeof(h), 0) != sizeof(h) || h.meta_bytes > 1 << 24)
		security_die("the file is other than this test knows it");
	meta_bytes = h.meta_bytes;
	file = malloc(HEADER_BYTES + meta_bytes);
	if (!file || pread(file_fd, file, HEADER_BYTES + meta_bytes, 0) !=
			     (ssize_t)(HEADER_BYTES + meta_bytes))
		security_die("reading the snapshot: %m");
}

/* Makes the digests right. */
static void seal(uint8_t *bytes)
{
	struct header *h = (struct header *)(void *)bytes;
	char digest[65];
	sha256_hex(bytes + HEADER_BYTES, meta_bytes, digest);
	memcpy(h->meta_digest, digest, sizeof(h->meta_digest));
	memset(h->digest, 0, sizeof(h->digest));
	sha256_hex(h, sizeof(*h), digest);
	memcpy(h->digest, digest, sizeof(h->digest));
}

/* --- changes --- */

static uint64_t any_value(uint64_t *random, const uint8_t *bytes)
{
	uint64_t r = security_random(random), other;
	switch (r & 7) {
	case 0:
		return r >> 8;
	case 1:
		return r >> 56;
	case 2:
		return 1UL << (r >> 58);
	case 3:
		return ~0UL << (r >> 58);
	case 4:
		return (r >> 40) & ~0xfffUL; /* a page near the beginning */
	case 5:
		return MOTE_KERNEL + ((r >> 50) & ~0xfffUL);
	default: /* what stands elsewhere */
		memcpy(&other, bytes + HEADER_BYTES + (r >> 8) % (meta_bytes - 8) / 8 * 8,
		       sizeof(other));
		return other;
	}
}

/* One field of 1, 4 or 8 bytes. */
static void change(uint64_t *random, uint8_t *bytes, size_t at, size_t capacity)
{
	static const uint8_t sizes[] = {8, 8, 8, 4, 4, 1, 1, 8};
	uint64_t r = security_random(random), value = 0;
	size_t size = sizes[r & 7], from = at + (r >> 8) % (capacity - 8) / size * size;
	memcpy(&value, bytes + from, size);
	switch (r >> 3 & 3) {
	case 0:
		value ^= 1UL << (r >> 58);
		break;
	case 1:
		value += r >> 40 & 1 ? 1 : -1UL;
		break;
	case 2:
		value += (r >> 41 & 1 ? 1 : -1UL) << 12;
		break;
	default:
		value = any_value(random, bytes);
		break;
	}
	memcpy(bytes + from, &value, size);
}

/*
 * The description begins with shape, counts and places; registers follow, of which the extended
 * ones are 4 KiB; then come the lists of mappings and free pages. Header, first part, lists and all
 * of it have their shares.
 */
static void change_some(uint64_t *random, uint8_t *bytes)
{
	enum { FIXED_BYTES = 512, LISTS_AT = 4096 + 1024 };
	const size_t lists = meta_bytes > LISTS_AT + 64 ? LISTS_AT : 0;
	uint64_t r = security_random(random);
	for (unsigned n = 1 + (r & 15 ? 0 : r >> 4 & 7); n; n--) {
		r = security_random(random);
		if ((r & 63) == 0)
			change(random, bytes, offsetof(struct header, meta_bytes), 24);
		else if (r & 64)
			change(random, bytes, HEADER_BYTES,
			       FIXED_BYTES < meta_bytes ? FIXED_BYTES : meta_bytes);
		else if (r & 128)
			change(random, bytes, HEADER_BYTES + lists, meta_bytes - lists);
		else
			change(random, bytes, HEADER_BYTES, meta_bytes);
	}
}

/* --- what comes of it --- */

static void fail(uint64_t n, const char *why)
{
	if (!progress->wrong[0])
		snprintf(progress->wrong, sizeof(progress->wrong), "try %lu: %s", n, why);
}

static void resume(struct vm *vm, bool all)
{
	const struct vm_limits limits = {.wall_ns = NS / 20};
	struct vm_outcome out = {0};
	struct err e = {0};
	vm_begin(vm, &limits);
	if (vm_reply(vm, all ? "a" : "s", 1, &e) == 0)
		(void)!vm_resume(vm, &out, &e);
	vm_finish(vm);
}

static void use(uint64_t n, struct vm_snapshot *s)
{
	struct vm *vm = NULL;
	struct err e = {0};
	if (security_vm_from(s, MEMORY_MIB, &vm) < 0)
		return;
	atomic_fetch_add(&progress->ran, 1);
	struct security_evidence *before = security_note(vm);
	resume(vm, n % 32 == 0);
	const char *wrong = security_compare(vm, before);
	if (wrong)
		fail(n, wrong);
	if (n % 8 == 0 && vm_restore(vm, s, &e) == 0)
		resume(vm, false);
	vm_destroy(vm);
}

static void try_one(uint64_t n, uint8_t *bytes, uint64_t *random)
{
	struct vm_snapshot *s = NULL;
	struct err e = {0};
	memcpy(bytes, file, HEADER_BYTES + meta_bytes);
	if (n)
		change_some(random, bytes);
	seal(bytes);
	if (pwrite(file_fd, bytes, HEADER_BYTES + meta_bytes, 0) !=
	    (ssize_t)(HEADER_BYTES + meta_bytes))
		security_die("writing the file: %m");
	security_log[0] = '\0';
	if (vm_snapshot_open_untrusted(file_fd, BUILD, -1, &s, &e) < 0) {
		atomic_fetch_add(&progress->refused, 1);
		if (n == 0)
			fail(n, "the valid file was refused");
		if (!e.text[0])
			fail(n, "refused without a reason");
	} else {
		use(n, s);
		vm_snapshot_drop(s);
	}
	atomic_fetch_add(&progress->tries, 1);
}

static uint64_t until_tries, until_ns;

static void work(unsigned worker, struct security_step *step)
{
	uint64_t random = security_options.seed + worker, done = 0;
	make_file();
	uint8_t *bytes = malloc(HEADER_BYTES + meta_bytes);
	if (!bytes)
		security_die("out of memory");
	while (security_now_ns() < until_ns && !progress->wrong[0]) {
		uint64_t n = atomic_fetch_add(&progress->begun, 1);
		if (n >= until_tries)
			break;
		/* In recycled VMs, and in every 16th batch in new ones, whose end takes longer. */
		if (done++ % BATCH == 0 && recycle_keep(done / BATCH % 16 ? 2 : 0) < 0)
			security_die("keeping VMs");
		security_step_begin(step, n);
		try_one(n, bytes, &random);
		security_step_end(step);
	}
	(void)!recycle_keep(0);
	free(bytes);
}

int main(int argc, char **argv)
{
	security_begin(argc, argv);
	progress = security_shared(sizeof(*progress));
	uint64_t began = security_now_ns();
	until_tries = security_options.whole ? 1000000 : UINT64_MAX;
	if (security_options.count)
		until_tries = security_options.count;
	until_ns = began + (security_options.whole ? 36000 : 15) * NS;
	const char *wrong = security_work(security_worker_count(), HANG_NS, work);
	uint64_t done = atomic_load(&progress->tries);
	if (!wrong && progress->wrong[0])
		wrong = progress->wrong;
	if (!wrong && (security_options.whole ? done < until_tries : done < 2))
		wrong = "too few tries";
	security_report(!wrong, "snapshot-flips", "%s%s%lu files (%lu/s): %lu refused, %lu run",
			wrong ? wrong : "", wrong ? "; " : "", done,
			done * NS / (security_now_ns() - began), atomic_load(&progress->refused),
			atomic_load(&progress->ran));
	return security_end();
}
