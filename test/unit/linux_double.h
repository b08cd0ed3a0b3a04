/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest/linux without a VM: host calls are answered here. Descriptors and paths are this process's
 * own, so that the kernel's rules are behind them; memory is a list of pages, the clock a number,
 * and what ends the guest or enters the program comes back to the test. Included by one file of a
 * test program.
 */
#ifndef MOTE_TEST_UNIT_LINUX_DOUBLE_H
#define MOTE_TEST_UNIT_LINUX_DOUBLE_H

#include "guest/linux/mm/layout.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/task/fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* --- the vCPU's area, and what a test may look at --- */

static struct mote_area area;

struct mote_area *mote_area(void)
{
	return &area;
}

/* Host calls made, and how one is answered instead of by default: true if *rc is the answer. */
static unsigned calls_made[256];
static bool (*host_answer)(uint32_t nr, const uint64_t *arg, int64_t *rc);
static char host_log[4096];    /* lines of lib_log */
static char host_errors[4096]; /* what was written to descriptor 2 */

/* How the guest was left. */
enum left { LEFT_NOT, LEFT_EXIT, LEFT_SIGNAL, LEFT_RESUMED, LEFT_RESUMED_UNASKED };
static jmp_buf way_out;
static int left_code;
static struct mote_context left_context;

/* How the guest is left by a statement, LEFT_NOT if it is not. */
#define LEAVING(statement)                  \
	({                                  \
		int how_ = setjmp(way_out); \
		if (how_ == LEFT_NOT) {     \
			statement;          \
		}                           \
		(enum left) how_;           \
	})

_Noreturn static void leave(enum left how, int code)
{
	left_code = code;
	longjmp(way_out, how);
}

/* --- memory of the program: pages by address, with their bytes --- */

enum { PAGES_MAX = 8192 };
static struct page {
	uint64_t at;
	uint32_t prot;
	uint8_t *bytes; /* lives as long as the test */
} pages[PAGES_MAX];
static size_t page_count;
static uint64_t memory_limit_pages = PAGES_MAX;

static struct page *page_at(uint64_t at)
{
	for (size_t i = 0; i < page_count; i++)
		if (pages[i].at == page_down(at))
			return &pages[i];
	return NULL;
}

static int64_t host_map(uint64_t at, uint64_t bytes, uint32_t prot)
{
	if (bytes / MOTE_PAGE > memory_limit_pages - page_count)
		return -ENOMEM;
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		if (page_at(p))
			return -EEXIST;
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		pages[page_count++] = (struct page){p, prot, calloc(1, MOTE_PAGE)};
	return 0;
}

static int64_t host_unmap(uint64_t at, uint64_t bytes)
{
	for (size_t i = 0; i < page_count;) {
		if (pages[i].at - at < bytes) {
			free(pages[i].bytes);
			pages[i] = pages[--page_count];
		} else {
			i++;
		}
	}
	return 0;
}

/* Either all pages are there, or nothing is done. */
static int64_t host_protect(uint64_t at, uint64_t bytes, uint32_t prot)
{
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		if (!page_at(p))
			return -ENOMEM;
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		page_at(p)->prot = prot;
	return 0;
}

static int64_t host_move(uint64_t at, uint64_t bytes, uint64_t to, bool keep)
{
	for (uint64_t p = to; p < to + bytes; p += MOTE_PAGE)
		if (page_at(p))
			return -EEXIST;
	const size_t count = page_count;
	for (size_t i = 0; i < count; i++) {
		if (pages[i].at - at >= bytes)
			continue;
		if (keep)
			pages[page_count++] =
				(struct page){pages[i].at, pages[i].prot, calloc(1, MOTE_PAGE)};
		pages[i].at += to - at;
	}
	return 0;
}

static int64_t host_zero(uint64_t at, uint64_t bytes)
{
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		if (!page_at(p))
			return -ENOMEM;
	for (uint64_t p = at; p < at + bytes; p += MOTE_PAGE)
		memset(page_at(p)->bytes, 0, MOTE_PAGE);
	return 0;
}

/* Addresses of the program in the list of pages; all others are this process's own. */
static bool is_modelled(uint64_t at)
{
	return at >= MOTE_WINDOW_END && at < LINUX_STACK_TOP && page_at(at);
}

