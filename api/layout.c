/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots as OCI image layouts (image-spec, image-layout.md): index.json → manifest → config and one layer,
 * which is vm/snapshot/file.c's. Whoever made the folder controls every byte: digests are checked, the layer is
 * copied before it is looked at, and what it says can do no more than a guest.
 */
#include <mote/snapshot.h>

#include "api/images.h"
#include "api/internal.h"
#include "base/memfd.h"
#include "base/sha256.h"
#include "vm/kvm/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CONFIG "application/vnd.mote.snapshot.config.v1+json"
#define LAYER "application/vnd.mote.snapshot.memory.v1"
#define BLOBS "blobs/sha256"
#define DOCUMENT_MAX 65536
#define LAYER_MAX (1L << 40)
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* What libmote adds to the layer. */
struct extra {
	uint64_t message_max;
	uint8_t ready[]; /* the guest's READY message */
};

struct blob {
	char digest[65];
	uint64_t bytes;
};

/* --- saving --- */

static int put_file(int folder, const char *name, const void *bytes, size_t len, struct err *e)
{
	cleanup_close int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return 0; /* a blob of the same digest */
	ssize_t n = fd < 0 ? -1 : write(fd, bytes, len);
	if (n < 0)
		return err_sys(e, errno, "writing %s", name);
	if ((size_t)n != len)
		return err_sys(e, ENOSPC, "writing %s", name);
	return fsync(fd) < 0 ? err_sys(e, errno, "writing %s", name) : 0;
}

static int put_blob(int folder, const char *text, struct blob *out, struct err *e)
{
	char name[100];
	out->bytes = strlen(text);
	sha256_hex(text, out->bytes, out->digest);
	snprintf(name, sizeof(name), BLOBS "/%s", out->digest);
	return put_file(folder, name, text, out->bytes, e);
}

static int hash_file(int fd, struct blob *out, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "a snapshot's layer");
	out->bytes = (uint64_t)st.st_size;
	void *at = mmap(NULL, out->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_sys(e, errno, "a snapshot's layer");
	sha256_hex(at, out->bytes, out->digest);
	munmap(at, out->bytes);
	return 0;
}

static int put_layer(struct mote_snapshot *s, int folder, int kvm_fd, struct blob *out, struct err *e)
{
	static const char unfinished[] = BLOBS "/layer";
	char name[100];
	size_t bytes = sizeof(struct extra) + s->exports->message_len;
	cleanup_free struct extra *extra = malloc(bytes);
	cleanup_close int fd = openat(folder, unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (!extra || fd < 0)
		return err_sys(e, extra ? errno : ENOMEM, "writing a snapshot");
	extra->message_max = s->message_max;
	memcpy(extra->ready, s->exports->message, s->exports->message_len);
	int rc = vm_snapshot_store(s->vm, mote_build_id, kvm_fd, extra, bytes, fd, e);
	if (rc == 0 && fsync(fd) < 0)
		rc = err_sys(e, errno, "writing a snapshot");
	if (rc == 0)
		rc = hash_file(fd, out, e);
	snprintf(name, sizeof(name), BLOBS "/%s", out->digest);
	if (rc == 0 && renameat(folder, unfinished, folder, name) < 0)
		rc = err_sys(e, errno, "writing a snapshot");
	return rc;
}

static int put_layout(struct mote_snapshot *s, int folder, int kvm_fd, struct err *e)
{
	struct blob layer, config, manifest;
	char text[2048], host[65];
	if (mkdirat(folder, "blobs", 0755) < 0 || mkdirat(folder, BLOBS, 0755) < 0)
		return err_sys(e, errno, "writing a snapshot");
	int rc = vm_snapshot_host(mote_build_id, kvm_fd, host, e);
	if (rc == 0)
		rc = put_layer(s, folder, kvm_fd, &layer, e);
	snprintf(text, sizeof(text), "{\"mote\":\"%s\",\"build\":\"%.64s\",\"host\":\"%s\"}", MOTE_VERSION, mote_build_id, host);
	if (rc == 0)
		rc = put_blob(folder, text, &config, e);
	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\","
		 "\"config\":{\"mediaType\":\"" CONFIG "\",\"digest\":\"sha256:%s\",\"size\":%lu},"
		 "\"layers\":[{\"mediaType\":\"" LAYER "\",\"digest\":\"sha256:%s\",\"size\":%lu}]}",
		 config.digest, config.bytes, layer.digest, layer.bytes);
	rc = put_blob(folder, text, &manifest, e);
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MANIFEST "\",\"digest\":\"sha256:%s\",\"size\":%lu}]}",
		 manifest.digest, manifest.bytes);
	if (rc == 0)
		rc = put_file(folder, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), e);
	return rc < 0 ? rc : put_file(folder, "index.json", text, strlen(text), e);
}

