/* SPDX-License-Identifier: Apache-2.0 */
/* What containerd is asked over gRPC, and answers rightly, wrongly or not at all. */
#include "runtime/containerd/image.h"

#include "proto/containerd.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static char path[64];
static pid_t child;

/* How the other end behaves. */
enum manner {
	PROPER,       /* a container of an image */
	NO_IMAGE,     /* of none */
	NOT_FOUND,    /* the container is not there */
	NO_STATUS,    /* the stream ends without one */
	CUT,          /* the message is shorter than its prefix says */
	NO_DIRECTORY, /* of the content store */
	MUCH,         /* an answer that is thirty times as large when it is decoded */
	GARBAGE,      /* not HTTP/2 */
	HANGS_UP,
};

/* --- containerd --- */

enum { PLUGINS = 1300000 };

struct answer {
	uint8_t bytes[2 * PLUGINS + 1024];
	size_t len, sent;
	bool status;
};

static enum manner manner;

static void pack(struct answer *a, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_pack(m, a->bytes + 5);
	a->bytes[2] = (uint8_t)(len >> 16);
	a->bytes[3] = (uint8_t)(len >> 8);
	a->bytes[4] = (uint8_t)(len + (manner == CUT));
	a->len = len + 5;
}

static void answer_container(struct answer *a)
{
	Api__GetContainerResponse r = API__GET_CONTAINER_RESPONSE__INIT;
	Api__Container c = API__CONTAINER__INIT;
	c.id = "c";
	c.image = manner == NO_IMAGE ? "" : "example.com/a:1";
	r.container = &c;
	pack(a, &r.base);
}

static void answer_image(struct answer *a)
{
	Api__GetImageResponse r = API__GET_IMAGE_RESPONSE__INIT;
	Api__Image i = API__IMAGE__INIT;
	Api__Descriptor d = API__DESCRIPTOR__INIT;
	d.digest = "sha256:d";
	i.target = &d;
	r.image = &i;
	pack(a, &r.base);
}

static void answer_much(struct answer *a)
{
	static Api__Plugin *list[PLUGINS];
	Api__PluginsResponse r = API__PLUGINS_RESPONSE__INIT;
	Api__Plugin p = API__PLUGIN__INIT;
	for (size_t i = 0; i < PLUGINS; i++)
		list[i] = &p;
	r.plugins = list;
	r.n_plugins = PLUGINS;
	pack(a, &r.base);
}

static void answer_plugins(struct answer *a)
{
	Api__PluginsResponse r = API__PLUGINS_RESPONSE__INIT;
	Api__Plugin p = API__PLUGIN__INIT, *list[] = {&p};
	Api__Export root = API__EXPORT__INIT, *exports[] = {&root};
	root.key = "root";
	root.value = manner == NO_DIRECTORY ? "" : "/content";
	p.exports = exports;
	p.n_exports = 1;
	r.plugins = list;
	r.n_plugins = 1;
	pack(a, &r.base);
}

static ssize_t send_body(nghttp2_session *s, int32_t stream, uint8_t *to, size_t len,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct answer *a = source->ptr;
	(void)arg;
	size_t n = a->len - a->sent < len ? a->len - a->sent : len;
	memcpy(to, a->bytes + a->sent, n);
	a->sent += n;
	if (a->sent < a->len)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (manner != NO_STATUS) {
		const nghttp2_nv trailer = {(uint8_t *)"grpc-status", (uint8_t *)"0", 11, 1, 0};
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(s, stream, &trailer, 1);
	}
	return (ssize_t)n;
}

