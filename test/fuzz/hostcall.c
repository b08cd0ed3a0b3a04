/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host-call frames from a hostile guest: the input is a row of frames (number, eight cells) and then the
 * guest's memory. They are served by a vm without KVM whose only directory is an empty temporary one; a
 * file beside it must stay as it is.
 */
#include "base/io.h"
#include "vm/internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GUEST_AT 0x10000UL
enum { GUEST_BYTES = 4 * MOTE_PAGE, FRAMES_MAX = 16, FRAME_BYTES = 2 + 8 * 8 };

static char top[] = "/tmp/mote-fuzz-XXXXXX";
static int inside = -1, outside = -1;

static void set_up(void)
{
	if (!mkdtemp(top))
		abort();
	outside = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (outside < 0 || mkdirat(outside, "inside", 0700) < 0)
		abort();
	int canary = openat(outside, "canary", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (canary < 0 || write(canary, "alive", 5) != 5)
		abort();
	close(canary);
	inside = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A file may not fill the disk. */
	struct rlimit files = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	signal(SIGXFSZ, SIG_IGN);
	if (inside < 0 || setrlimit(RLIMIT_FSIZE, &files) < 0)
		abort();
}

static void check_canary(void)
{
	char *text;
	size_t len;
	if (io_read_file(outside, "canary", 100, &text, &len) < 0 || len != 5 || memcmp(text, "alive", 5) != 0)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vm vm;
	static struct mote_area area;
	struct err e;
	if (outside < 0)
		set_up();
	memset(&vm, 0, sizeof(vm));
	memset(&area, 0, sizeof(area));
	if (memory_init(&vm.memory, -1, 8 << 20, &e) < 0 ||
	    memory_map(&vm.memory, gva(GUEST_AT), GUEST_BYTES, MEMORY_READ | MEMORY_WRITE) < 0)
		abort();
	vm.area = &area;
	sigemptyset(&vm.wait_mask);
	atomic_store(&vm.pending, 1UL << (SIGKILL - 1)); /* every wait ends at once */
	int dir = fcntl(inside, F_DUPFD_CLOEXEC, 3), pipes[2];
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0 || fdtable_put(&vm.fds, pipes[0], FD_STDIO, 0) < 0 ||
	    fdtable_put(&vm.fds, pipes[1], FD_STDIO, 1) < 0 || fdtable_put(&vm.fds, dir, FD_DIR, 3) < 0)
		abort();
	size_t frames = size / FRAME_BYTES < FRAMES_MAX ? size / FRAME_BYTES : FRAMES_MAX;
	const uint8_t *memory = data + frames * FRAME_BYTES;
	size_t memory_bytes = size - frames * FRAME_BYTES;
	if (memory_write(&vm.memory, gva(GUEST_AT), memory, memory_bytes < GUEST_BYTES ? memory_bytes : GUEST_BYTES) < 0)
		abort();
	for (size_t i = 0; i < frames; i++) {
		uint16_t nr;
		memcpy(&nr, data + i * FRAME_BYTES, sizeof(nr));
		area.frame.nr = nr & 0xff;
		memcpy(area.frame.arg, data + i * FRAME_BYTES + 2, sizeof(area.frame.arg));
		hostcall_serve(&vm, &area);
	}
	fdtable_destroy(&vm.fds);
	memory_destroy(&vm.memory);
	if (vm.alarm.made)
		timer_delete(vm.alarm.id);
	if (vm.flush.made)
		timer_delete(vm.flush.id);
	check_canary();
	return 0;
}
