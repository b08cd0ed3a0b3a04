/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin: its start up to proxy_on_configure, the snapshot of that, and the root context's VM. */
#include "proxy-wasm/internal.h"

#include <fcntl.h>
#include <string.h>

static const char *const callbacks[MOTE_PROXY_STEP_KINDS] = {
	[MOTE_PROXY_REQUEST_HEADERS] = "proxy_on_request_headers",
	[MOTE_PROXY_REQUEST_BODY] = "proxy_on_request_body",
	[MOTE_PROXY_REQUEST_TRAILERS] = "proxy_on_request_trailers",
	[MOTE_PROXY_RESPONSE_HEADERS] = "proxy_on_response_headers",
	[MOTE_PROXY_RESPONSE_BODY] = "proxy_on_response_body",
	[MOTE_PROXY_RESPONSE_TRAILERS] = "proxy_on_response_trailers",
	[MOTE_PROXY_DONE] = "proxy_on_done",
	[MOTE_PROXY_LOG] = "proxy_on_log",
	[MOTE_PROXY_DELETE] = "proxy_on_delete",
	[MOTE_PROXY_TICK] = "proxy_on_tick",
	[MOTE_PROXY_HTTP_CALL_RESPONSE] = "proxy_on_http_call_response",
	[MOTE_PROXY_QUEUE_READY] = "proxy_on_queue_ready",
	[MOTE_PROXY_NEW_CONNECTION] = "proxy_on_new_connection",
	[MOTE_PROXY_DOWNSTREAM_DATA] = "proxy_on_downstream_data",
	[MOTE_PROXY_UPSTREAM_DATA] = "proxy_on_upstream_data",
	[MOTE_PROXY_DOWNSTREAM_CLOSE] = "proxy_on_downstream_connection_close",
	[MOTE_PROXY_UPSTREAM_CLOSE] = "proxy_on_upstream_connection_close",
};

const struct pw_config *pw_plugin_config(const struct pw_plugin *plugin)
{
	return &plugin->config;
}

bool pw_plugin_has(const struct pw_plugin *plugin, enum mote_proxy_step step)
{
	return plugin->has[step];
}

static int find_callbacks(struct pw_plugin *p, const struct mote_sandbox *sandbox, struct err *e)
{
	const char *name, *signature;
	bool is_proxy = false;
	for (size_t i = 0; mote_sandbox_export(sandbox, i, &name, &signature) == 0; i++) {
		if (strcmp(name, MOTE_PROXY_EVENT) == 0)
			is_proxy = true;
		for (int k = 0; k < MOTE_PROXY_STEP_KINDS; k++)
			if (callbacks[k] && strcmp(callbacks[k], name) == 0)
				p->has[k] = true;
	}
	if (!is_proxy)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "%s is not a proxy-wasm module: it exports none of "
			       "proxy_abi_version_0_1_0, _0_2_0 and _0_2_1",
			       p->config.module);
	return 0;
}

/* The guest's own words about a failure, if it has said any. */
static int explain(struct pw_plugin *p, struct err *e)
{
	cleanup_buf struct buf text = {.cap = 16384};
	pw_log_output(p, &text);
	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\n')
			text.data[i] = '|';
	if (text.len) {
		const struct err was = *e;
		err_set(e, was.blame, was.code, "%.120s: %.*s", was.text,
			text.len > 240 ? 240 : (int)text.len, (const char *)text.data);
		err_clean(e);
	}
	return -e->code;
}

static int start_contexts(struct pw_plugin *p, struct pw_vm *vm, struct err *e)
{
	static const enum mote_proxy_step before[] = {MOTE_PROXY_START, MOTE_PROXY_CONTEXT_CREATE,
						      0};
	const struct mote_proxy_bytes vm_config = {(const uint8_t *)p->config.vm_configuration,
						   strlen(p->config.vm_configuration)},
				      config = {(const uint8_t *)p->config.configuration,
						strlen(p->config.configuration)};
	struct pw_event event = {
		.step = MOTE_PROXY_VM_START,
		.args = {(uint32_t)vm_config.len},
		.parts = {{.is_buffer = true,
			   .number = MOTE_PROXY_BUFFER_VM_CONFIG,
			   .bytes = vm_config},
			  {.is_buffer = true,
			   .number = MOTE_PROXY_BUFFER_PLUGIN_CONFIG,
			   .bytes = config}},
		.part_count = 2,
	};
	uint32_t results[MOTE_PROXY_STEPS_MAX], count;
	struct buf *scratch = &p->root_worker.event;
	int rc = pw_vm_call(vm, &event, before, PW_ROOT, scratch, results, &count, e);
	if (rc < 0)
		return rc;
	if (count != 3 || !results[2])
		return err_set(e, ERR_CONFIG, EINVAL, "its proxy_on_vm_start returned false");
	event.step = MOTE_PROXY_CONFIGURE;
	event.args[0] = (uint32_t)config.len;
	rc = pw_vm_call(vm, &event, NULL, PW_ROOT, scratch, results, &count, e);
	if (rc < 0)
		return rc;
	if (count != 1 || !results[0])
		return err_set(e, ERR_CONFIG, EINVAL, "its proxy_on_configure returned false");
	return 0;
}

