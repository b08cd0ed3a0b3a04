/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts of requests and connections, and the root's: their events and what failures become. */
#include "proxy-wasm/internal.h"

#include <string.h>

/* --- failures --- */

/* One line with the plugin's name and what the guest says of it, a backtrace if it has one. */
static void report(struct pw_plugin *p, const struct err *why)
{
	cleanup_buf struct buf text = {.cap = PW_LOG_BYTES_MAX};
	(void)!buf_put(&text, "plugin failed: ", 15);
	(void)!buf_put(&text, why->text, strlen(why->text));
	(void)!buf_put(&text, "\n", 1);
	pw_log_output(p, &text);
	pw_log(p, 4, (const char *)text.data, text.len);
	pw_metric_change(p, p->failures, 1);
}

/* --- streams --- */

static struct pw_worker *worker_of(struct pw_plugin *p, unsigned number)
{
	if (number >= PW_WORKERS_MAX)
		return NULL;
	struct pw_worker *w = atomic_load(&p->workers[number]);
	if (!w) {
		w = calloc(1, sizeof(*w));
		atomic_store(&p->workers[number], w);
	}
	return w;
}

struct pw_stream *pw_stream_new(struct pw_plugin *plugin, unsigned worker, uint64_t connection,
				void *stream)
{
	struct pw_worker *w = worker_of(plugin, worker);
	struct pw_stream *s = calloc(1, sizeof(*s));
	if (!w || !s) {
		free(s);
		return NULL;
	}
	*s = (struct pw_stream){.plugin = plugin,
				.worker = w,
				.context = atomic_fetch_add(&plugin->next_context, 1),
				.connection = connection,
				.server_stream = stream};
	return s;
}

bool pw_stream_busy(const struct pw_stream *stream)
{
	return stream->vm && stream->vm->busy;
}

bool pw_stream_failed(const struct pw_stream *stream)
{
	return stream->failed;
}

static int enter_vm(struct pw_stream *s, struct err *e)
{
	if (s->vm)
		return 0;
	struct pw_vm *vm = pw_vm_take(s->worker, s->plugin, s->connection, e);
	if (!vm)
		return -e->code;
	s->vm = vm;
	s->next = vm->streams;
	vm->streams = s;
	return 0;
}

static void leave_vm(struct pw_stream *s)
{
	struct pw_vm *vm = s->vm;
	if (!vm)
		return;
	struct pw_stream **at = &vm->streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->vm = NULL;
	pw_vm_leave(s->worker, vm);
}

/* All contexts of a VM fail with it, each when it is called next. */
static void fail(struct pw_stream *s, const struct err *why, struct pw_effects *effects)
{
	s->failed = effects->failed = true;
	effects->local_response = false;
	effects->resume = effects->close = 0;
	if (s->vm) {
		s->vm->failed = true;
		pw_worker_failed(s->worker);
	}
	if (why->code)
		report(s->plugin, why);
	else
		pw_metric_change(s->plugin, s->plugin->refusals, 1);
	leave_vm(s);
}

static int call(struct pw_stream *s, const struct pw_event *event,
		const enum mote_proxy_step *before, struct pw_effects *effects, struct err *e)
{
	uint32_t results[MOTE_PROXY_STEPS_MAX], count;
	struct pw_vm *vm = s->vm;
	struct pw_effects *outer = vm->effects;
	struct pw_stream *outer_stream = vm->current;
	if (vm->failed)
		return err_set(e, ERR_GUEST, EIO, "the VM that it was in has failed");
	if (vm->busy)
		return err_set(e, ERR_HOST, EBUSY, "called inside of an event of its VM");
	vm->effects = effects;
	vm->current = s;
	int rc = pw_vm_call(vm, event, before, s->context, &s->worker->event, results, &count, e);
	vm->effects = outer;
	vm->current = outer_stream;
	if (rc == 0 && count)
		effects->action = results[count - 1];
	return rc;
}

static void call_stream(struct pw_stream *stream, const struct pw_event *event,
			struct pw_effects *effects)
{
	static const enum mote_proxy_step create[] = {MOTE_PROXY_CONTEXT_CREATE, 0};
	struct err e = {0};
	if (stream->failed)
		return;
	if (!stream->vm && !pw_worker_may_run(stream->worker, stream->plugin)) {
		fail(stream, &e, effects);
		return;
	}
	int rc = enter_vm(stream, &e);
	if (rc == 0)
		rc = call(stream, event, stream->created ? NULL : create, effects, &e);
	stream->created = true;
	if (rc < 0)
		fail(stream, &e, effects);
}

static void end_stream(struct pw_stream *stream)
{
	static const enum mote_proxy_step before[] = {MOTE_PROXY_LOG, 0};
	const struct pw_plugin *p = stream->plugin;
	struct pw_effects effects = {0};
	if (stream->created && !stream->failed && !stream->vm->failed && !stream->vm->busy) {
		const struct pw_event done = {.step = MOTE_PROXY_DONE},
				      gone = {.step = MOTE_PROXY_DELETE};
		if (p->has[MOTE_PROXY_DONE])
			call_stream(stream, &done, &effects);
		if (!stream->failed && (p->has[MOTE_PROXY_LOG] || p->has[MOTE_PROXY_DELETE])) {
			struct err e = {0};
			if (call(stream, &gone, before, &effects, &e) < 0)
				fail(stream, &e, &effects);
		}
		pw_effects_free(&effects);
		pw_log_output(stream->plugin, NULL);
	}
	leave_vm(stream);
	free(stream);
}

void pw_stream_call(struct pw_stream *stream, const struct pw_event *event,
		    struct pw_effects *effects)
{
	if (stream->in_call)
		return;
	stream->in_call = true;
	call_stream(stream, event, effects);
	stream->in_call = false;
	if (stream->is_ending)
		end_stream(stream);
}

void pw_stream_end(struct pw_stream *stream)
{
	if (!stream)
		return;
	if (!stream->in_call) {
		stream->in_call = true;
		end_stream(stream);
		return;
	}
	stream->is_ending = true;
	stream->server_stream = NULL;
}

/* --- the root context --- */

static void call_root(struct pw_plugin *plugin, const struct pw_event *event,
		      struct pw_effects *effects)
{
	uint32_t results[MOTE_PROXY_STEPS_MAX], count;
	struct err e = {0};
	struct pw_worker *w = &plugin->root_worker;
	if (!plugin->root && pw_worker_may_run(w, plugin))
		plugin->root = pw_vm_make(plugin, &e);
	if (!plugin->root || plugin->root->busy)
		return;
	struct pw_vm *vm = plugin->root;
	vm->is_root = true;
	vm->effects = effects;
	int rc = pw_vm_call(vm, event, NULL, PW_ROOT, &w->event, results, &count, &e);
	vm->effects = NULL;
	pw_log_output(plugin, NULL);
	if (rc == 0)
		return;
	effects->failed = true;
	pw_worker_failed(w);
	report(plugin, &e);
	plugin->root = NULL;
	pw_vm_free(vm);
}

void pw_root_call(struct pw_plugin *plugin, const struct pw_event *event,
		  struct pw_effects *effects)
{
	call_root(plugin, event, effects);
	if (event->step == MOTE_PROXY_QUEUE_READY)
		pw_queue_noticed(plugin, event->args[0]);
}
