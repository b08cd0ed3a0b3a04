/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:filesystem, by descriptors: reading, writing and what there is to know of them. paths.c has
 * what goes by path.
 */
#include "guest/wasi/p2/files.h"

#include "guest/wasi/host/resources.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

enum { PIECE_BYTES = 65536 };

/* --- results --- */

/* What failed is said behind the result's first byte, where the other case begins. */
static bool failed(void *result, uint32_t payload, int64_t rc)
{
	uint8_t *out = result;
	if (rc >= 0)
		return false;
	out[0] = 1;
	out[payload] = p2_error_code(rc);
	return true;
}

static const struct p2_object *descriptor(const void *params)
{
	return p2_get(*(const uint32_t *)params);
}

/* --- streams --- */

struct result_handle {
	uint8_t failed;
	uint32_t handle;
};

struct via_params {
	uint32_t descriptor;
	uint64_t offset;
};

static void open_output(struct component_call *call, uint32_t file, uint64_t at, bool appends,
			struct result_handle *out)
{
	struct p2_object o = p2_of_file(file, P2_OUTPUT);
	o.positioned = true;
	o.at = at;
	o.appends = appends;
	out->handle = call_own(call, &p2_output_stream, p2_new(call, &o));
}

static void read_via_stream(struct component_call *call, const void *params, void *result)
{
	const struct via_params *p = params;
	struct p2_object o = p2_of_file(p->descriptor, P2_INPUT);
	struct result_handle *out = result;
	o.positioned = true;
	o.at = p->offset;
	out->handle = call_own(call, &p2_input_stream, p2_new(call, &o));
}

static void write_via_stream(struct component_call *call, const void *params, void *result)
{
	const struct via_params *p = params;
	open_output(call, p->descriptor, p->offset, false, result);
}

static void append_via_stream(struct component_call *call, const void *params, void *result)
{
	open_output(call, *(const uint32_t *)params, 0, true, result);
}

/* --- reading and writing --- */

struct list {
	uint32_t at, count;
};

struct read_params {
	uint32_t descriptor;
	uint64_t bytes, offset;
};

struct result_read {
	uint8_t failed;
	struct list bytes;
	uint8_t is_end;
};

static void read(struct component_call *call, const void *params, void *result)
{
	static uint8_t piece[PIECE_BYTES];
	const struct read_params *p = params;
	struct result_read *out = result;
	const uint64_t bytes = p->bytes < PIECE_BYTES ? p->bytes : PIECE_BYTES;
	const int64_t rc = mote_preadv(mote_area(), descriptor(params)->fd, (void *)piece,
				       MOTE_IOV_ONE | bytes, p->offset);
	if (failed(result, 4, rc))
		return;
	memcpy(call_allocate(call, 1, (uint64_t)rc, &out->bytes.at), piece, (uint64_t)rc);
	out->bytes.count = (uint32_t)rc;
	out->is_end = rc == 0 && bytes;
}

struct write_params {
	uint32_t descriptor;
	struct list bytes;
	uint64_t offset;
};

struct result_u64 {
	uint8_t failed;
	uint64_t value;
};

static void write(struct component_call *call, const void *params, void *result)
{
	const struct write_params *p = params;
	const void *from = call_span(call, p->bytes.at, p->bytes.count);
	const int64_t rc = mote_pwritev(mote_area(), descriptor(params)->fd, from,
					MOTE_IOV_ONE | p->bytes.count, p->offset);
	if (!failed(result, 8, rc))
		((struct result_u64 *)result)->value = (uint64_t)rc;
}

/* --- the file as a whole --- */

struct advise_params {
	uint32_t descriptor;
	uint64_t offset, bytes;
	uint8_t advice;
};

static void advise(struct component_call *call, const void *params, void *result)
{
	/* normal, sequential, random, will-need, dont-need, no-reuse in Linux's numbers */
	static const uint8_t advices[] = {0, 2, 1, 3, 4, 5};
	const struct advise_params *p = params;
	(void)call;
	p2_finish(result, mote_fadvise(mote_area(), descriptor(params)->fd, p->offset, p->bytes,
				       advices[p->advice]));
}

static void sync_data(struct component_call *call, const void *params, void *result)
{
	(void)call;
	p2_finish(result, mote_fsync(mote_area(), descriptor(params)->fd, 1));
}

static void sync(struct component_call *call, const void *params, void *result)
{
	(void)call;
	p2_finish(result, mote_fsync(mote_area(), descriptor(params)->fd, 0));
}

static void get_flags(struct component_call *call, const void *params, void *result)
{
	(void)call;
	((struct result_code *)result)->code = descriptor(params)->flags;
}

