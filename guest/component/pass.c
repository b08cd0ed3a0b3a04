/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in memory from the one side of a call to the other (CanonicalABI.md, "Loading" and
 * "Storing" in one walk). Where they come from is a guest's memory that may say anything; where
 * they go to is what realloc gave, which is checked as well. Types nest 100 deep, which bounds the
 * recursion.
 */
#include "guest/component/call.h"

/* --- memory --- */

uint8_t *side_span(const struct component_call *side, uint32_t at, uint64_t bytes, uint32_t align,
		   const char *what)
{
	const uint64_t size = wasm_memory_bytes(side->options->memory);
	if (at & (align - 1))
		component_trap(side->inst->of, "unaligned pointer");
	if (at > size || bytes > size - at)
		component_trap(side->inst->of, "%s out-of-bounds", what);
	return wasm_memory_base(side->options->memory) + at;
}

uint8_t *side_realloc(const struct component_call *side, uint32_t old, uint32_t old_bytes,
		      uint32_t align, uint64_t bytes, uint32_t *at)
{
	struct component_instance *i = side->inst;
	union wasm_value result = {0};
	const union wasm_value args[] = {
		{.i32 = old}, {.i32 = old_bytes}, {.i32 = align}, {.i32 = (uint32_t)bytes}};
	const struct task_context outer = context_begin(i); /* it is a task of its own */
	const enum instance_state state = instance_state(i);
	instance_set_state(i, INSTANCE_MAY_NOT_LEAVE);
	(void)wasm_call(side->options->realloc, args, &result, NULL);
	instance_set_state(i, state);
	context_end(i, &outer);
	*at = result.i32;
	if (*at & (align - 1))
		component_trap(i->of, "realloc return: result not aligned");
	const uint64_t size = wasm_memory_bytes(side->options->memory);
	if (*at > size || bytes > size - *at)
		component_trap(i->of, "realloc return: beyond end of memory");
	return wasm_memory_base(side->options->memory) + *at;
}

/* --- handles --- */

static const char *whose(const struct resource_type *type)
{
	if (type->owner)
		return "guest-defined";
	return "host-defined";
}

struct handle *handle_of(struct component_instance *inst, const struct resource_type *type,
			 uint32_t index)
{
	struct handle *h = handle_get(&inst->handles, index);
	if (!h)
		component_trap(inst->of, "unknown handle index %u", index);
	if (h->type != type)
		component_trap(inst->of,
			       "handle index %u used with the wrong type, expected %s resource but "
			       "found a different %s resource",
			       index, whose(type), whose(h->type));
	return h;
}

uint32_t own_lift(const struct component_call *side, const struct resource_type *type,
		  uint32_t index)
{
	struct handle *h = handle_of(side->inst, type, index);
	if (h->lent)
		component_trap(side->inst->of, "cannot remove owned resource while borrowed");
	if (h->scope)
		component_trap(side->inst->of, "cannot lift own resource from a borrow");
	const uint32_t rep = h->rep;
	handle_remove(&side->inst->handles, index);
	return rep;
}

static uint32_t add(const struct component_call *side, const struct handle *h)
{
	const uint32_t index = handle_add(&side->inst->handles, h);
	if (!index)
		component_trap(side->inst->of, "no memory for a handle");
	return index;
}

uint32_t own_lower(const struct component_call *side, const struct resource_type *type,
		   uint32_t rep)
{
	return add(side, &(struct handle){.type = type, .rep = rep});
}

uint32_t borrow_lift(const struct component_call *side, const struct resource_type *type,
		     uint32_t index)
{
	struct handle *h = handle_of(side->inst, type, index);
	if (!loan_add(&side->inst->of->loans, h))
		component_trap(side->inst->of, "no memory for a borrow");
	return h->rep;
}

/* The instance that defines the resource gets what it is represented by. */
static uint32_t borrow_lower(const struct component_call *side, const struct resource_type *type,
			     uint32_t rep)
{
	if (side->inst == type->owner)
		return rep;
	side->borrows->count++;
	return add(side, &(struct handle){.type = type, .rep = rep, .scope = side->borrows});
}

uint32_t pass_handle(const struct passage *p, const struct ctype *a, const struct ctype *b,
		     uint32_t v)
{
	const bool is_own = a->kind == CTYPE_OWN;
	if (p->from.inst) {
		const struct resource_type *type = resource_at(p->from.inst, a->of->resource);
		if (is_own)
			v = own_lift(&p->from, type, v);
		else
			v = borrow_lift(&p->from, type, v);
	}
	if (p->to.inst) {
		const struct resource_type *type = resource_at(p->to.inst, b->of->resource);
		if (is_own)
			v = own_lower(&p->to, type, v);
		else
			v = borrow_lower(&p->to, type, v);
	}
	return v;
}

/* --- strings and lists --- */

