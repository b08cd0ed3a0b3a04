/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a snapshot's directory (OCI image layout). The input is a JSON object whose members
 * are its documents: "oci-layout", "index", "manifest", "config", "layer"; one that is a string is
 * that document's bytes. In them "@manifest", "@config" and "@layer" stand for digests and "@size"
 * for the layer's size, so that these are right when the documents change; "other" is a blob under
 * the digest OTHER, whatever its bytes. The layer itself is snapshot_file's: here its text says
 * what it is taken for.
 */
#include "json_mutator.h"
#include "mutate.h"

/* In the place of KVM and of vm/. */
#define kvm_open                   fuzz_open_kvm
#define vm_snapshot_open_untrusted fuzz_open
#define vm_snapshot_extra          fuzz_extra
#define vm_snapshot_state          fuzz_state
#define vm_snapshot_memory         fuzz_memory
#include "api/snapshot_layout.c"
/* With its static functions, which write the layouts too. */
#include "oci/image_layout.c"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 2 * DOCUMENT_MAX, LAYER_BYTES_MAX = 10000 };
#define OTHER "00000000000000000000000000000000000000000000000000000000000000aa"

const char mote_build_id[64] = {0};
static enum vm_state stop_state;
static struct {
	uint64_t message_max; /* struct extra */
	uint8_t ready[64];
} extra;
static size_t extra_bytes;

static void require(bool condition)
{
	if (!condition)
		abort();
}

