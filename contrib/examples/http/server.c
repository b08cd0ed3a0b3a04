/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request server that has each request answered by a function in a micro-VM: usage
 *
 *     server [--strategy renew|restore|reuse|none] [--threads N] [--port PORT] GUEST
 *
 * GUEST is a native program or a Wasm module that exports `handle` (guest.c). The main thread
 * accepts connections and gives them to N threads in turn (as many as there are CPUs). Each has
 * sandboxes of its own: a connection's bytes are read, every whole request in them is answered, the
 * answers are sent. Listens on loopback.
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	THREADS_MAX = 256,
	EVENTS = 64,
	OUT_MAX = 64 << 10,
	ANSWER_MAX = HTTP_LOCATION_MAX + HTTP_BODY_MAX + 512
};

struct connection {
	int fd;
	int closing;             /* no more requests: closed once `out` is sent */
	size_t in_used;          /* bytes of `in` */
	size_t out_at, out_used; /* what of `out` is still to be sent */
	char in[HTTP_REQUEST_MAX];
	char out[OUT_MAX];
};

struct worker {
	pthread_t thread;
	int poll; /* its connections, and `stopped` */
	struct answerer *answerer;
};

static volatile sig_atomic_t stopping;
static int stopped; /* an eventfd: readable once the workers shall end */
static const struct strategy *strategy;
static struct worker workers[THREADS_MAX];
static unsigned worker_count;

static void stop(int signo)
{
	(void)signo;
	stopping = 1;
}

/* Answers the whole requests that were read, as long as there is room for answers. */
static void answer_requests(struct answerer *a, struct connection *c)
{
	size_t at = 0;
	while (!c->closing && at < c->in_used && OUT_MAX - c->out_used >= ANSWER_MAX) {
		struct http_request request;
		struct http_answer answer = {.status = 500};
		int got = http_read(c->in + at, c->in_used - at, &request);
		if (got == 0)
			break;
		if (got == 1) {
			at += request.bytes;
			c->closing =
				strategy->answer(a, &request, &answer) < 0 || !request.keep_alive;
		} else {
			c->closing = 1;
			answer.status = got;
		}
		c->out_used += http_write(&answer, !c->closing, c->out + c->out_used,
					  OUT_MAX - c->out_used);
	}
	c->in_used -= at;
	memmove(c->in, c->in + at, c->in_used);
}

/* 0, or -1 when the connection is over. */
static int send_answers(struct connection *c)
{
	while (c->out_at < c->out_used) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_used - c->out_at, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->out_at += (size_t)n;
	}
	c->out_at = c->out_used = 0;
	return c->closing ? -1 : 0;
}

/* Reads what came, answers it, sends. 0, or -1 when the connection is over. */
static int serve(struct answerer *a, struct connection *c)
{
	if (c->in_used < sizeof(c->in) && !c->closing) {
		ssize_t n = recv(c->fd, c->in + c->in_used, sizeof(c->in) - c->in_used, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return -1;
		if (n > 0)
			c->in_used += (size_t)n;
	}
	for (;;) {
		size_t before = c->in_used;
		answer_requests(a, c);
		if (send_answers(c) < 0)
			return -1;
		/* More than `out` can hold is answered in turns, while the peer takes it. */
		if (c->in_used == before || c->out_used != 0)
			return 0;
	}
}

static void wait_for(int poll, struct connection *c)
{
	struct epoll_event want = {.events = c->out_used ? EPOLLOUT : EPOLLIN, .data.ptr = c};
	epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &want);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS];
	for (;;) {
		int n = epoll_wait(w->poll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (!c)
				return NULL;
			size_t waiting = c->out_used;
			if (serve(w->answerer, c) < 0) {
				close(c->fd);
				free(c);
			} else if (waiting != 0 || c->out_used != 0) {
				wait_for(w->poll, c);
			}
		}
	}
}

/* --- the main thread --- */

static int start_worker(struct worker *w)
{
	struct epoll_event end = {.events = EPOLLIN};
	w->answerer = strategy->begin();
	if (!w->answerer)
		return -1;
	w->poll = epoll_create1(EPOLL_CLOEXEC);
	if (w->poll < 0 || epoll_ctl(w->poll, EPOLL_CTL_ADD, stopped, &end) < 0)
		perror("epoll");
	else if ((errno = pthread_create(&w->thread, NULL, work, w)) != 0)
		perror("a thread");
	else
		return 0;
	if (w->poll >= 0)
		close(w->poll);
	strategy->end(w->answerer);
	return -1;
}

static void end_workers(void)
{
	eventfd_write(stopped, 1);
	for (unsigned i = 0; i < worker_count; i++) {
		pthread_join(workers[i].thread, NULL);
		close(workers[i].poll);
		strategy->end(workers[i].answerer);
	}
}

static int start_workers(unsigned count)
{
	stopped = eventfd(0, EFD_CLOEXEC);
	if (stopped < 0) {
		perror("eventfd");
		return -1;
	}
	for (; worker_count < count; worker_count++)
		if (start_worker(&workers[worker_count]) < 0) {
			end_workers();
			return -1;
		}
	return 0;
}

static void accept_all(int listener)
{
	static unsigned turn;
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = malloc(sizeof(*c));
		if (!c) {
			close(fd);
			continue;
		}
		c->fd = fd;
		c->closing = 0;
		c->in_used = c->out_at = c->out_used = 0;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		/* Level-triggered on reading; writing matters only while answers are left. */
		struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
		if (epoll_ctl(workers[turn++ % worker_count].poll, EPOLL_CTL_ADD, fd, &want) < 0) {
			close(fd);
			free(c);
		}
	}
}

/* Both signals are blocked but for the wait, so that none comes between a look at `stopping` and
 * it. */
static void run(int listener, const sigset_t *unblocked)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	while (!stopping)
		if (ppoll(&p, 1, NULL, unblocked) > 0)
			accept_all(listener);
}

static int listen_on(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 512) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		perror("listen");
		return -1;
	}
	printf("listening on 127.0.0.1:%u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static int usage(FILE *to)
{
	fprintf(to,
		"usage: server [--strategy NAME] [--threads N] [--port PORT] GUEST\nstrategies:\n");
	for (int i = 0; i < strategy_count; i++)
		fprintf(to, "  %-8s %s\n", strategies[i].name, strategies[i].help);
	return to == stdout ? 0 : 2;
}

/* The CPUs that this process may use. */
static unsigned cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < THREADS_MAX ? (unsigned)n : THREADS_MAX;
}

static int serve_guest(const char *guest, unsigned port, unsigned threads)
{
	sigset_t ends, unblocked;
	struct sigaction action = {.sa_handler = stop};
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &unblocked);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (strategy->open(guest) < 0)
		return 1;
	int listener = start_workers(threads) < 0 ? -1 : listen_on(port);
	if (listener >= 0)
		run(listener, &unblocked);
	if (worker_count == threads)
		end_workers();
	strategy->close();
	return listener < 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"strategy", required_argument, NULL, 's'},
		{"threads", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	unsigned port = 0, threads = cpus();
	const char *name = strategies[0].name;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 's')
			name = optarg;
		else if (o == 't')
			threads = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'p')
			port = (unsigned)strtoul(optarg, NULL, 10);
		else
			return usage(o == 'h' ? stdout : stderr);
	}
	for (int i = 0; i < strategy_count; i++)
		if (strcmp(name, strategies[i].name) == 0)
			strategy = &strategies[i];
	if (!strategy || optind != argc - 1 || port > 65535 || threads < 1 || threads > THREADS_MAX)
		return usage(stderr);
	return serve_guest(argv[optind], port, threads);
}
