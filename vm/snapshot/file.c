/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots in files: a header of one page, what is not memory (registers, mappings, descriptors),
 * then memory as it lies in guest-physical space, so that it can be mapped. Sparse. A file is used
 * by the very build of Mote that wrote it, on a CPU with the same features; so structures are
 * stored as they are. Anybody may have made the file: it is refused unless it is consistent as a
 * whole, page tables and kernel pages are made again, and its memory is a guest's.
 */
#include "vm/snapshot/private.h"

#include "base/io.h"
#include "base/sha256.h"
#include "vm/arch/arch.h"
#include "vm/memory/page_table.h"
#include "vm/memory/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "Mote snapshot\n"
enum { FORMAT = 4, HEADER_BYTES = 4096, META_MAX = 64 << 20 };

struct file_header {
	char magic[16];
	uint32_t format, abi_version;
	char build[64], cpu[64]; /* hexadecimal digits */
	uint64_t meta_bytes;     /* from HEADER_BYTES on */
	uint64_t memory_at;      /* in the file */
	uint64_t memory_bytes;
	char meta_digest[64];
	char digest[64]; /* of the header with this member zero */
};

/* The fixed part of what follows the header; arrays come after it in the order of their counts. */
struct file_meta {
	struct memory_shape memory;
	uint32_t run_count, free_small_len, free_large_len, fd_count, extra_bytes, reserved;
	struct snapshot_state state;
};

/* Borrows everything: the arrays behind struct file_meta, for both directions. */
struct part {
	void *at;
	uint64_t bytes;
};

static unsigned list_parts(struct vm_snapshot *s, struct part parts[5])
{
	struct memory_image *m = &s->memory;
	parts[0] = (struct part){m->runs, (uint64_t)m->run_count * sizeof(*m->runs)};
	parts[1] =
		(struct part){m->free_small, (uint64_t)m->free_small_len * sizeof(*m->free_small)};
	parts[2] =
		(struct part){m->free_large, (uint64_t)m->free_large_len * sizeof(*m->free_large)};
	parts[3] = (struct part){s->fds, (uint64_t)s->fd_count * sizeof(*s->fds)};
	parts[4] = (struct part){s->extra, s->extra_bytes};
	return 5;
}

static void header_digest(const struct file_header *h, char out[65])
{
	struct file_header copy = *h;
	memset(copy.digest, 0, sizeof(copy.digest));
	sha256_hex(&copy, sizeof(copy), out);
}

/* --- writing --- */

static int write_at(int fd, const void *bytes, size_t len, uint64_t at, struct err *e)
{
	int rc = io_pwrite_all(fd, bytes, len, (off_t)at);
	if (rc < 0)
		return err_sys(e, -rc, "writing a snapshot");
	return 0;
}

/* Everything but memory in one piece. */
static int pack(struct vm_snapshot *s, uint8_t **out, uint64_t *bytes, struct err *e)
{
	struct part parts[5];
	unsigned count = list_parts(s, parts);
	*bytes = sizeof(struct file_meta);
	for (unsigned k = 0; k < count; k++)
		*bytes += parts[k].bytes;
	if (*bytes > META_MAX)
		return err_set(e, ERR_GUEST, E2BIG,
			       "the guest has too many mappings for a snapshot in a file");
	uint8_t *to = *out = malloc(*bytes);
	if (!to)
		return err_sys(e, ENOMEM, "a snapshot");
	struct file_meta meta = {
		.memory = s->memory.shape,
		.run_count = s->memory.run_count,
		.free_small_len = s->memory.free_small_len,
		.free_large_len = s->memory.free_large_len,
		.fd_count = s->fd_count,
		.extra_bytes = s->extra_bytes,
		.state = s->state,
	};
	meta.memory.tables_next = 0; /* they are made of the runs */
	memcpy(to, &meta, sizeof(meta));
	to += sizeof(meta);
	for (unsigned k = 0; k < count; k++) {
		if (parts[k].bytes)
			memcpy(to, parts[k].at, parts[k].bytes);
		to += parts[k].bytes;
	}
	return 0;
}

