/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/event_file.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/roots.h"
#include "guest/linux/fs/vector.h"
#include "guest/linux/task/signal.h"
#include "guest/linux/user.h"

#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/signal.h>
#include <linux/signalfd.h>

enum { FILES_MAX = 64 };

static struct event_file files[FILES_MAX];
static uint8_t file_of[DESCRIPTORS_MAX]; /* index + 1; 0: none */
static uint32_t signalfds;
static int32_t always_readable = -1; /* the eventfd, of the runtime's own */

struct event_file *event_file(int32_t fd)
{
	if (fd < 0 || fd >= DESCRIPTORS_MAX || !file_of[fd])
		return NULL;
	return &files[file_of[fd] - 1];
}

const char *event_file_name(const struct event_file *file)
{
	return file->kind == EVENT_SIGNALS ? "anon_inode:[signalfd]" : "anon_inode:[pidfd]";
}

/* --- what the host knows of them --- */

/* Signals that end the host's waits though they are blocked. */
static void tell_host(void)
{
	uint64_t all = 0;
	signalfds = 0;
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		if (!files[i].users || files[i].kind != EVENT_SIGNALS)
			continue;
		all |= files[i].signals;
		signalfds++;
	}
	mote_area()->watched_signals = all;
}

static int64_t make_always_readable(void)
{
	if (always_readable >= 0)
		return 0;
	int64_t fd = mote_eventfd(mote_area(), 1, 0);
	if (fd >= 0)
		fd = lookup_keep((int32_t)fd);
	if (fd >= 0)
		always_readable = (int32_t)fd;
	return fd < 0 ? fd : 0;
}

/* Removed and added again, it is an edge for those who wait for edges. */
static void set_readable(int32_t fd, struct event_file *file, bool readable)
{
	if (readable == file->readable)
		return;
	if (mote_epoll_control(mote_area(), fd, readable ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			       always_readable, EPOLLIN, 0) == 0)
		file->readable = readable;
}

static void refresh(int32_t fd, struct event_file *file)
{
	set_readable(fd, file, (signal_pending() & file->signals) != 0);
}

void event_files_refresh(void)
{
	uint64_t seen = 0;
	if (!signalfds)
		return;
	for (int32_t fd = 0; fd <= descriptor_highest() && fd < DESCRIPTORS_MAX; fd++) {
		struct event_file *file = event_file(fd);
		if (!file || file->kind != EVENT_SIGNALS || (seen >> (file_of[fd] - 1) & 1))
			continue;
		seen |= 1UL << (file_of[fd] - 1);
		refresh(fd, file);
	}
}
_Static_assert(FILES_MAX <= 64, "bits of seen");

/* --- descriptors --- */

static struct event_file *free_file(void)
{
	for (uint32_t i = 0; i < FILES_MAX; i++)
		if (!files[i].users)
			return &files[i];
	return NULL;
}

static int64_t set_up(int32_t fd, enum event_kind kind)
{
	int64_t rc = mote_set_flags(mote_area(), fd, O_NONBLOCK);
	if (rc == 0 && kind == EVENT_SIGNALS)
		rc = make_always_readable();
	return rc;
}

int64_t event_file_open(enum event_kind kind, bool nonblocking)
{
	struct event_file *file = free_file();
	if (!file)
		return -ENFILE;
	int64_t fd = descriptor_admit(mote_epoll_create(mote_area()));
	if (fd < 0)
		return fd;
	int64_t rc = fd < DESCRIPTORS_MAX ? set_up((int32_t)fd, kind) : -EMFILE;
	if (rc < 0) {
		(void)!mote_close(mote_area(), (int32_t)fd);
		return rc;
	}
	*file = (struct event_file){.users = 1, .kind = kind, .nonblocking = nonblocking};
	file_of[fd] = (uint8_t)(file - files + 1);
	tell_host();
	return fd;
}

