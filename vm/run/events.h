/* SPDX-License-Identifier: Apache-2.0 */
/* What signals and limits do to a guest between two runs of its vCPU. */
#ifndef MOTE_VM_RUN_EVENTS_H
#define MOTE_VM_RUN_EVENTS_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/*
 * Acts on signals and limits between two runs. may_inject: the vCPU was interrupted, so its
 * registers are those of the program; after an exit by the doorbell they are not final.
 */
void vcpu_serve_events(struct vcpu *vcpu, bool may_inject);
/*
 * The guest goes on in its handler of faults and events, at `entry`; it ends if KVM refuses that.
 */
void vcpu_redirect(struct vcpu *vcpu, uint64_t entry);
/*
 * KVM refuses to read or set the vCPU's registers: a guest at CPL 0 can bring them into a state
 * that it does not take back. It ends; its VM is not used again.
 */
void vcpu_end_unusable(struct vcpu *vcpu, int rc);
/* The guest has used all of its memory: it ends as a process does that Linux kills for that. */
void vcpu_end_out_of_memory(struct vcpu *vcpu);
/*
 * Finds memory that the guest has but does not use. False: there is none, and the guest has ended,
 * or it is to end meanwhile.
 */
bool vcpu_reclaim(struct vcpu *vcpu) must_check;

#endif
