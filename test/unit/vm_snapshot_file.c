/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots in files, with test/guest/frozen.c as their guest runtime. Needs a KVM, of either kind.
 */
#include "vm_frozen.h"

#include "base/sha256.h"
#include "vm/hostcall/fdtable.h"
#include "vm/internal.h"
#include "vm/snapshot/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define BUILD "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde0"

static int new_file(void)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

static int write_one(void)
{
	struct vm *vm = frozen_ready(-1);
	struct err e = {0};
	int fd = new_file();
	cr_assert(frozen_command(vm, "c") == 1);
	cr_assert(vm_snapshot_take_to_file(vm, BUILD, NULL, 0, fd, &e) == 0, "%s", e.text);
	/* It goes on afterwards. */
	cr_expect(frozen_command(vm, "c") == 2);
	vm_destroy(vm);
	return fd;
}

static void expect_refused(int fd, const char *build, const char *why)
{
	struct err e = {0};
	struct vm_snapshot *s = NULL;
	int rc = vm_snapshot_open_untrusted(fd, build, -1, &s, &e);
	cr_expect(rc == -22 && e.blame == ERR_CONFIG && strstr(e.text, why), "%d %s, not: %s", rc,
		  e.text, why);
	if (rc == 0)
		vm_snapshot_drop(s);
}

static struct vm_snapshot *open_one(int fd)
{
	struct err e = {0};
	struct vm_snapshot *s = NULL;
	cr_assert(vm_snapshot_open_untrusted(fd, BUILD, -1, &s, &e) == 0, "%s", e.text);
	return s;
}

Test(vm_snapshot_file, guests_go_on_from_a_file)
{
	int fd = write_one();
	struct vm_snapshot *s = open_one(fd);
	close(fd);
	struct vm *a = frozen_from(s, -1), *b = frozen_from(s, -1);
	cr_expect(frozen_command(a, "k") == 2 && frozen_command(b, "k") == 2);
	cr_expect(frozen_command(a, "w") == 3 && frozen_command(b, "m") == 3);
	struct err e = {0};
	for (int i = 0; i < 3; i++) {
		cr_assert(vm_restore(a, s, &e) == 0 && vm_restore(b, s, &e) == 0, "%s", e.text);
		cr_expect(frozen_command(a, "k") == 2 && frozen_command(b, "k") == 2);
		cr_expect(frozen_command(a, "m") == 3 && frozen_command(b, "w") == 3);
	}
	vm_snapshot_drop(s);
	vm_destroy(a);
	vm_destroy(b);
}

/* More than a reset copies back: all are dropped, area and boot information copied again. */
Test(vm_snapshot_file, a_guest_that_has_written_every_page_is_set_back)
{
	int fd = write_one();
	struct vm_snapshot *s = open_one(fd);
	struct vm *a = frozen_from(s, -1);
	struct err e = {0};
	cr_assert((s->memory.shape.next - MEMORY_SYSTEM_BYTES) / MOTE_PAGE > DIRTY_PAGES_MAX);
	for (int i = 0; i < 3; i++) {
		for (uint64_t at = MEMORY_SYSTEM_BYTES; at < s->memory.shape.next; at += MOTE_PAGE)
			a->memory.hva[at + 8] ^= 0x55;
		cr_assert(vm_restore(a, s, &e) == 0, "%s", e.text);
		cr_expect(a->vcpus[0].area->self == a->vcpus[0].area_va.v, "round %d: self %#lx", i,
			  a->vcpus[0].area->self);
		cr_expect(frozen_command(a, "k") == 2);
	}
	vm_snapshot_drop(s);
	vm_destroy(a);
	close(fd);
}

/* Registers, of a guest that waits with a pattern in all of them. */
Test(vm_snapshot_file, registers_come_from_a_file)
{
	struct vm *vm = frozen_ready(-1);
	struct err e = {0};
	int fd = new_file();
	(void)frozen_command(vm, "r");
	cr_assert(vm_snapshot_take_to_file(vm, BUILD, NULL, 0, fd, &e) == 0, "%s", e.text);
	vm_destroy(vm);
	struct vm_snapshot *s = open_one(fd);
	vm = frozen_from(s, -1);
	cr_expect(frozen_command(vm, "r") == 1);
	vm_destroy(vm);
	vm_snapshot_drop(s);
	close(fd);
}

Test(vm_snapshot_file, another_build_is_refused)
{
	int fd = write_one();
	expect_refused(fd, OTHER, "another build of Mote");
	close(fd);
}

