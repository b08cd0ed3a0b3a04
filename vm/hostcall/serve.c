/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving the host call that is in a vCPU's area: on the vCPU's thread, after an exit, or on the polling
 * thread. The frame is copied once and never looked at again.
 */
#include "vm/run/output.h"
#include "vm/snapshot/stop_point.h"

static struct mote_frame take_frame(struct vm *vm, const struct mote_area *area)
{
	vm->scratch_used = 0;
	return *(const volatile struct mote_frame *)&area->frame;
}

static void store_result(struct vm *vm, struct mote_area *area, int64_t result)
{
	vm->counters.calls++;
	*(volatile int64_t *)&area->frame.result = result;
}

void hostcall_serve(struct vm *vm, struct mote_area *area)
{
	if (ring_answered(vm))
		return;
	const struct mote_frame frame = take_frame(vm, area);
	vm->may_pend |= frame.nr != HOSTCALL_exchange;
	ring_doorbell(vm, hostcall_pollable(vm, &frame));
	vm_flush_output(vm);
	int64_t result = hostcall_dispatch(vm, &frame);
	if (frame.nr == HOSTCALL_writev)
		vm_note_write(vm, (int32_t)frame.arg[0], result);
	if (result == VM_STOPPED_HERE)
		vm->channel.waiting = vm->at_call = true;
	else
		store_result(vm, area, result);
	ring_replied(vm);
}

bool hostcall_serve_polled(struct vm *vm, struct mote_area *area)
{
	const struct mote_frame frame = take_frame(vm, area);
	if (!hostcall_pollable(vm, &frame) || guest_word(area->output_len) != 0)
		return false;
	vm->on_poller = true;
	int64_t result = hostcall_dispatch(vm, &frame);
	vm->on_poller = false;
	if (result == VM_DEFER)
		return false;
	store_result(vm, area, result);
	return true;
}
