/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin changes and asks: items of abi/proxy_wasm.h. The plugin owns its VM and controls
 * every byte; a context that it names has to be one of its VM.
 */
#include "proxy-wasm/internal.h"

#include <string.h>

void pw_effects_free(struct pw_effects *effects)
{
	buf_free(&effects->body);
	buf_free(&effects->details);
	buf_free(&effects->headers);
	buf_free(&effects->texts);
}

/* What an item is about: the root context has no stream. */
struct target {
	struct pw_vm *vm;
	struct pw_stream *stream;
};

/* False: the VM has no such context. */
static bool find_target(struct pw_vm *vm, uint32_t context, struct target *t)
{
	*t = (struct target){.vm = vm};
	if (context == PW_ROOT)
		return true;
	for (t->stream = vm->streams; t->stream; t->stream = t->stream->next)
		if (t->stream->context == context)
			return true;
	return false;
}

static void *server_stream(const struct target *t)
{
	if (!t->stream || !t->stream->server_stream)
		return NULL;
	return t->stream->server_stream;
}

/* --- changes --- */

static void apply_log(struct pw_vm *vm, const struct mote_proxy_item *item)
{
	const unsigned level = item->a > 5 ? 5 : (unsigned)item->a;
	if (vm->logs++ < PW_LOGS_MAX)
		pw_log(vm->plugin, level, (const char *)item->x.at, item->x.len);
}

/* Whether a stream may set another field or property: what it sets stays until its end. */
static bool spend(struct pw_stream *s, size_t bytes)
{
	s->changes++;
	s->change_bytes += bytes;
	return s->changes <= PW_CHANGES_MAX && s->change_bytes <= PW_CHANGE_BYTES_MAX;
}

static bool is_pseudo(const struct mote_proxy_bytes *key)
{
	return key->len && key->at[0] == ':';
}

/* A pseudo-header is there once: a server would make one value of two. */
static void change_map(const struct target *t, uint32_t kind, uint32_t map,
		       const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value)
{
	const struct pw_server *server = t->vm->plugin->server;
	if (!server->change_map || !server_stream(t) || map > MOTE_PROXY_MAP_RESPONSE_TRAILERS)
		return;
	t->vm->is_over |= !spend(t->stream, key->len + value->len);
	if (t->vm->is_over)
		return;
	if (kind == MOTE_PROXY_ITEM_ADD && is_pseudo(key))
		kind = MOTE_PROXY_ITEM_REPLACE;
	if (pw_field_valid(key, value))
		(void)server->change_map(server_stream(t), kind, map, key, value);
	else if (t->vm->logs++ < PW_LOGS_MAX)
		pw_log(t->vm->plugin, 3, "a header field that is not valid was left out", 45);
}

/* What is there is removed, but for the status, which has to be there. */
static void set_pairs(const struct target *t, const struct mote_proxy_item *item)
{
	const struct pw_server *server = t->vm->plugin->server;
	cleanup_buf struct buf old = {.cap = PW_ANSWER_BYTES_MAX};
	const struct mote_proxy_bytes none = {(const uint8_t *)"", 0},
				      status = {(const uint8_t *)":status", 7};
	struct mote_proxy_pairs p;
	struct mote_proxy_pair pair;
	if (!server->get_map || !server_stream(t) || !mote_proxy_map_valid(&item->x) ||
	    server->get_map(server_stream(t), (uint32_t)item->a, &old) != MOTE_PROXY_OK)
		return;
	const struct mote_proxy_bytes map = {old.data, old.len};
	if (mote_proxy_pairs_begin(&p, &map))
		while (p.left && mote_proxy_pairs_next(&p, &pair))
			if (!mote_proxy_key_is(&pair.key, &status))
				change_map(t, MOTE_PROXY_ITEM_REMOVE, (uint32_t)item->a, &pair.key,
					   &none);
	if (mote_proxy_pairs_begin(&p, &item->x))
		while (p.left && mote_proxy_pairs_next(&p, &pair))
			change_map(t, MOTE_PROXY_ITEM_ADD, (uint32_t)item->a, &pair.key,
				   &pair.value);
}

static bool put_header(struct pw_effects *to, const struct mote_proxy_pair *pair)
{
	/* Texts do not move: their size is known (local_response). */
	struct mote_proxy_pair copy = *pair;
	copy.key.at = to->texts.data + to->texts.len;
	if (buf_put(&to->texts, pair->key.at, pair->key.len) < 0)
		return false;
	copy.value.at = to->texts.data + to->texts.len;
	if (buf_put(&to->texts, pair->value.at, pair->value.len) < 0 ||
	    buf_put(&to->headers, &copy, sizeof(copy)) < 0)
		return false;
	to->header_count++;
	return true;
}