/* The members that follow from what is described. */
static void seal_header(struct file_header *h, const uint8_t *meta, uint64_t memory_bytes)
{
	char digest[65];
	h->memory_at = memory_page_up(HEADER_BYTES + h->meta_bytes);
	h->memory_bytes = memory_bytes;
	sha256_hex(meta, h->meta_bytes, digest);
	memcpy(h->meta_digest, digest, sizeof(h->meta_digest));
	header_digest(h, digest);
	memcpy(h->digest, digest, sizeof(h->digest));
}

static int write_file(struct vm *vm, struct vm_snapshot *s, const struct file_header *host, int fd,
		      struct err *e)
{
	cleanup_free uint8_t *meta = NULL;
	struct file_header h = *host;
	int rc = pack(s, &meta, &h.meta_bytes, e);
	if (rc < 0)
		return rc;
	seal_header(&h, meta, s->memory.shape.next);
	rc = memory_image_save(&vm->memory, &s->memory, fd, h.memory_at, e);
	if (rc == 0)
		rc = write_at(fd, meta, h.meta_bytes, HEADER_BYTES, e);
	if (rc == 0 && fdatasync(fd) < 0)
		rc = err_sys(e, errno, "writing a snapshot");
	/*
	 * Last, so that a file that was not written to its end is none, whatever happens to the
	 * machine.
	 */
	if (rc < 0)
		return rc;
	return write_at(fd, &h, sizeof(h), 0, e);
}

/* The members that say for which host it is. */
static int fill_host(struct file_header *h, const char *build, int kvm_fd, struct err *e)
{
	char cpu[65];
	memset(h, 0, sizeof(*h));
	int rc = arch_cpu_digest(kvm_fd, cpu, e);
	if (rc < 0)
		return rc;
	memcpy(h->magic, MAGIC, sizeof(MAGIC));
	h->format = FORMAT;
	h->abi_version = MOTE_ABI_VERSION;
	memcpy(h->build, build, sizeof(h->build));
	memcpy(h->cpu, cpu, sizeof(h->cpu));
	return 0;
}

int vm_snapshot_host(const char *build, int kvm_fd, char out[65], struct err *e)
{
	struct file_header h;
	int rc = fill_host(&h, build, kvm_fd, e);
	if (rc == 0)
		sha256_hex(&h, sizeof(h), out);
	return rc;
}

void vm_snapshot_prepare(void)
{
	pagemap_prepare();
}

int vm_snapshot_take_to_file(struct vm *vm, const char *build, const void *extra,
			     size_t extra_bytes, int fd, struct err *e)
{
	struct vm_snapshot s = {
		.memory.fd = -1,
		.extra = (uint8_t *)(uintptr_t)extra,
		.extra_bytes = (uint32_t)extra_bytes,
	};
	struct file_header host;
	int rc = fill_host(&host, build, -1, e); /* the leaves are known: there is a VM */
	if (rc == 0)
		rc = snapshot_fill(vm, &s, e);
	if (rc == 0)
		rc = memory_image_list(&vm->memory, &s.memory, e);
	if (rc == 0)
		rc = write_file(vm, &s, &host, fd, e);
	memory_image_free(&s.memory);
	free(s.fds);
	return rc;
}

/* Pages that hold something, what lies next to each other at once. */
static int store_memory(const struct memory_image *m, int fd, uint64_t file_at, struct err *e)
{
	if (ftruncate(fd, (off_t)(file_at + m->shape.next)) < 0)
		return err_sys(e, errno, "writing a snapshot");
	for (uint64_t at = MEMORY_SYSTEM_BYTES; at < m->shape.next;) {
		uint64_t end = at;
		while (end < m->shape.next && !memory_page_is_zero(m->view + end))
			end += SMALL;
		int rc = 0;
		if (end > at)
			rc = write_at(fd, m->view + at, end - at, file_at + at, e);
		if (rc < 0)
			return rc;
		at = end + SMALL;
	}
	return 0;
}

