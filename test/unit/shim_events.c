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
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop loop;
static struct events events;
static char path[64], address[80];
static struct sockaddr_un addr;
static int listener, containerd; /* what containerd listens on, and its end of the connection */

/* --- time: the publisher's timers expire when a test says so, whatever the machine does --- */

static long pause_ms, end_ms; /* what its timers are set to; 0: to nothing */

static void set_real_timer(int timer, long ns)
{
	const struct itimerspec when = {.it_value.tv_nsec = ns};
	cr_assert(syscall(SYS_timerfd_settime, timer, 0, &when, NULL) == 0);
}

/* In the C library's place. */
int timerfd_settime(int timer, int flags, const struct itimerspec *when, struct itimerspec *was)
{
	long ms = when->it_value.tv_sec * 1000 + when->it_value.tv_nsec / 1000000;
	cr_assert(flags == 0 && !was);
	*(timer == events.end_timer ? &end_ms : &pause_ms) = ms;
	set_real_timer(timer, 0);
	return 0;
}

/* The time passes for which that timer is set. */
static void expire(int timer, long *ms)
{
	struct pollfd p = {.fd = timer, .events = POLLIN};
	cr_assert(*ms > 0, "the timer is not set");
	*ms = 0;
	set_real_timer(timer, 1);
	cr_assert(poll(&p, 1, -1) == 1);
}

static void run_pending(void)
{
	while (loop_step(&loop, 0))
		;
}

/* The publisher waits for so long, and then goes on. */
static void expect_pause(long ms)
{
	run_pending();
	cr_expect(pause_ms == ms, "%ld ms, not %ld", pause_ms, ms);
	expire(events.timer, &pause_ms);
	run_pending();
}

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

TestSuite(events, .init = setup, .fini = teardown);

static void publish(const char *id)
{
	Events__TaskStart event = EVENTS__TASK_START__INIT;
	event.container_id = (char *)id;
	event.pid = 7;
	events_publish(&events, "/tasks/start", "containerd.events.TaskStart", &event.base);
}

/* Lets the loop work and accepts its connections: whether a request has come. */
static bool has_request(int ms)
{
	struct pollfd p[] = {{.fd = listener, .events = POLLIN},
			     {.fd = containerd, .events = POLLIN}};
	run_pending();
	if (poll(p, 2, ms) > 0 && p[0].revents & POLLIN) {
		if (containerd >= 0)
			close(containerd);
		containerd = accept(listener, NULL, NULL);
		return false;
	}
	return p[1].revents & POLLIN;
}

/* The loop has nothing to do, and has asked for nothing. Between two sockets nothing is late. */
static void expect_no_request(const char *why)
{
	for (int i = 0; i < 3; i++)
		cr_expect(!has_request(0), "%s", why);
}

/* Waits for the next request, as containerd sees it: its container's id, and its stream. */
static const char *next_request(uint32_t *stream)
{
	static char id[64];
	static uint8_t head[TTRPC_HEADER_BYTES], body[4096];
	while (!has_request(1))
		;
	cr_assert(io_read_full(containerd, head, sizeof(head)) == sizeof(head));
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
		cr_assert_str_eq(next_request(&stream), id);
		if (i == 3)
			expect_no_request("before the answer comes no other");
		answer(stream, 0);
	}
	run_pending();
	cr_expect(!events.first && events.queued == 0);
}

Test(events, a_connection_that_closes_is_made_anew_and_the_event_sent_again)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(&stream), "a");
	close(containerd);
	containerd = -1;
	publish("b");
	expect_pause(400);
	cr_assert_str_eq(next_request(&stream), "a");
	answer(stream, 0);
	cr_assert_str_eq(next_request(&stream), "b");
	answer(stream, 0);
	run_pending();
	/* An idle connection that closes is not a failure: the next event goes at once. */
	close(containerd);
	containerd = -1;
	run_pending();
	publish("c");
	cr_assert_str_eq(next_request(&stream), "c"); /* without a pause */
}

Test(events, containerd_may_be_gone_for_a_while)
{
	uint32_t stream;
	close(listener);
	unlink(path);
	publish("a");
	publish("b");
	expect_pause(400);
	expect_pause(800);
	listen_again();
	expect_pause(1600);
	cr_assert_str_eq(next_request(&stream), "a");
	answer(stream, 0);
	cr_assert_str_eq(next_request(&stream), "b");
}

Test(events, an_event_is_given_up_after_five_tries_and_the_next_one_has_its_own)
{
	uint32_t stream;
	publish("a");
	publish("b");
	for (int i = 0; i < 5; i++) {
		cr_assert_str_eq(next_request(&stream), "a", "try %d", i + 1);
		close(containerd);
		containerd = -1;
		if (i < 4)
			expect_pause(400L << i);
	}
	cr_assert_str_eq(next_request(&stream), "b");
	answer(stream, 0);
}

Test(events, no_answer_within_five_seconds_is_a_failure)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(&stream), "a");
	expect_pause(5000);
	expect_pause(400);
	cr_assert_str_eq(next_request(&stream), "a", "a second try");
	answer(stream, 0);
}

Test(events, answers_that_make_no_sense_do_no_harm)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(&stream), "a");
	answer(stream + 2, 0); /* to nothing */
	answer(0, 0);
	const uint8_t data[] = {0, 0, 0, 1, 0, 0, 0, 1, TTRPC_DATA, 0, 'x'};
	cr_assert(io_write_all(containerd, data, sizeof(data)) == 0);
	expect_no_request("the event is still under way");
	cr_expect(events.queued == 1);
	const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, TTRPC_RESPONSE, 0};
	cr_assert(io_write_all(containerd, huge, sizeof(huge)) == 0);
	expect_pause(400);
	cr_assert_str_eq(next_request(&stream), "a", "on a new connection");
	answer(stream, 0);
	run_pending();
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
	cr_assert_str_eq(next_request(&stream), "a");
	answer(stream, 0);
	/* The loop itself stops: no step of this test's is needed. */
	loop.stop = false;
	cr_expect(loop_run(&loop) == 0 && events.queued == 0);
}

Test(events, the_end_does_not_wait_for_ever)
{
	uint32_t stream;
	publish("a");
	cr_assert_str_eq(next_request(&stream), "a");
	events_stop_when_sent(&events);
	cr_expect(end_ms == 3000, "%ld ms", end_ms);
	expire(events.end_timer, &end_ms);
	loop.stop = false;
	cr_expect(loop_run(&loop) == 0 && events.queued == 1);
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
