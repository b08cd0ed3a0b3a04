/* SPDX-License-Identifier: Apache-2.0 */
/* What a monitor and its shim say to each other, and what a monitor says to the operator. */
#include "runtime/monitor/private.h"

#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int monitor_receive_config(struct monitor *m, struct err *e)
{
	enum wire_type type;
	int rc = wire_receive(MONITOR_CONTROL_FD, -1, &type, &m->body);
	if (rc == 0 && type != WIRE_CONFIG)
		rc = -EBADMSG;
	if (rc == 0)
		rc = wire_decode(m->body.data, m->body.len, &m->config);
	if (rc < 0)
		return err_sys(e, -rc, "the monitor's configuration");
	return 0;
}

int monitor_receive(enum wire_type type, struct err *e)
{
	struct buf none = {.cap = 0};
	enum wire_type got;
	int rc = wire_receive(MONITOR_CONTROL_FD, -1, &got, &none);
	if (rc == 0 && got != type)
		rc = -EBADMSG;
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the shim");
	return 0;
}

int monitor_report(enum wire_type type, struct err *e)
{
	int rc = wire_send(MONITOR_CONTROL_FD, type, NULL, 0);
	if (rc < 0)
		return err_sys(e, -rc, "reporting to the shim");
	return 0;
}

int monitor_request_hooks(struct err *e)
{
	int rc = monitor_report(WIRE_HOOKS, e);
	if (rc < 0)
		return rc;
	return monitor_receive(WIRE_HOOKS, e);
}

int monitor_join_cgroups(int *namespaces, struct err *e)
{
	int fds[WIRE_FDS_MAX];
	size_t count = 0;
	int rc = wire_receive_join(MONITOR_CONTROL_FD, fds, &count), joined = 0;
	if (namespaces && rc == 0 && count < WIRE_NAMESPACE_FDS)
		rc = -EBADMSG;
	for (size_t i = WIRE_NAMESPACE_FDS; namespaces && rc == 0 && i-- > 0;)
		namespaces[i] = fds[--count];
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && joined == 0)
			joined = io_write_all(fds[i], "0", 1);
		close(fds[i]);
	}
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the shim");
	if (joined < 0)
		return err_sys(e, -joined, "joining the container's cgroup");
	return 0;
}

int monitor_follow_shim(struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(e, errno, "PR_SET_PDEATHSIG");
	struct pollfd p = {.fd = MONITOR_CONTROL_FD, .events = POLLRDHUP};
	if (poll(&p, 1, 0) != 0)
		return err_set(e, ERR_HOST, ESRCH, "the shim is gone");
	return 0;
}

/*
 * In the filter as well. The network namespace belongs to the user namespace of the shim, whose
 * capabilities count there: it asks for the socket by its number, and answers at once.
 */
int monitor_bind_by_shim(void *monitor, int fd, const void *address, uint32_t len)
{
	struct wire_bind bind = {.fd = fd, .len = len};
	uint8_t answer[sizeof(uint32_t)];
	struct buf body = {.data = answer, .cap = sizeof(answer), .capacity = sizeof(answer)};
	enum wire_type type;
	uint32_t code;
	(void)monitor;
	if (len > sizeof(bind.address))
		return -EINVAL;
	memcpy(bind.address, address, len);
	int rc = wire_send(MONITOR_CONTROL_FD, WIRE_BIND, &bind, sizeof(bind));
	if (rc == 0)
		rc = wire_receive(MONITOR_CONTROL_FD, -1, &type, &body);
	if (rc < 0 || type != WIRE_BIND || body.len != sizeof(code))
		return -EACCES;
	memcpy(&code, answer, sizeof(code));
	return -(int)code;
}

/* By write(2) alone: glibc's dprintf looks at the file first, which the seccomp filter forbids. */
void monitor_say(const char *text)
{
	char line[1024];
	snprintf(line, sizeof(line) - 1, "mote: %s", text);
	const size_t len = strlen(line);
	line[len] = '\n';
	(void)!io_write_all(2, line, len + 1);
}

void monitor_log(void *arg, const char *line)
{
	(void)arg;
	monitor_say(line);
}

int monitor_error(const struct mote_error *from, struct err *e)
{
	enum err_blame blame = ERR_HOST;
	if (from->blame == MOTE_BLAME_CONFIG)
		blame = ERR_CONFIG;
	else if (from->blame == MOTE_BLAME_GUEST)
		blame = ERR_GUEST;
	return err_set(e, blame, from->code, "%s", from->text);
}
