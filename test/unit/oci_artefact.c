/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are layers of images: which is taken, and what is refused, by its documents. */
#include "oci/artefact.h"

#include "base/sha256.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WASM      "application/wasm"
#define CONTENT   "application/vnd.wasm.content.layer.v1+wasm"
#define COMPONENT "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm"
#define TAR       "application/vnd.oci.image.layer.v1.tar+gzip"
#define CONFIG    "application/vnd.oci.image.config.v1+json"

static char dir[] = "/tmp/mote-artefact.XXXXXX";
static int store = -1;
static const char module[] = "\0asm\1\0\0\0", other[] = "\0asm\1\0\0\0\0\1\0", elf[64] = "\177ELF";
static char module_digest[72], other_digest[72], elf_digest[72];

/* A blob under its digest, or, if `under` is given, under that one. */
static void put(const void *bytes, size_t len, char digest[72], const char *under)
{
	char hex[65], name[128];
	sha256_hex(bytes, len, hex);
	snprintf(digest, 72, "sha256:%s", hex);
	snprintf(name, sizeof(name), CONTENT_BLOBS "/%s", under ? under + 7 : hex);
	int fd = openat(store, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void setup(void)
{
	cr_assert(mkdtemp(dir));
	store = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(store >= 0 && mkdirat(store, "blobs", 0755) == 0 &&
		  mkdirat(store, CONTENT_BLOBS, 0755) == 0);
	put(module, sizeof(module) - 1, module_digest, NULL);
	put(other, sizeof(other) - 1, other_digest, NULL);
	put(elf, sizeof(elf), elf_digest, NULL);
}

static void teardown(void)
{
	char cmd[64];
	close(store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert(system(cmd) == 0);
}

TestSuite(oci_artefact, .init = setup, .fini = teardown);

struct text {
	char bytes[65536];
	size_t len;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, args);
	va_end(args);
	cr_assert(n >= 0 && (size_t)n < sizeof(t->bytes) - t->len);
	t->len += (size_t)n;
}

static size_t size_of(const char *digest)
{
	if (strcmp(digest, elf_digest) == 0)
		return sizeof(elf);
	return strcmp(digest, module_digest) == 0 ? sizeof(module) - 1 : sizeof(other) - 1;
}

/* Layers; title "": none. */
static void add_layer(struct text *t, const char *type, const char *digest, const char *title)
{
	add(t, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu", t->len ? "," : "", type,
	    digest, size_of(digest));
	if (*title)
		add(t, ",\"annotations\":{\"org.opencontainers.image.title\":\"%s\"}", title);
	add(t, "}");
}

/* A manifest with these layers and that config. */
static void put_image(const char *config, const char *config_type, const struct text *layers,
		      char digest[72])
{
	static struct text t;
	char config_digest[72];
	put(config, strlen(config), config_digest, NULL);
	t.len = 0;
	add(&t,
	    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu},"
	    "\"layers\":[%s]}",
	    config_type, config_digest, strlen(config), layers->bytes);
	put(t.bytes, t.len, digest, NULL);
}

static void put_one(const char *config, const char *type, const char *layer, char digest[72])
{
	static struct text layers;
	layers = (struct text){0};
	add_layer(&layers, type, layer, "p.wasm");
	put_image(config, CONFIG, &layers, digest);
}

static int open_as(const char *digest, const char *arg0, const char *first, struct oci_artefact *a,
		   struct err *e)
{
	const struct oci_artefact_query q = {
		.store = store, .digest = digest, .arg0 = arg0, .first_arg0 = first};
	*a = (struct oci_artefact){.entry.fd = -1};
	*e = (struct err){0};
	return oci_artefact_open(&q, a, e);
}

static void found(const char *digest, const char *arg0, const char *first, const char *layer,
		  const char *path, const char *function)
{
	struct oci_artefact a;
	struct err e;
	int rc = open_as(digest, arg0, first, &a, &e);
	cr_expect(rc == 1, "%s: %d: %s", arg0, rc, e.text);
	if (rc != 1)
		return;
	cr_expect(strcmp(a.layer, layer) == 0, "%s: layer %s", arg0, a.layer);
	cr_expect(strcmp(a.entry.path, path) == 0, "%s: path %s", arg0, a.entry.path);
	cr_expect(function ? a.entry.function && strcmp(a.entry.function, function) == 0
			   : !a.entry.function,
		  "%s: function %s", arg0, a.entry.function);
	cr_expect(fcntl(a.entry.fd, F_GETFD) == FD_CLOEXEC);
	oci_entry_free(&a.entry);
}

static void absent(const char *digest, const char *arg0, const char *first)
{
	struct oci_artefact a;
	struct err e;
	int rc = open_as(digest, arg0, first, &a, &e);
	cr_expect(rc == 0 && a.entry.fd < 0, "%s: %d: %s", arg0, rc, e.text);
}

static void refused(const char *digest, const char *arg0, int code, const char *part)
{
	struct oci_artefact a;
	struct err e;
	int rc = open_as(digest, arg0, NULL, &a, &e);
	cr_expect(rc == -code && e.blame == ERR_CONFIG && a.entry.fd < 0, "%s: %d, not %d: %s",
		  part, rc, -code, e.text);
	cr_expect(strstr(e.text, part), "'%s' has no '%s'", e.text, part);
}

#define WASIP1 "{\"os\":\"wasip1\",\"architecture\":\"wasm\"}"

Test(oci_artefact, each_media_type_and_platform)
{
	static const char *const types[] = {WASM, CONTENT, COMPONENT};
	static const char *const systems[] = {"wasip1", "wasip2", "wasi"};
	static const char *const machines[] = {"wasm", "wasm32"};
	char digest[72], config[128];
	for (size_t i = 0; i < 18; i++) {
		snprintf(config, sizeof(config), "{\"os\":\"%s\",\"architecture\":\"%s\"}",
			 systems[i % 3], machines[i / 9]);
		put_one(config, types[i / 3 % 3], module_digest, digest);
		found(digest, "/any", NULL, module_digest, "/any", NULL);
	}
	put_one("{}", WASM, module_digest, digest);
	found(digest, "p.wasm", NULL, module_digest, "p.wasm", NULL);
	put_one("{\"os\":\"linux\",\"architecture\":\"amd64\"}", OCI_LAYER_NATIVE, elf_digest,
		digest);
	found(digest, "p", NULL, elf_digest, "/p", NULL);
	found(digest, "/bin/p", NULL, elf_digest, "/bin/p", NULL);
}

Test(oci_artefact, the_wasm_config_and_none)
{
	static struct text layers;
	char digest[72];
	add_layer(&layers, WASM, module_digest, "");
	put_image(WASIP1, "application/vnd.wasm.config.v0+json", &layers, digest);
	found(digest, "x", NULL, module_digest, "x", NULL);
	put_image("not JSON", "application/octet-stream", &layers, digest);
	found(digest, "x", NULL, module_digest, "x", NULL);
	put_image("not JSON", CONFIG, &layers, digest);
	refused(digest, "x", EINVAL, "sha256:");
}

Test(oci_artefact, functions)
{
	char digest[72];
	put_one(WASIP1, WASM, module_digest, digest);
	found(digest, "p.wasm#run", NULL, module_digest, "p.wasm", "run");
	found(digest, "p.wasm#", NULL, module_digest, "p.wasm", "");
	found(digest, "#run", NULL, module_digest, "#run", NULL);
	put_one("{}", OCI_LAYER_NATIVE, elf_digest, digest);
	refused(digest, "p#run", ENOEXEC, "not a module");
}

Test(oci_artefact, one_of_several)
{
	static struct text layers;
	char digest[72];
	add_layer(&layers, WASM, module_digest, "p.wasm");
	add_layer(&layers, "application/vnd.example.data", elf_digest, "data");
	add_layer(&layers, CONTENT, other_digest, "./bin/q#2");
	put_image(WASIP1, CONFIG, &layers, digest);
	found(digest, "/p.wasm", NULL, module_digest, "/p.wasm", NULL);
	found(digest, "bin/q#2", NULL, other_digest, "bin/q#2", NULL);
	found(digest, "bin/q#2#run", NULL, other_digest, "bin/q#2", "run");
	refused(digest, "q", ENOENT, "none is titled q, as process.args[0] asks; titles: p.wasm");
	refused(digest, "", ENOENT, "2 programs");
	refused(digest, "data", ENOENT, "none is titled data");
	add_layer(&layers, WASM, other_digest, "p.wasm");
	put_image(WASIP1, CONFIG, &layers, digest);
	refused(digest, "p.wasm", EINVAL, "2 of its programs are titled p.wasm");
	add_layer(&layers, WASM, other_digest, "a\\u001b[2J\\u000ab");
	put_image(WASIP1, CONFIG, &layers, digest);
	refused(digest, "q", ENOENT, ", a?[2J?b");
}

/* What Exec runs: by its title, or by the name that the first process had. */
Test(oci_artefact, further_processes)
{
	static struct text layers;
	char digest[72];
	put_one(WASIP1, WASM, module_digest, digest);
	found(digest, "p.wasm", "/app", module_digest, "p.wasm", NULL);
	found(digest, "/app", "/app", module_digest, "/app", NULL);
	absent(digest, "/bin/sh", "/app");
	add_layer(&layers, WASM, module_digest, "p");
	add_layer(&layers, WASM, other_digest, "q");
	put_image(WASIP1, CONFIG, &layers, digest);
	found(digest, "q", "p", other_digest, "q", NULL);
	absent(digest, "ls", "p");
}

Test(oci_artefact, ordinary_images)
{
	static struct text layers;
	char digest[72];
	put_one("{\"os\":\"linux\",\"architecture\":\"amd64\"}", TAR, elf_digest, digest);
	absent(digest, "/p", NULL);
	put_image("{}", CONFIG, &layers, digest);
	absent(digest, "/p", NULL);
	put_one("{}", "application/vnd.example.data", elf_digest, digest);
	refused(digest, "/p", ENOEXEC, "application/vnd.example.data; Mote runs layers of");
	/* With a root file system, too. */
	add_layer(&layers, TAR, elf_digest, "");
	add_layer(&layers, WASM, module_digest, "");
	put_image(WASIP1, CONFIG, &layers, digest);
	found(digest, "/p", NULL, module_digest, "/p", NULL);
}

Test(oci_artefact, other_platforms)
{
	static const char *const bad[][3] = {
		{"linux", "amd64", WASM},
		{"linux", "arm64", WASM},
		{"windows", "amd64", WASM},
		{"js", "wasm", WASM},
		{"wasip1", "", WASM},
		{"wasip1", "wasm64", WASM},
		{"linux", "s390x", OCI_LAYER_NATIVE},
		{"windows", "amd64", OCI_LAYER_NATIVE},
	};
	char digest[72], config[128], part[64];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(config, sizeof(config), "{\"os\":\"%s\",\"architecture\":\"%s\"}",
			 bad[i][0], bad[i][1]);
		snprintf(part, sizeof(part), "it is for %s/%s;", bad[i][0], bad[i][1]);
		put_one(config, bad[i][2],
			strcmp(bad[i][2], WASM) == 0 ? module_digest : elf_digest, digest);
		refused(digest, "p", ENOEXEC, part);
	}
}

