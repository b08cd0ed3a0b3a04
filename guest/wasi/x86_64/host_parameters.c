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

struct host_parameters {
	const struct host_registers *registers;
	const uint64_t *stack;
	unsigned integers, vectors;
};

wasm_host_fn host_slot(uint32_t i)
{
	return (wasm_host_fn)(uintptr_t)(host_slots + (uint64_t)SLOT_BYTES * i);
}

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

/* Called by host_slots.S. */
uint64_t host_slot_called(uint32_t slot, const struct host_registers *registers,
			  const uint64_t *stack);
uint64_t host_slot_called(uint32_t slot, const struct host_registers *registers,
			  const uint64_t *stack)
{
	struct host_parameters p = {.registers = registers, .stack = stack};
	return rpc_call_host(slot, &p);
}