static bool copy_piece(void *to, const void *from, uint64_t bytes)
{
	struct page *target = is_modelled((uint64_t)to) ? page_at((uint64_t)to) : NULL;
	struct page *source = is_modelled((uint64_t)from) ? page_at((uint64_t)from) : NULL;
	struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)from, bytes};
	if (target)
		local.iov_base = target->bytes + (uint64_t)to % MOTE_PAGE;
	if (source)
		remote.iov_base = source->bytes + (uint64_t)from % MOTE_PAGE;
	if (target && !(target->prot & MOTE_PROT_WRITE))
		return false;
	/* The kernel checks both addresses. */
	struct iovec *write_to = &local;
	static uint8_t bounce[MOTE_PAGE];
	struct iovec middle = {bounce, bytes};
	return process_vm_readv(getpid(), &middle, 1, &remote, 1, 0) == (ssize_t)bytes &&
	       process_vm_writev(getpid(), &middle, 1, write_to, 1, 0) == (ssize_t)bytes;
}

int user_copy(void *to, const void *from, uint64_t bytes)
{
	for (uint64_t done = 0, piece; done < bytes; done += piece) {
		uint64_t t = (uint64_t)to + done, f = (uint64_t)from + done;
		piece = MOTE_PAGE - t % MOTE_PAGE;
		if (piece > MOTE_PAGE - f % MOTE_PAGE)
			piece = MOTE_PAGE - f % MOTE_PAGE;
		if (piece > bytes - done)
			piece = bytes - done;
		if (!copy_piece((void *)t, (const void *)f, piece))
			return -EFAULT;
	}
	return 0;
}

char user_copy_fault[1], linux_resume_from[1], linux_resume_to[1];

/* --- time --- */

static int64_t clock_ns = 1000000000000;

int64_t lib_clock_get(struct mote_area *a, uint32_t clock, struct mote_time *to)
{
	(void)a;
	if (clock > CLOCK_BOOTTIME)
		return -EINVAL;
	*to = (struct mote_time){.sec = clock_ns / 1000000000, .nsec = clock_ns % 1000000000};
	return 0;
}

/* --- the way back to the program --- */

void linux_resume(struct mote_context *c, uint32_t *busy)
{
	*busy = 0;
	left_context = *c;
	leave(LEFT_RESUMED, 0);
}

void linux_resume_unasked(struct mote_context *c, uint32_t *busy)
{
	*busy = 0;
	left_context = *c;
	leave(LEFT_RESUMED_UNASKED, 0);
}

void registers_reset(void)
{
}

void linux_fault_entry(void)
{
	abort();
}

/*
 * Signal frames of the architecture are tested in VMs (linux_run/signal_frames_...): here they are
 * kept in a list.
 */
static struct {
	struct mote_context context;
	struct signal_delivery delivery;
} frames[16];
static size_t frame_count;
static bool stack_is_gone;

bool signal_frame_push(struct mote_context *c, const struct signal_action *a,
		       const struct signal_delivery *d)
{
	if (stack_is_gone)
		return false;
	cr_assert(frame_count < 16);
	frames[frame_count].context = *c;
	frames[frame_count++].delivery = *d;
	context_set_pc(c, a->handler);
	return true;
}

int64_t signal_frame_pop(struct mote_context *c, uint64_t *mask, struct alt_stack *stack)
{
	if (stack_is_gone)
		return -EFAULT;
	cr_assert(frame_count > 0);
	*c = frames[--frame_count].context;
	*mask = frames[frame_count].delivery.mask;
	*stack = frames[frame_count].delivery.alt_stack;
	return 0;
}

/* --- host calls --- */

static int64_t result(int64_t rc)
{
	return rc < 0 ? -errno : rc;
}

static int64_t open_below(const uint64_t *arg, uint64_t flags, uint64_t mode)
{
	char path[PATH_MAX];
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode};
	how.resolve = arg[3] & MOTE_RESOLVE_IN_ROOT ? RESOLVE_IN_ROOT : RESOLVE_BENEATH;
	if (arg[3] & MOTE_RESOLVE_NOFOLLOW)
		how.flags |= O_NOFOLLOW;
	cr_assert(arg[2] < sizeof(path));
	memcpy(path, (const char *)arg[1], arg[2]);
	path[arg[2]] = '\0';
	return result(syscall(SYS_openat2, (int)arg[0], path, &how, sizeof(how)));
}

static int64_t fill_stat(int fd, uint64_t to)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*(struct mote_stat *)to = (struct mote_stat){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.nlink = st.st_nlink,
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.rdev = st.st_rdev,
		.size = (uint64_t)st.st_size,
		.blksize = 4096,
		.mtim = {.sec = st.st_mtim.tv_sec, .nsec = st.st_mtim.tv_nsec},
	};
	return 0;
}

