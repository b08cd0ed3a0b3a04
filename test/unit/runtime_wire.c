/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between shim and monitor: what is sent arrives, and nothing else is accepted. */
#include "runtime/wire.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

static const char document[] =
	"{\"ociVersion\":\"1.1.0\",\"root\":{\"path\":\"/r\",\"readonly\":true},\"hostname\":\"h\","
	"\"process\":{\"apparmorProfile\":\"p\","
	"\"capabilities\":{\"permitted\":[\"CAP_NET_BIND_SERVICE\"],"
	"\"inheritable\":[\"CAP_NET_BIND_SERVICE\"],"
	"\"ambient\":[\"CAP_NET_BIND_SERVICE\"]},"
	"\"args\":[\"a\",\"\",\"\xc3\xa9\"],\"env\":[\"X=1\"],\"cwd\":\"/"
	"w\",\"oomScoreAdj\":-3,\"user\":{\"uid\":1,"
	"\"gid\":2,\"additionalGids\":[3,4],\"umask\":63},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	"\"soft\":1,\"hard\":2}]},"
	"\"mounts\":[{\"destination\":\"/b\",\"source\":\"/"
	"s\",\"type\":\"bind\",\"options\":[\"rbind\",\"rro\",\"rslave\"]},"
	"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]}],"
	"\"linux\":{\"rootfsPropagation\":\"rslave\",\"maskedPaths\":[\"/"
	"m\"],\"readonlyPaths\":[\"/o\",\"/p\"],\"sysctl\":{"
	"\"net.a\":\"1\"},\"namespaces\":[{\"type\":\"network\",\"path\":\"/"
	"n\"},{\"type\":\"uts\"}]}}";

static struct buf encoded(void)
{
	struct oci_spec s;
	struct err e = {0};
	cr_assert(oci_spec_parse(document, sizeof(document) - 1, &s, &e) == 0, "%s", e.text);
	struct wire_config c = {
		.id = "i",
		.bundle = "/b",
		.rootfs = "/r",
		.memory_bytes = 1 << 30,
		.compile_bytes = 1 << 28,
		.cache = "/c",
		.tenant = "n/p",
		.containerd = "/s",
		.containerd_namespace = "n",
		.private_memory = true,
		.pid = 7,
		.runtime_hooks = true,
		.spec = s,
	};
	struct buf b = {.cap = WIRE_BODY_MAX};
	cr_assert(wire_encode(&c, &b) == 0);
	oci_spec_free(&s);
	return b;
}

Test(runtime_wire, a_config_arrives_whole)
{
	struct buf b = encoded();
	struct wire_config c;
	cr_assert(wire_decode(b.data, b.len, &c) == 0);
	const struct oci_spec *s = &c.spec;
	cr_expect_str_eq(c.id, "i");
	cr_expect_str_eq(c.rootfs, "/r");
	cr_expect_str_eq(c.cache, "/c");
	cr_expect_str_eq(c.tenant, "n/p");
	cr_expect_str_eq(c.containerd, "/s");
	cr_expect_str_eq(c.containerd_namespace, "n");
	cr_expect(c.private_memory);
	cr_expect_str_eq(c.bundle, "/b");
	cr_expect(c.memory_bytes == 1 << 30 && c.compile_bytes == 1 << 28 && c.pid == 7 &&
		  c.runtime_hooks && !c.hooks);
	cr_expect(s->capabilities.ambient == 1UL << CAP_NET_BIND_SERVICE &&
		  strcmp(s->apparmor_profile, "p") == 0 && !s->selinux_label);
	cr_expect(s->args_count == 3 && !s->args[3] && strcmp(s->args[1], "") == 0 &&
		  strcmp(s->args[2], "\xc3\xa9") == 0);
	cr_expect(s->env_count == 1 && !s->env[1] && strcmp(s->env[0], "X=1") == 0 &&
		  strcmp(s->cwd, "/w") == 0);
	cr_expect(s->uid == 1 && s->gid == 2 && s->groups_count == 2 && s->groups[1] == 4 &&
		  s->umask == 077);
	cr_expect(s->rlimits_count == 1 && s->rlimits[0].soft == 1 && s->rlimits[0].hard == 2 &&
		  s->oom_score_adj == -3);
	cr_expect(s->root_readonly && s->mounts_count == 2 && s->mounts[0].bind &&
		  s->mounts[0].bind_recursive);
	cr_expect(s->mounts[0].recursive_set && s->mounts[0].propagation &&
		  s->mounts[0].propagation_recursive);
	cr_expect(!s->mounts[1].bind && strcmp(s->mounts[1].data, "mode=755") == 0 &&
		  s->mounts[1].flags);
	cr_expect(strcmp(s->hostname, "h") == 0 && !s->domainname && s->propagation);
	cr_expect(s->namespaces_count == 2 && strcmp(s->namespaces[0].path, "/n") == 0 &&
		  !s->namespaces[1].path);
	cr_expect(s->sysctls_count == 1 && s->masked_count == 1 && s->readonly_count == 2);
	struct buf again = {.cap = WIRE_BODY_MAX};
	cr_expect(wire_encode(&c, &again) == 0 && again.len == b.len &&
		  memcmp(again.data, b.data, b.len) == 0);
	wire_config_free(&c);
	buf_free(&again);
	buf_free(&b);
}