/* The media type is not true of the bytes. */
Test(oci_artefact, other_content)
{
	char digest[72], text_digest[72];
	put_one("{}", WASM, elf_digest, digest);
	refused(digest, "p", ENOEXEC, "is not what its media type application/wasm says");
	put_one("{}", OCI_LAYER_NATIVE, module_digest, digest);
	refused(digest, "p", ENOEXEC, "is not what its media type");
	put("#!/bin/sh", 8, text_digest, NULL);
	put_one("{}", OCI_LAYER_NATIVE, text_digest, digest);
	refused(digest, "p", EBADMSG, "bytes"); /* size_of does not know it */
}

static void replace(const char *digest)
{
	char ignored[72];
	put(module, sizeof(module) - 1, ignored, digest);
}

Test(oci_artefact, blobs_that_are_missing_or_altered)
{
	char digest[72], name[128];
	put_one(WASIP1, WASM, other_digest, digest);
	replace(other_digest);
	refused(digest, "p", EBADMSG, "8 bytes, and 11 by the manifest");
	put("\0asm\1\0\0\0\0\1!", 11, (char[72]){0}, other_digest);
	refused(digest, "p", EBADMSG, "other bytes than that");
	snprintf(name, sizeof(name), CONTENT_BLOBS "/%s", other_digest + 7);
	cr_assert(unlinkat(store, name, 0) == 0);
	refused(digest, "p", ENOENT, "pull the image again");
	cr_assert(mkdirat(store, name, 0755) == 0);
	refused(digest, "p", EINVAL, "is not a file");
	cr_assert(unlinkat(store, name, AT_REMOVEDIR) == 0 &&
		  symlinkat("/etc/passwd", store, name) == 0);
	struct oci_artefact a;
	struct err e;
	cr_expect(open_as(digest, "p", NULL, &a, &e) == -ELOOP, "%s", e.text);
	replace(digest);
	refused(digest, "p", EBADMSG, "other bytes than that");
	snprintf(name, sizeof(name), CONTENT_BLOBS "/%s", digest + 7);
	cr_assert(unlinkat(store, name, 0) == 0);
	refused(digest, "p", ENOENT, digest);
	refused("sha512:00", "p", EINVAL, "sha512:00 is not a digest");
	refused("sha256:../../../../../../../../../../../../../../../etc/passwd", "p", EINVAL,
		"is not a digest");
}