int fuzz_open_kvm(struct err *e)
{
	(void)e;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

enum vm_state fuzz_state(const struct vm_snapshot *s)
{
	(void)s;
	return stop_state;
}

uint64_t fuzz_memory(const struct vm_snapshot *s)
{
	(void)s;
	return extra.message_max << 10; /* as much as it likes */
}

/* "MOMENT SIZE LENGTH BYTES": what a right layer would hold. */
int fuzz_open(int fd, const char *build, int kvm_fd, struct vm_snapshot **out, struct err *e)
{
	char text[128] = "";
	unsigned at, count;
	int used = 0;
	require(build == mote_build_id && kvm_fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0);
	/* Nobody can change it any more. */
	require(fcntl(fd, F_GET_SEALS) ==
		(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
	memset(&extra, 0, sizeof(extra));
	if (sscanf(text, "%u %lu %u %n", &at, &extra.message_max, &count, &used) != 3 ||
	    count > sizeof(extra))
		return err_set(e, ERR_CONFIG, EINVAL, "the layer is none");
	stop_state = at;
	for (size_t i = 0; i < sizeof(extra.ready) && text[used]; i++)
		extra.ready[i] = (uint8_t)text[used++];
	for (size_t i = 0; i < sizeof(extra.ready); i++)
		if (extra.ready[i] >= 'A' && extra.ready[i] <= 'P') /* small numbers */
			extra.ready[i] = (uint8_t)(extra.ready[i] - 'A');
	*out = NULL;
	extra_bytes = count;
	return 0;
}

const uint8_t *fuzz_extra(const struct vm_snapshot *s, size_t *bytes)
{
	(void)s;
	*bytes = extra_bytes;
	return (const uint8_t *)&extra;
}

int error_report(const struct err *from, struct mote_error *to)
{
	require(from->code > 0 && from->text[0]);
	(void)to;
	return -from->code;
}

void mote_snapshot_free(struct mote_snapshot *s)
{
	exports_drop(s->exports);
	free(s);
}

/* --- the directory --- */

static char top[] = "/dev/shm/mote-fuzz-XXXXXX";
static int dir = -1;

static void clean(void)
{
	remove_layout(top, dir);
}

static void make_directory(void)
{
	if (dir < 0) {
		require(mkdtemp(top) && atexit(clean) == 0);
		dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		require(dir >= 0);
	}
	require(mkdirat(dir, "blobs", 0700) == 0 && mkdirat(dir, BLOBS, 0700) == 0);
}

/* Writes a document under its name, or as a blob whose digest goes to `blob`. */
static void put(const char *name, const char *text, struct blob *blob)
{
	struct blob_name blob_name;
	struct err e;
	if (blob) {
		blob->bytes = strlen(text);
		sha256_hex(text, blob->bytes, blob->digest);
		blob_name = name_of(blob);
		name = blob_name.text;
	}
	require(put_file(dir, name, text, strlen(text), &e) == 0);
}

struct name {
	const char *from;
	char to[80];
};

/* A member as text, with what stands for digests and sizes replaced; NULL: it is not there. */
static const char *document(const json_t *root, const char *key, const struct name *names)
{
	static char text[TEXT_MAX + 128];
	char whole[DOCUMENT_MAX + 2];
	const json_t *value = json_object_get(root, key);
	size_t n = json_is_string(value) ? 0
					 : json_dumpb(value, whole, sizeof(whole) - 1,
						      JSON_ENCODE_ANY | JSON_COMPACT);
	if (json_is_string(value) && json_string_length(value) < sizeof(whole)) {
		n = json_string_length(value);
		memcpy(whole, json_string_value(value), n);
	}
	if (!value || n >= sizeof(whole))
		return NULL;
	whole[n] = '\0';
	size_t len = 0;
	/* a text longer than a document may be, too */
	for (const char *at = whole; *at && len < TEXT_MAX;) {
		const struct name *k = names;
		while (k->from && strncmp(at, k->from, strlen(k->from)) != 0)
			k++;
		if (k->from) {
			len += (size_t)sprintf(text + len, "%s", k->to);
			at += strlen(k->from);
		} else {
			text[len++] = *at++;
		}
	}
	text[len] = '\0';
	return text;
}

static void put_documents(const json_t *root)
{
	struct name names[5] = {
		{"\"@size\"", ""}, {"@layer", ""}, {"@config", ""}, {"@manifest", ""}, {NULL, ""}};
	static const char *const blobs[] = {"layer", "config", "manifest"};
	const char *text;
	struct blob blob;
	for (size_t i = 0; i < 3; i++) {
		text = document(root, blobs[i], names);
		if (!text)
			continue;
		put(NULL, text, &blob);
		snprintf(names[i + 1].to, sizeof(names[i + 1].to), "sha256:%s", blob.digest);
		if (i == 0)
			snprintf(names[0].to, sizeof(names[0].to), "%lu", blob.bytes);
	}
	if ((text = document(root, "index", names)))
		put("index.json", text, NULL);
	if ((text = document(root, "oci-layout", names)))
		put("oci-layout", text, NULL);
	if ((text = document(root, "other", names)))
		put(BLOBS "/" OTHER, text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mote_error error = {0};
	struct mote_snapshot *s = NULL;
	json_t *root = json_loadb((const char *)data, size, 0, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return 0;
	}
	make_directory();
	put_documents(root);
	json_decref(root);
	if (mote_snapshot_load_max(top, LAYER_BYTES_MAX, &s, &error) == 0) {
		require(s->message_max > 0 && s->message_max <= CALL_BYTES_DEFAULT && s->exports);
		require(s->memory_bytes <= DEFAULT_MEMORY);
		mote_snapshot_free(s);
	}
	remove_layout("/missing", dir);
	return 0;
}

/* clang-format off */
static const char *const words[] = {
	"oci-layout", "index", "manifest", "config", "layer", "imageLayoutVersion", "schemaVersion",
	"mediaType", "manifests", "layers", "digest", "size", "sha256:", "@manifest", "@config",
	"@layer", "@size", MANIFEST, "application/vnd.mote.snapshot.config.v1+json",
	"application/vnd.mote.snapshot.memory.v1", "1 4096 17 BBAAAAAAA",
	"1 4096 31 BBAAABAAAFAAAgreetADAAA:ssAA", "1 0 20 x", "2 1 20 x", "1 1 8 ",
	"1 99999999999 40 BAAAA", "{", "{\"a\":1,\"a\":2}", "other", "sha256:" OTHER,
	"../../../etc/passwd", NULL,
};
/* clang-format on */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return json_mutate(data, size, max_size, seed, words);
}