/* wasi:filesystem's descriptor-type. */
static void get_type(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	const int64_t rc = mote_fstat(mote_area(), descriptor(params)->fd, &st);
	(void)call;
	if (!failed(result, 1, rc))
		((struct result_code *)result)->code = p2_type_of_mode(st.mode);
}

struct size_params {
	uint32_t descriptor;
	uint64_t bytes;
};

static void set_size(struct component_call *call, const void *params, void *result)
{
	const struct size_params *p = params;
	(void)call;
	p2_finish(result, mote_ftruncate(mote_area(), descriptor(params)->fd, p->bytes));
}

struct times_params {
	uint32_t descriptor;
	struct new_time access, modification;
};

static void set_times(struct component_call *call, const void *params, void *result)
{
	const struct times_params *p = params;
	const struct mote_time access = p2_time(&p->access),
			       modification = p2_time(&p->modification);
	(void)call;
	p2_finish(result,
		  mote_futimens(mote_area(), descriptor(params)->fd, &access, &modification));
}

/* --- what there is to know --- */

static void stat(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	(void)call;
	if (!failed(result, 8, mote_fstat(mote_area(), descriptor(params)->fd, &st)))
		p2_put_stat(result, &st);
}

static void metadata_hash(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	(void)call;
	if (!failed(result, 8, mote_fstat(mote_area(), descriptor(params)->fd, &st)))
		p2_put_hash(result, &st);
}

static void is_same_object(struct component_call *call, const void *params, void *result)
{
	const uint32_t *both = params;
	struct mote_stat a, b;
	(void)call;
	*(uint8_t *)result = mote_fstat(mote_area(), p2_get(both[0])->fd, &a) == 0 &&
			     mote_fstat(mote_area(), p2_get(both[1])->fd, &b) == 0 &&
			     a.dev == b.dev && a.ino == b.ino;
}

static void error_code(struct component_call *call, const void *params, void *result)
{
	uint8_t *out = result;
	(void)call;
	out[0] = 1;
	out[1] = p2_error_code(p2_get(*(const uint32_t *)params)->error);
}

/* --- directories --- */

static void read_directory(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	const uint32_t file = *(const uint32_t *)params;
	int64_t rc = mote_fstat(mote_area(), descriptor(params)->fd, &st);
	if (rc >= 0 && (st.mode & 0170000) != 0040000)
		rc = -ENOTDIR;
	if (failed(result, 4, rc))
		return;
	const struct p2_object o = p2_of_file(file, P2_ENTRIES);
	((struct result_handle *)result)->handle = call_own(call, &p2_entries, p2_new(call, &o));
}

struct result_entry {
	uint8_t failed;
	uint8_t is_some __attribute__((aligned(4)));
	uint8_t type __attribute__((aligned(4)));
	uint32_t name[2];
};

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next one but `.` and `..`: bytes of it, 0 at the end. */
static int64_t next_entry(struct p2_object *o, struct mote_dirent *entry, uint64_t size)
{
	int64_t rc;
	do {
		rc = mote_readdir(mote_area(), o->fd, (int64_t)o->at, entry, size);
		if (rc > 0)
			o->at = (uint64_t)entry->cookie;
	} while (rc > 0 && is_dot(entry->name));
	return rc;
}

static void read_entry(struct component_call *call, const void *params, void *result)
{
	/* One entry fits, two of the shortest names as well: those behind it are read again. */
	uint64_t entry[40];
	struct mote_dirent *d = (void *)entry;
	struct result_entry *out = result;
	const int64_t rc = next_entry(p2_get(*(const uint32_t *)params), d, sizeof(entry));
	if (failed(result, 4, rc) || rc == 0)
		return;
	out->is_some = 1;
	out->type = p2_type_of_mode((uint32_t)d->type << 12);
	call_string(call, d->name, (uint32_t)strlen(d->name), out->name);
}

/* --- what is open at the start --- */

static uint32_t preopened(struct component_call *call, uint32_t fd, const char *path)
{
	enum { READ = 1, MUTATE = 32 };
	const struct p2_object o = {
		.kind = P2_DESCRIPTOR,
		.is_preopen = true,
		.flags = READ | MUTATE,
		.fd = (int32_t)fd,
		.users = 1,
		.preopen = path,
	};
	return call_own(call, &p2_descriptor, p2_new(call, &o));
}

static void get_directories(struct component_call *call, const void *params, void *result)
{
	const struct mote_preopen *p = (const void *)wasi_boot_string(wasi.boot->preopens);
	struct list *out = result;
	uint32_t each[3];
	(void)params;
	for (uint32_t i = 0; i < wasi.boot->preopenc; i++)
		out->count += p[i].kind != MOTE_PREOPEN_LISTENER;
	uint8_t *to = call_allocate(call, 4, out->count * sizeof(each), &out->at);
	for (uint32_t i = 0; i < wasi.boot->preopenc; i++) {
		const char *path = wasi_boot_string(p[i].path);
		if (p[i].kind == MOTE_PREOPEN_LISTENER)
			continue;
		each[0] = preopened(call, p[i].fd, path);
		call_string(call, path, (uint32_t)strlen(path), each + 1);
		memcpy(to, each, sizeof(each));
		to += sizeof(each);
	}
}

