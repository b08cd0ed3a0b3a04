/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that rewrites its calls while the poller parses them (guest/polled_calls.c), in lives of
 * some seconds in a child process, within an empty directory; a file next to that directory must
 * stay as it is. The host is built with a sanitizer.
 */
#include "guest/polled_calls.h"
#include "security.h"
#include "workers.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

SECURITY_IMAGE(polled_calls);

#define LIFE_NS (2 * NS)
#define HANG_NS (60 * NS) /* of CPU time */

struct progress {
	struct poller_counts counts;
	_Atomic uint64_t lives;
	uint64_t host_calls, exits;
};
static struct progress *progress;
static char top[] = "/tmp/mote-security-XXXXXX";
static int outside = -1, inside = -1;

static void make_directories(void)
{
	if (!mkdtemp(top) || (outside = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    mkdirat(outside, "inside", 0700) < 0)
		security_die("%s: %m", top);
	int neighbour = openat(outside, "neighbour", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	inside = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inside < 0 || neighbour < 0 || write(neighbour, "alive", 5) != 5)
		security_die("%s: %m", top);
	close(neighbour);
}

static const char *neighbour_changed(void)
{
	char text[8] = "";
	struct stat st;
	int fd = openat(outside, "neighbour", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	if (fd < 0 || n != 5 || memcmp(text, "alive", 5) != 0 ||
	    fstatat(outside, "neighbour", &st, 0) < 0 || (st.st_mode & 07777) != 0600)
		return "the file next to the guest's directory was changed";
	return NULL;
}

static void empty(void)
{
	char command[80];
	snprintf(command, sizeof(command), "rm -rf %s/inside; mkdir %s/inside", top, top);
	if (system(command) != 0)
		security_die("emptying %s", top);
	close(inside);
	inside = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void live(unsigned seed)
{
	char text[3] = {(char)('!' + seed % 90), (char)('!' + seed / 90 % 90), 0},
	     *argv[] = {text, NULL};
	struct vm_outcome out = {0};
	struct err e = {0};
	struct poller_counts c = {0};
	struct vm_counters host;
	struct vm *vm = security_vm_in(SECURITY_IMAGE_OF(polled_calls), argv, inside, LIFE_NS);
	if (vm_run(vm, &out, &e) < 0)
		security_die("running: %s", e.text);
	if (out.end == VM_EXITED)
		security_die("the guest could not begin: %d", out.code);
	(void)!memory_read(&vm->memory, gva(COUNTS_AT), &c, sizeof(c));
	vm_count(vm, &host);
	vm_destroy(vm);
	progress->counts.calls += c.calls;
	progress->counts.by_poller += c.by_poller;
	progress->counts.declined += c.declined;
	progress->counts.given_up += c.given_up;
	progress->counts.mutations += c.mutations;
	progress->host_calls += host.calls;
	progress->exits += host.exits;
	atomic_fetch_add(&progress->lives, 1);
	empty();
}

static uint64_t until_mutations, until_ns;

/* One worker: the poller wants a CPU of its own next to the guest's. */
static void work(unsigned worker, struct security_step *step)
{
	/* What it does to files must not fill the disk. */
	const struct rlimit files = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	/*
	 * Polling is for CPUs that are free: ahead of the machine's other work, if that is allowed.
	 */
	const struct sched_param first = {.sched_priority = 1};
	(void)!sched_setscheduler(0, SCHED_FIFO, &first);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &files) < 0)
		security_die("setrlimit: %m");
	for (unsigned n = worker;
	     progress->counts.mutations < until_mutations && security_now_ns() < until_ns; n++) {
		security_step_begin(step, n);
		live(n + (unsigned)security_options.seed);
		security_step_end(step);
	}
}

int main(int argc, char **argv)
{
	char command[64];
	security_begin(argc, argv);
	progress = security_shared(sizeof(*progress));
	make_directories();
	uint64_t began = security_now_ns();
	until_mutations = security_options.whole ? 1000000000 : UINT64_MAX;
	until_ns = began + (security_options.whole ? 36000 : 10) * NS;
	const char *wrong = security_work(1, HANG_NS, work), *changed = neighbour_changed();
	if (!wrong)
		wrong = changed;
	if (!wrong && progress->counts.by_poller == 0)
		wrong = "the poller served nothing: are there two CPUs?";
	if (!wrong && security_options.whole && progress->counts.mutations < until_mutations)
		wrong = "too few mutations";
	const struct poller_counts *c = &progress->counts;
	security_report(
		!wrong, "polled-calls",
		"%s%s%lu mutations of %lu calls: %lu by the poller, %lu declined, %lu given up; "
		"%lu lives",
		wrong ? wrong : "", wrong ? "; " : "", c->mutations, c->calls, c->by_poller,
		c->declined, c->given_up, atomic_load(&progress->lives));
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		security_die("removing %s", top);
	return security_end();
}
