/* SPDX-License-Identifier: Apache-2.0 */
/* Code for values that is the same whether they are passed flat or in memory. */
#ifndef MOTE_GUEST_COMPONENT_ADAPTER_VALUES_H
#define MOTE_GUEST_COMPONENT_ADAPTER_VALUES_H

#include "guest/component/adapter_code.h"

/* The sides that a value comes from and goes to; back: it is a result. */
static inline enum adapter_side_name value_source(bool back)
{
	if (back)
		return CALLEE;
	return CALLER;
}

static inline enum adapter_side_name value_target(bool back)
{
	if (back)
		return CALLER;
	return CALLEE;
}

static inline bool value_is_plain(const struct ctype *t)
{
	return t->kind >= CTYPE_S8 && t->kind <= CTYPE_F64;
}

/* --- words that are checked --- */

/* Traps unless e->scratch is a number of a case. */
void emit_case_check(struct adapter_emitter *e, const struct ctype *t);
/* What a word on the stack that is not a plain number becomes; it may be checked first. */
void emit_word(struct adapter_emitter *e, const struct ctype *t);
/* The operand of ADAPTER_HANDLE for handles of these types. */
uint32_t adapter_handle_number(struct adapter_emitter *e, const struct ctype *a,
			       const struct ctype *b, bool back);
/* A string that C passes, since a side's encoding is not UTF-8. */
bool value_is_transcoded(const struct adapter_emitter *e, const struct ctype *t);
/* Of a pointer and a length on the stack, the pointer on the other side. */
void emit_cross(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b, bool back);

/* --- cases --- */

/* A choice whose case is in e->scratch: `one` is called for each that has something. */
struct choice {
	const struct ctype *a, *b;
	bool back;
	uint32_t at; /* flat: where what it has begins; in memory: the address's locals */
	uint32_t to;
	void (*one)(struct adapter_emitter *e, const struct choice *c, const struct ctype *a,
		    const struct ctype *b);
};
void emit_choice(struct adapter_emitter *e, const struct choice *c);

/* --- memory --- */

/* A load or store at the address on the stack. */
void emit_access(struct adapter_emitter *e, enum code_op op, uint32_t memory, uint32_t offset);
/* The address that a local has, and an offset. */
void emit_address(struct adapter_emitter *e, uint32_t local, uint32_t offset);

enum { TEXT_WORD = 8 }; /* bytes of a string that are looked at together */
/* Whether any of eight bytes on the stack is not ASCII. */
void emit_is_not_ascii(struct adapter_emitter *e);

#endif