Test(oci_artefact, documents_that_are_none)
{
	static const struct {
		const char *text, *part;
		int code;
	} bad[] = {
		{"", "sha256:", EINVAL},
		{"[]", "config: is missing", EINVAL},
		{"{}", "config", EINVAL},
		{"{\"config\":{\"digest\":1},\"layers\":[]}", "config.digest", EINVAL},
		{"{\"config\":{\"digest\":\"sha256:x\"}}", "layers", EINVAL},
		{"{\"config\":{\"digest\":\"\"},\"layers\":[{}]}", "layers[0].mediaType", EINVAL},
		{"{\"config\":{\"digest\":\"\"},\"layers\":[{\"mediaType\":\"a\",\"digest\":\"b\","
		 "\"size\":-1}]}",
		 "layers[0].size", ERANGE},
		{"{\"manifests\":[{}]}", "manifests[0].digest", EINVAL},
		{"{\"manifests\":[],\"layers\":[],\"config\":{\"digest\":\"\"}}",
		 "both manifests and layers", EBADMSG},
	};
	char digest[72];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i].text, strlen(bad[i].text), digest, NULL);
		refused(digest, "p", bad[i].code, bad[i].part);
	}
}

Test(oci_artefact, too_much)
{
	static struct text layers;
	static char large[OCI_DOCUMENT_MAX + 1];
	char digest[72];
	for (int i = 0; i <= OCI_LAYERS_MAX; i++)
		add_layer(&layers, WASM, module_digest, "");
	put_image(WASIP1, CONFIG, &layers, digest);
	refused(digest, "p", E2BIG, "layers: has 257 elements; at most 256");
	memset(large, ' ', sizeof(large));
	put(large, sizeof(large), digest, NULL);
	refused(digest, "p", EFBIG, "has more than 1048576 bytes");
}