void event_file_watch(int32_t fd, uint64_t signals)
{
	struct event_file *file = event_file(fd);
	file->signals = signals & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	tell_host();
	refresh(fd, file);
}

void event_file_forget(int32_t fd)
{
	struct event_file *file = event_file(fd);
	if (!file)
		return;
	file->users--;
	file_of[fd] = 0;
	tell_host();
}

void event_file_copied(int32_t from, int32_t to)
{
	struct event_file *file = event_file(from);
	if (!file || to < 0 || to >= DESCRIPTORS_MAX)
		return;
	file->users++;
	file_of[to] = file_of[from];
}

/* --- reading signals --- */

/* Faults by their signal: they have an address in place of a sender. */
static bool has_address(const struct signal_info *info)
{
	const uint64_t faults = signal_bit(SIGILL) | signal_bit(SIGFPE) | signal_bit(SIGSEGV) |
				signal_bit(SIGBUS) | signal_bit(SIGTRAP);
	return info->code > SI_USER && info->code < SI_KERNEL && (signal_bit(info->signo) & faults);
}

static struct signalfd_siginfo shown(const struct signal_info *info)
{
	struct signalfd_siginfo to = {
		.ssi_signo = (uint32_t)info->signo,
		.ssi_code = info->code,
		.ssi_errno = info->error_number,
	};
	if (info->code == SI_TIMER) {
		to.ssi_tid = (uint32_t)info->word;
		to.ssi_overrun = (uint32_t)(info->word >> 32);
	} else if (has_address(info)) {
		to.ssi_addr = info->word;
		return to;
	} else {
		to.ssi_pid = (uint32_t)info->word;
		to.ssi_uid = (uint32_t)(info->word >> 32);
	}
	if (info->code < 0) {
		to.ssi_ptr = info->value;
		to.ssi_int = (int32_t)info->value;
	}
	return to;
}

/* Where bytes of a read go: vectors of the program's, one after the other. */
struct sink {
	const struct mote_iovec *v;
	uint64_t count, at; /* bytes of the first that are full */
};

static int64_t put(struct sink *to, const uint8_t *from, uint64_t bytes)
{
	while (bytes) {
		struct mote_iovec v;
		if (!to->count || get_user(&v, (uint64_t)to->v, sizeof(v)) < 0)
			return -EFAULT;
		const uint64_t n = min_u64(bytes, v.len - to->at);
		if (put_user(v.base + to->at, from, n) < 0)
			return -EFAULT;
		from += n;
		bytes -= n;
		to->at += n;
		if (to->at < v.len)
			continue;
		to->v++;
		to->count--;
		to->at = 0;
	}
	return 0;
}

/* As many as fit; it is waited for the first. */
static int64_t read_signals(struct event_file *file, struct sink *to, uint64_t capacity)
{
	const uint64_t each = sizeof(struct signalfd_siginfo);
	struct signal_info info;
	int64_t done = 0, rc = 0;
	if (capacity < each)
		return -EINVAL;
	if (!signal_take(file->signals, &info))
		rc = file->nonblocking ? -EAGAIN : signal_wait(file->signals, NULL, &info);
	while (rc == 0) {
		const struct signalfd_siginfo s = shown(&info);
		rc = put(to, (const uint8_t *)&s, each);
		if (rc == 0)
			done += (int64_t)each;
		if (rc < 0 || (uint64_t)done + each > capacity ||
		    !signal_take(file->signals, &info))
			break;
	}
	return done ? done : rc;
}

int64_t event_file_read(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count)
{
	struct event_file *file = event_file(fd);
	if (!file)
		return rc;
	if (file->kind == EVENT_PROCESS)
		return -EINVAL;
	struct sink to = {.v = v, .count = count};
	int64_t bytes = vector_bytes(v, count);
	if (bytes < 0)
		return bytes;
	rc = read_signals(file, &to, (uint64_t)bytes);
	refresh(fd, file);
	return rc;
}
