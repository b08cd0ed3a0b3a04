/* SPDX-License-Identifier: Apache-2.0 */
/* Events: what a plugin is called for, and what it wants then (abi/proxy_wasm.h). */
#include "proxy-wasm/internal.h"

#include <string.h>

/* --- encoding --- */

static void put_step(struct mote_out *o, enum mote_proxy_step step, uint32_t context,
		     const uint32_t *args)
{
	static const uint32_t none[MOTE_PROXY_ARGS];
	mote_put_u8(o, (uint8_t)step);
	mote_put_u32(o, context);
	mote_put(o, args ? args : none, sizeof(none));
}

static void put_part(struct mote_out *o, const struct pw_part *part)
{
	mote_put_u8(o, part->is_buffer);
	mote_put_u8(o, part->number);
	if (part->is_buffer) {
		mote_proxy_put_bytes(o, &part->bytes);
		return;
	}
	struct mote_out map = {0};
	mote_proxy_put_map(&map, part->pairs, part->count);
	mote_put_len(o, map.len);
	mote_proxy_put_map(o, part->pairs, part->count);
}

/* `more` are steps before the event's own, up to 0. A context that is created has the root as its
 * parent. */
static void put_event(struct mote_out *o, unsigned log_level, const struct pw_event *event,
		      const enum mote_proxy_step *more, uint32_t context)
{
	uint32_t count = 1;
	const uint32_t root[MOTE_PROXY_ARGS] = {context == PW_ROOT ? 0 : PW_ROOT};
	while (more && more[count - 1])
		count++;
	mote_put_u8(o, (uint8_t)log_level);
	mote_put_u32(o, count);
	for (uint32_t i = 0; i + 1 < count; i++)
		put_step(o, more[i], context, more[i] == MOTE_PROXY_CONTEXT_CREATE ? root : NULL);
	put_step(o, event->step, context, event->args);
	mote_put_u32(o, (uint32_t)event->part_count);
	for (size_t i = 0; i < event->part_count; i++)
		put_part(o, &event->parts[i]);
}

static int encode(const struct pw_plugin *p, const struct pw_event *event,
		  const enum mote_proxy_step *more, uint32_t context, struct buf *to, struct err *e)
{
	struct mote_out o = {0};
	const unsigned level = p->server->log_level ? p->server->log_level(p->owner) : 0;
	put_event(&o, level, event, more, context);
	to->cap = PW_EVENT_BYTES_MAX;
	to->len = 0;
	uint8_t *at = o.len > to->cap ? NULL : buf_reserve(to, o.len);
	if (!at)
		return err_set(e, ERR_PEER, EMSGSIZE, "an event of %zu bytes", o.len);
	o = (struct mote_out){.at = at, .capacity = o.len};
	put_event(&o, level, event, more, context);
	to->len = o.len;
	return 0;
}

/* --- calling --- */

static int decode(struct pw_vm *vm, const struct mote_value *result,
		  uint32_t results[MOTE_PROXY_STEPS_MAX], uint32_t *count, struct err *e)
{
	struct mote_in in = {.at = result->of.bytes.data, .left = result->of.bytes.len};
	struct mote_proxy_item end;
	if (!pw_apply_changes(vm, &in, &end) || end.kind != 0 || !mote_get_u32(&in, count) ||
	    *count > MOTE_PROXY_STEPS_MAX || in.left != 4 * (size_t)*count)
		return err_set(e, ERR_GUEST, EPROTO, "the plugin's VM sent a damaged result");
	memcpy(results, in.at, in.left);
	return 0;
}

static void count_exits(struct pw_vm *vm)
{
	struct mote_counters c = {.size = sizeof(c)};
	mote_sandbox_count(vm->sandbox, &c);
	if (c.vm_exits > vm->exits)
		pw_metric_change(vm->plugin, vm->plugin->exits, (int64_t)(c.vm_exits - vm->exits));
	vm->exits = c.vm_exits;
	pw_metric_change(vm->plugin, vm->plugin->events, 1);
}

int pw_vm_call(struct pw_vm *vm, const struct pw_event *event, const enum mote_proxy_step *more,
	       uint32_t context, struct buf *scratch, uint32_t results[MOTE_PROXY_STEPS_MAX],
	       uint32_t *count, struct err *e)
{
	struct mote_value result = {.type = MOTE_BYTES}, arg;
	struct mote_error error = {0};
	int rc = encode(vm->plugin, event, more, context, scratch, e);
	if (rc < 0)
		return rc;
	arg = mote_bytes(scratch->data, scratch->len);
	vm->busy++;
	vm->logs = 0;
	vm->is_over = false;
	rc = mote_sandbox_call(vm->sandbox, MOTE_PROXY_EVENT, &arg, 1, &result, &error);
	count_exits(vm);
	if (rc < 0)
		err_set(e, ERR_GUEST, error.code ? error.code : EIO, "%s", error.text);
	else
		rc = decode(vm, &result, results, count, e);
	vm->busy--;
	if (rc == 0 && vm->is_over)
		rc = err_set(e, ERR_GUEST, E2BIG,
			     "the plugin has set more than %d fields and properties of a stream, "
			     "or %d bytes of them",
			     PW_CHANGES_MAX, PW_CHANGE_BYTES_MAX);
	return rc;
}
