/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes that do a loop's steps, and the parent that looks after them. */
#include "workers.h"

#include "security.h"

#include "base/time.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, LOOK_US = 20000 };

/* How much longer than its CPU time a step may take, on a machine that is busy or stalls. */
#define WALL_FACTOR 30
/* In an emulated machine the time in which that itself does not run counts as CPU time. */
#define EMULATED_FACTOR 10

struct worker {
	struct security_step *step;
	pid_t pid; /* 0 when it has ended */
};

void *security_shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		security_die("mmap: %m");
	return p;
}

void security_step_begin(struct security_step *step, uint64_t number)
{
	atomic_store(&step->number, number);
	atomic_store(&step->began_cpu_ns, time_now_ns(CLOCK_PROCESS_CPUTIME_ID));
	atomic_store(&step->began_ns, security_now_ns());
}

void security_step_end(struct security_step *step)
{
	atomic_store(&step->began_ns, 0);
}

unsigned security_worker_count(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned count = security_options.whole && cpus > 0 ? 3 * (unsigned)cpus : 1;
	return count < WORKERS_MAX ? count : WORKERS_MAX;
}

static uint64_t cpu_ns_of(pid_t pid)
{
	clockid_t clock;
	if (clock_getcpuclockid(pid, &clock) != 0)
		return 0;
	return time_now_ns(clock);
}

/* NULL as long as nothing is wrong with this worker. */
static const char *look_at(struct worker *w, uint64_t hang_ns)
{
	static char text[100];
	const uint64_t number = atomic_load(&w->step->number),
		       began = atomic_load(&w->step->began_ns);
	int status;
	if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
		w->pid = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return NULL;
		snprintf(text, sizeof(text), "the host ended with wait status %#x in step %lu",
			 status, number);
		return text;
	}
	if (!began)
		return NULL;
	const uint64_t wall = security_now_ns() - began;
	const int64_t cpu = (int64_t)(cpu_ns_of(w->pid) - atomic_load(&w->step->began_cpu_ns));
	/* The parent may be what stalled, and this be another step's time by now. */
	if ((cpu <= (int64_t)hang_ns && wall <= WALL_FACTOR * hang_ns) ||
	    atomic_load(&w->step->number) != number || !atomic_load(&w->step->began_ns))
		return NULL;
	snprintf(text, sizeof(text), "step %lu did not end in %lu s, %ld s of them CPU time",
		 number, wall / NS, cpu / (int64_t)NS);
	return text;
}

static void end_all(struct worker *workers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!workers[i].pid)
			continue;
		kill(workers[i].pid, SIGABRT);
		waitpid(workers[i].pid, NULL, 0);
	}
}

const char *security_work(unsigned count, uint64_t hang_ns,
			  void (*work)(unsigned worker, struct security_step *step))
{
	struct worker workers[WORKERS_MAX] = {0};
	if (security_options.emulated)
		hang_ns *= EMULATED_FACTOR;
	struct security_step *steps = security_shared(count * sizeof(*steps));
	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){.step = &steps[i], .pid = fork()};
		if (workers[i].pid < 0)
			security_die("fork: %m");
		if (workers[i].pid > 0)
			continue;
		work(i, &steps[i]);
		_exit(0);
	}
	const char *wrong = NULL;
	for (unsigned running = count; running && !wrong;) {
		usleep(LOOK_US);
		running = 0;
		for (unsigned i = 0; i < count && !wrong; i++) {
			if (workers[i].pid)
				wrong = look_at(&workers[i], hang_ns);
			running += workers[i].pid != 0;
		}
	}
	end_all(workers, count);
	munmap(steps, count * sizeof(*steps));
	return wrong;
}
