/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: an image's documents. The input is a JSON object whose members are blobs by digest;
 * one that is a string is that blob's bytes, others are their JSON. "sha256:" and 64 zeros is the
 * image; "arg0" and "first" are what is asked for.
 */
#include "json_mutator.h"
#include "mutate.h"

/* In the place of the content store. */
#define content_open  fuzz_content_open
#define content_read  fuzz_content_read
#define content_check fuzz_content_check
#include "oci/artefact.c"

#include "base/memfd.h"

#include <jansson.h>
#include <stdlib.h>

#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define LAYER  "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define CONFIG "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define OTHER  "sha256:3333333333333333333333333333333333333333333333333333333333333333"

static const char *const words[] = {
	"sha256:" ZEROS,
	LAYER,
	CONFIG,
	OTHER,
	"arg0",
	"first",
	"mediaType",
	"digest",
	"size",
	"annotations",
	TITLE,
	"platform",
	"os",
	"architecture",
	"manifests",
	"layers",
	"config",
	"wasip1",
	"wasip2",
	"wasi",
	"wasm",
	"wasm32",
	"linux",
	"amd64",
	"windows",
	"p",
	"p#run",
	"./p",
	"q",
	"application/wasm",
	"application/vnd.wasm.content.layer.v1+wasm",
	"application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
	OCI_LAYER_NATIVE,
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.config.v1+json",
	"\177ELF",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return json_mutate(data, size, max_size, seed, words);
}

static const json_t *blobs;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static char *bytes_of(const char *digest)
{
	const json_t *blob = json_object_get(blobs, digest);
	if (json_is_string(blob))
		return strdup(json_string_value(blob));
	return blob ? json_dumps(blob, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
}

int fuzz_content_open(int store, const char *digest, struct err *e)
{
	cleanup_free char *bytes = content_is_digest(digest) ? bytes_of(digest) : NULL;
	require(store == 77);
	if (!bytes)
		return err_set(e, ERR_CONFIG, ENOENT, "%s is missing", digest);
	int fd = memfd_new("blob");
	/* Modules begin with a NUL, which is not in JSON's strings. */
	if (strncmp(bytes, "asm", 3) == 0)
		require(write(fd, "", 1) == 1);
	require(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
	return fd;
}

int fuzz_content_read(int store, const char *digest, size_t max_bytes, char **out, size_t *len,
		      struct err *e)
{
	char *bytes = bytes_of(digest);
	require(store == 77);
	if (bytes && strlen(bytes) <= max_bytes) {
		*out = bytes;
		*len = strlen(bytes);
		return 0;
	}
	free(bytes);
	return err_set(e, ERR_CONFIG, ENOENT, "%s is missing", digest);
}

int fuzz_content_check(int fd, const char *digest, struct err *e)
{
	(void)e;
	require(fd >= 0 && content_is_digest(digest));
	return 0;
}

static const char *text_of(const char *key)
{
	return json_string_value(json_object_get(blobs, key));
}

static void ask(const char *arg0, const char *first)
{
	const struct oci_artefact_query q = {
		.store = 77, .digest = "sha256:" ZEROS, .arg0 = arg0, .first_arg0 = first};
	struct oci_artefact a = {.entry.fd = -1};
	struct err e = {0};
	int rc = oci_artefact_open(&q, &a, &e);
	/* A refusal says why, what was found is whole, and nothing is left open otherwise. */
	require(rc >= 0 || (e.code == -rc && e.text[0]));
	require((rc == 1) == (a.entry.fd >= 0));
	require(rc != 1 ||
		(a.entry.path && content_is_digest(a.layer) && content_is_digest(a.manifest)));
	if (rc == 1)
		oci_entry_free(&a.entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size, 0, NULL);
	blobs = root;
	const char *arg0 = text_of("arg0"), *first = text_of("first");
	ask(arg0 ? arg0 : "p", first);
	json_decref(root);
	return 0;
}