/* The first one counts. */
static void local_response(const struct target *t, const struct mote_proxy_item *item)
{
	struct pw_effects *to = t->vm->effects;
	struct mote_proxy_pairs p;
	struct mote_proxy_pair pair;
	if (!to || to->local_response || t->stream != t->vm->current || item->a < 200 ||
	    item->a > 599 || !mote_proxy_pairs_begin(&p, &item->x))
		return;
	to->body.cap = to->details.cap = to->texts.cap = PW_ANSWER_BYTES_MAX;
	to->headers.cap = MOTE_PROXY_PAIRS_MAX * sizeof(pair);
	if (buf_put(&to->body, item->y.at, item->y.len) < 0 ||
	    buf_put(&to->details, item->z.at, item->z.len) < 0 ||
	    !buf_reserve(&to->texts, item->x.len + 1))
		return;
	while (p.left && mote_proxy_pairs_next(&p, &pair))
		if (!is_pseudo(&pair.key) && pw_field_valid(&pair.key, &pair.value) &&
		    !put_header(to, &pair))
			return;
	to->status = (uint32_t)item->a;
	to->grpc_status = (uint32_t)item->b;
	to->local_response = true;
}

static void of_stream(const struct target *t, const struct mote_proxy_item *item)
{
	struct pw_effects *to = t->vm->effects;
	if (!to || t->stream != t->vm->current || item->a > 3)
		return;
	if (item->kind == MOTE_PROXY_ITEM_CONTINUE)
		to->resume |= 1u << item->a;
	else
		to->close |= 1u << item->a;
}

static void apply_change(const struct target *t, const struct mote_proxy_item *item)
{
	struct pw_plugin *p = t->vm->plugin;
	switch (item->kind) {
	case MOTE_PROXY_ITEM_LOG:
		apply_log(t->vm, item);
		break;
	case MOTE_PROXY_ITEM_ADD:
	case MOTE_PROXY_ITEM_REPLACE:
	case MOTE_PROXY_ITEM_REMOVE:
		if (item->a <= MOTE_PROXY_MAP_RESPONSE_TRAILERS)
			change_map(t, item->kind, (uint32_t)item->a, &item->x, &item->y);
		break;
	case MOTE_PROXY_ITEM_SET_PAIRS:
		if (item->a <= MOTE_PROXY_MAP_RESPONSE_TRAILERS)
			set_pairs(t, item);
		break;
	case MOTE_PROXY_ITEM_SET_BUFFER:
		if (p->server->set_buffer && server_stream(t) &&
		    item->a <= MOTE_PROXY_BUFFER_UPSTREAM)
			(void)p->server->set_buffer(server_stream(t), (uint32_t)item->a, &item->x);
		break;
	case MOTE_PROXY_ITEM_CONTINUE:
	case MOTE_PROXY_ITEM_CLOSE:
		of_stream(t, item);
		break;
	case MOTE_PROXY_ITEM_LOCAL_RESPONSE:
		local_response(t, item);
		break;
	case MOTE_PROXY_ITEM_INCREMENT:
		if (item->a > p->exits) /* those before are the host's own */
			pw_metric_change(p, item->a, (int64_t)item->b);
		break;
	case MOTE_PROXY_ITEM_RECORD:
		if (item->a > p->exits)
			pw_metric_record(p, item->a, item->b);
		break;
	case MOTE_PROXY_ITEM_TICK_PERIOD:
		if (p->server->root_tick && !t->stream)
			p->server->root_tick(p->owner, (uint32_t)item->a);
		break;
	case MOTE_PROXY_ITEM_CLEAR_ROUTE:
		if (p->server->clear_route && server_stream(t))
			p->server->clear_route(server_stream(t));
		break;
	default: /* DONE: a stream's end waits for nothing */
		break;
	}
}

bool pw_apply_changes(struct pw_vm *vm, struct mote_in *in, struct mote_proxy_item *last)
{
	struct target t;
	for (;;) {
		if (!mote_proxy_get_item(in, last))
			return false;
		if (last->kind == 0 || !mote_proxy_is_change(last))
			return true;
		if (find_target(vm, last->context, &t))
			apply_change(&t, last);
	}
}

/* --- requests --- */

struct answer {
	uint64_t number;
	struct buf bytes;
};

