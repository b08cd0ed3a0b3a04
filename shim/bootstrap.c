/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a shim as containerd's shim contract has it. */
#include "shim/bootstrap.h"

#include "base/io.h"
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_DIR "/run/containerd/s"

static int take_value(int argc, char **argv, int *i, const char *equals, const char **out, struct err *e)
{
	if (equals) {
		*out = equals + 1;
		return 0;
	}
	if (*i + 1 >= argc)
		return err_set(e, ERR_CONFIG, EINVAL, "flag %s needs a value", argv[*i]);
	*out = argv[++*i];
	return 0;
}

int bootstrap_parse(int argc, char **argv, struct bootstrap_flags *out, struct err *e)
{
	*out = (struct bootstrap_flags){.containerd_namespace = "", .address = "", .publish_binary = "", .id = ""};
	const struct {
		const char *name;
		const char **value;
		bool *set;
	} flags[] = {
		{"namespace", &out->containerd_namespace, NULL}, {"address", &out->address, NULL},
		{"publish-binary", &out->publish_binary, NULL},	 {"id", &out->id, NULL},
		{"bundle", &out->bundle, NULL},			 {"socket", NULL, NULL},
		{"debug", NULL, &out->debug},			 {"v", NULL, &out->version},
		{"info", NULL, &out->info},
	};
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1), *equals = strchr(name, '='), *unused;
		size_t len = equals ? (size_t)(equals - name) : strlen(name), k = 0, n = sizeof(flags) / sizeof(flags[0]);
		while (k < n && (strlen(flags[k].name) != len || strncmp(flags[k].name, name, len) != 0))
			k++;
		if (k == n)
			return err_set(e, ERR_CONFIG, EINVAL, "unknown flag %s", argv[i]);
		if (flags[k].set) {
			*flags[k].set = !equals || strcmp(equals + 1, "true") == 0;
			continue;
		}
		int rc = take_value(argc, argv, &i, equals, flags[k].value ? flags[k].value : &unused, e);
		if (rc < 0)
			return rc;
	}
	out->action = i < argc ? argv[i] : NULL;
	return 0;
}

void bootstrap_address(const struct bootstrap_flags *f, const char *group, char out[BOOTSTRAP_ADDRESS_BYTES])
{
	char digest[65];
	cleanup_free char *key = NULL;
	if (asprintf(&key, "%s/%s/%s", f->address, f->containerd_namespace, group) < 0)
		key = NULL;
	sha256_hex(key ? key : group, strlen(key ? key : group), digest);
	snprintf(out, BOOTSTRAP_ADDRESS_BYTES, "unix://" SOCKET_DIR "/%s", digest);
}

static void socket_address(const char *address, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(out->sun_path, sizeof(out->sun_path), "%s", address + strlen("unix://"));
}

static bool answers(const struct sockaddr_un *addr)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;
}

static int make_socket_dir(struct err *e)
{
	if (mkdir("/run/containerd", 0711) < 0 && errno != EEXIST)
		return err_sys(e, errno, "/run/containerd");
	if (mkdir(SOCKET_DIR, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, SOCKET_DIR);
	return 0;
}

int bootstrap_listen(const char *address, int *listener, struct err *e)
{
	struct sockaddr_un addr;
	socket_address(address, &addr);
	int rc = make_socket_dir(e);
	if (rc < 0)
		return rc;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "the shim's socket");
	mode_t mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	if (rc == -EADDRINUSE && answers(&addr)) {
		umask(mask);
		*listener = -1;
		return 0;
	}
	if (rc == -EADDRINUSE) { /* left by a shim that was killed */
		unlink(addr.sun_path);
		rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	}
	umask(mask);
	if (rc == 0 && listen(fd, 128) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(e, -rc, "listening on %s", addr.sun_path);
	*listener = take_fd(&fd);
	return 0;
}

int bootstrap_write_address(const char *bundle, const char *address, struct err *e)
{
	char path[4096], temporary[4096];
	snprintf(path, sizeof(path), "%.4000s/address", bundle);
	snprintf(temporary, sizeof(temporary), "%.4000s/.address", bundle);
	cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : io_write_all(fd, address, strlen(address));
	if (rc == 0 && rename(temporary, path) < 0)
		rc = -errno;
	return rc < 0 ? err_sys(e, -rc, "%s", path) : 0;
}

/* One more than containerd's, so that the kernel takes shims before it. Best effort: the score is advice. */
static void set_oom_score(void)
{
	char path[64], *value = NULL;
	size_t len;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)getppid());
	if (io_read_file(AT_FDCWD, path, 64, &value, &len) < 0)
		return;
	int score = atoi(value) + 1;
	free(value);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", score > 1000 ? 1000 : score);
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, text, (size_t)n) < 0)
		return;
}

int bootstrap_daemon(const char *bundle, int *listener, struct err *e)
{
	set_oom_score();
	setpgid(0, 0);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, errno, "becoming a subreaper");
	char path[4096];
	snprintf(path, sizeof(path), "%.4000s/log", bundle);
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int log = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (null < 0)
		return err_sys(e, errno, "/dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log >= 0 ? log : null, 2) < 0)
		return err_sys(e, errno, "standard descriptors");
	if (*listener != 3) {
		if (dup3(*listener, 3, O_CLOEXEC) < 0)
			return err_sys(e, errno, "the listener's descriptor");
		if (null == 3)
			take_fd(&null);
		if (log == 3)
			take_fd(&log);
		close(*listener);
		*listener = 3;
	}
	return 0;
}

void bootstrap_remove_stale(const char *bundle)
{
	char *address;
	size_t len;
	char path[4096];
	snprintf(path, sizeof(path), "%.4000s/address", bundle);
	if (io_read_file(AT_FDCWD, path, BOOTSTRAP_ADDRESS_BYTES, &address, &len) < 0)
		return;
	struct sockaddr_un addr;
	if (strncmp(address, "unix://" SOCKET_DIR "/", strlen("unix://" SOCKET_DIR "/")) == 0 &&
	    len < sizeof(addr.sun_path)) {
		socket_address(address, &addr);
		if (!answers(&addr))
			unlink(addr.sun_path);
	}
	free(address);
}
