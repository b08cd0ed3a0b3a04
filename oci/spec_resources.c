/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources, of config.json or as Update brings it. Whoever made the document controls it. */
#include "oci/internal.h"

#include <string.h>

#define FILES_MAX  1024
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

/* No kernel of today has a file for it. */
static void refuse_leaf_weight(const struct json *at)
{
	int64_t weight = 0;
	json_get_int(at, "leafWeight", JSON_OPTIONAL, 0, UINT16_MAX, &weight);
	if (weight > 0)
		json_fail(at, "leafWeight", ENOSYS, "Mote does not support it");
}

static void parse_memory(const struct json *resources, struct oci_resources *r)
{
	struct json memory;
	bool check = false;
	json_get_object(resources, "memory", JSON_OPTIONAL, &memory);
	json_get_int(&memory, "limit", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_limit);
	json_get_int(&memory, "reservation", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_reservation);
	json_get_int(&memory, "swap", JSON_OPTIONAL, -1, INT64_MAX, &r->memory_swap);
	json_get_int(&memory, "swappiness", JSON_OPTIONAL, 0, 200, &r->memory_swappiness);
	json_get_bool(&memory, "disableOOMKiller", JSON_OPTIONAL, &r->oom_kill_disable);
	json_get_bool(&memory, "checkBeforeUpdate", JSON_OPTIONAL, &check);
	if (check)
		json_fail(&memory, "checkBeforeUpdate", ENOSYS, "Mote does not support it");
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

/* A weight of 0 stands for none, as others write it. */
static int64_t parse_weight(const struct json *at, const char *name)
{
	int64_t weight = 0;
	json_get_int(at, name, JSON_OPTIONAL, 0, WEIGHT_MAX, &weight);
	if (weight > 0 && weight < WEIGHT_MIN)
		json_fail(at, name, ERANGE, "must be from %d to %d", WEIGHT_MIN, WEIGHT_MAX);
	if (weight == 0)
		return OCI_UNSET;
	return weight;
}

static void parse_io_device(const struct json *device, enum oci_io_kind kind,
			    struct oci_resources *r)
{
	struct oci_io *io = &r->io[r->io_count];
	int64_t major = 0, minor = 0, value = OCI_UNSET;
	json_get_int(device, "major", JSON_REQUIRED, 0, UINT32_MAX, &major);
	json_get_int(device, "minor", JSON_REQUIRED, 0, UINT32_MAX, &minor);
	if (kind == OCI_IO_WEIGHT) {
		value = parse_weight(device, "weight");
		refuse_leaf_weight(device);
	} else {
		json_get_int(device, "rate", JSON_REQUIRED, 0, INT64_MAX, &value);
	}
	if (value == OCI_UNSET)
		return;
	*io = (struct oci_io){kind, (uint32_t)major, (uint32_t)minor, value};
	r->io_count++;
}

static void parse_block_io(const struct json *resources, struct oci_resources *r)
{
	static const char *const names[OCI_IO_KINDS] = {
		[OCI_IO_WEIGHT] = "weightDevice",
		[OCI_IO_READ_BPS] = "throttleReadBpsDevice",
		[OCI_IO_WRITE_BPS] = "throttleWriteBpsDevice",
		[OCI_IO_READ_IOPS] = "throttleReadIOPSDevice",
		[OCI_IO_WRITE_IOPS] = "throttleWriteIOPSDevice",
	};
	struct json io, lists[OCI_IO_KINDS], item, device;
	size_t total = 0;
	if (!json_get_object(resources, "blockIO", JSON_OPTIONAL, &io))
		return;
	r->io_weight = parse_weight(&io, "weight");
	refuse_leaf_weight(&io);
	for (size_t k = 0; k < OCI_IO_KINDS; k++) {
		json_get_array(&io, names[k], JSON_OPTIONAL, FILES_MAX, &lists[k]);
		total += json_count(&lists[k]);
	}
	r->io = calloc(total + 1, sizeof(*r->io));
	if (!r->io) {
		json_no_memory(&io, "linux.resources.blockIO");
		return;
	}
	for (size_t k = 0; k < OCI_IO_KINDS; k++)
		for (size_t i = 0; json_element(&lists[k], i, &item); i++)
			if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &device))
				parse_io_device(&device, (enum oci_io_kind)k, r);
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
	static const char *const missing[] = {"rdma", "network"};
	struct json pids;
	*r = OCI_RESOURCES_UNSET;
	parse_memory(resources, r);
	parse_cpu(resources, r);
	json_get_object(resources, "pids", JSON_OPTIONAL, &pids);
	json_get_int(&pids, "limit", JSON_OPTIONAL, INT64_MIN, INT64_MAX, &r->pids_limit);
	parse_block_io(resources, r);
	parse_unified(resources, r);
	json_refuse_members(resources, missing, COUNT(missing));
}
