/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher of events against a containerd that answers late, wrongly, or not at all. */
#include "loop_step.h"
#include "shim/events.h"

#include "base/io.h"
#include "base/reader.h"
#include "proto/events.pb-c.h"
#include "proto/ttrpc.pb-c.h"
#include "shim/ttrpc.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct loop loop;
static struct events events;
static char path[64], address[80];
static struct sockaddr_un addr;
static int listener, containerd; /* what containerd listens on, and its end of the connection */

static void listen_again(void)
{
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(listener >= 0 && bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		  listen(listener, 4) == 0);
}

static void setup(void)
{
	snprintf(path, sizeof(path), "/tmp/mote-events-%d", getpid());
	snprintf(address, sizeof(address), "unix://%s", path);
	addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(addr.sun_path, path, strlen(path));
	listen_again();
	containerd = -1;
	cr_assert(loop_init(&loop) == 0);
	cr_assert(events_init(&events, &loop, address, "ns") == 0);
}

static void teardown(void)
{
	events_free(&events);
	close(loop.epoll);
	unlink(path);
}

TestSuite(events, .init = setup, .fini = teardown, .timeout = 60);

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void publish(const char *id)
{
	Events__TaskStart event = EVENTS__TASK_START__INIT;
	event.container_id = (char *)id;
	event.pid = 7;
	events_publish(&events, "/tasks/start", "containerd.events.TaskStart", &event.base);
}

/*
 * The next request within that time, as containerd sees it: its container's id, and its stream; ""
 * if none.
 */
static const char *next_request(int ms, uint32_t *stream)
{
	static char id[64];
	static uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	for (long end = now_ms() + ms;;) {
		struct pollfd p[] = {{.fd = listener, .events = POLLIN},
				     {.fd = containerd, .events = POLLIN}};
		while (loop_step(&loop, 0))
			;
		if (poll(p, 2, 1) > 0 && p[0].revents) {
			if (containerd >= 0)
				close(containerd);
			containerd = accept(listener, NULL, NULL);
		} else if (p[1].revents & POLLIN &&
			   io_read_full(containerd, head, sizeof(head)) == sizeof(head)) {
			break;
		}
		if (now_ms() > end)
			return "";
	}
	struct ttrpc_header h;
	ttrpc_parse_header(head, &h);
	cr_assert(h.type == TTRPC_REQUEST && h.bytes <= sizeof(body) && h.stream % 2 == 1);
	cr_assert(io_read_full(containerd, body, h.bytes) == h.bytes);
	*stream = h.stream;
	Ttrpc__Request *r = ttrpc__request__unpack(NULL, h.bytes, body);
	cr_assert(r);
	cr_expect_str_eq(r->service, "containerd.services.events.ttrpc.v1.Events");
	cr_expect_str_eq(r->method, "Forward");
	Events__ForwardRequest *f =
		events__forward_request__unpack(NULL, r->payload.len, r->payload.data);
	cr_assert(f && f->envelope && f->envelope->timestamp && f->envelope->event);
	cr_expect_str_eq(f->envelope->namespace_, "ns");
	cr_expect_str_eq(f->envelope->topic, "/tasks/start");
	cr_expect_str_eq(f->envelope->event->type_url, "containerd.events.TaskStart");
	cr_expect(f->envelope->timestamp->seconds > 1600000000);
	Events__TaskStart *event = events__task_start__unpack(NULL, f->envelope->event->value.len,
							      f->envelope->event->value.data);
	cr_assert(event && event->pid == 7);
	snprintf(id, sizeof(id), "%s", event->container_id);
	events__task_start__free_unpacked(event, NULL);
	events__forward_request__free_unpacked(f, NULL);
	ttrpc__request__free_unpacked(r, NULL);
	return id;
}

static void answer(uint32_t stream, int code)
{
	struct buf b = {.cap = 4096};
	Ttrpc__Status status = TTRPC__STATUS__INIT;
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	status.code = code;
	status.message = (char *)"no";
	response.status = code ? &status : NULL;
	cr_assert(ttrpc_put_frame(&b, stream, TTRPC_RESPONSE, &response.base) == 0);
	cr_assert(io_write_all(containerd, b.data, b.len) == 0);
	buf_free(&b);
}

Test(events, one_is_under_way_at_a_time_and_their_order_holds)
{
	char id[16];
	uint32_t stream;
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		publish(id);
	}
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		cr_assert_str_eq(next_request(1000, &stream), id);
		if (i == 3)
			cr_expect_str_eq(next_request(50, &stream), "",
					 "before the answer comes no other");
		answer(stream, 0);
	}
	while (loop_step(&loop, 10))
		;
	cr_expect(!events.first && events.queued == 0);
}