/* What a failed attempt has left; folder -1: nothing is in it yet. */
static void remove_layout(const char *path, int folder)
{
	if (folder < 0) {
		rmdir(path);
		return;
	}
	int fd = openat(folder, BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *blobs = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; blobs && (entry = readdir(blobs));)
		unlinkat(dirfd(blobs), entry->d_name, 0);
	if (blobs)
		closedir(blobs);
	else if (fd >= 0)
		close(fd);
	unlinkat(folder, BLOBS, AT_REMOVEDIR);
	unlinkat(folder, "blobs", AT_REMOVEDIR);
	unlinkat(folder, "oci-layout", 0);
	unlinkat(folder, "index.json", 0);
	rmdir(path);
}

static int save(struct mote_snapshot *s, const char *path, struct err *e)
{
	uint64_t random;
	char unfinished[4096];
	struct stat st;
	if (lstat(path, &st) == 0)
		return err_set(e, ERR_CONFIG, EEXIST, "%.300s is there already", path);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, errno, "random bytes for the name of a file");
	if (snprintf(unfinished, sizeof(unfinished), "%s.new-%016lx", path, random) >= (int)sizeof(unfinished))
		return err_set(e, ERR_CONFIG, ENAMETOOLONG, "the snapshot's path is too long");
	cleanup_close int kvm_fd = machine_open_kvm(e);
	if (kvm_fd < 0)
		return kvm_fd;
	if (mkdir(unfinished, 0755) < 0)
		return err_sys(e, errno, "%.300s", unfinished);
	cleanup_close int folder = open(unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = folder < 0 ? err_sys(e, errno, "%.300s", unfinished) : put_layout(s, folder, kvm_fd, e);
	if (rc == 0 && rename(unfinished, path) < 0)
		rc = errno == ENOTEMPTY || errno == EEXIST
			     ? err_set(e, ERR_CONFIG, EEXIST, "%.300s is there already", path)
			     : err_sys(e, errno, "%.300s", path);
	if (rc < 0)
		remove_layout(unfinished, folder);
	return rc;
}

int mote_snapshot_save(struct mote_snapshot *snapshot, const char *path, struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	return save(snapshot, path, &e) < 0 ? sandbox_report(&e, error) : 0;
}

/* --- loading --- */

static int bad(struct err *e, const char *name, const char *what)
{
	return err_set(e, ERR_CONFIG, EINVAL, "the snapshot cannot be used: %.100s %s", name, what);
}

/* A small document, with a NUL behind it; its digest is checked where one is given. */
static int read_document(int folder, const char *name, const char *digest, char text[DOCUMENT_MAX + 1], struct err *e)
{
	char found[65];
	cleanup_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? bad(e, name, "is missing") : err_sys(e, errno, "%s", name);
	ssize_t n = pread(fd, text, DOCUMENT_MAX + 1, 0);
	if (n < 0)
		return err_sys(e, errno, "%s", name);
	if (n > DOCUMENT_MAX)
		return bad(e, name, "is too large");
	text[n] = '\0';
	sha256_hex(text, (size_t)n, found);
	return digest && strcmp(found, digest) != 0 ? bad(e, name, "is not what its digest says") : 0;
}

/* A descriptor's digest as a blob's file name, where it is of the wanted type. */
static int take_descriptor(const json_t *d, const char *type, struct blob *out, char name[100], const char *of, struct err *e)
{
	const char *found = json_string_value(json_object_get(d, "mediaType"));
	const char *digest = json_string_value(json_object_get(d, "digest"));
	json_int_t bytes = json_integer_value(json_object_get(d, "size"));
	if (!found || strcmp(found, type) != 0)
		return bad(e, of, "is of no snapshot of Mote's");
	if (!digest || strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 71 ||
	    strspn(digest + 7, "0123456789abcdef") != 64 || bytes < 0)
		return bad(e, of, "has no proper digest");
	snprintf(out->digest, sizeof(out->digest), "%s", digest + 7);
	out->bytes = (uint64_t)bytes;
	snprintf(name, 100, BLOBS "/%s", out->digest);
	return 0;
}

