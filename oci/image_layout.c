/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.json → manifest → config and one layer, each a blob under its digest. Whoever made the
 * directory controls every byte of what is read.
 */
#include "oci/image_layout.h"

#include "base/io.h"
#include "base/memfd.h"
#include "base/sha256.h"
#include "oci/content.h"
#include "oci/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define MANIFEST     "application/vnd.oci.image.manifest.v1+json"
#define BLOBS        CONTENT_BLOBS
#define DOCUMENT_MAX 65536
#define DIGEST_CHARS CONTENT_DIGEST_CHARS
#define LAYOUT_TEXT  "{\"imageLayoutVersion\":\"1.0.0\"}"

struct blob {
	char digest[DIGEST_CHARS + 1];
	uint64_t bytes;
};

/* Of a blob, below the layout's directory. */
struct blob_name {
	char text[sizeof(BLOBS) + 1 + DIGEST_CHARS];
};

static struct blob_name name_of(const struct blob *b)
{
	struct blob_name name;
	snprintf(name.text, sizeof(name.text), BLOBS "/%s", b->digest);
	return name;
}

static int hash_file(int fd, struct blob *out, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "an image's layer");
	out->bytes = (uint64_t)st.st_size;
	int rc = sha256_file(fd, -1, out->digest);
	if (rc < 0)
		return err_sys(e, -rc, "an image's layer");
	return 0;
}

/* --- writing --- */

static int put_file(int dir, const char *name, const void *bytes, size_t len, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return 0; /* a blob of the same digest */
	if (fd < 0)
		return err_sys(e, errno, "writing %s", name);
	int rc = io_write_all(fd, bytes, len);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(e, -rc, "writing %s", name);
	return 0;
}

static int put_blob(int dir, const char *text, struct blob *out, struct err *e)
{
	out->bytes = strlen(text);
	sha256_hex(text, out->bytes, out->digest);
	return put_file(dir, name_of(out).text, text, out->bytes, e);
}

static int put_layer(int dir, int (*write_layer)(void *arg, int fd, struct err *e), void *arg,
		     struct blob *out, struct err *e)
{
	static const char unfinished[] = BLOBS "/layer";
	cleanup_close int fd = openat(dir, unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "writing an image's layer");
	int rc = write_layer(arg, fd, e);
	if (rc < 0)
		return rc;
	if (fsync(fd) < 0)
		return err_sys(e, errno, "writing an image's layer");
	rc = hash_file(fd, out, e);
	if (rc < 0)
		return rc;
	if (renameat(dir, unfinished, dir, name_of(out).text) < 0)
		return err_sys(e, errno, "writing an image's layer");
	return 0;
}

static int put_manifest(int dir, const struct image_types *types, const struct blob *config,
			const struct blob *layer, struct blob *out, struct err *e)
{
	char text[2048];
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\","
		 "\"config\":{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%lu},"
		 "\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%lu}]}",
		 types->config, config->digest, config->bytes, types->layer, layer->digest,
		 layer->bytes);
	return put_blob(dir, text, out, e);
}

static int put_index(int dir, const struct blob *manifest, struct err *e)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MANIFEST
		 "\",\"digest\":\"sha256:%s\",\"size\":%lu}]}",
		 manifest->digest, manifest->bytes);
	int rc = put_file(dir, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), e);
	if (rc < 0)
		return rc;
	return put_file(dir, "index.json", text, strlen(text), e);
}

static int put_layout(int dir, const struct image_types *types, const char *config_text,
		      int (*write_layer)(void *arg, int fd, struct err *e), void *arg,
		      struct err *e)
{
	struct blob layer, config, manifest;
	if (mkdirat(dir, "blobs", 0755) < 0 || mkdirat(dir, BLOBS, 0755) < 0)
		return err_sys(e, errno, "writing an image");
	int rc = put_layer(dir, write_layer, arg, &layer, e);
	if (rc == 0)
		rc = put_blob(dir, config_text, &config, e);
	if (rc == 0)
		rc = put_manifest(dir, types, &config, &layer, &manifest, e);
	if (rc == 0)
		rc = put_index(dir, &manifest, e);
	return rc;
}

static void remove_blobs(int dir)
{
	int fd = openat(dir, BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	DIR *blobs = fdopendir(fd);
	if (!blobs) {
		close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(blobs));)
		unlinkat(dirfd(blobs), entry->d_name, 0);
	closedir(blobs);
}

/* What a failed attempt has left; dir -1: nothing is in it yet. */
static void remove_layout(const char *path, int dir)
{
	if (dir >= 0) {
		remove_blobs(dir);
		unlinkat(dir, BLOBS, AT_REMOVEDIR);
		unlinkat(dir, "blobs", AT_REMOVEDIR);
		unlinkat(dir, "oci-layout", 0);
		unlinkat(dir, "index.json", 0);
	}
	rmdir(path);
}