#define D(n)  "[method]descriptor." n
#define OK    "result<_, " P2_CODE ">"
#define TIMES "variant<_, _, " P2_TIME ">"
#define SOME  "option<" P2_TIME ">"
#define STAT  "result<record<enum<8>, u64, u64, " SOME ", " SOME ", " SOME ">, " P2_CODE ">"
#define HASH  "result<record<u64, u64>, " P2_CODE ">"

static const struct component_host_resource *const resources[] = {&p2_descriptor, &p2_entries};
static const struct component_host_function functions[] = {
	{D("read-via-stream"), "(borrow descriptor, u64) -> result<own input-stream, " P2_CODE ">",
	 read_via_stream},
	{D("write-via-stream"),
	 "(borrow descriptor, u64) -> result<own output-stream, " P2_CODE ">", write_via_stream},
	{D("append-via-stream"), "(borrow descriptor) -> result<own output-stream, " P2_CODE ">",
	 append_via_stream},
	{D("advise"), "(borrow descriptor, u64, u64, enum<6>) -> " OK, advise},
	{D("sync-data"), "(borrow descriptor) -> " OK, sync_data},
	{D("get-flags"), "(borrow descriptor) -> result<flags<6>, " P2_CODE ">", get_flags},
	{D("get-type"), "(borrow descriptor) -> result<enum<8>, " P2_CODE ">", get_type},
	{D("set-size"), "(borrow descriptor, u64) -> " OK, set_size},
	{D("set-times"), "(borrow descriptor, " TIMES ", " TIMES ") -> " OK, set_times},
	{D("read"), "(borrow descriptor, u64, u64) -> result<tuple<list<u8>, bool>, " P2_CODE ">",
	 read},
	{D("write"), "(borrow descriptor, list<u8>, u64) -> result<u64, " P2_CODE ">", write},
	{D("read-directory"),
	 "(borrow descriptor) -> result<own directory-entry-stream, " P2_CODE ">", read_directory},
	{D("sync"), "(borrow descriptor) -> " OK, sync},
	{D("create-directory-at"), "(borrow descriptor, string) -> " OK, p2_create_directory_at},
	{D("stat"), "(borrow descriptor) -> " STAT, stat},
	{D("stat-at"), "(borrow descriptor, flags<1>, string) -> " STAT, p2_stat_at},
	{D("set-times-at"), "(borrow descriptor, flags<1>, string, " TIMES ", " TIMES ") -> " OK,
	 p2_set_times_at},
	{D("link-at"), "(borrow descriptor, flags<1>, string, borrow descriptor, string) -> " OK,
	 p2_link_at},
	{D("open-at"),
	 "(borrow descriptor, flags<1>, string, flags<4>, flags<6>) -> "
	 "result<own descriptor, " P2_CODE ">",
	 p2_open_at},
	{D("readlink-at"), "(borrow descriptor, string) -> result<string, " P2_CODE ">",
	 p2_readlink_at},
	{D("remove-directory-at"), "(borrow descriptor, string) -> " OK, p2_remove_directory_at},
	{D("rename-at"), "(borrow descriptor, string, borrow descriptor, string) -> " OK,
	 p2_rename_at},
	{D("symlink-at"), "(borrow descriptor, string, string) -> " OK, p2_symlink_at},
	{D("unlink-file-at"), "(borrow descriptor, string) -> " OK, p2_unlink_file_at},
	{D("is-same-object"), "(borrow descriptor, borrow descriptor) -> bool", is_same_object},
	{D("metadata-hash"), "(borrow descriptor) -> " HASH, metadata_hash},
	{D("metadata-hash-at"), "(borrow descriptor, flags<1>, string) -> " HASH,
	 p2_metadata_hash_at},
	{"[method]directory-entry-stream.read-directory-entry",
	 "(borrow directory-entry-stream) -> result<option<record<enum<8>, string>>, " P2_CODE ">",
	 read_entry},
	{"filesystem-error-code", "(borrow error) -> option<" P2_CODE ">", error_code},
};
const struct component_host_interface p2_filesystem = {"wasi:filesystem/types@0.2", functions,
						       P2_COUNT(functions), resources,
						       P2_COUNT(resources)};

static const struct component_host_function preopen_functions[] = {
	{"get-directories", "() -> list<tuple<own descriptor, string>>", get_directories},
};
const struct component_host_interface p2_preopens = {"wasi:filesystem/preopens@0.2",
						     preopen_functions, 1, NULL, 0};
