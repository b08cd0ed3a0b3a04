/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: host calls from a hostile guest. They are served by a vm without KVM, as the vCPU's
 * thread does it or as the poller does, below a directory that is created again for each input. A
 * file next to it and the terminal that is its standard error must stay as they are. The input's
 * form is hostcall_frames.h's. Waits end by the deadline's timer, whose signals are handled as in
 * vm_resume.
 */
#include "hostcall_frames.h"

#include "gen/hostcall_numbers.h"
#include "vm/hostcall/epoll_watch.h"
#include "vm/hostcall/inotify.h"
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/network.h"
#include "vm/hostcall/record_locks.h"
#include "vm/hostcall/unix_address.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/run/kick.h"
#include "vm/run/limits.h"
#include "vm/run/output.h"
#include "vm/run/timer.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MEMORY_MAX = 8 << 20, GUEST_FILE_MAX = 1 << 20, MESSAGE_MAX = 4096, WAIT_NS = 200000 };

static char top[] = "/dev/shm/mote-fuzz-XXXXXX"; /* no disk waits there */
static int outside = -1, inside = -1, terminal = -1, devices = -1, working = -1;
static struct stat terminal_was;
static bool network;

static void require(bool condition)
{
	if (!condition)
		abort();
}

/*
 * A network of this program's own, before there is a second thread; without one guests get no
 * sockets.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	(void)argc, (void)argv;
	network = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	int fd = network ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	network = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	if (fd >= 0)
		close(fd);
	if (!network)
		fprintf(stderr,
			"hostcall: no network namespace can be had, so there are no sockets\n");
	return 0;
}

/* --- files --- */