Test(vm_snapshot_file, every_byte_of_the_header_counts)
{
	int fd = write_one();
	uint8_t header[4096];
	size_t used = 0;
	cr_assert(pread(fd, header, sizeof(header), 0) == sizeof(header));
	for (size_t i = 0; i < sizeof(header); i++)
		if (header[i])
			used = i + 1;
	cr_assert(used > 256 && used < 1024, "%zu", used);
	for (size_t i = 0; i < used; i++) {
		uint8_t wrong = header[i] ^ 0x41;
		cr_assert(pwrite(fd, &wrong, 1, (off_t)i) == 1);
		expect_refused(fd, BUILD, "the snapshot cannot be used: it");
		cr_assert(pwrite(fd, &header[i], 1, (off_t)i) == 1);
	}
	vm_snapshot_drop(open_one(fd));
	close(fd);
}

Test(vm_snapshot_file, other_features_and_damage_are_named)
{
	int fd = write_one();
	/*
	 * The members' places are the format's: magic 16, versions 8, build 64, then the CPU's
	 * features.
	 */
	static const struct {
		off_t at;
		const char *why;
	} cases[] = {{0, "not a snapshot"},
		     {16, "another version"},
		     {30, "header is damaged"},
		     {4096 + 8, "description is damaged"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t old, wrong;
		cr_assert(pread(fd, &old, 1, cases[i].at) == 1);
		wrong = old ^ 1;
		cr_assert(pwrite(fd, &wrong, 1, cases[i].at) == 1);
		expect_refused(fd, BUILD, cases[i].why);
		cr_assert(pwrite(fd, &old, 1, cases[i].at) == 1);
	}
	close(fd);
}

Test(vm_snapshot_file, a_file_that_was_cut_is_refused)
{
	int fd = write_one();
	struct stat st;
	cr_assert(fstat(fd, &st) == 0);
	for (off_t cut = st.st_size - 1; cut > 0; cut -= cut > 1 << 20 ? 300001 : 1777) {
		cr_assert(ftruncate(fd, cut) == 0);
		expect_refused(fd, BUILD, "the snapshot cannot be used");
	}
	cr_assert(ftruncate(fd, 0) == 0);
	expect_refused(fd, BUILD, "not a snapshot");
	close(fd);
	fd = write_one();
	cr_assert(fstat(fd, &st) == 0 && ftruncate(fd, st.st_size + 1) == 0);
	expect_refused(fd, BUILD, "cut or has grown");
	close(fd);
	expect_refused(0, BUILD, "not a snapshot");
}

Test(vm_snapshot_file, a_full_disk_is_an_error)
{
	struct vm *vm = frozen_ready(-1);
	struct err e = {0};
	struct rlimit small = {.rlim_cur = 100000, .rlim_max = 100000};
	char path[] = "/tmp/mote-snapshot-XXXXXX";
	int fd = mkstemp(path);
	cr_assert(fd >= 0 && unlink(path) == 0);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
	cr_expect(vm_snapshot_take_to_file(vm, BUILD, NULL, 0, fd, &e) == -27 &&
			  e.blame == ERR_HOST,
		  "%s", e.text);
	expect_refused(fd, BUILD, "not a snapshot");
	cr_expect(frozen_command(vm, "c") == 1);
	vm_destroy(vm);
	close(fd);
}

/* --- files that somebody has made up: digests right, contents not --- */

/*
 * The format's places: meta_bytes at 152, memory_at at 160, the digests of description and header
 * at 176 and 240.
 */
enum {
	META_BYTES_AT = 152,
	META_DIGEST_AT = 176,
	HEADER_DIGEST_AT = 240,
	HEADER_USED = 304,
	META_AT = 4096
};

static void seal(int fd, const uint8_t *meta, uint64_t meta_bytes)
{
	uint8_t header[HEADER_USED];
	char digest[65];
	cr_assert(pread(fd, header, sizeof(header), 0) == sizeof(header));
	sha256_hex(meta, meta_bytes, digest);
	memcpy(header + META_DIGEST_AT, digest, 64);
	memset(header + HEADER_DIGEST_AT, 0, 64);
	sha256_hex(header, sizeof(header), digest);
	memcpy(header + HEADER_DIGEST_AT, digest, 64);
	cr_assert(pwrite(fd, header, sizeof(header), 0) == sizeof(header));
	cr_assert(pwrite(fd, meta, meta_bytes, META_AT) == (ssize_t)meta_bytes);
}

/*
 * Whatever becomes of a guest that is made of it: the host must be unharmed. Whether it was
 * accepted.
 */
static bool try_hostile(int fd)
{
	struct vm_config c = frozen_config(-1);
	struct err e = {0};
	struct vm_snapshot *s = NULL;
	struct vm *vm = NULL;
	struct vm_outcome out;
	close(c.program_fd);
	if (vm_snapshot_open_untrusted(fd, BUILD, -1, &s, &e) < 0) {
		cr_expect(e.blame == ERR_CONFIG, "%s", e.text);
		return false;
	}
	if (vm_create_from(s, &c, &vm, &e) == 0) {
		if (vm_reply(vm, "w", 1, &e) == 0) {
			vm_begin(vm, &(struct vm_limits){.wall_ns = 5000000});
			if (vm_resume(vm, &out, &e) == 0 && out.end == VM_WAITING &&
			    vm_restore(vm, s, &e) < 0)
				cr_expect(e.text[0]);
			vm_finish(vm);
		}
		vm_destroy(vm);
	}
	vm_snapshot_drop(s);
	return true;
}

Test(vm_snapshot_file, made_up_descriptions_do_no_harm)
{
	int fd = write_one();
	uint64_t meta_bytes;
	struct vm_snapshot *keep = open_one(fd); /* the CPU's features are known from here on */
	struct timespec begin, now;
	unsigned accepted = 0, refused = 0;
	cr_assert(pread(fd, &meta_bytes, 8, META_BYTES_AT) == 8 && meta_bytes < 1 << 20);
	uint8_t *meta = malloc(meta_bytes);
	cr_assert(meta && pread(fd, meta, meta_bytes, META_AT) == (ssize_t)meta_bytes);
	seal(fd, meta, meta_bytes);
	cr_assert(try_hostile(fd), "a good one is accepted");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint64_t at = 0; at + 8 <= meta_bytes;
	     at += at < 256 || at > meta_bytes - 2048 ? 8 : 72) {
		uint64_t old;
		memcpy(&old, meta + at, 8);
		const uint64_t values[] = {
			0,      1,        ~0UL,     old + 1, old + 0x1000, old ^ 1UL << 63,
			0x1000, 0x200000, 1UL << 40};
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			memcpy(meta + at, &values[v], 8);
			seal(fd, meta, meta_bytes);
			if (try_hostile(fd))
				accepted++;
			else
				refused++;
		}
		memcpy(meta + at, &old, 8);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > 15 && refused > 50 && accepted > 0)
			break; /* a slow machine */
	}
	cr_expect(refused > 50 && accepted > 0, "%u refused, %u accepted", refused, accepted);
	free(meta);
	vm_snapshot_drop(keep);
	close(fd);
}