static int refuse_existing(const char *path, struct err *e)
{
	return err_set(e, ERR_CONFIG, EEXIST, "%.300s already exists", path);
}

/* A directory next to `path`, which becomes `path` when it is complete. */
static int make_unfinished(const char *path, char *name, size_t size, struct err *e)
{
	uint64_t random;
	struct stat st;
	if (lstat(path, &st) == 0)
		return refuse_existing(path, e);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, errno, "random bytes for a file's name");
	if (snprintf(name, size, "%s.new-%016lx", path, random) >= (int)size)
		return err_set(e, ERR_CONFIG, ENAMETOOLONG, "the image's path is too long");
	if (mkdir(name, 0755) < 0)
		return err_sys(e, errno, "%.300s", name);
	return 0;
}

int image_layout_write(const char *path, const struct image_types *types, const char *config,
		       int (*write_layer)(void *arg, int fd, struct err *e), void *arg,
		       struct err *e)
{
	char unfinished[4096];
	int rc = make_unfinished(path, unfinished, sizeof(unfinished), e);
	if (rc < 0)
		return rc;
	cleanup_close int dir = open(unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		rc = err_sys(e, errno, "%.300s", unfinished);
	if (rc == 0)
		rc = put_layout(dir, types, config, write_layer, arg, e);
	if (rc == 0 && rename(unfinished, path) < 0) {
		if (errno == ENOTEMPTY || errno == EEXIST)
			rc = refuse_existing(path, e);
		else
			rc = err_sys(e, errno, "%.300s", path);
	}
	if (rc < 0)
		remove_layout(unfinished, dir);
	return rc;
}

/* --- reading --- */

static int bad(struct err *e, const char *name, const char *what)
{
	return err_set(e, ERR_CONFIG, EINVAL, "%.100s %s", name, what);
}

static int open_file(int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return bad(e, name, "is missing");
	return err_sys(e, errno, "%s", name);
}

/* A small document. *len bytes; its digest is checked if one is given. */
static int read_document(int dir, const char *name, const char *digest, char text[DOCUMENT_MAX + 1],
			 size_t *len, struct err *e)
{
	char found[DIGEST_CHARS + 1];
	cleanup_close int fd = open_file(dir, name, e);
	if (fd < 0)
		return fd;
	ssize_t n = pread(fd, text, DOCUMENT_MAX + 1, 0);
	if (n < 0)
		return err_sys(e, errno, "%s", name);
	if (n > DOCUMENT_MAX)
		return bad(e, name, "is too large");
	*len = (size_t)n;
	sha256_hex(text, *len, found);
	if (digest && strcmp(found, digest) != 0)
		return bad(e, name, "does not match its digest");
	return 0;
}

/* A descriptor of a blob of the wanted type. */
static void take_descriptor(const struct json *d, const char *type, struct blob *out)
{
	const char *found = "", *digest = "";
	int64_t bytes = 0;
	json_get_string(d, "mediaType", JSON_REQUIRED, DOCUMENT_MAX, &found);
	json_get_string(d, "digest", JSON_REQUIRED, DOCUMENT_MAX, &digest);
	json_get_int(d, "size", JSON_REQUIRED, INT64_MIN, INT64_MAX, &bytes);
	if (strcmp(found, type) != 0)
		json_fail(d, "mediaType", EINVAL, "is '%.100s', not %s", found, type);
	if (!content_is_digest(digest))
		json_fail(d, "digest", EINVAL, "is not a sha256 digest");
	else
		snprintf(out->digest, sizeof(out->digest), "%s", digest + 7);
	if (bytes < 0)
		json_fail(d, "size", EINVAL, "is negative");
	out->bytes = (uint64_t)bytes;
}

/* The descriptor in the first element of a list. */
static void take_first(const struct json *top, const char *key, const char *type, struct blob *out)
{
	struct json list, item, descriptor;
	json_get_array(top, key, JSON_REQUIRED, SIZE_MAX, &list);
	if (!json_element(&list, 0, &item))
		json_fail(top, key, EINVAL, "is empty");
	else if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &descriptor))
		take_descriptor(&descriptor, type, out);
}

static int read_index(const char *text, size_t len, struct blob *manifest, struct err *e)
{
	cleanup_json struct json_t *root = NULL;
	int rc = json_parse(text, len, "index.json", &root, e);
	if (rc < 0)
		return rc;
	struct json_document d = json_open(root, "index.json", e);
	const struct json top = json_top(&d);
	take_first(&top, "manifests", MANIFEST, manifest);
	return d.rc;
}

