/* SPDX-License-Identifier: Apache-2.0 */
/* Events: the steps that the module is called for, with the maps and buffers that come along. */
#include "guest/wasi/proxy/internal.h"
#include "guest/wasi/report.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/rpc/rpc.h"
#include "guest/wasi/state.h"

/* --- the module's callbacks --- */

/* Types before 0.2.0, and what a module that does not export the callback returns. */
static const struct callback {
	const char *name, *type, *old_type;
	uint32_t otherwise;
} callbacks[MOTE_PROXY_STEP_KINDS] = {
	[MOTE_PROXY_CONTEXT_CREATE] = {"proxy_on_context_create", "ii:", NULL, 0},
	[MOTE_PROXY_VM_START] = {"proxy_on_vm_start", "ii:i", NULL, 1},
	[MOTE_PROXY_CONFIGURE] = {"proxy_on_configure", "ii:i", NULL, 1},
	[MOTE_PROXY_REQUEST_HEADERS] = {"proxy_on_request_headers", "iii:i", "ii:i", 0},
	[MOTE_PROXY_REQUEST_BODY] = {"proxy_on_request_body", "iii:i", NULL, 0},
	[MOTE_PROXY_REQUEST_TRAILERS] = {"proxy_on_request_trailers", "ii:i", NULL, 0},
	[MOTE_PROXY_RESPONSE_HEADERS] = {"proxy_on_response_headers", "iii:i", "ii:i", 0},
	[MOTE_PROXY_RESPONSE_BODY] = {"proxy_on_response_body", "iii:i", NULL, 0},
	[MOTE_PROXY_RESPONSE_TRAILERS] = {"proxy_on_response_trailers", "ii:i", NULL, 0},
	[MOTE_PROXY_DONE] = {"proxy_on_done", "i:i", NULL, 1},
	[MOTE_PROXY_LOG] = {"proxy_on_log", "i:", NULL, 0},
	[MOTE_PROXY_DELETE] = {"proxy_on_delete", "i:", NULL, 0},
	[MOTE_PROXY_TICK] = {"proxy_on_tick", "i:", NULL, 0},
	[MOTE_PROXY_HTTP_CALL_RESPONSE] = {"proxy_on_http_call_response", "iiiii:", NULL, 0},
	[MOTE_PROXY_QUEUE_READY] = {"proxy_on_queue_ready", "ii:", NULL, 0},
	[MOTE_PROXY_NEW_CONNECTION] = {"proxy_on_new_connection", "i:i", NULL, 0},
	[MOTE_PROXY_DOWNSTREAM_DATA] = {"proxy_on_downstream_data", "iii:i", NULL, 0},
	[MOTE_PROXY_UPSTREAM_DATA] = {"proxy_on_upstream_data", "iii:i", NULL, 0},
	[MOTE_PROXY_DOWNSTREAM_CLOSE] = {"proxy_on_downstream_connection_close", "ii:", NULL, 0},
	[MOTE_PROXY_UPSTREAM_CLOSE] = {"proxy_on_upstream_connection_close", "ii:", NULL, 0},
};

static struct {
	bool known;
	struct wasm_func *of[MOTE_PROXY_STEP_KINDS];
} found;

static void find_callbacks(struct wasm_instance *inst)
{
	for (uint32_t i = 0; i < MOTE_PROXY_STEP_KINDS; i++) {
		const struct callback *c = &callbacks[i];
		if (!c->name)
			continue;
		found.of[i] = rpc_find_export(inst, c->name, c->type);
		if (!found.of[i] && c->old_type)
			found.of[i] = rpc_find_export(inst, c->name, c->old_type);
	}
	found.known = true;
}

bool proxy_is_module(const struct wasm_module *module)
{
	static const char *const markers[] = {"proxy_abi_version_0_1_0", "proxy_abi_version_0_2_0",
					      "proxy_abi_version_0_2_1"};
	struct wasm_export e;
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++)
		if (wasm_module_export_find(module, markers[i], strlen(markers[i]), &e))
			return true;
	return false;
}

/* --- steps --- */

struct step {
	uint8_t kind;
	uint32_t args[1 + MOTE_PROXY_ARGS]; /* the first is the context */
};

static uint32_t call(struct wasm_func *func, const uint32_t *args)
{
	union wasm_value values[1 + MOTE_PROXY_ARGS] = {0}, result = {0};
	for (uint32_t i = 0; i < 1 + MOTE_PROXY_ARGS; i++)
		values[i].i32 = args[i];
	wasi.stop.outcome = WASM_RETURNED;
	if (wasm_call(func, values, &result, &wasi.stop) != WASM_RETURNED)
		rpc_report_stop();
	return result.i32;
}

