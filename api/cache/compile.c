/* SPDX-License-Identifier: Apache-2.0 */
/* The child gives up all that it does not need before the guest runs (freeze.h). */
#include "api/cache/compile.h"

#include "api/freeze.h"
#include "api/images.h"
#include "api/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPILE_LIMIT_NS (300 * 1000000000UL)

/* In the child. Only the program counts: nothing else may be in what others start from. */
static int compile(const struct compile_job *job, int out)
{
	char *none[] = {(char *)"", NULL};
	struct err e = {0};
	const struct mote_options plain = {
		.program_fd = job->program,
		.argv = none,
		.envp = none + 1,
		.memory_bytes = job->memory_bytes,
		.isolation = job->isolation,
		.kvm_fd = &job->kvm_fd,
	};
	struct sandbox_config c;
	int rc = config_from_options(&plain, &c, &e);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++)
		c.vm.stdio[i] = -1;
	c.vm.stop_ready = true;
	c.vm.no_polling = true;
	config_use_image(&c.vm, mote_image_wasm, mote_image_wasm_end);
	return freeze_guest(&c.vm, COMPILE_LIMIT_NS, NULL, 0, out, &e);
}

static int die_with_parent(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Changed credentials end PDEATHSIG, so it is set again after them. */
static int run_child(const struct compile_job *job, pid_t parent, int messages, int out)
{
	int rc = die_with_parent();
	if (rc == 0 && getppid() != parent)
		rc = -ESRCH;
	if (rc == 0 && dup2(messages, STDERR_FILENO) < 0)
		rc = -errno;
	if (rc == 0 && job->in_child)
		rc = job->in_child(job->arg);
	if (rc == 0)
		rc = die_with_parent();
	if (rc < 0)
		return rc;
	return compile(job, out);
}

/* What the child's filter says when it ends it. The child has run a guest: any bytes may come. */
static void log_message(const struct compile_job *job, int messages)
{
	char line[200];
	ssize_t n = read(messages, line, sizeof(line) - 1);
	if (n <= 0 || !job->log)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	job->log(job->log_arg, line);
}

static bool has_succeeded(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool compile_module(const struct compile_job *job, int out)
{
	int ends[2];
	if (job->program <= STDERR_FILENO || job->kvm_fd <= STDERR_FILENO || out <= STDERR_FILENO)
		return false; /* the child puts another file there */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	cleanup_close int from_child = ends[0], to_parent = ends[1];
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		_exit(run_child(job, parent, to_parent, out) < 0 ? 1 : 0);
	if (pid < 0)
		return false;
	bool done = has_succeeded(pid);
	log_message(job, from_child);
	return done;
}
