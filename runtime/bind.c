/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports below 1024 for monitors in a user namespace, whose CAP_NET_BIND_SERVICE does not count in a
 * network namespace of the host's. All of a request is a guest's word, if it has broken out of its
 * VM and filter: what it could do by this is what config.json granted it, and the kernel says so.
 *
 * A thread carries it out: bind waits for whoever has the socket locked, as who sends by it has
 * while what he sends is read from a file, and the last close of it may linger. A monitor has one
 * at a time, and as many of them as its budget allows: the work is the shim's, which no limit of
 * the container's counts.
 */
#include "runtime/process.h"

#include "base/thread.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define STACK_BYTES (64UL << 10)

/* BURST of them at once, and one more each INTERVAL_NS. */
#define BURST       64
#define INTERVAL_NS (10UL * TIME_NS_PER_MS)

/* The thread's own. */
struct binding {
	pid_t pid;
	int pidfd, done;   /* owned; done: an eventfd, which gets 1 + the errno */
	uint64_t begin_ns; /* of CLOCK_MONOTONIC: not before */
	struct wire_bind request;
};

/* The monitor's own, of which it can only give up some. */
static bool has_capability(pid_t pid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &head, sets) == 0 &&
	       sets[0].effective >> CAP_NET_BIND_SERVICE & 1;
}

static bool is_internet_socket(int fd)
{
	int domain, type;
	socklen_t len = sizeof(domain);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return false;
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type == SOCK_STREAM || type == SOCK_DGRAM);
}

static int bind_of(const struct binding *b)
{
	const struct wire_bind *r = &b->request;
	struct sockaddr_in6 address;
	_Static_assert(sizeof(address) == sizeof(r->address), "sockaddr_in6");
	if (r->len > sizeof(address) || r->len < sizeof(struct sockaddr_in))
		return -EINVAL;
	memcpy(&address, r->address, sizeof(address));
	if (!has_capability(b->pid))
		return -EACCES;
	cleanup_close int fd = pidfd_getfd(b->pidfd, r->fd, 0);
	if (fd < 0 || !is_internet_socket(fd))
		return -EACCES;
	if (bind(fd, (const struct sockaddr *)&address, r->len) < 0)
		return -errno;
	return 0;
}

static void free_binding(struct binding *b)
{
	close_fd(&b->pidfd);
	close_fd(&b->done);
	free(b);
}

static void *carry_out(void *binding)
{
	struct binding *b = binding;
	const struct timespec begin = {
		.tv_sec = (time_t)(b->begin_ns / TIME_NS_PER_S),
		.tv_nsec = (long)(b->begin_ns % TIME_NS_PER_S),
	};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &begin, NULL) == EINTR)
		;
	const eventfd_t answer = 1 + (eventfd_t)-bind_of(b);
	(void)!eventfd_write(b->done, answer);
	free_binding(b);
	return NULL;
}

/* When the next one may begin. The budget is full again after BURST intervals without one. */
static uint64_t take_turn(uint64_t *spent_until_ns)
{
	const uint64_t now = time_monotonic_ns(), ahead = BURST * INTERVAL_NS;
	if (*spent_until_ns < now)
		*spent_until_ns = now;
	*spent_until_ns += INTERVAL_NS;
	return *spent_until_ns > ahead ? *spent_until_ns - ahead : 0;
}

int process_bind(struct process *p, const struct buf *body)
{
	cleanup_close int done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (body->len != sizeof(struct wire_bind) || p->pidfd < 0)
		return -EINVAL;
	struct binding *b = calloc(1, sizeof(*b));
	if (done < 0 || !b) {
		free(b);
		return -ENOMEM;
	}
	b->pid = p->pid;
	b->begin_ns = take_turn(&p->binds_spent_until_ns);
	b->pidfd = fcntl(p->pidfd, F_DUPFD_CLOEXEC, 3);
	b->done = fcntl(done, F_DUPFD_CLOEXEC, 3);
	memcpy(&b->request, body->data, sizeof(b->request));
	int rc = -EMFILE;
	if (b->pidfd >= 0 && b->done >= 0)
		rc = thread_start_with_stack(NULL, STACK_BYTES, carry_out, b);
	if (rc < 0) {
		free_binding(b);
		return rc;
	}
	return take_fd(&done);
}

uint32_t process_bound(int done)
{
	eventfd_t answer = 0;
	if (eventfd_read(done, &answer) < 0 || answer == 0)
		return EIO;
	return (uint32_t)(answer - 1);
}
