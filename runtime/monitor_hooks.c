/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks that run while a monitor settles. Those of createRuntime belong into the runtime's
 * namespaces when the container's are there: a process that stays behind runs them.
 */
#include "runtime/monitor.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the process that stays: waits for its word, and answers with a struct err. */
static _Noreturn void stay(const struct monitor_hooks *h, int go, int answered)
{
	char byte;
	struct err e = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (io_read_full(go, &byte, 1) != 1)
		_exit(0);
	if (hooks_run(&h->hooks, OCI_HOOK_CREATE_RUNTIME, &h->state, &e) == 0)
		e.code = 0;
	_exit(io_write_all(answered, &e, sizeof(e)) < 0 ? 1 : 0);
}

int monitor_read_hooks(struct monitor_hooks *h, const char *id, const char *bundle, struct err *e)
{
	*h = (struct monitor_hooks){
		.state = {.id = id, .bundle = bundle, .status = "creating", .pid = getpid()},
		.go = -1,
		.answered = -1,
	};
	cleanup_spec struct oci_spec spec = {0};
	cleanup_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = dir < 0 ? err_sys(e, errno, "bundle %s", bundle) : oci_spec_read(dir, &spec, e);
	if (rc < 0)
		return rc;
	oci_hooks_take(&spec, &h->hooks);
	if (h->hooks.count[OCI_HOOK_CREATE_RUNTIME] == 0)
		return 0;
	int go[2], answered[2];
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(answered, O_CLOEXEC) < 0)
		return err_sys(e, errno, "pipes for hooks");
	h->runtime = fork();
	if (h->runtime == 0) {
		close(go[1]);
		stay(h, go[0], answered[1]);
	}
	close(go[0]);
	close(answered[1]);
	h->go = go[1];
	h->answered = answered[0];
	return h->runtime < 0 ? err_sys(e, errno, "a process for hooks") : 0;
}

int monitor_run_runtime_hooks(struct monitor_hooks *h, struct err *e)
{
	struct err answer = {0};
	if (h->runtime <= 0)
		return 0;
	int rc = io_write_all(h->go, "", 1);
	ssize_t n = rc < 0 ? rc : io_read_full(h->answered, &answer, sizeof(answer));
	if (n != sizeof(answer))
		return err_set(e, ERR_HOST, ESRCH, "the process that runs createRuntime's hooks has ended");
	return answer.code ? err_set(e, answer.blame, answer.code, "%s", answer.text) : 0;
}

void monitor_free_hooks(struct monitor_hooks *h)
{
	if (h->go >= 0)
		close(h->go);
	if (h->answered >= 0)
		close(h->answered);
	while (h->runtime > 0 && waitpid(h->runtime, NULL, 0) < 0 && errno == EINTR)
		;
	oci_hooks_free(&h->hooks);
}