int vm_snapshot_save(const struct vm_snapshot *s, const char *build, int kvm_fd, const void *extra,
		     size_t extra_bytes, int fd, struct err *e)
{
	struct vm_snapshot copy = *s; /* borrows all of it; extra bytes are the call's own */
	struct file_header h;
	cleanup_free uint8_t *meta = NULL;
	copy.extra = (uint8_t *)(uintptr_t)extra;
	copy.extra_bytes = (uint32_t)extra_bytes;
	int rc = fill_host(&h, build, kvm_fd, e);
	if (rc == 0)
		rc = pack(&copy, &meta, &h.meta_bytes, e);
	if (rc < 0)
		return rc;
	seal_header(&h, meta, copy.memory.shape.next);
	rc = store_memory(&copy.memory, fd, h.memory_at, e);
	if (rc == 0)
		rc = write_at(fd, meta, h.meta_bytes, HEADER_BYTES, e);
	if (rc < 0)
		return rc;
	return write_at(fd, &h, sizeof(h), 0, e);
}

/* --- reading --- */

bool vm_snapshot_is_file(int fd)
{
	char magic[sizeof(MAGIC)];
	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, MAGIC, sizeof(magic)) == 0;
}

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_CONFIG, EINVAL, "the snapshot cannot be used: %s", what);
}

static int check_header(const struct file_header *h, const struct file_header *host,
			uint64_t file_bytes, struct err *e)
{
	char digest[65];
	if (memcmp(h->magic, host->magic, sizeof(h->magic)) != 0)
		return bad(e, "it is not a snapshot");
	if (h->format != host->format || h->abi_version != host->abi_version)
		return bad(e, "it is of another version of the format");
	header_digest(h, digest);
	if (memcmp(h->digest, digest, sizeof(h->digest)) != 0)
		return bad(e, "its header is damaged");
	if (memcmp(h->build, host->build, sizeof(h->build)) != 0)
		return bad(e, "it is of another build of Mote");
	if (memcmp(h->cpu, host->cpu, sizeof(h->cpu)) != 0)
		return bad(e, "it is of a CPU with other features");
	if (h->meta_bytes < sizeof(struct file_meta) || h->meta_bytes > META_MAX ||
	    h->memory_at != memory_page_up(HEADER_BYTES + h->meta_bytes) ||
	    file_bytes < h->memory_at || file_bytes - h->memory_at != h->memory_bytes)
		return bad(e, "it has been cut or has grown");
	return 0;
}

static int copy_part(const uint8_t **from, uint64_t *left, void *to, uint64_t bytes)
{
	if (bytes > *left)
		return -EINVAL;
	if (bytes)
		memcpy(to, *from, bytes);
	*from += bytes;
	*left -= bytes;
	return 0;
}

/* The arrays, each with room for one more so that none is NULL. */
static int take_parts(struct vm_snapshot *s, const struct file_meta *f, const uint8_t *from,
		      uint64_t left)
{
	struct memory_image *m = &s->memory;
	uint64_t wanted = (uint64_t)f->run_count * sizeof(*m->runs) +
			  f->free_small_len * sizeof(*m->free_small) +
			  f->free_large_len * sizeof(*m->free_large) +
			  f->fd_count * sizeof(*s->fds) + f->extra_bytes;
	if (wanted != left) /* before anything is made of that size */
		return -EINVAL;
	m->runs = calloc((uint64_t)f->run_count + 1, sizeof(*m->runs));
	m->free_small = calloc((uint64_t)f->free_small_len + 1, sizeof(*m->free_small));
	m->free_large = calloc((uint64_t)f->free_large_len + 1, sizeof(*m->free_large));
	s->fds = calloc((uint64_t)f->fd_count + 1, sizeof(*s->fds));
	s->extra = calloc((uint64_t)f->extra_bytes + 1, 1);
	if (!m->runs || !m->free_small || !m->free_large || !s->fds || !s->extra)
		return -ENOMEM;
	s->extra_bytes = f->extra_bytes;
	m->run_count = m->run_capacity = f->run_count;
	m->free_small_len = f->free_small_len;
	m->free_large_len = f->free_large_len;
	s->fd_count = f->fd_count;
	struct part parts[5];
	unsigned count = list_parts(s, parts);
	for (unsigned k = 0; k < count; k++)
		if (copy_part(&from, &left, parts[k].at, parts[k].bytes) < 0)
			return -EINVAL;
	if (left)
		return -EINVAL;
	return 0;
}