static void pass_string(const struct passage *p, const uint8_t *from, uint8_t *to)
{
	uint32_t pair[2];
	memcpy(pair, from, sizeof(pair));
	const struct text text = text_lift(&p->from, pair[0], pair[1]);
	if (p->to.inst)
		text_lower(&p->to, &text, pair);
	memcpy(to, pair, sizeof(pair));
}

/* Whether all bytes are values, each by itself: nothing of it is checked. */
static bool is_plain(const struct ctype *t)
{
	return t->kind >= CTYPE_S8 && t->kind <= CTYPE_F64;
}

static void pass_elements(const struct passage *p, const struct ctype *a, const struct ctype *b,
			  uint64_t count, const uint8_t *from, uint8_t *to)
{
	if (is_plain(a)) {
		memmove(to, from,
			count * a->bytes); /* the callee's realloc may have given the caller's */
		return;
	}
	for (uint64_t i = 0; i < count; i++)
		pass_value(p, a, b, from + i * a->bytes, to + i * a->bytes);
}

static void pass_list(const struct passage *p, const struct ctype *a, const struct ctype *b,
		      const uint8_t *from, uint8_t *to)
{
	uint32_t pair[2];
	struct layout_tuple each = {a->members[0].type->bytes, a->members[0].type->align};
	memcpy(pair, from, sizeof(pair));
	if (a->kind == CTYPE_MAP)
		each = layout_tuple(a);
	const uint64_t bytes = pair[1] * each.bytes;
	if (bytes > COMPONENT_MAX_PASSED_BYTES)
		component_trap(p->of, "list is too long");
	const uint8_t *in = side_span(&p->from, pair[0], bytes, each.align, "list content");
	if (p->to.inst) {
		uint8_t *out = side_realloc(&p->to, 0, 0, each.align, bytes, &pair[0]);
		if (a->kind != CTYPE_MAP)
			pass_elements(p, a->members[0].type, b->members[0].type, pair[1], in, out);
		for (uint64_t i = 0; a->kind == CTYPE_MAP && i < pair[1]; i++)
			pass_tuple(p, a, b, in + i * each.bytes, out + i * each.bytes);
	}
	memcpy(to, pair, sizeof(pair));
}

/* --- the rest --- */

static void pass_choice(const struct passage *p, const struct ctype *a, const struct ctype *b,
			const uint8_t *from, uint8_t *to)
{
	const uint32_t cases = layout_cases(a), bytes = layout_number_bytes(cases);
	const uint32_t n = (uint32_t)layout_load(from, bytes);
	if (n >= cases)
		component_trap(p->of, "invalid variant discriminant");
	layout_store(to, bytes, n);
	const struct ctype *payload = layout_case(a, n);
	const uint32_t at = layout_payload(a);
	if (payload)
		pass_value(p, payload, layout_case(b, n), from + at, to + at);
}

void pass_tuple(const struct passage *p, const struct ctype *a, const struct ctype *b,
		const uint8_t *from, uint8_t *to)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct ctype *part = a->members[i].type;
		at = layout_align(at, part->align);
		pass_value(p, part, b->members[i].type, from + at, to + at);
		at += part->bytes;
	}
}

static void pass_char(const struct passage *p, const uint8_t *from, uint8_t *to)
{
	const uint32_t v = (uint32_t)layout_load(from, 4);
	if (v >= 0x110000 || (v >= 0xd800 && v <= 0xdfff))
		component_trap(p->of, "invalid `char` bit pattern");
	layout_store(to, 4, v);
}

void pass_value(const struct passage *p, const struct ctype *a, const struct ctype *b,
		const uint8_t *from, uint8_t *to)
{
	switch (a->kind) {
	case CTYPE_BOOL:
		*to = *from != 0;
		return;
	case CTYPE_CHAR:
		pass_char(p, from, to);
		return;
	case CTYPE_STRING:
		pass_string(p, from, to);
		return;
	case CTYPE_RECORD:
	case CTYPE_TUPLE:
		pass_tuple(p, a, b, from, to);
		return;
	case CTYPE_VARIANT:
	case CTYPE_ENUM:
	case CTYPE_OPTION:
	case CTYPE_RESULT:
		pass_choice(p, a, b, from, to);
		return;
	case CTYPE_FLAGS:
		layout_store(to, a->bytes, layout_load(from, a->bytes) & ((1ull << a->count) - 1));
		return;
	case CTYPE_LIST:
	case CTYPE_MAP:
		pass_list(p, a, b, from, to);
		return;
	case CTYPE_FIXED_LIST:
		pass_elements(p, a->members[0].type, b->members[0].type, a->length, from, to);
		return;
	case CTYPE_OWN:
	case CTYPE_BORROW:
		layout_store(to, 4, pass_handle(p, a, b, (uint32_t)layout_load(from, 4)));
		return;
	case CTYPE_STREAM:
	case CTYPE_FUTURE:
	case CTYPE_ERROR_CONTEXT:
		component_trap(p->of, "%ss are not supported", ctype_name(a));
	default: /* a number */
		memcpy(to, from, a->bytes);
	}
}
