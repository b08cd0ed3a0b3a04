/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources, of config.json or as Update brings it. Whoever made the document controls it. */
#include "oci/internal.h"

#include <string.h>

#define FILES_MAX 1024

static void set_defaults(struct oci_resources *r)
{
	int64_t *const numbers[] = {
		&r->memory_limit,      &r->memory_reservation, &r->memory_swap,
		&r->memory_swappiness, &r->cpu_shares,         &r->cpu_quota_us,
		&r->cpu_period_us,     &r->cpu_burst_us,       &r->cpu_idle,
	};
	for (size_t i = 0; i < COUNT(numbers); i++)
		*numbers[i] = OCI_UNSET;
	r->pids_limit = 0;
}

static void parse_memory(const struct json *resources, struct oci_resources *r)
{
	struct json memory;
	json_get_object(resources, "memory", JSON_OPTIONAL, &memory);
	json_get_int(&memory, "limit", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_limit);
	json_get_int(&memory, "reservation", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_reservation);
	json_get_int(&memory, "swap", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_swap);
	json_get_int(&memory, "swappiness", JSON_OPTIONAL, 0, 200, &r->memory_swappiness);
	json_get_bool(&memory, "disableOOMKiller", JSON_OPTIONAL, &r->oom_kill_disable);
}

static void parse_cpu(const struct json *resources, struct oci_resources *r)
{
	struct json cpu;
	int64_t realtime = 0;
	json_get_object(resources, "cpu", JSON_OPTIONAL, &cpu);
	json_get_int(&cpu, "shares", JSON_OPTIONAL, 0, INT64_MAX, &r->cpu_shares);
	json_get_int(&cpu, "quota", JSON_OPTIONAL, -1, INT64_MAX, &r->cpu_quota_us);
	json_get_int(&cpu, "period", JSON_OPTIONAL, 0, INT64_MAX, &r->cpu_period_us);
	json_get_int(&cpu, "burst", JSON_OPTIONAL, 0, INT64_MAX, &r->cpu_burst_us);
	json_get_int(&cpu, "idle", JSON_OPTIONAL, 0, 1, &r->cpu_idle);
	json_get_string(&cpu, "cpus", JSON_OPTIONAL, OCI_PATH_MAX, &r->cpuset_cpus);
	json_get_string(&cpu, "mems", JSON_OPTIONAL, OCI_PATH_MAX, &r->cpuset_mems);
	json_get_int(&cpu, "realtimeRuntime", JSON_OPTIONAL, INT64_MIN, INT64_MAX, &realtime);
	if (realtime > 0)
		json_fail(&cpu, "realtimeRuntime", ENOSYS,
			  "Mote does not support real-time scheduling");
}

static bool is_controller_file(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) < 128 &&
	       strncmp(name, "cgroup.", 7) != 0;
}

static void parse_unified(const struct json *resources, struct oci_resources *r)
{
	struct json unified, member;
	if (!json_get_object(resources, "unified", JSON_OPTIONAL, &unified) ||
	    !json_check_count(&unified, FILES_MAX))
		return;
	r->unified = calloc(json_count(&unified) + 1, sizeof(*r->unified));
	if (!r->unified) {
		json_no_memory(&unified, "linux.resources.unified");
		return;
	}
	for (void *at = NULL; json_next_member(&unified, &at, &member);) {
		struct oci_unified *u = &r->unified[r->unified_count];
		u->file = member.key;
		if (!is_controller_file(member.key))
			json_fail(&member, JSON_SELF, EINVAL,
				  "is not a file of a cgroup controller");
		if (json_get_string(&member, JSON_SELF, JSON_REQUIRED, OCI_PATH_MAX, &u->value))
			r->unified_count++;
	}
}

void oci_parse_resources(const struct json *resources, struct oci_resources *r)
{
	static const char *const missing[] = {"blockIO", "rdma", "network"};
	struct json pids;
	set_defaults(r);
	parse_memory(resources, r);
	parse_cpu(resources, r);
	json_get_object(resources, "pids", JSON_OPTIONAL, &pids);
	json_get_int(&pids, "limit", JSON_OPTIONAL, INT64_MIN, INT64_MAX, &r->pids_limit);
	parse_unified(resources, r);
	json_refuse_members(resources, missing, COUNT(missing));
}
