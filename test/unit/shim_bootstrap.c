/* SPDX-License-Identifier: Apache-2.0 */
/* How containerd starts the shim: flags, standard input, the socket and its address. */
#include "shim/bootstrap.h"

#include "base/io.h"
#include "proto/bootstrap.pb-c.h"
#include "proto/types.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS(...)                                                           \
	(int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]) \
	{                                                                   \
		__VA_ARGS__                                                 \
	}

static struct bootstrap_flags f;
static struct err e;
static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/mote-bootstrap-XXXXXX");
	cr_assert(mkdtemp(dir));
	e = (struct err){0};
	cr_assert(bootstrap_parse(ARGS("shim", "-namespace", "ns", "-id", "c1", "-address",
				       "/a.sock", "start"),
				  &f, &e) == 0);
}

static void teardown(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_expect(system(command) == 0);
}

TestSuite(bootstrap, .init = setup, .fini = teardown);

Test(bootstrap, flags_come_in_any_order_and_form)
{
	cr_assert(bootstrap_parse(ARGS("shim", "--namespace=ns", "-address", "/a", "-debug",
				       "-publish-binary", "p", "-id=c", "-bundle", "/b", "delete"),
				  &f, &e) == 0);
	cr_expect_str_eq(f.containerd_namespace, "ns");
	cr_expect_str_eq(f.address, "/a");
	cr_expect_str_eq(f.publish_binary, "p");
	cr_expect_str_eq(f.id, "c");
	cr_expect_str_eq(f.bundle, "/b");
	cr_expect_str_eq(f.action, "delete");
	cr_expect(f.debug && !f.version && !f.info);
	cr_assert(bootstrap_parse(ARGS("shim", "-debug=false", "-v"), &f, &e) == 0);
	cr_expect(!f.debug && f.version && !f.action);
	/* A value may look like a flag. */
	cr_assert(bootstrap_parse(ARGS("shim", "-id", "-debug", "start"), &f, &e) == 0);
	cr_expect_str_eq(f.id, "-debug");
	cr_expect(!f.debug);
}

Test(bootstrap, wrong_flags_are_named)
{
	cr_expect(bootstrap_parse(ARGS("shim", "-colour", "red", "start"), &f, &e) == -EINVAL);
	cr_expect(strstr(e.text, "-colour"), "%s", e.text);
	cr_expect(bootstrap_parse(ARGS("shim", "-id"), &f, &e) == -EINVAL);
	cr_expect(strstr(e.text, "-id"), "%s", e.text);
	/* No prefix of a flag is that flag. */
	cr_expect(bootstrap_parse(ARGS("shim", "-name", "x", "start"), &f, &e) == -EINVAL);
	cr_expect(bootstrap_parse(ARGS("shim", "-", "start"), &f, &e) == -EINVAL);
}

Test(bootstrap, the_address_follows_the_convention)
{
	char address[BOOTSTRAP_ADDRESS_BYTES];
	cr_assert(bootstrap_address(&f, NULL, "c1", address, &e) == 0);
	/* printf /a.sock/ns/c1 | sha256sum */
	cr_expect_str_eq(address,
			 "unix:///run/containerd/s/"
			 "0a10b874f54d2210a7e68ae7238440d3f9efa358e23a37008d4edb594bd7abf6");
	cr_assert(bootstrap_address(&f, "/elsewhere", "c1", address, &e) == 0);
	cr_expect(strncmp(address, "unix:///elsewhere/s/", 20) == 0);
}

Test(bootstrap, an_address_too_long_to_dial_is_refused)
{
	char long_dir[64] = "/", address[BOOTSTRAP_ADDRESS_BYTES];
	/* 106 bytes in all: the directory, "/s/" and 64 digits. */
	memset(long_dir + 1, 'd', 38);
	cr_expect(bootstrap_address(&f, long_dir, "c1", address, &e) == 0 &&
		  strlen(address) == 7 + 106);
	long_dir[39] = 'd';
	cr_expect(bootstrap_address(&f, long_dir, "c1", address, &e) == -ENAMETOOLONG);
	cr_expect(strstr(e.text, long_dir), "%s", e.text);
}

static struct bootstrap_input parse(const ProtobufCMessage *m)
{
	uint8_t bytes[512];
	struct bootstrap_input in;
	cr_assert(protobuf_c_message_get_packed_size(m) <= sizeof(bytes));
	cr_assert(bootstrap_parse_input(bytes, protobuf_c_message_pack(m, bytes), &f, &in) == 0);
	return in;
}

Test(bootstrap, parameters_on_standard_input_are_believed_when_they_name_the_container)
{
	Bootstrap__Params p = BOOTSTRAP__PARAMS__INIT;
	p.instance_id = (char *)"c1";
	p.namespace_ = (char *)"ns";
	p.log_level = -4;
	p.socket_dir = (char *)"/sockets";
	struct bootstrap_input in = parse(&p.base);
	cr_expect(in.debug);
	cr_expect_str_eq(in.socket_dir, "/sockets");
	free(in.socket_dir);
	p.log_level = 0;
	p.socket_dir = (char *)"relative";
	in = parse(&p.base);
	cr_expect(!in.debug && !in.socket_dir);
	p.log_level = -8;
	p.instance_id = (char *)"c2";
	in = parse(&p.base);
	cr_expect(!in.debug && !in.socket_dir, "another container's");
}

