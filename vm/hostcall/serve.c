/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving the host call that is in a vCPU's area: on the vCPU's thread, after an exit, or on the polling
 * thread. The frame is copied once and never looked at again.
 */
#include "vm/run/output.h"
#include "vm/snapshot/stop_point.h"

static struct mote_frame take_frame(struct vcpu *vcpu)
{
	vcpu->scratch_used = 0;
	return *(const volatile struct mote_frame *)&vcpu->area->frame;
}

static void store_result(struct vcpu *vcpu, int64_t result)
{
	vcpu->counters.calls++;
	*(volatile int64_t *)&vcpu->area->frame.result = result;
}

bool hostcall_serve(struct vcpu *vcpu)
{
	const struct mote_frame frame = take_frame(vcpu);
	vcpu->may_pend |= frame.nr != HOSTCALL_exchange;
	bool pollable = hostcall_pollable(vcpu->vm, &frame);
	vcpu_flush_output(vcpu);
	int64_t result = hostcall_dispatch(vcpu, &frame);
	if (frame.nr == HOSTCALL_writev)
		vcpu_note_write(vcpu, (int32_t)frame.arg[0], result);
	if (result == VM_STOPPED_HERE)
		vcpu->vm->channel.waiting = vcpu->vm->at_call = true;
	else
		store_result(vcpu, result);
	return pollable;
}

bool hostcall_serve_polled(struct vcpu *vcpu)
{
	const struct mote_frame frame = take_frame(vcpu);
	if (!hostcall_pollable(vcpu->vm, &frame) || guest_word(vcpu->area->output_len) != 0)
		return false;
	vcpu->on_poller = true;
	int64_t result = hostcall_dispatch(vcpu, &frame);
	vcpu->on_poller = false;
	if (result == VM_DEFER)
		return false;
	store_result(vcpu, result);
	return true;
}