static void put(int directory, const char *name, const char *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void empty(int directory)
{
	(void)!fchmod(directory, 0700); /* a guest may have taken its owner's rights away */
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	for (struct dirent *d; dir && (d = readdir(dir));) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    unlinkat(copy, d->d_name, 0) == 0)
			continue;
		(void)!fchmodat(copy, d->d_name, 0700, 0);
		int below =
			openat(copy, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			empty(below);
		close(below);
		unlinkat(copy, d->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

static void fill(void)
{
	put(inside, "file", "some text");
	require(mkdirat(inside, "dir", 0700) == 0 && symlinkat("file", inside, "link") == 0 &&
		symlinkat("loop", inside, "loop") == 0 && symlinkat("..", inside, "up") == 0 &&
		symlinkat("../outside", inside, "out") == 0 && mkfifoat(inside, "fifo", 0600) == 0);
	put(inside, "dir/a", "");
}

/* A guest's file may not fill the disk; those that libFuzzer writes between inputs are longer. */
static void limit_files(rlim_t bytes)
{
	struct rlimit files;
	require(getrlimit(RLIMIT_FSIZE, &files) == 0);
	files.rlim_cur = bytes < files.rlim_max ? bytes : files.rlim_max;
	require(setrlimit(RLIMIT_FSIZE, &files) == 0);
}

static void clean_up(void)
{
	empty(outside);
	rmdir(top);
}

/* Guests may open /dev/tty, which must not be that of whoever runs this. */
static void leave_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	require(ioctl(fd, TIOCNOTTY) == 0);
	close(fd);
}

static void set_up(void)
{
	struct err e;
	require(kick_prepare(&e) == 0);
	require(pthread_sigmask(SIG_BLOCK, kick_blocked(), NULL) == 0);
	signal(SIGXFSZ, SIG_IGN);
	require(mkdtemp(top) && atexit(clean_up) == 0);
	outside = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(outside >= 0 && mkdirat(outside, "inside", 0700) == 0);
	put(outside, "canary", "alive");
	inside = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int control = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	require(inside >= 0 && control >= 0 && grantpt(control) == 0 && unlockpt(control) == 0);
	leave_terminal();
	devices = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	working = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	require(devices >= 0 && working >= 0);
	terminal = open(ptsname(control), O_RDWR | O_NOCTTY | O_CLOEXEC);
	require(terminal >= 0 && fstat(terminal, &terminal_was) == 0);
}

static void check_canary(void)
{
	char text[8] = "";
	struct stat st;
	int fd = openat(outside, "canary", O_RDONLY | O_CLOEXEC);
	require(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "alive") == 0 &&
		fstat(fd, &st) == 0);
	require(st.st_nlink == 1 && (st.st_mode & 07777) == 0600);
	close(fd);
	/* Itself, its directory, the other one, and nothing new. */
	require(fstat(outside, &st) == 0 && st.st_nlink == 3);
	/* What was handed in stays as it is. */
	require(fstat(terminal, &st) == 0 && st.st_mode == terminal_was.st_mode &&
		st.st_uid == terminal_was.st_uid);
}

/* --- the guest --- */

static void give(struct vm *vm, int host, unsigned flags, uint32_t at)
{
	require(host >= 0 && fdtable_give(&vm->fds, host, flags, at) == 0);
}

static void create(struct vm *vm, struct mote_area *area, struct mote_boot *boot, uint8_t flags)
{
	struct err e;
	int pipes[2];
	memset(vm, 0, sizeof(*vm));
	memset(area, 0, sizeof(*area));
	struct vcpu *vcpu = &vm->vcpus[0];
	vm->machine = MACHINE_NONE;
	vcpu->kvm = KVM_VCPU_NONE;
	vcpu->vm = vm;
	vcpu->area = area;
	vm->boot = boot;
	vcpu->poller.off = true;
	vm->fds.max = 1024; /* as in a program that embeds libmote */
	vm->network = flags & HOSTCALL_NETWORK && network;
	require(network_open(vm, &e) == 0);
	require(memory_init(&vm->memory, -1, MEMORY_MAX, &e) == 0 &&
		memory_map(&vm->memory, gva(HOSTCALL_GUEST_AT), HOSTCALL_MEMORY_BYTES,
			   MEMORY_READ | MEMORY_WRITE) == 0 &&
		memory_take(&vm->memory, 2 * MOTE_PAGE, &vm->program) == 0);
	vm->program_bytes = MOTE_PAGE + 5;
	require(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
	give(vm, pipes[0], FD_FIXED_STATE, 0);
	give(vm, pipes[1], FD_FIXED_STATE, 1);
	give(vm, fcntl(terminal, F_DUPFD_CLOEXEC, 10), FD_FIXED_STATE, HOSTCALL_TERMINAL_FD);
	give(vm, fcntl(inside, F_DUPFD_CLOEXEC, 10), FD_DIR, HOSTCALL_DIR_FD);
	give(vm, openat(inside, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC), FD_DIR | FD_READONLY,
	     HOSTCALL_READONLY_FD);
	give(vm, fcntl(devices, F_DUPFD_CLOEXEC, 10), FD_DIR | FD_DEVICES, HOSTCALL_DEVICES_FD);
	vm->given = HOSTCALL_FIRST_FREE_FD;
	vm->paths = JAIL_PATHS | JAIL_CHANGES;
	if (flags & HOSTCALL_CONTAINER)
		vm->container_key = 0x6d6f7465;
	if (flags & HOSTCALL_EXCHANGE)
		vm_offer_calls(vm, MESSAGE_MAX, false);
	if (flags & HOSTCALL_SIGNAL)
		atomic_store(&vm->pending, 1UL << (SIGKILL - 1));
	pthread_sigmask(SIG_BLOCK, NULL, &vcpu->wait_mask);
	sigdelset(&vcpu->wait_mask, VM_KICK_SIGNAL);
	require(vcpu_timer_set(vcpu, &vcpu->deadline, WAIT_NS, 0) == 0);
}

static void destroy(struct vm *vm)
{
	vcpu_flush_output(&vm->vcpus[0]);
	vcpu_timers_stop(&vm->vcpus[0]);
	vcpu_take_kicks();
	channel_free(&vm->channel);
	fdtable_destroy(&vm->fds);
	memfds_free(vm);
	inotify_free(vm);
	epoll_watches_free(vm);
	record_locks_free(vm);
	unix_names_free(vm);
	network_free(vm);
	memory_destroy(&vm->memory);
	tcflush(terminal, TCIOFLUSH);
}

/* The embedding program at addresses of the guest's, in a memory that the guest says is its own. */
static void access_memory(struct vm *vm, const struct hostcall_frame *f)
{
	uint8_t bytes[5000];
	const size_t count = f->arg[7] % (sizeof(bytes) + 1);
	vm->wasm = f->arg[7] & 1UL << 63;
	vm->vcpus[0].area->linear = (struct mote_linear){f->arg[4], f->arg[5]};
	if (vm_guest_read(vm, f->arg[6], bytes, count) == 0)
		require(count <= vm_guest_bytes(vm) &&
			vm_guest_write(vm, f->arg[6], bytes, count) == 0);
}

static void answer(struct vm *vm, const struct hostcall_frame *f)
{
	struct err e;
	access_memory(vm, f);
	if (vm_reply(vm, "an answer", 9, &e) < 0)
		vm->state = VM_ENDED;
}

static void serve(struct vm *vm, const struct hostcall_frame *f, bool polled)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	/* Its path is from the process's root, which is the container's and not this program's. */
	if (vm->container_key && f->nr == HOSTCALL_bind_file)
		return;
	vcpu->area->frame.nr = f->nr;
	memcpy(vcpu->area->frame.arg, f->arg, sizeof(f->arg));
	if (!polled || !hostcall_serve_polled(vcpu))
		vcpu_serve_call(vcpu);
	if (vm->state == VM_IN_EXCHANGE)
		answer(vm, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vm vm;
	static struct mote_area area;
	static struct mote_boot boot;
	if (size < 2)
		return 0;
	if (outside < 0)
		set_up();
	const uint8_t flags = data[0];
	size_t count = data[1] % (HOSTCALL_FRAMES_MAX + 1U);
	data += 2;
	size -= 2;
	if (count > size / sizeof(struct hostcall_frame))
		count = size / sizeof(struct hostcall_frame);
	const struct hostcall_frame *frames = (const void *)data;
	size_t used = size - count * sizeof(*frames);
	fill();
	create(&vm, &area, &boot, flags);
	if (used > HOSTCALL_MEMORY_BYTES)
		used = HOSTCALL_MEMORY_BYTES;
	require(memory_write(&vm.memory, gva(HOSTCALL_GUEST_AT), data + count * sizeof(*frames),
			     used) == 0);
	limit_files(GUEST_FILE_MAX);
	for (size_t i = 0; i < count && vm.state != VM_ENDED; i++)
		serve(&vm, &frames[i], flags & HOSTCALL_POLLED);
	destroy(&vm);
	limit_files(RLIM_INFINITY);
	require(fchdir(working) == 0); /* a container's calls change it */
	check_canary();
	empty(inside);
	return 0;
}