static void refuse(nghttp2_session *s, int32_t stream)
{
	const nghttp2_nv headers[] = {
		{(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0},
		{(uint8_t *)"grpc-status", (uint8_t *)"5", 11, 1, 0},
		{(uint8_t *)"grpc-message", (uint8_t *)"container%20c:%0A gone", 12, 22, 0},
	};
	nghttp2_submit_response(s, stream, headers, 3, NULL);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
	static struct answer answers[8];
	static size_t count;
	(void)flags;
	(void)arg;
	if (name_len != 5 || memcmp(name, ":path", 5) != 0)
		return 0;
	struct answer *a = &answers[count++];
	if (memmem(value, len, "Containers", 10))
		answer_container(a);
	else if (memmem(value, len, "Images", 6))
		answer_image(a);
	else if (manner == MUCH)
		answer_much(a);
	else
		answer_plugins(a);
	if (manner == NOT_FOUND) {
		refuse(s, frame->hd.stream_id);
		return 0;
	}
	const nghttp2_nv ok = {(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0};
	const nghttp2_data_provider body = {.source.ptr = a, .read_callback = send_body};
	nghttp2_submit_response(s, frame->hd.stream_id, &ok, 1, &body);
	return 0;
}

static void serve(int fd)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *s;
	uint8_t bytes[4096];
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_server_new(&s, callbacks, NULL);
	nghttp2_submit_settings(s, 0, NULL, 0);
	for (ssize_t n = 0; n >= 0;) {
		const uint8_t *out;
		for (ssize_t len; (len = nghttp2_session_mem_send(s, &out)) > 0;)
			if (write(fd, out, (size_t)len) != len)
				_exit(1);
		n = read(fd, bytes, sizeof(bytes));
		if (n <= 0 || nghttp2_session_mem_recv(s, bytes, (size_t)n) < 0)
			_exit(0);
	}
}

static void start(enum manner how)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(path, sizeof(path), "/tmp/mote-grpc-%d", getpid());
	unlink(path);
	memcpy(addr.sun_path, path, strlen(path));
	cr_assert(listener >= 0 && bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		  listen(listener, 1) == 0);
	manner = how;
	child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		int fd = accept(listener, NULL, NULL);
		if (manner == GARBAGE && write(fd, "HTTP/1.0 400 Bad Request\r\n\r\n", 28) < 0)
			_exit(1);
		if (manner < GARBAGE)
			serve(fd);
		_exit(0);
	}
	close(listener);
}

static int ask(enum manner how, struct containerd_image *image, struct err *e)
{
	*image = (struct containerd_image){0};
	*e = (struct err){0};
	start(how);
	int rc = containerd_image_of(path, "ns", "c", image, e);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
	return rc;
}

Test(runtime_grpc, the_image_of_a_container)
{
	struct containerd_image image;
	struct err e;
	int rc = ask(PROPER, &image, &e);
	cr_assert(rc == 1, "%d: %s", rc, e.text);
	cr_expect_str_eq(image.name, "example.com/a:1");
	cr_expect_str_eq(image.digest, "sha256:d");
	cr_expect_str_eq(image.store, "/content");
	containerd_image_free(&image);
	rc = ask(NO_IMAGE, &image, &e);
	cr_expect(rc == 0 && !image.name, "%d: %s", rc, e.text);
}

Test(runtime_grpc, answers_that_are_none)
{
	static const struct {
		enum manner manner;
		int code;
		const char *part;
	} bad[] = {
		{NOT_FOUND, ENOENT, "container c:  gone"},
		{NO_STATUS, EPROTO, "is not one of gRPC's"},
		{CUT, EPROTO, "is not one of gRPC's"},
		{NO_DIRECTORY, ENOTSUP, "content store has no directory"},
		{MUCH, EPROTO, "is not one of gRPC's"},
		{GARBAGE, EPROTO, "asking containerd"},
		{HANGS_UP, ECONNRESET, "asking containerd"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct containerd_image image;
		struct err e;
		int rc = ask(bad[i].manner, &image, &e);
		/* One that has hung up may be noticed while the questions are sent. */
		bool same = rc == -bad[i].code || (bad[i].manner >= GARBAGE && rc == -EPIPE) ||
			    (bad[i].manner == GARBAGE && rc == -ECONNRESET);
		cr_expect(same && strstr(e.text, bad[i].part), "%s: %d: %s", bad[i].part, rc,
			  e.text);
	}
}

Test(runtime_grpc, nobody_is_there)
{
	struct containerd_image image = {0};
	struct err e = {0};
	cr_expect(containerd_image_of("unix:///no/such.sock", "ns", "c", &image, &e) == -ENOENT);
	cr_expect(strstr(e.text, "/no/such.sock"), "%s", e.text);
	cr_expect(containerd_image_of("", "ns", "c", &image, &e) == -EINVAL);
}
