/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is pending. The bits are in the vCPU's area, where the host sets those of signals from
 * outside; what came with a signal is kept here, in the order of arrival: one for an ordinary
 * signal, as many as were sent for a real-time one.
 */
#include "guest/linux/task/signal.h"

#include <linux/signal.h>

enum { QUEUE_MAX = 256 };

static struct signal_info queue[QUEUE_MAX];
static uint32_t queued;

/* Without the alarm, which is not a signal of the program and may come at any time. */
uint64_t signal_pending(void)
{
	return __atomic_load_n(&mote_area()->pending_signals, __ATOMIC_SEQ_CST) &
	       ~signal_bit(MOTE_ALARM_SIGNAL);
}

static void set_bit(int signo)
{
	__atomic_fetch_or(&mote_area()->pending_signals, signal_bit(signo), __ATOMIC_SEQ_CST);
}

/* The index of its first entry; `queued` if there is none. */
static uint32_t first_of(int signo)
{
	uint32_t i = 0;
	while (i < queued && queue[i].signo != signo)
		i++;
	return i;
}

int64_t signal_queue(const struct signal_info *info)
{
	const bool real_time = info->signo >= SIGRTMIN;
	if (info->signo == MOTE_ALARM_SIGNAL)
		return 0;
	if (!real_time && (signal_pending() & signal_bit(info->signo)))
		return 0;
	if (queued == QUEUE_MAX && real_time)
		return -EAGAIN;
	if (queued < QUEUE_MAX)
		queue[queued++] = *info;
	set_bit(info->signo);
	return 0;
}

bool signal_is_queued(int signo, int32_t code, uint32_t id)
{
	for (uint32_t i = 0; i < queued; i++)
		if (queue[i].signo == signo && queue[i].code == code &&
		    (uint32_t)queue[i].word == id)
			return true;
	return false;
}

void signal_put_back(int signo)
{
	set_bit(signo);
}

/* From outside, as Linux says it of a sender in another PID namespace; alarms are the kernel's. */
static struct signal_info info_of_host(int signo)
{
	return (struct signal_info){
		.signo = signo,
		.code = signo == SIGALRM ? SI_KERNEL : SI_USER,
	};
}

struct signal_info signal_dequeue(int signo)
{
	const uint32_t i = first_of(signo);
	if (i == queued)
		return info_of_host(signo);
	const struct signal_info info = queue[i];
	queued--;
	memmove(queue + i, queue + i + 1, (queued - i) * sizeof(queue[0]));
	if (first_of(signo) < queued)
		set_bit(signo);
	return info;
}

bool signal_take(uint64_t set, struct signal_info *info)
{
	uint64_t ready = signal_pending() & set;
	if (!ready)
		return false;
	int signo = __builtin_ctzl(ready) + 1;
	__atomic_fetch_and(&mote_area()->pending_signals, ~signal_bit(signo), __ATOMIC_SEQ_CST);
	*info = signal_dequeue(signo);
	return true;
}

void signal_drop(uint64_t set)
{
	struct signal_info info;
	while (signal_take(set, &info))
		;
}
