/* SPDX-License-Identifier: Apache-2.0 */
/* Entering a network, IPC and UTS namespace, and what a new one is given. Of the calling thread. */
#ifndef MOTE_RUNTIME_NAMESPACES_H
#define MOTE_RUNTIME_NAMESPACES_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"

/* what: of whose configuration, for messages: "linux.namespaces". */
/* That it is there and of its type, if it is not joined. */
int namespaces_check(const struct oci_namespace *n, const char *what, struct err *e) must_check;
int namespaces_join(const struct oci_namespace *n, const char *what, struct err *e) must_check;
/* Those of `flags` (CLONE_NEW*), new; the loopback interface of a network one is up. */
int namespaces_make(int flags, struct err *e) must_check;
/* In the namespace that the thread is in. */
int namespaces_set_sysctl(const struct oci_sysctl *s, const char *what, struct err *e) must_check;
/* NULL and "": the name stays. */
int namespaces_set_names(const char *hostname, const char *domainname, struct err *e) must_check;

#endif
