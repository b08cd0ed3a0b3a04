/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: config.json, and linux.resources alone. The whole input is the document. */
#include "json_mutator.h"
#include "mutate.h"
#include "oci/spec.h"

#include <stdlib.h>
#include <string.h>

/* What config.json is made of: oci/spec*.c, and values of each kind. */
/* clang-format off */
static const char *const words[] = {
	"-.slice:a:b", "..", "../x", ".slice", "/", "/a", "/a.wasm#run", "/a/../b", "/a/./b",
	"/proc/kcore", "0-3", "1", "1.0.2", "1.1.0", ":a:b", "A", "PATH=/bin", "RLIMIT_AS",
	"RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
	"RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC",
	"RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK", "a",
	"a-b.slice", "a-b.slice:p:n", "a/b", "access", "additionalGids", "allow", "annotation",
	"annotations", "ambient", "apparmorProfile", "args", "b", "bind", "blockIO", "burst", "c",
	"CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE", "capabilities", "effective", "cgroup",
	"cgroup.", "cgroup.procs", "cgroupsPath", "consoleSize", "cpu", "cpus", "createContainer",
	"createRuntime", "cu", "cwd", "destination", "devices", "disableOOMKiller", "domainname",
	"env", "fileMode", "fs.mqueue.", "fs.mqueue.msg_max", "gid", "gidMappings", "hard",
	"height", "hooks", "hostname", "hugepageLimits", "id", "idle", "intelRdt",
	"io.kubernetes.cri.sandbox-id", "io.mote.", "io.mote.listen", "ipc", "kernel.msg",
	"kernel.msgmax", "kernel.sem", "kernel.shm", "kernel.shmmax", "limit", "linux", "major",
	"maskedPaths", "memory", "memory.high", "memory.max", "mems", "minor", "mode=755", "mount",
	"mounts", "namespaces", "net.", "net.ipv4.ip_forward", "netDevices", "network",
	"noNewPrivileges", "noatime", "nodev", "noexec", "none", "nosuid", "ociVersion",
	"oomScoreAdj", "options", "pageSize", "path", "period", "personality", "pid", "pids",
	"poststart", "poststop", "prestart", "private", "proc", "process", "quota", "rbind", "rdma",
	"readonly", "readonlyPaths", "realtimeRuntime", "relatime", "reservation", "resources",
	"rlimits", "ro", "root", "rootfs", "rootfsPropagation", "rprivate", "rro", "rshared",
	"rslave", "runbindable", "rw", "rw,ro", "rwm", "seccomp", "selinuxLabel", "shared",
	"shares", "size=64k", "slave", "soft", "source", "startContainer", "strictatime", "swap",
	"swappiness", "sysctl", "sysfs", "system.slice", "system.slice:mote:id", "terminal", "time",
	"timeOffsets", "timeout", "tmpfs", "type", "uid", "uidMappings", "umask", "unbindable",
	"unified", "user", "uts", "width", NULL,
};
/* clang-format on */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return json_mutate(data, size, max_size, seed, words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_spec s;
	struct err e = {0};
	int rc = oci_spec_parse((const char *)data, size, &s, &e);
	/* A refusal says why; what was accepted has what the runtime relies on. */
	if (rc < 0 && (e.code != -rc || !e.text[0]))
		abort();
	if (rc == 0 && (!s.args[0] || s.cwd[0] != '/' || !s.root_path[0]))
		abort();
	if (rc == 0 && s.cgroup_path && (s.cgroup_path[0] != '/' || strstr(s.cgroup_path, "/../")))
		abort();
	oci_spec_free(&s);
	/* As Exec brings a process. */
	rc = oci_process_parse((const char *)data, size, &s, &e);
	if ((rc < 0 && (e.code != -rc || !e.text[0])) ||
	    (rc == 0 && (!s.args[0] || s.cwd[0] != '/')))
		abort();
	oci_spec_free(&s);
	/* As Update brings linux.resources. */
	rc = oci_resources_parse((const char *)data, size, &s, &e);
	if (rc < 0 && (e.code != -rc || !e.text[0]))
		abort();
	oci_spec_free(&s);
	return 0;
}