static int read_manifest(const char *text, size_t len, const struct image_types *types,
			 struct blob *config, struct blob *layer, struct err *e)
{
	cleanup_json struct json_t *root = NULL;
	int rc = json_parse(text, len, "the manifest", &root, e);
	if (rc < 0)
		return rc;
	struct json_document d = json_open(root, "the manifest", e);
	const struct json top = json_top(&d);
	struct json descriptor;
	if (json_get_object(&top, "config", JSON_REQUIRED, &descriptor))
		take_descriptor(&descriptor, types->config, config);
	take_first(&top, "layers", types->layer, layer);
	return d.rc;
}

/* Follows the digests down to the layer's. */
static int find_layer(int dir, const struct image_types *types, struct blob *layer, struct err *e)
{
	cleanup_free char *text = malloc(DOCUMENT_MAX + 1);
	struct blob manifest, config;
	size_t len;
	if (!text)
		return err_sys(e, ENOMEM, "an image");
	int rc = read_document(dir, "oci-layout", NULL, text, &len, e);
	if (rc == 0)
		rc = read_document(dir, "index.json", NULL, text, &len, e);
	if (rc == 0)
		rc = read_index(text, len, &manifest, e);
	if (rc == 0)
		rc = read_document(dir, name_of(&manifest).text, manifest.digest, text, &len, e);
	if (rc == 0)
		rc = read_manifest(text, len, types, &config, layer, e);
	if (rc == 0)
		rc = read_document(dir, name_of(&config).text, config.digest, text, &len, e);
	return rc;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Ranges of zeros stay holes. */
static int copy_bytes(int from, int to, uint64_t bytes, const char *name, struct err *e)
{
	enum { PIECE = 65536 };
	cleanup_free uint8_t *piece = malloc(PIECE);
	if (!piece)
		return err_sys(e, ENOMEM, "an image's layer");
	for (uint64_t at = 0; at < bytes;) {
		size_t want = bytes - at < PIECE ? bytes - at : PIECE;
		ssize_t n = io_pread_full(from, piece, want, (off_t)at);
		if (n < 0)
			return err_sys(e, (int)-n, "%s", name);
		if (n == 0)
			return bad(e, name, "has been cut");
		int rc = 0;
		if (!is_zero(piece, (size_t)n))
			rc = io_pwrite_all(to, piece, (size_t)n, (off_t)at);
		if (rc < 0)
			return err_sys(e, -rc, "an image's layer");
		at += (uint64_t)n;
	}
	return 0;
}

/* Before anything of that size is made. */
static int check_size(int fd, const struct blob *layer, uint64_t bytes_max, const char *name,
		      struct err *e)
{
	struct stat st;
	if (layer->bytes == 0 || layer->bytes > IMAGE_LAYER_BYTES_MAX)
		return bad(e, name, "has an impossible size");
	if (layer->bytes > bytes_max)
		return err_set(e, ERR_CONFIG, EFBIG,
			       "the image's layer has %lu bytes; at most %lu are allowed",
			       layer->bytes, bytes_max);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != layer->bytes)
		return bad(e, name, "has been cut or has grown");
	return 0;
}

/* A sealed copy whose digest was checked. The descriptor, or -errno. */
static int copy_layer(int dir, const struct blob *layer, uint64_t bytes_max, struct err *e)
{
	const struct blob_name name = name_of(layer);
	struct blob found;
	cleanup_close int from = open_file(dir, name.text, e);
	if (from < 0)
		return from;
	int rc = check_size(from, layer, bytes_max, name.text, e);
	if (rc < 0)
		return rc;
	cleanup_close int to = memfd_new("mote-layer");
	if (to < 0)
		return err_sys(e, -to, "an image's layer");
	if (ftruncate(to, (off_t)layer->bytes) < 0)
		return err_sys(e, errno, "an image's layer");
	rc = copy_bytes(from, to, layer->bytes, name.text, e);
	if (rc < 0)
		return rc;
	rc = memfd_seal(to);
	if (rc < 0)
		return err_sys(e, -rc, "an image's layer");
	rc = hash_file(to, &found, e);
	if (rc < 0)
		return rc;
	if (strcmp(found.digest, layer->digest) != 0)
		return bad(e, name.text, "does not match its digest");
	return take_fd(&to);
}

int image_layout_open_layer(const char *path, const struct image_types *types, uint64_t bytes_max,
			    struct err *e)
{
	struct blob layer;
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, ERR_CONFIG, errno, "%.300s: %s", path, strerror(errno));
	int rc = find_layer(dir, types, &layer, e);
	if (rc < 0)
		return rc;
	return copy_layer(dir, &layer, bytes_max, e);
}
