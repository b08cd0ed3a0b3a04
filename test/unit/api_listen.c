/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: what names them, and programs that accept on them. Needs a KVM, of either
 * kind.
 */
#include <mote/call.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

Test(api_listen, what_is_no_listener)
{
	/* clang-format off */
	static const char *const wrong[] = {
		"", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp:127.0.0.1:65536",
		"tcp:127.0.0.1:-1", "tcp:127.0.0.1: 1", "tcp:localhost:80", "tcp:::1:80",
		"tcp:[::1]", "tcp:[127.0.0.1]:80", "tcp:[]:80", "unix:", "udp:127.0.0.1:80",
		"127.0.0.1:80",
		"tcp:11111111111111111111111111111111111111111111111111111111111111111111111:80",
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct mote_error e;
		int fd = -2;
		cr_expect(mote_listen(wrong[i], &fd, &e) == -EINVAL && fd == -2, "%s", wrong[i]);
		cr_expect(e.blame == MOTE_BLAME_CONFIG && strstr(e.text, "tcp:ADDRESS:PORT"), "%s",
			  e.text);
	}
}

static int accepting(const char *spec)
{
	struct mote_error e;
	int fd = -1, on = 0, rc = mote_listen(spec, &fd, &e);
	socklen_t len = sizeof(on);
	cr_assert(rc == 0, "%s", e.text);
	cr_expect(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return fd;
}

Test(api_listen, addresses)
{
	struct sockaddr_in6 six;
	struct mote_error e;
	socklen_t len = sizeof(six);
	char spec[128];
	int fd = accepting("tcp:[::1]:0"), second;
	cr_expect(getsockname(fd, (struct sockaddr *)&six, &len) == 0 &&
		  six.sin6_family == AF_INET6);
	snprintf(spec, sizeof(spec), "tcp:[::1]:%u", ntohs(six.sin6_port));
	cr_expect(mote_listen(spec, &second, &e) == -EADDRINUSE && strstr(e.text, spec), "%s",
		  e.text);
	close(fd);
	snprintf(spec, sizeof(spec), "unix:/tmp/mote-listen-%d", getpid());
	fd = accepting(spec);
	cr_expect(mote_listen(spec, &second, &e) == -EADDRINUSE);
	cr_expect(unlink(spec + 5) == 0);
	close(fd);
	memset(spec, 'x', sizeof(spec) - 1);
	memcpy(spec, "unix:", 5);
	spec[sizeof(spec) - 1] = '\0';
	cr_expect(mote_listen(spec, &second, &e) < 0);
}

static struct sockaddr_in address;

static void *client(void *arg)
{
	static char got[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)arg;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(fd, "hello", 5) != 5)
		return NULL;
	return recv(fd, got, sizeof(got) - 1, MSG_WAITALL) == 5 ? got : NULL;
}

/* Without the network permission, with a directory, one of two listeners. */
static void serve(const char *program)
{
	int fds[2] = {accepting("tcp:127.0.0.1:0"), accepting("tcp:127.0.0.1:0")};
	socklen_t len = sizeof(address);
	cr_assert(getsockname(fds[1], (struct sockaddr *)&address, &len) == 0);
	struct mote_dir dir = {
		.guest_path = "/w",
		.fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char *argv[] = {(char *)"listen_program", NULL}, *envp[] = {(char *)"LISTEN_FDS=7", NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(program, O_RDONLY | O_CLOEXEC),
		.argv = argv,
		.envp = envp,
		.dirs = &dir,
		.dir_count = 1,
		.listeners = fds,
		.listener_count = 2,
		.pid = 77,
		.time_limit_ns = 60000000000,
	};
	struct mote_sandbox *sandbox;
	struct mote_result result;
	struct mote_error e;
	pthread_t thread;
	void *got;
	cr_assert(o.program_fd >= 0, "%s", program);
	int rc = mote_sandbox_new(&o, &sandbox, &e);
	cr_assert(rc == 0, "%s", e.text);
	cr_assert(pthread_create(&thread, NULL, client, NULL) == 0);
	cr_assert(mote_sandbox_run(sandbox, &result, &e) == 0);
	cr_expect(mote_exit_status(&result) == 0, "status %d", mote_exit_status(&result));
	mote_sandbox_free(sandbox);
	close(fds[0]);
	close(fds[1]);
	pthread_join(thread, &got);
	cr_expect(got && strcmp(got, "HELLO") == 0);
}

Test(api_listen, a_native_program_accepts)
{
	serve(TEST_GUESTS "/listen_program.musl");
}

Test(api_listen, a_module_accepts)
{
	serve(TEST_GUESTS "/listen_program.wasm");
}

struct server {
	struct mote_sandbox *sandbox;
	struct mote_result result;
	_Atomic bool over;
};

static void *run_server(void *arg)
{
	struct server *s = arg;
	struct mote_error e;
	cr_expect(mote_sandbox_run(s->sandbox, &s->result, &e) == 0, "%s", e.text);
	s->over = true;
	return NULL;
}

/*
 * One of two takes the connection that both have seen; the other waits on, and can be interrupted.
 */
Test(api_listen, a_listener_may_be_shared)
{
	int fds[2] = {accepting("tcp:127.0.0.1:0"), accepting("tcp:127.0.0.1:0")};
	socklen_t len = sizeof(address);
	cr_assert(getsockname(fds[1], (struct sockaddr *)&address, &len) == 0);
	struct mote_dir dir = {
		.guest_path = "/w",
		.fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char *argv[] = {(char *)"listen_program", NULL};
	pthread_t threads[2];
	for (int round = 0; round < 4; round++) {
		struct server servers[2] = {0};
		for (int i = 0; i < 2; i++) {
			struct mote_error e;
			struct mote_options o = {
				.size = sizeof(o),
				.argv = argv,
				.dirs = &dir,
				.dir_count = 1,
				.listeners = fds,
				.listener_count = 2,
				.pid = 77,
				.program_fd = open(TEST_GUESTS "/listen_program.musl",
						   O_RDONLY | O_CLOEXEC),
			};
			int rc = mote_sandbox_new(&o, &servers[i].sandbox, &e);
			cr_assert(rc == 0, "%s", e.text);
			close(o.program_fd);
			cr_assert(pthread_create(&threads[i], NULL, run_server, &servers[i]) == 0);
		}
		usleep(200000); /* until both wait; if they do not yet, less is tested */
		cr_expect_str_eq((const char *)client(NULL), "HELLO");
		while (!servers[0].over && !servers[1].over)
			usleep(1000);
		struct server *other = &servers[servers[0].over ? 1 : 0];
		usleep(20000);
		cr_expect(!other->over);
		/* On a busy machine its run may not have begun. */
		while (mote_sandbox_interrupt(other->sandbox) != 0)
			usleep(1000);
		for (int i = 0; i < 2; i++) {
			pthread_join(threads[i], NULL);
			cr_expect(servers[i].result.end ==
				  (&servers[i] == other ? MOTE_INTERRUPTED : MOTE_EXITED));
			mote_sandbox_free(servers[i].sandbox);
		}
	}
}