static int find_layer(int folder, struct blob *layer, char name[100], struct err *e)
{
	cleanup_free char *text = malloc(DOCUMENT_MAX + 1);
	struct blob manifest, config;
	char of[100], config_name[100];
	if (!text)
		return err_sys(e, ENOMEM, "a snapshot");
	int rc = read_document(folder, "oci-layout", NULL, text, e);
	if (rc == 0)
		rc = read_document(folder, "index.json", NULL, text, e);
	if (rc < 0)
		return rc;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	rc = take_descriptor(json_array_get(json_object_get(root, "manifests"), 0), MANIFEST, &manifest, of, "index.json", e);
	json_decref(root);
	if (rc == 0)
		rc = read_document(folder, of, manifest.digest, text, e);
	if (rc < 0)
		return rc;
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	rc = take_descriptor(json_object_get(root, "config"), CONFIG, &config, config_name, "the manifest", e);
	if (rc == 0)
		rc = take_descriptor(json_array_get(json_object_get(root, "layers"), 0), LAYER, layer, name, "the manifest", e);
	json_decref(root);
	return rc < 0 ? rc : read_document(folder, config_name, config.digest, text, e);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* A copy that nobody can change any more, checked. The descriptor, or -errno. */
static int copy_layer(int folder, const char *name, const struct blob *layer, uint64_t bytes_max, struct err *e)
{
	enum { PIECE = 65536 };
	cleanup_close int from = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	cleanup_close int to = memfd_new("mote-snapshot");
	cleanup_free uint8_t *piece = malloc(PIECE);
	struct blob found;
	struct stat st;
	if (from < 0)
		return errno == ENOENT ? bad(e, name, "is missing") : err_sys(e, errno, "%s", name);
	if (layer->bytes == 0 || layer->bytes > LAYER_MAX)
		return bad(e, name, "has no possible size");
	if (layer->bytes > bytes_max)
		return err_set(e, ERR_CONFIG, EFBIG, "the snapshot's layer has %lu bytes; at most %lu are allowed",
			       layer->bytes, bytes_max);
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != layer->bytes)
		return bad(e, name, "has been cut or has grown"); /* before anything of that size is made */
	if (to < 0 || !piece)
		return err_sys(e, piece ? -to : ENOMEM, "a snapshot");
	if (ftruncate(to, (off_t)layer->bytes) < 0)
		return err_sys(e, errno, "a snapshot");
	for (uint64_t at = 0; at < layer->bytes;) {
		size_t want = layer->bytes - at < PIECE ? layer->bytes - at : PIECE;
		ssize_t n = pread(from, piece, want, (off_t)at);
		if (n <= 0)
			return n < 0 ? err_sys(e, errno, "%s", name) : bad(e, name, "has been cut");
		if (!is_zero(piece, (size_t)n) && pwrite(to, piece, (size_t)n, (off_t)at) != n)
			return err_sys(e, errno, "a snapshot");
		at += (uint64_t)n;
	}
	int rc = memfd_seal(to);
	if (rc < 0)
		return err_sys(e, -rc, "a snapshot");
	rc = hash_file(to, &found, e);
	if (rc == 0 && strcmp(found.digest, layer->digest) != 0)
		rc = bad(e, name, "is not what its digest says");
	return rc < 0 ? rc : take_fd(&to);
}

static int load(const char *path, uint64_t bytes_max, struct mote_snapshot *s, struct err *e)
{
	struct blob layer;
	char name[100];
	cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return err_set(e, ERR_CONFIG, errno, "%.300s: %s", path, strerror(errno));
	cleanup_close int kvm_fd = machine_open_kvm(e);
	if (kvm_fd < 0)
		return kvm_fd;
	int rc = find_layer(folder, &layer, name, e);
	if (rc < 0)
		return rc;
	cleanup_close int fd = copy_layer(folder, name, &layer, bytes_max, e);
	if (fd < 0)
		return fd;
	rc = vm_snapshot_open(fd, mote_build_id, kvm_fd, &s->vm, e);
	if (rc < 0)
		return rc;
	size_t len;
	const uint8_t *bytes = vm_snapshot_extra(s->vm, &len);
	struct extra extra;
	if (vm_snapshot_moment(s->vm) != SNAPSHOT_EXCHANGE)
		return bad(e, name, "is of a guest that does not wait for calls");
	if (len <= sizeof(extra))
		return bad(e, name, "has no list of functions");
	memcpy(&extra, bytes, sizeof(extra));
	if (extra.message_max == 0 || extra.message_max > CALL_BYTES_MAX)
		return bad(e, name, "allows no possible size of messages");
	s->message_max = extra.message_max < CALL_BYTES_DEFAULT ? extra.message_max : CALL_BYTES_DEFAULT;
	uint64_t memory = vm_snapshot_memory(s->vm);
	s->memory_bytes = memory < DEFAULT_MEMORY ? memory : DEFAULT_MEMORY;
	return exports_read(&s->exports, bytes + sizeof(extra), len - sizeof(extra), e);
}

int mote_snapshot_load_max(const char *path, uint64_t bytes_max, struct mote_snapshot **snapshot,
			   struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_snapshot *s = calloc(1, sizeof(*s));
	if (!s) {
		err_sys(&e, ENOMEM, "a snapshot");
		return sandbox_report(&e, error);
	}
	s->refs = 1;
	if (load(path, bytes_max, s, &e) < 0) {
		mote_snapshot_free(s);
		return sandbox_report(&e, error);
	}
	*snapshot = s;
	return 0;
}

int mote_snapshot_load(const char *path, struct mote_snapshot **snapshot, struct mote_error *error)
{
	return mote_snapshot_load_max(path, LAYER_MAX, snapshot, error);
}
