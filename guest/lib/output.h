/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small writes to standard output and standard error, gathered in the vCPU's area instead of being
 * a host call each: the guest's side of the output protocol of abi/layout.h.
 */
#ifndef MOTE_GUEST_OUTPUT_H
#define MOTE_GUEST_OUTPUT_H

#include "abi/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* A first look, by which a write that cannot wait costs nothing else. */
static inline bool output_is_open(const struct mote_area *area, uint32_t fd, uint64_t bytes)
{
	return (fd == 1 || fd == 2) && bytes <= MOTE_OUTPUT_SMALL &&
	       __atomic_load_n(&area->output_armed, __ATOMIC_RELAXED);
}

/*
 * Where the bytes of a write that may wait are to be stored; NULL if there is no space for them or
 * another descriptor's bytes wait: then the write is a host call. *len is for output_publish().
 */
uint8_t *output_reserve(struct mote_area *area, uint32_t fd, uint64_t bytes, uint32_t *len);
/*
 * Hands the bytes stored there to the host. False if the host has emptied the buffer meanwhile, so
 * that they lie at the wrong place: reserve and store again.
 */
bool output_publish(struct mote_area *area, uint64_t bytes, uint32_t len);

#endif
