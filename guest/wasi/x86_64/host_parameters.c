/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters as the SysV ABI passes them, saved by host_slots.S. */
#include "guest/wasi/rpc/host_parameters.h"

enum { SLOT_BYTES = 16, INTEGER_REGISTERS = 6, VECTOR_REGISTERS = 8 };

extern const uint8_t host_slots[];

/* In the order of host_slots.S. */
struct host_registers {
	uint64_t integer[INTEGER_REGISTERS];
	uint64_t vector[VECTOR_REGISTERS]; /* low halves */
};

/* In host_slots.S: what all slots call. */
extern uint64_t (*host_slots_called)(uint32_t slot, const struct host_registers *registers,
				     const uint64_t *stack);

struct host_parameters {
	const struct host_registers *registers;
	const uint64_t *stack;
	unsigned integers, vectors;
};

uint64_t host_next_integer(struct host_parameters *p)
{
	if (p->integers < INTEGER_REGISTERS)
		return p->registers->integer[p->integers++];
	return *p->stack++;
}

uint64_t host_next_float(struct host_parameters *p)
{
	if (p->vectors < VECTOR_REGISTERS)
		return p->registers->vector[p->vectors++];
	return *p->stack++;
}

static host_slot_fn *slot_called;

static uint64_t call_with_parameters(uint32_t slot, const struct host_registers *registers,
				     const uint64_t *stack)
{
	struct host_parameters p = {.registers = registers, .stack = stack};
	return slot_called(slot, &p);
}

wasm_host_fn host_slot(uint32_t i, host_slot_fn *called)
{
	slot_called = called;
	host_slots_called = call_with_parameters;
	return (wasm_host_fn)(uintptr_t)(host_slots + (uint64_t)SLOT_BYTES * i);
}