/* A reactor's _initialize has run already (guest/wasi/main.c). */
static void start(struct wasm_instance *inst)
{
	static const uint32_t none[1 + MOTE_PROXY_ARGS];
	struct wasm_func *main = rpc_find_export(inst, "main", "ii:i");
	struct wasm_func *initialize = rpc_find_export(inst, "_initialize", ":");
	struct wasm_func *command = rpc_find_export(inst, "_start", ":");
	if (initialize && main)
		(void)call(main, none);
	else if (!initialize && command)
		(void)call(command, none);
}

static uint32_t run_step(struct wasm_instance *inst, const struct step *s)
{
	proxy.context = proxy.event_context = s->args[0];
	if (s->kind == MOTE_PROXY_START) {
		start(inst);
		return 1;
	}
	if (!found.of[s->kind])
		return callbacks[s->kind].otherwise;
	return call(found.of[s->kind], s->args);
}

/* --- an event --- */

static bool get_step(struct mote_in *in, struct step *s)
{
	return mote_get_u8(in, &s->kind) && s->kind >= MOTE_PROXY_START &&
	       s->kind < MOTE_PROXY_STEP_KINDS && mote_get(in, s->args, sizeof(s->args));
}

/* Maps and buffers point into the copy of the event. */
static bool get_part(struct mote_in *in)
{
	uint8_t is_buffer, number;
	struct mote_proxy_bytes bytes;
	if (!mote_get_u8(in, &is_buffer) || !mote_get_u8(in, &number) ||
	    !mote_proxy_get_bytes(in, &bytes))
		return false;
	if (is_buffer && number < MOTE_PROXY_BUFFERS) {
		proxy.buffers[number] = (struct proxy_buffer){.present = true, .bytes = bytes};
		return true;
	}
	return !is_buffer && number < MOTE_PROXY_MAPS &&
	       proxy_map_read(&proxy.maps[number], &bytes);
}

static bool get_steps(struct mote_in *in, struct step steps[MOTE_PROXY_STEPS_MAX], uint32_t *count)
{
	if (!mote_get_u8(in, &proxy.log_level) || !mote_get_u32(in, count) ||
	    *count > MOTE_PROXY_STEPS_MAX)
		return false;
	for (uint32_t i = 0; i < *count; i++)
		if (!get_step(in, &steps[i]))
			return false;
	return true;
}

static bool get_parts(struct mote_in *in)
{
	uint32_t count;
	if (!mote_get_u32(in, &count))
		return false;
	for (; count; count--)
		if (!get_part(in))
			return false;
	return in->left == 0;
}

/* The end of the items: what the steps have returned. */
static bool put_results(const uint32_t *results, uint32_t count)
{
	uint8_t end = 0;
	const uint64_t at = proxy.items.used, bytes = 1 + 4 + 4 * (uint64_t)count;
	if (!region_take(&proxy.items, bytes))
		return false;
	struct mote_out o = {.at = proxy.items.base + at, .capacity = bytes};
	mote_put(&o, &end, 1);
	mote_put_u32(&o, count);
	mote_put(&o, results, 4 * (size_t)count);
	proxy.items.used = at + bytes;
	return true;
}

/* Whether false, returned by the module, leaves out what comes after. */
static bool ends_event(uint8_t kind)
{
	return kind == MOTE_PROXY_DONE || kind == MOTE_PROXY_VM_START ||
	       kind == MOTE_PROXY_CONFIGURE;
}

static void forget(void)
{
	memset(proxy.maps, 0, sizeof(proxy.maps));
	memset(proxy.buffers, 0, sizeof(proxy.buffers));
	proxy.arena.used = proxy.items.used = 0;
}

const char *proxy_event(struct wasm_instance *inst, const struct mote_proxy_bytes *event,
			struct mote_value *result)
{
	struct step steps[MOTE_PROXY_STEPS_MAX];
	uint32_t results[MOTE_PROXY_STEPS_MAX], count, done = 0;
	struct mote_proxy_bytes copy;
	if (proxy.in_event)
		return "an event inside of an event";
	if (!found.known)
		find_callbacks(inst);
	forget();
	if (!proxy_copy(event, &copy))
		return "no memory for an event";
	struct mote_in in = {.at = copy.at, .left = copy.len};
	if (!get_steps(&in, steps, &count) || !get_parts(&in))
		return "the host sent a damaged event";
	proxy.in_event = true;
	while (done < count) {
		const struct step *s = &steps[done];
		results[done++] = run_step(inst, s);
		if (ends_event(s->kind) && results[done - 1] == 0)
			break;
	}
	proxy.context = proxy.event_context;
	(void)proxy_change_buffers(inst);
	proxy.in_event = false;
	if (!put_results(results, done))
		return "no memory for the result of an event";
	*result = mote_bytes(proxy.items.base, proxy.items.used);
	return NULL;
}