static bool upstream_allowed(const struct pw_config *c, const struct mote_proxy_bytes *name)
{
	for (char **each = c->upstreams; each && *each; each++)
		if (strcmp(*each, "*") == 0 ||
		    (strlen(*each) == name->len && memcmp(*each, name->at, name->len) == 0))
			return true;
	return false;
}

/* The headers as an array, each checked. */
static bool call_headers(const struct mote_proxy_bytes *map, struct buf *array, size_t *count)
{
	struct mote_proxy_pairs p;
	struct mote_proxy_pair pair;
	if (!mote_proxy_map_valid(map) || !mote_proxy_pairs_begin(&p, map))
		return false;
	for (*count = 0; p.left; ++*count)
		if (!mote_proxy_pairs_next(&p, &pair) || !pw_field_valid(&pair.key, &pair.value) ||
		    buf_put(array, &pair, sizeof(pair)) < 0)
			return false;
	return true;
}

/* In the name of the root context its own VM alone: the server's calls are not for any thread. */
static uint32_t ask_http_call(const struct target *t, const struct mote_proxy_item *item,
			      struct answer *a)
{
	struct pw_plugin *p = t->vm->plugin;
	cleanup_buf struct buf headers = {.cap = MOTE_PROXY_PAIRS_MAX *
						 sizeof(struct mote_proxy_pair)};
	size_t count;
	if (!p->server->http_call || (t->stream ? !server_stream(t) : !t->vm->is_root))
		return MOTE_PROXY_UNIMPLEMENTED;
	if (!upstream_allowed(&p->config, &item->x)) {
		if (t->vm->logs++ < PW_LOGS_MAX)
			pw_log(p, 3, "http_call to an upstream that is not in its list", 48);
		return MOTE_PROXY_BAD_ARGUMENT;
	}
	if (!call_headers(&item->y, &headers, &count))
		return MOTE_PROXY_BAD_ARGUMENT;
	a->number = atomic_fetch_add(&p->next_token, 1);
	return p->server->http_call(p->owner, server_stream(t), (uint32_t)a->number, &item->x,
				    (const struct mote_proxy_pair *)headers.data, count, &item->z,
				    (uint32_t)item->a);
}

/* Of the root context there are its configurations alone, at any time. */
static uint32_t ask_buffer(const struct target *t, const struct mote_proxy_item *item,
			   struct answer *a)
{
	const struct pw_config *c = &t->vm->plugin->config;
	const char *text = NULL;
	if (item->a == MOTE_PROXY_BUFFER_VM_CONFIG)
		text = c->vm_configuration;
	else if (item->a == MOTE_PROXY_BUFFER_PLUGIN_CONFIG)
		text = c->configuration;
	if (text)
		return buf_put(&a->bytes, text, strlen(text)) < 0 ? MOTE_PROXY_INTERNAL_FAILURE
								  : MOTE_PROXY_OK;
	if (!t->vm->plugin->server->get_buffer || !server_stream(t))
		return MOTE_PROXY_NOT_FOUND;
	return t->vm->plugin->server->get_buffer(server_stream(t), (uint32_t)item->a, &a->bytes);
}

static uint32_t ask_map(const struct target *t, const struct mote_proxy_item *item,
			struct answer *a)
{
	if (!t->vm->plugin->server->get_map || !server_stream(t))
		return MOTE_PROXY_BAD_ARGUMENT;
	return t->vm->plugin->server->get_map(server_stream(t), (uint32_t)item->a, &a->bytes);
}

/* Properties of the plugin itself; the others are the server's. */
static uint32_t ask_property(const struct target *t, const struct mote_proxy_item *item,
			     struct answer *a)
{
	const struct pw_config *c = &t->vm->plugin->config;
	const struct {
		const char *path, *value;
	} own[] = {{"plugin_name", c->name},
		   {"plugin_root_id", c->root_id},
		   {"plugin_vm_id", c->vm_id}};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (item->x.len == strlen(own[i].path) &&
		    memcmp(item->x.at, own[i].path, item->x.len) == 0)
			return buf_put(&a->bytes, own[i].value, strlen(own[i].value)) < 0
				       ? MOTE_PROXY_INTERNAL_FAILURE
				       : MOTE_PROXY_OK;
	if (!t->vm->plugin->server->get_property || !server_stream(t))
		return MOTE_PROXY_NOT_FOUND;
	return t->vm->plugin->server->get_property(server_stream(t), &item->x, &a->bytes);
}