/* Inherited descriptors at their numbers, and duplicates of them; in order. */
static bool fds_good(const struct vm_snapshot *s)
{
	const unsigned flags = FD_DIR | FD_READONLY | FD_SOCKET | FD_LISTENER | FD_FIXED_STATE |
			       FD_NONBLOCK | FD_GIVEN | FD_PLAIN | FD_DEVICES;
	for (uint32_t k = 0; k < s->fd_count; k++) {
		const struct fd_wanted *w = &s->fds[k];
		if (w->origin == 0 || w->origin > s->state.given || w->at >= FDTABLE_MAX ||
		    (k && w->at <= w[-1].at) || w->flags & ~flags ||
		    (w->flags & FD_GIVEN && w->at + 1 != w->origin))
			return false;
	}
	return true;
}

static int read_meta(struct vm_snapshot *s, int fd, const struct file_header *h, struct err *e)
{
	cleanup_free uint8_t *meta = malloc(h->meta_bytes);
	struct file_meta fixed;
	char digest[65];
	if (!meta)
		return err_sys(e, ENOMEM, "a snapshot");
	if (pread(fd, meta, h->meta_bytes, HEADER_BYTES) != (ssize_t)h->meta_bytes)
		return bad(e, "it cannot be read");
	sha256_hex(meta, h->meta_bytes, digest);
	if (memcmp(digest, h->meta_digest, sizeof(h->meta_digest)) != 0)
		return bad(e, "its description is damaged");
	memcpy(&fixed, meta, sizeof(fixed));
	s->state = fixed.state;
	s->memory.shape = fixed.memory;
	int rc = take_parts(s, &fixed, meta + sizeof(fixed), h->meta_bytes - sizeof(fixed));
	if (rc == -ENOMEM)
		return err_sys(e, ENOMEM, "a snapshot");
	if (rc < 0 || s->memory.shape.next != h->memory_bytes || !fds_good(s))
		return bad(e, "its description makes no sense");
	rc = snapshot_check(s);
	if (rc == -ENOMEM)
		return err_sys(e, ENOMEM, "a snapshot");
	if (rc < 0)
		return bad(e, "its description of memory contradicts itself");
	return 0;
}

static int open_file(struct vm_snapshot *s, int fd, const struct file_header *host, struct err *e)
{
	struct file_header h;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "a snapshot");
	if (!S_ISREG(st.st_mode) || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return bad(e, "it is not a snapshot");
	int rc = check_header(&h, host, (uint64_t)st.st_size, e);
	if (rc == 0)
		rc = read_meta(s, fd, &h, e);
	if (rc < 0)
		return rc;
	memcpy(s->digest, h.digest, sizeof(s->digest));
	s->memory.file_at = h.memory_at;
	s->memory.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->memory.fd < 0)
		return err_sys(e, errno, "a snapshot");
	rc = memory_image_view(&s->memory);
	if (rc < 0)
		return err_sys(e, -rc, "mapping a snapshot");
	return 0;
}

int vm_snapshot_open_untrusted(int fd, const char *build, int kvm_fd, struct vm_snapshot **out,
			       struct err *e)
{
	struct file_header host;
	int rc = fill_host(&host, build, kvm_fd, e);
	if (rc < 0)
		return rc;
	struct vm_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "a snapshot");
	s->refs = 1;
	s->memory.fd = -1;
	rc = open_file(s, fd, &host, e);
	if (rc < 0) {
		vm_snapshot_drop(s);
		return rc;
	}
	arch_state_sanitize(&s->state.cpu);
	*out = s;
	return 0;
}

const uint8_t *vm_snapshot_extra(const struct vm_snapshot *s, size_t *bytes)
{
	*bytes = s->extra_bytes;
	return s->extra;
}