Test(oci_artefact, an_index)
{
	char here[72], native[72], digest[72];
	static struct text index;
	put_one(WASIP1, WASM, module_digest, here);
	put_one("{\"os\":\"linux\",\"architecture\":\"amd64\"}", OCI_LAYER_NATIVE, elf_digest,
		native);
	add(&index,
	    "{\"manifests\":["
	    "{\"digest\":\"sha256:%064d\",\"platform\":{\"os\":\"wasip1\","
	    "\"architecture\":\"wasm\"}},",
	    1); /* not pulled */
	add(&index,
	    "{\"digest\":\"%s\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},",
	    native);
	size_t without_module = index.len;
	add(&index,
	    "{\"digest\":\"%s\",\"platform\":{\"os\":\"wasip1\",\"architecture\":\"wasm\"}}]}",
	    here);
	put(index.bytes, index.len, digest, NULL);
	found(digest, "p", NULL, module_digest, "p", NULL);
	index.len = without_module - 1;
	add(&index, "]}");
	put(index.bytes, index.len, digest, NULL);
	found(digest, "p", NULL, elf_digest, "/p", NULL);
	index.len = 0;
	add(&index, "{\"manifests\":[{\"digest\":\"%s\"}]}", here);
	put(index.bytes, index.len, digest, NULL);
	found(digest, "p", NULL, module_digest, "p", NULL);
	/* One that leads to what may be an index as well. */
	index.len = 0;
	add(&index, "{\"manifests\":[],\"layers\":[],\"config\":{\"digest\":\"\"}}");
	put(index.bytes, index.len, native, NULL);
	index.len = 0;
	add(&index, "{\"manifests\":[{\"digest\":\"%s\"}]}", native);
	put(index.bytes, index.len, digest, NULL);
	refused(digest, "p", EBADMSG, "both manifests and layers");
	index.len = 0;
	add(&index,
	    "{\"manifests\":[{\"digest\":\"%s\",\"platform\":{\"os\":\"windows\","
	    "\"architecture\":\"amd64\"}}]}",
	    here);
	put(index.bytes, index.len, digest, NULL);
	absent(digest, "p", NULL);
}
