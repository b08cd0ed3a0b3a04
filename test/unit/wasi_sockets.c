/* SPDX-License-Identifier: Apache-2.0 */
/* A WASI program that serves on a listener. Needs a KVM, of either kind. */
#include "abi/layout.h"
#include "vm/vm.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern const uint8_t mote_image_wasm[], mote_image_wasm_end[];

static struct sockaddr_in address = {.sin_family = AF_INET};

static int listener(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 5) == 0);
	cr_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	return fd;
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* The client of test/guest/wasi_sockets.c. Returns what it has read, or NULL. */
static void *client(void *second)
{
	static char got[64];
	usleep(50000); /* so that the program has to wait */
	int fd = connected();
	if (write(fd, "hello", 5) != 5)
		return NULL;
	usleep(50000);
	if (write(fd, ", world", 7) != 7)
		return NULL;
	for (size_t n = 0; n < sizeof(got) - 1;) {
		ssize_t rc = read(fd, got + n, sizeof(got) - 1 - n);
		if (rc <= 0)
			break;
		n += (size_t)rc;
	}
	*(int *)second = connected();
	close(fd);
	return got;
}

Test(wasi_sockets, serving)
{
	char exe[PATH_MAX], path[PATH_MAX], text[4096] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	cr_assert(n > 0);
	exe[n] = '\0';
	snprintf(path, sizeof(path), "%.3000s/../guests/wasi_sockets.wasm", dirname(exe));
	struct vm_preopen preopen = {
		.fd = listener(),
		.kind = MOTE_PREOPEN_LISTENER,
		.path = "web",
	};
	char *argv[] = {"server", NULL}, *envp[] = {NULL};
	struct vm_config c = {
		.kvm_fd = -1,
		.image = mote_image_wasm,
		.image_bytes = (size_t)(mote_image_wasm_end - mote_image_wasm),
		.image_fd = -1,
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.program_path = "server",
		.memory_bytes = 64 << 20,
		.argv = argv,
		.envp = envp,
		.stdio = {-1, -1, memfd_create("err", MFD_CLOEXEC)},
		.preopens = &preopen,
		.preopen_count = 1,
		.time_limit_ns = 60000000000,
	};
	cr_assert(c.program_fd >= 0, "%s: %s", path, strerror(errno));
	struct err e = {0};
	struct vm *vm = NULL;
	struct vm_outcome out = {0};
	int rc = vm_create(&c, &vm, &e);
	cr_assert(rc == 0, "%s", e.text);
	pthread_t thread;
	void *got = NULL;
	int second = -1; /* silent, until the program has ended */
	cr_assert(pthread_create(&thread, NULL, client, &second) == 0);
	rc = vm_run(vm, &out, &e);
	cr_assert(rc == 0, "%s", e.text);
	cr_assert(pread(c.stdio[2], text, sizeof(text) - 1, 0) >= 0);
	cr_expect(out.end == VM_EXITED && out.code == 0, "end %d, code %d: %s", out.end, out.code,
		  text);
	vm_destroy(vm);
	close(preopen.fd);
	cr_assert(pthread_join(thread, &got) == 0);
	close(second);
	cr_expect(got && strcmp(got, "answer!") == 0, "%s", got ? (char *)got : "(none)");
}
