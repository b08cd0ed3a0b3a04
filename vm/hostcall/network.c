/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls that tell of the network. Both only ask, and by numbers of a list: no byte of the
 * guest's is a path, a message or a command to the kernel.
 */
#include "vm/hostcall/network.h"

#include "vm/hostcall/resolve.h"
#include "vm/hostcall/socket.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Static_assert(sizeof(struct mote_interface) == sizeof(struct ifreq), "the kernel's struct");

enum { LIST_MAX = 64 << 10, READ_MAX = 16 << 10 };

struct net_files {
	int fd[MOTE_NET_FILES];       /* -1: it is not there */
	uint64_t end[MOTE_NET_FILES]; /* where the last read ended: going on from there is cheap */
};

/* --- the files --- */

static const char *const paths[] = {
#define NET_FILE(name, text) "/proc/thread-self/net/" #name,
#include "abi/net_files.def"
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by lock. */
static int proc = -1;
static bool closed;

void network_prepare(void)
{
	pthread_mutex_lock(&lock);
	if (proc < 0 && !closed)
		proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_unlock(&lock);
}

void network_close(void)
{
	pthread_mutex_lock(&lock);
	cleanup_closep(&proc);
	proc = -1;
	closed = true;
	pthread_mutex_unlock(&lock);
}

/* The lock is held. */
static int open_file(uint32_t file)
{
	if (proc >= 0)
		return resolve_try(proc, paths[file] + strlen("/proc/"), 0, O_RDONLY, 0);
	if (jail_entered())
		return -EPERM;
	return (int)sys_result(open(paths[file], O_RDONLY | O_CLOEXEC));
}

int network_open(struct vm *vm, struct err *e)
{
	int rc = 0;
	if (!vm->network || vm->wasm)
		return 0;
	vm->net_files = calloc(1, sizeof(*vm->net_files));
	if (!vm->net_files)
		return err_sys(e, ENOMEM, "a VM's files of /proc/net");
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < MOTE_NET_FILES; i++) {
		int fd = open_file(i);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
			rc = fd;
		vm->net_files->fd[i] = fd < 0 ? -1 : fd;
	}
	pthread_mutex_unlock(&lock);
	if (rc < 0)
		return err_sys(e, -rc, "files of /proc/net");
	return 0;
}

void network_free(struct vm *vm)
{
	for (uint32_t i = 0; vm->net_files && i < MOTE_NET_FILES; i++)
		cleanup_closep(&vm->net_files->fd[i]);
	free(vm->net_files);
	vm->net_files = NULL;
}

int network_file(const struct vm *vm, uint32_t file)
{
	if (!vm->net_files || file >= MOTE_NET_FILES)
		return -1;
	return vm->net_files->fd[file];
}

/*
 * Elsewhere than where the last one ended the kernel makes the text from its beginning, without
 * looking for signals: that much of it is bounded.
 */
int64_t host_net_file(struct vcpu *vcpu, const struct call_net_file *a)
{
	struct vm *vm = vcpu->vm;
	if (!vm->network)
		return -EPERM;
	int fd = network_file(vm, a->file);
	if (fd < 0)
		return -ENOENT;
	if (a->offset > MOTE_NET_SEEK_MAX && a->offset != vm->net_files->end[a->file])
		return -ESPIPE;
	uint64_t bytes = smaller(a->bytes.len, READ_MAX);
	if (bytes == 0)
		return 0;
	cleanup_free uint8_t *text = malloc(bytes);
	if (!text)
		return -ENOMEM;
	ssize_t n = pread(fd, text, bytes, (off_t)a->offset);
	if (n < 0)
		return -errno;
	vm->net_files->end[a->file] = a->offset + (uint64_t)n;
	vm_put(vm, a->bytes.at, text, (uint64_t)n);
	return n;
}

/* --- interfaces --- */

static int64_t list_interfaces(struct vm *vm, int host, const struct call_out *to)
{
	struct ifconf all = {.ifc_len = (int)smaller(to->len, LIST_MAX)};
	cleanup_free uint8_t *list = NULL;
	if (all.ifc_len) {
		list = malloc((size_t)all.ifc_len);
		if (!list)
			return -ENOMEM;
		all.ifc_buf = (char *)list;
	}
	if (ioctl(host, SIOCGIFCONF, &all) < 0)
		return -errno;
	if (list)
		vm_put(vm, to->at, list, (uint64_t)all.ifc_len);
	return all.ifc_len;
}

/* What may be asked of one interface; the filter has the same (vm/jail/vcpu.def). */
static bool is_question(uint32_t request)
{
	switch (request) {
	case SIOCGIFNAME:
	case SIOCGIFINDEX:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFHWADDR:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
		return true;
	default:
		return false;
	}
}

int64_t host_interface(struct vcpu *vcpu, const struct call_interface *a)
{
	struct vm *vm = vcpu->vm;
	struct ifreq one;
	int host = socket_of(vcpu, a->fd);
	if (host < 0)
		return host;
	if (!vm->network)
		return -EPERM;
	if (a->request == SIOCGIFCONF)
		return list_interfaces(vm, host, &a->answer);
	if (!is_question(a->request))
		return -ENOTTY;
	if (a->ask.len != sizeof(one) || a->answer.len != sizeof(one))
		return -EINVAL;
	memcpy(&one, a->ask.data, sizeof(one));
	one.ifr_name[sizeof(one.ifr_name) - 1] = '\0';
	if (ioctl(host, a->request, &one) < 0)
		return -errno;
	vm_put(vm, a->answer.at, &one, sizeof(one));
	return 0;
}
