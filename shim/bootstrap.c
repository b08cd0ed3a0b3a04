/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a shim as containerd's shim contract has it. */
#include "shim/bootstrap.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/path.h"
#include "base/sha256.h"
#include "proto/bootstrap.pb-c.h"
#include "shim/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STATE_DIR     "/run/containerd"
#define SCHEME        "unix://"
#define INPUT_MAX     (4UL << 20)
#define LEVEL_DEBUG   (-4)
#define OOM_SCORE_MAX 1000

/* equals: what follows the flag's name, "" or "=VALUE". */
static int take_value(int argc, char **argv, int *i, const char *equals, const char **out,
		      struct err *e)
{
	if (*equals) {
		*out = equals + 1;
		return 0;
	}
	if (*i + 1 >= argc)
		return err_set(e, ERR_CONFIG, EINVAL, "flag %s needs a value", argv[*i]);
	*out = argv[++*i];
	return 0;
}

struct flag {
	const char *name;
	const char **value; /* NULL: no value, or one that is ignored */
	bool *set;          /* of a switch */
};

static const struct flag *find_flag(const struct flag *flags, const char *name, size_t len)
{
	while (flags->name && (strlen(flags->name) != len || strncmp(flags->name, name, len) != 0))
		flags++;
	if (flags->name)
		return flags;
	return NULL;
}

static int parse_flag(const struct flag *flags, int argc, char **argv, int *i, struct err *e)
{
	const char *name = argv[*i] + 1, *unused;
	if (*name == '-')
		name++;
	const char *equals = strchrnul(name, '=');
	const struct flag *flag = find_flag(flags, name, (size_t)(equals - name));
	if (!flag)
		return err_set(e, ERR_CONFIG, EINVAL, "unknown flag %s", argv[*i]);
	if (flag->set) {
		*flag->set = !*equals || strcmp(equals, "=true") == 0;
		return 0;
	}
	return take_value(argc, argv, i, equals, flag->value ? flag->value : &unused, e);
}

int bootstrap_parse(int argc, char **argv, struct bootstrap_flags *out, struct err *e)
{
	*out = (struct bootstrap_flags){
		.containerd_namespace = "",
		.address = "",
		.publish_binary = "",
		.id = "",
	};
	const struct flag flags[] = {
		{"namespace", &out->containerd_namespace, NULL},
		{"address", &out->address, NULL},
		{"publish-binary", &out->publish_binary, NULL},
		{"id", &out->id, NULL},
		{"bundle", &out->bundle, NULL},
		{"socket", NULL, NULL},
		{"debug", NULL, &out->debug},
		{"v", NULL, &out->version},
		{"version", NULL, &out->version},
		{"info", NULL, &out->info},
		{NULL, NULL, NULL},
	};
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		int rc = parse_flag(flags, argc, argv, &i, e);
		if (rc < 0)
			return rc;
	}
	if (i < argc)
		out->action = argv[i];
	return 0;
}

int bootstrap_parse_input(const void *bytes, size_t len, const struct bootstrap_flags *f,
			  struct bootstrap_input *out)
{
	*out = (struct bootstrap_input){0};
	cleanup_message ProtobufCMessage *m =
		message_decode(&bootstrap__params__descriptor, bytes, len);
	const Bootstrap__Params *p = (const Bootstrap__Params *)m;
	/*
	 * The options of earlier versions may decode as this, too: its first two fields show which
	 * it is.
	 */
	if (!p || strcmp(p->instance_id, f->id) != 0 ||
	    strcmp(p->namespace_, f->containerd_namespace) != 0)
		return 0;
	out->debug = p->log_level <= LEVEL_DEBUG;
	if (p->socket_dir[0] == '/' && !(out->socket_dir = strdup(p->socket_dir)))
		return -ENOMEM;
	return 0;
}

int bootstrap_read_input(const struct bootstrap_flags *f, struct bootstrap_input *out,
			 struct err *e)
{
	cleanup_buf struct buf in = {.cap = INPUT_MAX};
	for (;;) {
		uint8_t *at = buf_reserve(&in, 4096);
		if (!at)
			return err_sys(e, errno, "standard input");
		ssize_t n = io_read_full(STDIN_FILENO, at, 4096);
		if (n < 0 && n != -EBADF)
			return err_sys(e, (int)-n, "standard input");
		if (n <= 0)
			break;
		in.len += (size_t)n;
	}
	int rc = bootstrap_parse_input(in.data, in.len, f, out);
	if (rc < 0)
		return err_sys(e, -rc, "standard input");
	return 0;
}

int bootstrap_address(const struct bootstrap_flags *f, const char *state_dir, const char *group,
		      char out[BOOTSTRAP_ADDRESS_BYTES], struct err *e)
{
	char digest[65];
	cleanup_free char *key = NULL;
	if (asprintf(&key, "%s/%s/%s", f->address, f->containerd_namespace, group) < 0) {
		key = NULL;
		return err_sys(e, ENOMEM, "the shim's address");
	}
	sha256_hex(key, strlen(key), digest);
	if (!state_dir)
		state_dir = STATE_DIR;
	int len = snprintf(out, BOOTSTRAP_ADDRESS_BYTES, SCHEME "%s/s/%s", state_dir, digest);
	if (len < 0 || (size_t)len > strlen(SCHEME) + BOOTSTRAP_PATH_MAX)
		return err_set(e, ERR_CONFIG, ENAMETOOLONG,
			       "sockets below %.200s would have more than %d bytes in their paths",
			       state_dir, BOOTSTRAP_PATH_MAX);
	return 0;
}

