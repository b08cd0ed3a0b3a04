/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output that the guest gathers in its area: the host's side of the output protocol of
 * abi/layout.h. When it is written out, and how, is in output.c; the two functions here are the
 * protocol alone.
 */
#ifndef MOTE_VM_RUN_OUTPUT_H
#define MOTE_VM_RUN_OUTPUT_H

#include "abi/layout.h"

#include <stdint.h>

struct vcpu;

/*
 * Takes what waits: its bytes to `to`, its descriptor, as the guest says, to *fd. How many bytes; 0
 * if none wait, or if the guest breaks the protocol. Ends after at most MOTE_OUTPUT_BYTES steps
 * whatever the guest does meanwhile.
 */
uint32_t output_take(struct mote_area *area, uint8_t to[MOTE_OUTPUT_BYTES], uint32_t *fd);
/* From now on writes are host calls. What the guest appended before it could see that is to be
 * taken afterwards. */
void output_disarm(struct mote_area *area);

/* Writes out what waits. */
void vcpu_flush_output(struct vcpu *vcpu);
/* The timer of buffered output has expired. */
void vcpu_output_expired(struct vcpu *vcpu);
/* No output is buffered any more, and none waits. */
void vcpu_output_stop(struct vcpu *vcpu);
/* After every successful write: small ones to descriptors 1 and 2 open the guest's buffer. */
void vcpu_note_write(struct vcpu *vcpu, int32_t fd, int64_t written);

#endif