/* A path's file, opened only to be looked at; -errno. */
static int64_t with_path(const uint64_t *arg, int64_t (*use)(int fd, const uint64_t *arg))
{
	int64_t fd = open_below(arg, O_PATH, 0);
	if (fd < 0)
		return fd;
	int64_t rc = use((int)fd, arg);
	close((int)fd);
	return rc;
}

static int64_t use_stat(int fd, const uint64_t *arg)
{
	return fill_stat(fd, arg[4]);
}

static int64_t use_access(int fd, const uint64_t *arg)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)arg;
	return result(access(path, (int)arg[4]));
}

static int64_t use_chmod(int fd, const uint64_t *arg)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result(chmod(path, (mode_t)arg[4]));
}

static int64_t read_link(const uint64_t *arg)
{
	uint64_t at[8] = {arg[0], arg[1], arg[2], arg[3] | MOTE_RESOLVE_NOFOLLOW};
	int64_t fd = open_below(at, O_PATH, 0);
	if (fd < 0)
		return fd;
	int64_t rc = result(readlinkat((int)fd, "", (char *)arg[4], arg[5]));
	close((int)fd);
	return rc == -ENOENT ? -EINVAL : rc; /* what an empty path is for what is not a link */
}

/* Names are only ever made and removed in the directory itself by these tests. */
static int64_t make_name(uint32_t nr, const uint64_t *arg)
{
	char path[PATH_MAX];
	memcpy(path, (const char *)arg[1], arg[2]);
	path[arg[2]] = '\0';
	if (strstr(path, "..") && !(arg[3] & MOTE_RESOLVE_IN_ROOT))
		return -EXDEV;
	if (nr == HOSTCALL_mkdir)
		return result(mkdirat((int)arg[0], path, (mode_t)arg[4]));
	return result(unlinkat((int)arg[0], path, (int)arg[4]));
}

static int64_t read_directory(const uint64_t *arg)
{
	struct {
		uint64_t ino;
		int64_t off;
		uint16_t reclen;
		uint8_t type;
		char name[];
	} * entry;
	_Alignas(8) char buffer[512];
	char *to = (char *)arg[2];
	int64_t used = 0;
	if (lseek((int)arg[0], (off_t)arg[1], SEEK_SET) < 0)
		return -errno;
	long got = syscall(SYS_getdents64, (int)arg[0], buffer, sizeof(buffer));
	for (long at = 0; at < got; at += entry->reclen) {
		entry = (void *)(buffer + at);
		size_t len =
			(offsetof(struct mote_dirent, name) + strlen(entry->name) + 1 + 7) & ~7UL;
		if (used + (int64_t)len > (int64_t)arg[3])
			break;
		struct mote_dirent *d = (void *)(to + used);
		*d = (struct mote_dirent){
			.ino = entry->ino,
			.cookie = entry->off,
			.reclen = (uint16_t)len,
			.type = entry->type,
		};
		strcpy(d->name, entry->name);
		used += (int64_t)len;
	}
	return got < 0 ? -errno : used;
}

/* The vectors of a transfer; one alone may stand in the frame. */
static const struct iovec *vectors_of(const uint64_t *arg, struct iovec *one, int *count)
{
	if (arg[2] & MOTE_IOV_ONE) {
		*one = (struct iovec){(void *)arg[1], arg[2] & ~MOTE_IOV_ONE};
		*count = 1;
		return one;
	}
	*count = (int)arg[2];
	return (const void *)arg[1];
}

