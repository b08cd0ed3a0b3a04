/* SPDX-License-Identifier: Apache-2.0 */
/* The VMs of a plugin: made from its snapshot, kept by each worker, reset as its isolation asks. */
#include "proxy-wasm/internal.h"

#include <fcntl.h>
#include <time.h>

#define NS_PER_S 1000000000UL

static char *arguments[] = {"plugin", NULL};

static void fill_options(const struct pw_plugin *p, struct mote_options *o, struct mote_function *f,
			 struct pw_vm *vm, int stdio[3])
{
	*f = (struct mote_function){
		.name = MOTE_PROXY_HOST, .signature = "y:y", .call = pw_host_function, .arg = vm};
	stdio[0] = -1;
	stdio[1] = p->output[0][1];
	stdio[2] = p->output[1][1];
	*o = (struct mote_options){
		.size = sizeof(*o),
		.program_fd = -1,
		.program_path = p->config.module,
		.argv = arguments,
		.envp = p->config.environment,
		.memory_bytes = p->config.memory_bytes,
		.stdio = stdio,
		.functions = f,
		.function_count = 1,
		.call_cpu_limit_ns = p->config.call_ns,
		.call_time_limit_ns = p->config.wall_ns,
		.no_polling = 1,
		.library = 1,
	};
}

static int fail(struct err *e, const struct mote_error *error)
{
	return err_set(e, ERR_GUEST, error->code ? error->code : EIO, "%s", error->text);
}

static struct pw_vm *new_vm(struct pw_plugin *p, struct err *e)
{
	struct pw_vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		err_sys(e, ENOMEM, "a VM");
	else
		vm->plugin = p;
	return vm;
}

void pw_vm_free(struct pw_vm *vm)
{
	if (vm)
		mote_sandbox_free(vm->sandbox);
	free(vm);
}

/* Up to where the module can be called: nothing of it but _initialize has run. */
int pw_vm_start(struct pw_plugin *p, struct pw_vm **out, struct err *e)
{
	struct mote_options o;
	struct mote_function f;
	struct mote_error error = {0};
	int stdio[3];
	cleanup_close int fd = open(p->config.module, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "opening %s", p->config.module);
	struct pw_vm *vm = new_vm(p, e);
	if (!vm)
		return -ENOMEM;
	fill_options(p, &o, &f, vm, stdio);
	o.program_fd = fd;
	o.call_time_limit_ns = p->config.start_ns;
	o.call_cpu_limit_ns = 0;
	if (mote_sandbox_new(&o, &vm->sandbox, &error) < 0 ||
	    mote_sandbox_init(vm->sandbox, &error) < 0) {
		pw_vm_free(vm);
		return fail(e, &error);
	}
	*out = vm;
	return 0;
}

struct pw_vm *pw_vm_make(struct pw_plugin *p, struct err *e)
{
	struct mote_options o;
	struct mote_function f;
	struct mote_error error = {0};
	int stdio[3];
	struct pw_vm *vm = new_vm(p, e);
	if (!vm)
		return NULL;
	fill_options(p, &o, &f, vm, stdio);
	if (mote_sandbox_from(p->snapshot, &o, &vm->sandbox, &error) < 0) {
		fail(e, &error);
		pw_vm_free(vm);
		return NULL;
	}
	return vm;
}

int pw_vm_reset(struct pw_vm *vm, struct err *e)
{
	struct mote_error error = {0};
	vm->failed = false;
	vm->connection = 0;
	if (mote_sandbox_restore(vm->sandbox, vm->plugin->snapshot, &error) < 0)
		return fail(e, &error);
	return 0;
}

/* --- those of a worker --- */

static struct pw_vm *take_idle(struct pw_worker *w, struct pw_plugin *p, struct err *e)
{
	struct pw_vm *vm = w->idle;
	if (!vm)
		return pw_vm_make(p, e);
	w->idle = vm->next;
	w->idle_count--;
	vm->next = NULL;
	return vm;
}

static struct pw_vm *find_running(const struct pw_worker *w, uint64_t connection)
{
	struct pw_vm *vm = w->running;
	while (vm && (vm->failed || vm->connection != connection))
		vm = vm->next;
	return vm;
}

static void unlink_running(struct pw_worker *w, const struct pw_vm *vm)
{
	struct pw_vm **at = &w->running;
	while (*at && *at != vm)
		at = &(*at)->next;
	if (*at)
		*at = vm->next;
}

static void retire(struct pw_worker *w, struct pw_vm *vm)
{
	if (w->idle_count >= vm->plugin->config.idle_max || pw_vm_reset(vm, NULL) < 0) {
		pw_vm_free(vm);
		return;
	}
	vm->next = w->idle;
	w->idle = vm;
	w->idle_count++;
}

/* The VM of a connection without streams that has waited longest is another's. */
static void retire_oldest(struct pw_worker *w, const struct pw_plugin *p)
{
	struct pw_vm *oldest = NULL;
	unsigned count = 0;
	for (struct pw_vm *vm = w->running; vm; vm = vm->next) {
		count++;
		if (!vm->streams)
			oldest = vm; /* new ones are put first */
	}
	if (!oldest || count < p->config.idle_max)
		return;
	unlink_running(w, oldest);
	retire(w, oldest);
}

struct pw_vm *pw_vm_take(struct pw_worker *w, struct pw_plugin *p, uint64_t connection,
			 struct err *e)
{
	struct pw_vm *vm = NULL;
	if (p->config.isolation == PW_PER_REQUEST)
		return take_idle(w, p, e);
	if (p->config.isolation == PW_PER_WORKER)
		connection = 0;
	vm = find_running(w, connection);
	if (vm)
		return vm;
	retire_oldest(w, p);
	vm = take_idle(w, p, e);
	if (!vm)
		return NULL;
	vm->connection = connection;
	vm->next = w->running;
	w->running = vm;
	return vm;
}

void pw_vm_leave(struct pw_worker *w, struct pw_vm *vm)
{
	if (vm->streams || vm->busy)
		return;
	if (vm->plugin->config.isolation == PW_PER_REQUEST) {
		retire(w, vm);
		return;
	}
	if (!vm->failed)
		return;
	unlink_running(w, vm);
	retire(w, vm);
}

static void free_list(struct pw_vm *vm)
{
	while (vm) {
		struct pw_vm *next = vm->next;
		pw_vm_free(vm);
		vm = next;
	}
}

void pw_worker_clear(struct pw_worker *w)
{
	free_list(w->idle);
	free_list(w->running);
	buf_free(&w->event);
	*w = (struct pw_worker){0};
}

/* --- failures --- */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A bucket of one second's failures. */
bool pw_worker_may_run(struct pw_worker *w, const struct pw_plugin *p)
{
	const double full = p->config.failures_per_s;
	if (full == 0 || (w->tokens_at_ns && w->tokens >= 1))
		return true;
	const uint64_t now = now_ns();
	if (w->tokens_at_ns == 0)
		w->tokens = full;
	else
		w->tokens += (double)(now - w->tokens_at_ns) / NS_PER_S * full;
	if (w->tokens > full)
		w->tokens = full;
	w->tokens_at_ns = now;
	return w->tokens >= 1;
}

void pw_worker_failed(struct pw_worker *w)
{
	if (w->tokens_at_ns == 0)
		w->tokens_at_ns = now_ns();
	w->tokens -= 1;
	if (w->tokens < 0)
		w->tokens = 0;
}