static void socket_address(const char *address, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(out->sun_path, sizeof(out->sun_path), "%s", address + strlen(SCHEME));
}

/* Never waits. One whose queue is full counts as answering. */
static bool answers(const struct sockaddr_un *addr)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 &&
	       (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN);
}

static int make_dirs(const char *path)
{
	int rc = path_make_parents(path, 0711);
	if (rc < 0)
		return rc;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* The socket's directory, locked until it is closed; `make`: created if it is missing. -errno. */
static int lock_dir(const struct sockaddr_un *addr, bool make)
{
	char path[sizeof(addr->sun_path)];
	memcpy(path, addr->sun_path, sizeof(path));
	*strrchr(path, '/') = '\0';
	int rc = 0;
	if (make)
		rc = make_dirs(path);
	if (rc < 0)
		return rc;
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return take_fd(&fd);
}

static int bind_to(int fd, const struct sockaddr_un *addr)
{
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	return 0;
}

/* *listener -1: another shim listens there. */
static int bind_socket(const struct sockaddr_un *addr, int *listener)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The socket's mode becomes its file's, from the beginning. */
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	int rc = bind_to(fd, addr);
	if (rc == -EADDRINUSE && answers(addr)) {
		*listener = -1;
		return 0;
	}
	if (rc == -EADDRINUSE) { /* left by a shim that was killed */
		unlink(addr->sun_path);
		rc = bind_to(fd, addr);
	}
	if (rc == 0 && listen(fd, 128) < 0) {
		rc = -errno;
		unlink(addr->sun_path);
	}
	if (rc == 0)
		*listener = take_fd(&fd);
	return rc;
}

int bootstrap_listen(const char *address, int *listener, struct err *e)
{
	struct sockaddr_un addr;
	socket_address(address, &addr);
	cleanup_close int lock = lock_dir(&addr, true);
	if (lock < 0)
		return err_sys(e, -lock, "listening on %s", addr.sun_path);
	int rc = bind_socket(&addr, listener);
	if (rc < 0)
		return err_sys(e, -rc, "listening on %s", addr.sun_path);
	return 0;
}

int bootstrap_write_address(const char *bundle, const char *address, struct err *e)
{
	char path[4096], temporary[4096];
	snprintf(path, sizeof(path), "%.4000s/address", bundle);
	snprintf(temporary, sizeof(temporary), "%.4000s/.address", bundle);
	cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "%s", temporary);
	int rc = io_write_all(fd, address, strlen(address));
	if (rc == 0 && rename(temporary, path) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(e, -rc, "%s", path);
	return 0;
}

/* One more than containerd's, which we inherit: the kernel kills shims first. It is advice only. */
static void set_oom_score(void)
{
	static const char path[] = "/proc/self/oom_score_adj";
	cleanup_free char *value = NULL;
	size_t len;
	if (io_read_file(AT_FDCWD, path, 64, &value, &len) < 0)
		return;
	int score = atoi(value) + 1;
	if (score > OOM_SCORE_MAX)
		score = OOM_SCORE_MAX;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", score);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, text, (size_t)n);
}

/*
 * containerd takes all that `start` writes for the address, and waits until nobody has its outputs
 * open. The log's reading end is held, too: containerd may restart. A log that nobody reads does
 * not block the shim.
 */
static int replace_outputs(const char *bundle, struct err *e)
{
	char path[4096];
	snprintf(path, sizeof(path), "%.4000s/log", bundle);
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int log = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (null < 0)
		return err_sys(e, errno, "/dev/null");
	int errors = log >= 0 ? log : null;
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
		return err_sys(e, errno, "standard descriptors");
	return 0;
}

int bootstrap_daemon(const char *bundle, int *listener, struct err *e)
{
	set_oom_score();
	if (setpgid(0, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, errno, "becoming a process group of its own and a subreaper");
	int rc = replace_outputs(bundle, e);
	if (rc < 0)
		return rc;
	if (*listener != 3 && dup3(*listener, 3, O_CLOEXEC) < 0)
		return err_sys(e, errno, "the listener's descriptor");
	*listener = 3;
	/*
	 * No other descriptor that `start` inherited is kept, nor the bundle as working directory.
	 */
	if (close_range(4, ~0U, 0) < 0 || chdir("/") < 0)
		return err_sys(e, errno, "closing what `start` inherited");
	return 0;
}

int bootstrap_remove_stale(const char *bundle, struct err *e)
{
	size_t len;
	char path[4096];
	cleanup_free char *address = NULL;
	snprintf(path, sizeof(path), "%.4000s/address", bundle);
	if (io_read_file(AT_FDCWD, path, strlen(SCHEME) + BOOTSTRAP_PATH_MAX, &address, &len) < 0 ||
	    strncmp(address, SCHEME "/", strlen(SCHEME "/")) != 0)
		return 0;
	struct sockaddr_un addr;
	struct stat st;
	socket_address(address, &addr);
	cleanup_close int lock = lock_dir(&addr, false);
	if (lock == -ENOENT)
		return 0;
	if (lock < 0)
		return err_sys(e, -lock, "the directory of %s", addr.sun_path);
	if (lstat(addr.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode) || answers(&addr))
		return 0;
	if (unlink(addr.sun_path) < 0 && errno != ENOENT)
		return err_sys(e, errno, "removing %s", addr.sun_path);
	return 0;
}
