/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:filesystem: what its files share. Structures are as the Canonical ABI lays them out. */
#ifndef MOTE_WASI_P2_FILES_H
#define MOTE_WASI_P2_FILES_H

#include "guest/wasi/p2/p2.h"

extern const struct component_host_resource p2_descriptor, p2_entries;

/* --- results and parameters (file_results.c) --- */

/* The descriptor-type of a mode. */
uint8_t p2_type_of_mode(uint32_t mode);

struct result_code {
	uint8_t failed, code;
};
void p2_finish(struct result_code *out, int64_t rc);
void p2_finish_path(struct result_code *out, int64_t rc);

struct new_time {
	uint8_t kind;
	uint64_t seconds;
	uint32_t nanoseconds;
};
struct mote_time p2_time(const struct new_time *t);

struct some_time {
	uint8_t is_some;
	uint64_t seconds;
	uint32_t nanoseconds;
};
struct result_stat {
	uint8_t failed;
	uint8_t type __attribute__((aligned(8)));
	uint64_t links, bytes;
	struct some_time access, modification, change;
};
_Static_assert(sizeof(struct result_stat) == 104, "as the Canonical ABI lays it out");
void p2_put_stat(struct result_stat *out, const struct mote_stat *st);

struct result_hash {
	uint8_t failed;
	uint64_t lower, upper;
};
void p2_put_hash(struct result_hash *out, const struct mote_stat *st);

/* --- methods that go by a path (paths.c) --- */

void p2_create_directory_at(struct component_call *call, const void *params, void *result);
void p2_stat_at(struct component_call *call, const void *params, void *result);
void p2_set_times_at(struct component_call *call, const void *params, void *result);
void p2_link_at(struct component_call *call, const void *params, void *result);
void p2_open_at(struct component_call *call, const void *params, void *result);
void p2_readlink_at(struct component_call *call, const void *params, void *result);
void p2_remove_directory_at(struct component_call *call, const void *params, void *result);
void p2_rename_at(struct component_call *call, const void *params, void *result);
void p2_symlink_at(struct component_call *call, const void *params, void *result);
void p2_unlink_file_at(struct component_call *call, const void *params, void *result);
void p2_metadata_hash_at(struct component_call *call, const void *params, void *result);

#endif