static int start(struct pw_plugin *p, struct err *e)
{
	struct mote_error error = {0};
	struct pw_vm *vm;
	int rc = pw_vm_start(p, &vm, e);
	if (rc < 0)
		return explain(p, e);
	rc = find_callbacks(p, vm->sandbox, e);
	if (rc == 0) {
		rc = start_contexts(p, vm, e);
		if (rc < 0)
			(void)explain(p, e);
	}
	if (rc == 0 && mote_sandbox_snapshot(vm->sandbox, &p->snapshot, &error) < 0)
		rc = err_set(e, ERR_GUEST, error.code, "no snapshot of it can be taken: %s",
			     error.text);
	pw_log_output(p, NULL);
	pw_vm_free(vm);
	return rc;
}

static int define_own_metrics(struct pw_plugin *p, struct err *e)
{
	struct {
		const char *name;
		size_t *id;
	} own[] = {{"failures", &p->failures},
		   {"refused", &p->refusals},
		   {"events", &p->events},
		   {"vm_exits", &p->exits}};
	char name[PW_METRIC_NAME_MAX + 1];
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		const int n =
			snprintf(name, sizeof(name), "mote.%s.%s", p->config.name, own[i].name);
		uint64_t id;
		if (n < 0 || n >= (int)sizeof(name) ||
		    pw_metric_define(p, PW_COUNTER, name, (size_t)n, &id) != MOTE_PROXY_OK)
			return err_set(e, ERR_CONFIG, EINVAL,
				       "no metrics for the plugin's name %.64s", p->config.name);
		*own[i].id = id;
	}
	return 0;
}

static int prepare(struct pw_plugin *p, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (pipe2(p->output[i], O_NONBLOCK | O_CLOEXEC) < 0)
			return err_sys(e, errno, "a pipe");
	p->shared = pw_shared_get(p->config.vm_id);
	if (!p->shared)
		return err_sys(e, ENOMEM, "shared data");
	return define_own_metrics(p, e);
}

int pw_plugin_new(struct pw_config *config, const struct pw_server *server, void *owner,
		  struct pw_plugin **plugin, struct err *e)
{
	struct pw_plugin *p = calloc(1, sizeof(*p));
	if (!p) {
		pw_config_free(config);
		return err_sys(e, ENOMEM, "a plugin");
	}
	p->config = *config;
	*config = (struct pw_config){0};
	p->server = server;
	p->owner = owner;
	p->output[0][0] = p->output[0][1] = p->output[1][0] = p->output[1][1] = -1;
	atomic_init(&p->next_context, PW_ROOT + 1);
	atomic_init(&p->next_token, 1);
	pthread_mutex_init(&p->metrics_lock, NULL);
	int rc = prepare(p, e);
	if (rc == 0)
		rc = start(p, e);
	if (rc < 0) {
		pw_plugin_free(p);
		return rc;
	}
	*plugin = p;
	return 0;
}

void pw_plugin_free(struct pw_plugin *plugin)
{
	if (!plugin)
		return;
	pw_queues_forget(plugin);
	for (int i = 0; i < PW_WORKERS_MAX; i++) {
		struct pw_worker *w = atomic_load(&plugin->workers[i]);
		if (w)
			pw_worker_clear(w);
		free(w);
	}
	pw_vm_free(plugin->root);
	pw_worker_clear(&plugin->root_worker);
	mote_snapshot_free(plugin->snapshot);
	pw_shared_drop(plugin->shared);
	for (uint32_t i = 0; i < plugin->metric_count; i++)
		free(plugin->metrics[i].name);
	for (int i = 0; i < 2; i++) {
		cleanup_closep(&plugin->output[i][0]);
		cleanup_closep(&plugin->output[i][1]);
	}
	pthread_mutex_destroy(&plugin->metrics_lock);
	pw_config_free(&plugin->config);
	free(plugin);
}