Test(events, a_connection_that_closes_is_made_anew_and_the_event_sent_again)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(1000, &stream), "a");
	close(containerd);
	containerd = -1;
	publish("b");
	cr_assert_str_eq(next_request(3000, &stream), "a");
	answer(stream, 0);
	cr_assert_str_eq(next_request(1000, &stream), "b");
	answer(stream, 0);
	while (loop_step(&loop, 10))
		;
	/* An idle connection that closes is no failure: the next event goes at once. */
	close(containerd);
	containerd = -1;
	while (loop_step(&loop, 10))
		;
	long began = now_ms();
	publish("c");
	cr_assert_str_eq(next_request(1000, &stream), "c");
	cr_expect(now_ms() - began < 300, "without a pause");
}

Test(events, containerd_may_be_gone_for_a_while)
{
	uint32_t stream;
	close(listener);
	unlink(path);
	publish("a");
	publish("b");
	for (long end = now_ms() + 500; now_ms() < end;)
		loop_step(&loop, 10);
	listen_again();
	cr_assert_str_eq(next_request(5000, &stream), "a");
	answer(stream, 0);
	cr_assert_str_eq(next_request(1000, &stream), "b");
}

Test(events, an_event_is_given_up_after_five_tries_and_the_next_one_has_its_own)
{
	uint32_t stream;
	publish("a");
	publish("b");
	for (int i = 0; i < 5; i++) {
		cr_assert_str_eq(next_request(10000, &stream), "a", "try %d", i + 1);
		close(containerd);
		containerd = -1;
	}
	cr_assert_str_eq(next_request(10000, &stream), "b");
	answer(stream, 0);
}

Test(events, no_answer_within_five_seconds_is_a_failure)
{
	uint32_t stream;
	publish("a");
	long began = now_ms();
	cr_assert_str_eq(next_request(1000, &stream), "a");
	cr_assert_str_eq(next_request(8000, &stream), "a", "a second try");
	cr_expect(now_ms() - began >= 5000);
	answer(stream, 0);
}

Test(events, answers_that_make_no_sense_do_no_harm)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(1000, &stream), "a");
	answer(stream + 2, 0); /* to nothing */
	answer(0, 0);
	const uint8_t data[] = {0, 0, 0, 1, 0, 0, 0, 1, TTRPC_DATA, 0, 'x'};
	cr_assert(io_write_all(containerd, data, sizeof(data)) == 0);
	cr_expect_str_eq(next_request(50, &stream), "", "the event is still under way");
	cr_expect(events.queued == 1);
	const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, TTRPC_RESPONSE, 0};
	cr_assert(io_write_all(containerd, huge, sizeof(huge)) == 0);
	cr_assert_str_eq(next_request(3000, &stream), "a", "on a new connection");
	answer(stream, 0);
	while (loop_step(&loop, 10))
		;
	cr_expect(events.queued == 0);
}

Test(events, the_queue_has_a_limit)
{
	close(listener);
	unlink(path);
	for (int i = 0; i < 5000; i++)
		publish("a");
	cr_expect(events.queued == 4096, "%u are queued", events.queued);
}

Test(events, the_end_waits_for_the_last_one)
{
	uint32_t stream;
	publish("a");
	events_stop_when_sent(&events);
	cr_expect(!loop.stop);
	cr_assert_str_eq(next_request(1000, &stream), "a");
	answer(stream, 0);
	/* The loop itself stops: no step of this test's is needed. */
	loop.stop = false;
	cr_expect(loop_run(&loop) == 0 && events.queued == 0);
}

Test(events, the_end_does_not_wait_for_ever)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(1000, &stream), "a");
	long began = now_ms();
	events_stop_when_sent(&events);
	loop.stop = false;
	cr_expect(loop_run(&loop) == 0);
	cr_expect(now_ms() - began >= 2900 && now_ms() - began < 4500);
}

Test(events, without_an_address_there_is_nobody_to_tell)
{
	struct events none;
	cr_assert(events_init(&none, &loop, "", "ns") == 0);
	Events__TaskStart event = EVENTS__TASK_START__INIT;
	events_publish(&none, "/tasks/start", "containerd.events.TaskStart", &event.base);
	cr_expect(!none.first);
	loop.stop = false;
	events_stop_when_sent(&none);
	cr_expect(loop.stop);
	events_free(&none);
}