static uint32_t set_property(const struct target *t, const struct mote_proxy_item *item)
{
	if (!t->vm->plugin->server->set_property || !server_stream(t))
		return MOTE_PROXY_NOT_FOUND;
	if (!spend(t->stream, item->x.len + item->y.len))
		return MOTE_PROXY_INTERNAL_FAILURE;
	return t->vm->plugin->server->set_property(server_stream(t), &item->x, &item->y);
}

static uint32_t serve(const struct target *t, const struct mote_proxy_item *item, struct answer *a)
{
	struct pw_plugin *p = t->vm->plugin;
	switch (item->kind) {
	case MOTE_PROXY_ITEM_FLUSH:
	case MOTE_PROXY_ITEM_SET_CONTEXT:
		return MOTE_PROXY_OK;
	case MOTE_PROXY_ITEM_GET_MAP:
		return ask_map(t, item, a);
	case MOTE_PROXY_ITEM_GET_BUFFER:
		return ask_buffer(t, item, a);
	case MOTE_PROXY_ITEM_GET_PROPERTY:
		return ask_property(t, item, a);
	case MOTE_PROXY_ITEM_SET_PROPERTY:
		return set_property(t, item);
	case MOTE_PROXY_ITEM_GET_SHARED:
		return pw_shared_read(p->shared, &item->x, &a->bytes, &a->number);
	case MOTE_PROXY_ITEM_SET_SHARED:
		return pw_shared_write(p->shared, &item->x, &item->y, (uint32_t)item->a);
	case MOTE_PROXY_ITEM_REGISTER_QUEUE:
		return pw_queue_register(p->shared, p, &item->x, &a->number);
	case MOTE_PROXY_ITEM_RESOLVE_QUEUE:
		return pw_queue_resolve(&item->x, &item->y, &a->number);
	case MOTE_PROXY_ITEM_ENQUEUE:
		return pw_queue_put((uint32_t)item->a, &item->x);
	case MOTE_PROXY_ITEM_DEQUEUE:
		return pw_queue_take(p->shared, (uint32_t)item->a, &a->bytes);
	case MOTE_PROXY_ITEM_DEFINE_METRIC:
		if (item->a > PW_HISTOGRAM)
			return MOTE_PROXY_BAD_ARGUMENT;
		return pw_metric_define(p, (enum pw_metric)item->a, (const char *)item->x.at,
					item->x.len, &a->number);
	case MOTE_PROXY_ITEM_GET_METRIC:
		return pw_metric_read(p, item->a, &a->number);
	case MOTE_PROXY_ITEM_HTTP_CALL:
		return ask_http_call(t, item, a);
	case MOTE_PROXY_ITEM_FUNCTION:
		return MOTE_PROXY_NOT_FOUND;
	default:
		return MOTE_PROXY_UNIMPLEMENTED;
	}
}

static int put_answer(struct mote_sandbox *sandbox, uint32_t status, const struct answer *a,
		      struct mote_value *result)
{
	const struct mote_proxy_bytes bytes = {a->bytes.data, a->bytes.len};
	const size_t len = 4 + 8 + 4 + bytes.len;
	struct mote_out o = {.at = mote_call_memory(sandbox, len), .capacity = len};
	if (!o.at)
		return -ENOMEM;
	mote_put_u32(&o, status);
	mote_put(&o, &a->number, sizeof(a->number));
	mote_proxy_put_bytes(&o, &bytes);
	*result = mote_bytes(o.at, o.len);
	return 0;
}

int pw_host_function(void *arg, struct mote_sandbox *sandbox, const struct mote_value *args,
		     size_t count, struct mote_value *result, struct mote_error *error)
{
	struct pw_vm *vm = arg;
	struct mote_in in = {.at = args[0].of.bytes.data, .left = args[0].of.bytes.len};
	struct mote_proxy_item item, end;
	struct target t;
	struct answer a = {.bytes = {.cap = PW_ANSWER_BYTES_MAX}};
	uint32_t status = MOTE_PROXY_BAD_ARGUMENT;
	(void)count, (void)error;
	if (!pw_apply_changes(vm, &in, &item) || item.kind == 0 ||
	    !mote_proxy_get_item(&in, &end) || end.kind != 0 || in.left)
		return -EPROTO;
	if (find_target(vm, item.context, &t))
		status = serve(&t, &item, &a);
	if (status != MOTE_PROXY_OK)
		a.bytes.len = 0;
	int rc = put_answer(sandbox, status, &a, result);
	buf_free(&a.bytes);
	return rc;
}
