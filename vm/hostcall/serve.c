/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host call that is in a vCPU's area. The frame is copied once and never looked at again. Who
 * carries it out, the vCPU's thread after an exit or the polling thread, is run/'s to say.
 */
#include "vm/internal.h"

struct mote_frame hostcall_take(struct vcpu *vcpu)
{
	vcpu->scratch_used = 0;
	vcpu->found_ready = false;
	return *(const volatile struct mote_frame *)&vcpu->area->frame;
}

static void count(struct vcpu *vcpu, uint32_t nr)
{
	const bool polled = vcpu->on_poller;
	vcpu->counters.calls++;
	vcpu->counters.polled += polled;
	if (nr >= HOSTCALL_NUMBERS)
		return;
	vcpu->call_counters[nr].by_exit += !polled;
	vcpu->call_counters[nr].polled += polled;
}

void hostcall_finish(struct vcpu *vcpu, uint32_t nr, int64_t result)
{
	count(vcpu, nr);
	*(volatile int64_t *)&vcpu->area->frame.result = result;
}

bool hostcall_serve_polled(struct vcpu *vcpu)
{
	const struct mote_frame frame = hostcall_take(vcpu);
	if (!hostcall_pollable(vcpu->vm, &frame) || guest_word(vcpu->area->output_len) != 0)
		return false;
	vcpu->on_poller = vcpu->vm->memory.no_commits = true;
	const struct call_outcome outcome = hostcall_dispatch(vcpu, &frame);
	const bool done = outcome.kind == CALL_DONE;
	if (done)
		hostcall_finish(vcpu, frame.nr, outcome.result);
	vcpu->on_poller = vcpu->vm->memory.no_commits = false;
	return done;
}
