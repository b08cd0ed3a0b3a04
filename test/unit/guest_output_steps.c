/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output protocol of abi/layout.h as one vCPU has it: the host acts while the guest is stopped,
 * between any two of its instructions. A write is single-stepped, and the host empties the buffer,
 * or its timer expires, after each instruction in turn, and after each two. This goes through every
 * interleaving with up to two actions of the host.
 */
#include "abi/guest_calls.h"
#include "guest_output.h"
#include "vm/run/output.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

enum { TRAP_FLAG = 0x100, NEVER = 1 << 20, ACTIONS_MAX = 2 };

static struct mote_area area;
static char written[256]; /* what the host has written: the descriptor's number before the bytes of
			     each write */
static size_t written_len;

/* Which steps of the guest the host's actions come after. */
static struct {
	volatile int steps, next;
	int at[ACTIONS_MAX]; /* the step after which each action comes, in order */
	void (*action[ACTIONS_MAX])(void);
} plan;

/* --- the host --- */

static void host_write(uint32_t fd, const void *bytes, size_t len)
{
	written[written_len++] = (char)('0' + fd);
	memcpy(written + written_len, bytes, len);
	written_len += len;
}

static void empty(void)
{
	uint8_t bytes[MOTE_OUTPUT_BYTES];
	uint32_t fd, len = output_take(&area, bytes, &fd);
	if (len)
		host_write(fd, bytes, len);
}

static void expire(void)
{
	if (area.output_len == 0)
		output_disarm(&area);
	empty();
}

static void (*const actions[])(void) = {empty, expire};
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

struct mote_area *mote_area(void)
{
	return &area;
}

/* What a host call is to write; NULL: it is to have no effect but that of every call. */
static const char *direct;
static size_t direct_len;

int64_t mote_hostcall(struct mote_area *a)
{
	plan.next = ACTIONS_MAX; /* the guest is stopped from here on, and has nothing to do
				    afterwards */
	empty();
	if (direct)
		host_write((uint32_t)a->frame.arg[0], direct, direct_len);
	return 0;
}

/* --- the guest --- */

static void write_text(uint32_t fd, const char *text, size_t n)
{
	if (!output_append(&area, fd, text, (uint32_t)n)) {
		direct = text;
		direct_len = n;
		(void)mote_writev(&area, (int32_t)fd, NULL, 0);
		direct = NULL;
	}
}

/* --- its steps --- */

static void on_step(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	(void)signo;
	(void)info;
	for (; plan.next < ACTIONS_MAX && plan.at[plan.next] == plan.steps; plan.next++)
		plan.action[plan.next]();
	plan.steps++;
	if (plan.next == ACTIONS_MAX)
		c->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

/* What the host has written in the end, without the numbers of descriptors that repeat. */
static const char *joined(void)
{
	static char text[sizeof(written)];
	size_t n = 0;
	char fd = 0;
	for (size_t i = 0; i < written_len; i++) {
		bool number = written[i] == '1' || written[i] == '2';
		if (!number || written[i] != fd)
			text[n++] = written[i];
		if (number)
			fd = written[i];
	}
	text[n] = '\0';
	return text;
}

struct scenario {
	const char *name;
	const char *waiting; /* in the buffer already, for descriptor 1 */
	uint32_t fd;         /* the write's */
	bool armed;
	const char *expected;
};

/* One write with the plan's actions. How many steps it took, if it was stepped to its end. */
static int stepped_write(const struct scenario *s)
{
	size_t waiting = strlen(s->waiting);
	memset(&area, 0, offsetof(struct mote_area, output));
	memcpy(area.output, s->waiting, waiting);
	area.output_fd = 1;
	area.output_len = (uint32_t)waiting;
	area.output_armed = s->armed;
	written_len = 0;
	plan.steps = plan.next = 0;
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	write_text(s->fd, "xyz", 3);
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
	cr_assert(area.output_len == 0 || area.output_armed,
		  "%s: output waits without a timer after steps %d and %d", s->name, plan.at[0],
		  plan.at[1]);
	empty();
	cr_assert(strcmp(joined(), s->expected) == 0, "%s: '%s' after steps %d and %d", s->name,
		  joined(), plan.at[0], plan.at[1]);
	return plan.steps;
}

static const struct scenario scenarios[] = {
	{"an empty buffer", "", 1, true, "1xyz"},
	{"a buffer in use", "abc", 1, true, "1abcxyz"},
	{"another descriptor's", "abc", 2, true, "1abc2xyz"},
	{"a closed buffer", "", 1, false, "1xyz"},
};

static void each_pair(const struct scenario *s, void (*first)(void), void (*second)(void))
{
	plan.action[0] = first;
	plan.action[1] = second;
	plan.at[0] = plan.at[1] = NEVER;
	int steps = stepped_write(s);
	cr_assert(steps > 5 && steps < 2000, "%d steps", steps);
	for (int i = 0; i < steps; i++)
		for (int j = i; j < steps; j++) {
			plan.at[0] = i;
			plan.at[1] = j;
			(void)stepped_write(s);
		}
}

Test(guest_output_steps, the_host_acts_between_any_two_instructions)
{
	struct sigaction sa = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	cr_assert(sigaction(SIGTRAP, &sa, NULL) == 0);
	for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
		for (int first = 0; first < ACTIONS; first++)
			for (int second = 0; second < ACTIONS; second++)
				each_pair(&scenarios[s], actions[first], actions[second]);
}