/* An inherited descriptor at another number than its own: the host would own it twice. */
Test(vm_snapshot_file, made_up_descriptors_are_refused)
{
	struct vm *vm = frozen_ready(2);
	struct err e = {0};
	int fd = new_file();
	uint64_t meta_bytes;
	cr_assert(vm_snapshot_take_to_file(vm, BUILD, NULL, 0, fd, &e) == 0, "%s", e.text);
	cr_assert(pread(fd, &meta_bytes, 8, META_BYTES_AT) == 8 && meta_bytes < 1 << 20);
	uint8_t *meta = malloc(meta_bytes);
	struct fd_wanted *last = (void *)(meta + meta_bytes - sizeof(*last)), good;
	cr_assert(meta && pread(fd, meta, meta_bytes, META_AT) == (ssize_t)meta_bytes);
	good = *last;
	cr_assert(good.at == 1 && good.origin == 2 && good.flags & FD_GIVEN);
	seal(fd, meta, meta_bytes);
	cr_expect(try_hostile(fd));
	const struct fd_wanted bad[] = {
		{.at = 100000, .origin = 2, .flags = good.flags},
		{.at = 0, .origin = 2, .flags = good.flags},
		{.at = 1, .origin = 0, .flags = good.flags},
		{.at = 1, .origin = 9, .flags = good.flags},
		{.at = 1, .origin = 2, .flags = 1 << 12},
		{.at = FDTABLE_MAX, .origin = 2, .flags = FD_FIXED_STATE},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*last = bad[i];
		seal(fd, meta, meta_bytes);
		cr_expect(!try_hostile(fd), "%zu", i);
	}
	free(meta);
	vm_destroy(vm);
	close(fd);
}