/* Cut anywhere it is refused; changed anywhere it is refused or decodes to something whole. */
Test(runtime_wire, damage_is_harmless)
{
	struct buf b = encoded();
	struct wire_config c;
	for (size_t len = 0; len < b.len; len++) {
		uint8_t *copy = malloc(len + 1);
		memcpy(copy, b.data, len);
		cr_expect(wire_decode(copy, len, &c) == -EBADMSG, "cut at %zu", len);
		wire_config_free(&c);
		free(copy);
	}
	for (size_t at = 0; at < b.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t *copy = malloc(b.len);
			memcpy(copy, b.data, b.len);
			copy[at] ^= (uint8_t)(1 << bit);
			int rc = wire_decode(copy, b.len, &c);
			cr_assert(rc == 0 || rc == -EBADMSG, "bit %d of %zu: %d", bit, at, rc);
			cr_assert(rc < 0 || (c.id && c.rootfs && c.spec.args[0] && c.spec.cwd));
			wire_config_free(&c);
			free(copy);
		}
	uint8_t *more = malloc(b.len + 1);
	memcpy(more, b.data, b.len);
	cr_expect(wire_decode(more, b.len + 1, &c) == -EBADMSG);
	wire_config_free(&c);
	free(more);
	buf_free(&b);
}

static void pair(int ends[2])
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
}

Test(runtime_wire, messages)
{
	int ends[2];
	pair(ends);
	struct buf body = {.cap = 4096};
	enum wire_type type;
	char big[3000];
	memset(big, 'x', sizeof(big));
	cr_expect(wire_send(ends[0], WIRE_READY, NULL, 0) == 0 &&
		  wire_send(ends[0], WIRE_EXIT, "abcd", 4) == 0);
	cr_expect(wire_send(ends[0], WIRE_CONFIG, big, sizeof(big)) == 0);
	cr_expect(wire_receive(ends[1], 100, &type, &body) == 0 && type == WIRE_READY &&
		  body.len == 0);
	cr_expect(wire_receive(ends[1], 100, &type, &body) == 0 && type == WIRE_EXIT &&
		  memcmp(body.data, "abcd", 4) == 0);
	cr_expect(wire_receive(ends[1], -1, &type, &body) == 0 && type == WIRE_CONFIG &&
		  body.len == sizeof(big));
	cr_expect(wire_receive(ends[1], 1, &type, &body) == -ETIMEDOUT);
	struct err e = {0}, got = {0};
	err_set(&e, ERR_CONFIG, ENOEXEC, "%s", "a sentence");
	cr_expect(wire_send_failure(ends[0], &e) == 0 &&
		  wire_receive(ends[1], 1, &type, &body) == 0 && type == WIRE_FAILED);
	cr_expect(wire_failure(&body, &got) == -ENOEXEC && got.blame == ERR_CONFIG &&
		  strcmp(got.text, "a sentence") == 0);
	close(ends[0]);
	cr_expect(wire_receive(ends[1], 1, &type, &body) == -ECONNRESET);
	cr_expect(wire_send(ends[1], WIRE_START, NULL, 0) == -EPIPE);
	buf_free(&body);
	close(ends[1]);
}

Test(runtime_wire, join_carries_descriptors)
{
	int ends[2], pipe_ends[2], got[WIRE_FDS_MAX];
	size_t count = 9;
	pair(ends);
	cr_assert(pipe(pipe_ends) == 0);
	cr_expect(wire_send_join(ends[0], NULL, 0) == 0);
	cr_expect(wire_receive_join(ends[1], got, &count) == 0 && count == 0);
	cr_expect(wire_send_join(ends[0], pipe_ends, 2) == 0);
	cr_expect(wire_receive_join(ends[1], got, &count) == 0 && count == 2);
	cr_expect(fcntl(got[0], F_GETFD) == FD_CLOEXEC);
	char c = 0;
	cr_expect(write(got[1], "x", 1) == 1 && read(pipe_ends[0], &c, 1) == 1 && c == 'x');
	cr_expect(wire_send_join(ends[0], got, WIRE_FDS_MAX + 1) == -E2BIG);
	/* Another message is not taken for it. */
	cr_expect(wire_send(ends[0], WIRE_READY, NULL, 0) == 0 &&
		  wire_receive_join(ends[1], got, &count) == -EBADMSG);
	close(ends[0]);
	cr_expect(wire_receive_join(ends[1], got, &count) == -ECONNRESET);
	close(ends[1]);
}

Test(runtime_wire, nonsense_is_refused)
{
	static const uint32_t headers[][2] = {
		{0, 0}, {WIRE_TYPES, 0}, {0xffffffff, 0}, {WIRE_EXIT, WIRE_BODY_MAX + 1}};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		int ends[2];
		pair(ends);
		struct buf body = {.cap = WIRE_BODY_MAX};
		enum wire_type type;
		cr_assert(write(ends[0], headers[i], 8) == 8);
		cr_expect(wire_receive(ends[1], 1, &type, &body) == -EBADMSG, "%zu", i);
		buf_free(&body);
		close(ends[0]);
		close(ends[1]);
	}
	/* More than the receiver has room for is not read into memory. */
	int ends[2];
	pair(ends);
	struct buf body = {.cap = 16};
	enum wire_type type;
	cr_assert(wire_send(ends[0], WIRE_EXIT, "12345678901234567", 17) == 0);
	cr_expect(wire_receive(ends[1], 1, &type, &body) == -E2BIG);
	static const struct {
		const char *bytes;
		size_t len;
	} failures[] = {
		{"", 0}, {"\1\0\0\0", 4}, {"\0\0\0\0\1\0\0\0x", 9}, {"\1\0\0\0\377\0\0\0x", 9}};
	for (size_t i = 0; i < 4; i++) {
		struct err e = {0};
		struct buf b = {
			.data = (uint8_t *)(uintptr_t)failures[i].bytes,
			.len = failures[i].len,
		};
		cr_expect(wire_failure(&b, &e) == -EBADMSG && e.text[0], "%zu", i);
	}
	close(ends[0]);
	close(ends[1]);
	buf_free(&body);
}
