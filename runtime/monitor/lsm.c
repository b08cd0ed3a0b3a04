/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the attributes of this process. The operator controls profile and label. */
#include "runtime/monitor/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct lsm_host lsm_host = {
	.proc = "/proc",
	.apparmor_enabled = "/sys/module/apparmor/parameters/enabled",
	.selinux = "/sys/fs/selinux/enforce",
};

static bool has_apparmor(const struct lsm_host *host)
{
	char first = 'N';
	cleanup_close int fd = open(host->apparmor_enabled, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &first, 1) == 1 && first == 'Y';
}

int lsm_open(const struct lsm_host *host, const char *profile, const char *label, struct lsm *out,
	     struct err *e)
{
	*out = (struct lsm){.profile = profile, .label = label, .proc = -1};
	if (!profile && !label)
		return 0;
	if (profile && !has_apparmor(host))
		return err_set(
			e, ERR_CONFIG, ENOTSUP,
			"process.apparmorProfile '%.100s': AppArmor is not enabled on this machine",
			profile);
	if (label && access(host->selinux, F_OK) < 0)
		return err_set(
			e, ERR_CONFIG, ENOTSUP,
			"process.selinuxLabel '%.100s': SELinux is not enabled on this machine",
			label);
	out->proc = open(host->proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->proc < 0)
		return err_sys(e, errno, "%s", host->proc);
	return 0;
}

/* In one write(2): what comes second would be another request. */
static int set_attribute(int proc, const char *name, const char *text)
{
	cleanup_close int fd = openat(proc, name, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n == len)
		return 0;
	return -EIO;
}

/* attr/current is the first module's if there are several; AppArmor's own file came with 5.8. */
static int change_profile(int proc, const char *profile)
{
	cleanup_free char *text = NULL;
	if (asprintf(&text, "changeprofile %s", profile) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	int rc = set_attribute(proc, "self/attr/apparmor/current", text);
	if (rc == -ENOENT)
		rc = set_attribute(proc, "self/attr/current", text);
	return rc;
}

int lsm_enter(struct lsm *lsm, struct err *e)
{
	if (lsm->proc < 0)
		return 0;
	int rc = 0;
	if (lsm->label)
		rc = set_attribute(lsm->proc, "self/attr/current", lsm->label);
	if (rc < 0)
		return err_sys(e, -rc, "process.selinuxLabel: %.100s", lsm->label);
	if (lsm->profile)
		rc = change_profile(lsm->proc, lsm->profile);
	if (rc < 0)
		return err_sys(e, -rc, "process.apparmorProfile: %.100s", lsm->profile);
	lsm_close(lsm);
	return 0;
}

void lsm_close(struct lsm *lsm)
{
	close_fd(&lsm->proc);
}