static int64_t on_file(uint32_t nr, const uint64_t *arg)
{
	struct iovec one;
	int count, fd = (int)arg[0];
	const struct iovec *v = vectors_of(arg, &one, &count);
	switch (nr) {
	case HOSTCALL_open:
		return open_below(arg, arg[4], arg[4] & O_CREAT ? arg[5] : 0);
	case HOSTCALL_stat:
		return with_path(arg, use_stat);
	case HOSTCALL_access:
		return with_path(arg, use_access);
	case HOSTCALL_chmod:
		return with_path(arg, use_chmod);
	case HOSTCALL_readlink:
		return read_link(arg);
	case HOSTCALL_mkdir:
	case HOSTCALL_unlink:
		return make_name(nr, arg);
	case HOSTCALL_readdir:
		return read_directory(arg);
	case HOSTCALL_fstat:
		return fill_stat(fd, arg[1]);
	case HOSTCALL_fchmod:
		return result(fchmod(fd, (mode_t)arg[1]));
	case HOSTCALL_close:
		return result(close(fd));
	case HOSTCALL_dup:
		return result(fcntl(fd, F_DUPFD, (int)arg[1]));
	case HOSTCALL_dup_to:
		return result(dup2(fd, (int)arg[1]));
	case HOSTCALL_get_flags:
		return result(fcntl(fd, F_GETFL));
	case HOSTCALL_set_flags:
		return result(fcntl(fd, F_SETFL, (int)arg[1]));
	case HOSTCALL_lseek:
		return result(lseek(fd, (off_t)arg[1], (int)arg[2]));
	case HOSTCALL_ftruncate:
		return result(ftruncate(fd, (off_t)arg[1]));
	case HOSTCALL_pipe:
		return result(pipe2((int *)arg[0], (int)arg[2]));
	case HOSTCALL_readv:
		return result(readv(fd, v, count));
	case HOSTCALL_writev:
		if (fd == 2) {
			strncat(host_errors, v->iov_base, v->iov_len);
			return (int64_t)v->iov_len;
		}
		return result(writev(fd, v, count));
	case HOSTCALL_preadv:
		return result(preadv(fd, v, count, (off_t)arg[3]));
	case HOSTCALL_pwritev:
		return result(pwritev(fd, v, count, (off_t)arg[3]));
	case HOSTCALL_poll:
		clock_ns += arg[2] && !arg[1] ? ((const struct mote_time *)arg[2])->sec * 1000000000
					      : 0;
		return result(poll((struct pollfd *)arg[0], arg[1], 0));
	default:
		cr_assert(false, "host call %u", nr);
		return -ENOSYS;
	}
}

static int64_t on_others(uint32_t nr, const uint64_t *arg)
{
	const struct mote_time *t = (const void *)arg[2];
	switch (nr) {
	case HOSTCALL_exit:
		leave(LEFT_EXIT, (int)arg[0]);
	case HOSTCALL_exit_signal:
		leave(LEFT_SIGNAL, (int)arg[0]);
	case HOSTCALL_log:
		snprintf(host_log + strlen(host_log), sizeof(host_log) - strlen(host_log), "%.*s\n",
			 (int)arg[1], (const char *)arg[0]);
		return 0;
	case HOSTCALL_mem_map:
		return host_map(arg[0], arg[1],
				(uint32_t)arg[2] & 7); /* LAZY is the host's matter */
	case HOSTCALL_mem_unmap:
		return host_unmap(arg[0], arg[1]);
	case HOSTCALL_mem_protect:
		return host_protect(arg[0], arg[1], (uint32_t)arg[2]);
	case HOSTCALL_mem_zero:
		return host_zero(arg[0], arg[1]);
	case HOSTCALL_mem_move:
		return host_move(arg[0], arg[1], arg[2], arg[3]);
	case HOSTCALL_mem_access:
		return page_at(arg[0]) ? page_at(arg[0])->prot : 0;
	case HOSTCALL_clock_get:
		return lib_clock_get(&area, (uint32_t)arg[0], (struct mote_time *)arg[1]);
	case HOSTCALL_sleep:
		clock_ns += t->sec * 1000000000 + t->nsec;
		return 0;
	case HOSTCALL_alarm:
	case HOSTCALL_yield:
		return 0;
	default:
		return on_file(nr, arg);
	}
}

int64_t mote_hostcall(struct mote_area *a)
{
	const struct mote_frame frame = a->frame;
	int64_t rc;
	calls_made[frame.nr]++;
	if (host_answer && host_answer(frame.nr, frame.arg, &rc))
		return rc;
	return on_others(frame.nr, frame.arg);
}

/* --- starting --- */

/* The boot information's strings, at offsets as in a VM. */
static struct {
	struct mote_boot boot;
	struct mote_preopen preopens[4];
	char text[256];
} information;
static size_t text_used;

static uint32_t boot_text(const char *text)
{
	uint32_t at = (uint32_t)(offsetof(__typeof__(information), text) + text_used);
	strcpy(information.text + text_used, text);
	text_used += strlen(text) + 1;
	return at;
}

__attribute__((unused)) static void boot_directory(const char *guest_path, int fd, uint32_t kind)
{
	information.preopens[information.boot.preopenc++] = (struct mote_preopen){
		.fd = (uint32_t)fd,
		.kind = kind,
		.path = boot_text(guest_path),
	};
}

static void boot_start(const char *cwd)
{
	struct mote_boot *b = &information.boot;
	b->preopens = offsetof(__typeof__(information), preopens);
	b->cwd = boot_text(cwd);
	b->hostname = boot_text("double");
	b->program_path = boot_text("program");
	b->uid = 1000;
	b->gid = 100;
	b->pid = 1;
	state_start(b);
	credentials_start(b);
}

#define ADDRESS(of) ((uint64_t)(uintptr_t)(of))

#endif