Test(bootstrap, options_of_earlier_versions_are_no_parameters)
{
	Types__Any any = TYPES__ANY__INIT;
	/* The same field numbers, and a type URL that is the container's id. */
	any.type_url = (char *)"c1";
	any.value.data = (uint8_t *)"other";
	any.value.len = 5;
	struct bootstrap_input in = parse(&any.base);
	cr_expect(!in.debug && !in.socket_dir);
	cr_expect(bootstrap_parse_input("\xff\xff\xff", 3, &f, &in) == 0 && !in.socket_dir,
		  "nor is nonsense");
	cr_expect(bootstrap_parse_input(NULL, 0, &f, &in) == 0 && !in.socket_dir, "nor nothing");
}

static void address_in(const char *where, char address[BOOTSTRAP_ADDRESS_BYTES])
{
	cr_assert(bootstrap_address(&f, where, "group", address, &e) == 0);
}

Test(bootstrap, the_first_listens_and_the_second_finds_it)
{
	char address[BOOTSTRAP_ADDRESS_BYTES], below[128];
	struct stat st;
	int first = -2, second = -2;
	snprintf(below, sizeof(below), "%s/x", dir);
	address_in(below, address);
	umask(0);
	cr_assert(bootstrap_listen(address, &first, &e) == 0 && first >= 0, "%s", e.text);
	cr_expect(stat(address + 7, &st) == 0 && (st.st_mode & 0777) == 0600);
	snprintf(below, sizeof(below), "%s/x/s", dir);
	cr_expect(stat(below, &st) == 0 && (st.st_mode & 0777) == 0700);
	cr_expect(bootstrap_listen(address, &second, &e) == 0 && second == -1);
	/* One whose queue is full is there, too; and nobody waits for it. */
	for (int i = 0; i < 200; i++)
		cr_assert(bootstrap_listen(address, &second, &e) == 0 && second == -1);
	close(first);
	cr_expect(bootstrap_listen(address, &second, &e) == 0 && second >= 0,
		  "a dead one is replaced");
}

/*
 * In a child, when `go` is closed: reports 'l' and stays if it listens, 'f' if it found another,
 * else 'e'.
 */
static void listen_and_report(const char *address, int go, int results)
{
	char byte;
	int fd;
	while (read(go, &byte, 1) > 0)
		;
	if (bootstrap_listen(address, &fd, &e) < 0)
		byte = 'e';
	else if (fd >= 0)
		byte = 'l';
	else
		byte = 'f';
	if (write(results, &byte, 1) == 1 && byte == 'l')
		pause();
	_exit(0);
}

Test(bootstrap, of_many_that_start_at_once_one_listens)
{
	char address[BOOTSTRAP_ADDRESS_BYTES];
	address_in(dir, address);
	for (int round = 0; round < 50; round++) {
		int dead, go[2], results[2], listening = 0;
		pid_t children[8];
		cr_assert(bootstrap_listen(address, &dead, &e) == 0 && dead >= 0);
		close(dead); /* each finds a socket that nobody listens on */
		cr_assert(pipe(go) == 0 && pipe(results) == 0);
		for (int i = 0; i < 8; i++)
			if ((children[i] = fork()) == 0) {
				close(go[1]);
				listen_and_report(address, go[0], results[1]);
			}
		close(go[1]);
		char reports[8];
		ssize_t n = io_read_full(results[0], reports, sizeof(reports));
		for (int i = 0; i < 8; i++)
			cr_expect(kill(children[i], SIGKILL) == 0 &&
				  waitpid(children[i], NULL, 0) == children[i]);
		for (int i = 0; i < n; i++)
			listening += reports[i] == 'l';
		cr_assert(n == 8 && !memchr(reports, 'e', 8) && listening == 1, "%d listen",
			  listening);
		close(go[0]);
		close(results[0]);
		close(results[1]);
	}
}

Test(bootstrap, what_a_dead_shim_left_is_removed_and_no_more)
{
	char address[BOOTSTRAP_ADDRESS_BYTES], path[128], *text;
	size_t len;
	int listener;
	address_in(dir, address);
	cr_assert(bootstrap_listen(address, &listener, &e) == 0);
	cr_assert(bootstrap_write_address(dir, address, &e) == 0);
	snprintf(path, sizeof(path), "%s/address", dir);
	cr_assert(io_read_file(AT_FDCWD, path, 200, &text, &len) == 0);
	cr_expect_str_eq(text, address, "the address and nothing else");
	free(text);
	cr_expect(bootstrap_remove_stale(dir, &e) == 0 && access(address + 7, F_OK) == 0,
		  "a living one stays");
	close(listener);
	cr_expect(bootstrap_remove_stale(dir, &e) == 0 && access(address + 7, F_OK) < 0,
		  "a dead one goes");
	cr_expect(bootstrap_remove_stale(dir, &e) == 0, "and was gone already");
	/* A file is not a socket, whatever the address says. */
	int fd = open(address + 7, O_CREAT | O_WRONLY, 0600);
	cr_assert(fd >= 0);
	cr_expect(bootstrap_remove_stale(dir, &e) == 0 && access(address + 7, F_OK) == 0);
	cr_expect(unlink(path) == 0 && bootstrap_remove_stale(dir, &e) == 0,
		  "no address file, nothing to do");
}
