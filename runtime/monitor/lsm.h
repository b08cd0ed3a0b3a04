/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile of AppArmor and the label of SELinux that config.json names, for a process that puts
 * them on itself: "changeprofile" and setcon(3), not the change at the next execve(2) by which
 * other runtimes do it, since a monitor executes nothing. The policy must allow the shim's domain
 * that.
 */
#ifndef MOTE_RUNTIME_MONITOR_LSM_H
#define MOTE_RUNTIME_MONITOR_LSM_H

#include "base/cleanup.h"
#include "base/err.h"

/* Where the kernel has its files; tests have their own. */
struct lsm_host {
	const char *proc;             /* procfs */
	const char *apparmor_enabled; /* a file that begins with Y */
	const char *selinux;          /* a file that is there if SELinux is on */
};
extern const struct lsm_host lsm_host;

struct lsm {
	const char *profile, *label; /* borrowed; NULL: none */
	int proc;                    /* owned: procfs; -1: nothing to do */
};

/*
 * Before the host's file system is left. profile, label: NULL for none. A module that is named and
 * not enabled is an error of the configuration, as with runc. Closed by lsm_enter or lsm_close.
 */
int lsm_open(const struct lsm_host *host, const char *profile, const char *label, struct lsm *out,
	     struct err *e) must_check;
/*
 * The calling process is confined from now on, and its children are. Before no_new_privs is set.
 * Also in a child of the process that opened it: the kernel has each write to its own file only.
 */
int lsm_enter(struct lsm *lsm, struct err *e) must_check;
void lsm_close(struct lsm *lsm);

#endif
