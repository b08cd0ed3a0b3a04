/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index, manifest, config (image-spec 1.1): JSON of whoever made the image. The media type of a
 * layer says what it is; the config's platform must fit it.
 */
#include "oci/artefact.h"

#include "base/program.h"
#include "oci/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define TEXT_MAX 4096 /* bytes, of a media type or a title */
#define TITLE    "org.opencontainers.image.title"

enum program_layer { LAYER_OTHER, LAYER_WASM, LAYER_NATIVE };

struct platform {
	const char *os, *architecture; /* borrowed; "": not given */
};

/* Borrowed from its document. */
struct layer {
	enum program_layer kind;
	const char *digest, *title, *type;
	int64_t bytes;
};

struct manifest {
	const char *config, *config_type; /* digest; borrowed */
	struct layer programs[OCI_LAYERS_MAX];
	size_t count;           /* of programs */
	const char *other_type; /* of a layer that is none and that nobody unpacks; NULL: none */
	bool unpacked;          /* it has a layer for the root file system */
};

/* A document and what it was made of. */
struct document {
	struct json_t *root;
	char digest[OCI_ARTEFACT_DIGEST];
};

static void free_document(const struct document *d)
{
	json_free(d->root);
}
#define cleanup_document cleanup_(free_document)

static int read_document(int store, const char *digest, struct document *out, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = content_read(store, digest, OCI_DOCUMENT_MAX, &text, &len, e);
	if (rc < 0)
		return rc;
	snprintf(out->digest, sizeof(out->digest), "%s", digest);
	return json_parse(text, len, out->digest, &out->root, e);
}

/* --- platforms --- */

static bool is_wasm_platform(const struct platform *p)
{
	static const char *const systems[] = {"wasip1", "wasi", "wasip2"};
	bool wasm = strcmp(p->architecture, "wasm") == 0 || strcmp(p->architecture, "wasm32") == 0;
	for (size_t i = 0; wasm && i < sizeof(systems) / sizeof(systems[0]); i++)
		if (strcmp(p->os, systems[i]) == 0)
			return true;
	return false;
}

/* This machine's architecture, as images name it. */
static bool is_native_platform(const struct platform *p)
{
	static const struct {
		const char *machine, *name;
	} names[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}};
	struct utsname u;
	if (strcmp(p->os, "linux") != 0 || uname(&u) < 0)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(u.machine, names[i].machine) == 0)
			return strcmp(p->architecture, names[i].name) == 0;
	return false;
}

static void take_platform(const struct json *object, struct platform *out)
{
	*out = (struct platform){.os = "", .architecture = ""};
	json_get_string(object, "os", JSON_OPTIONAL, TEXT_MAX, &out->os);
	json_get_string(object, "architecture", JSON_OPTIONAL, TEXT_MAX, &out->architecture);
}

/* An artefact without a platform is what its layers say. */
static int check_platform(const struct platform *p, enum program_layer kind, struct err *e)
{
	if (!*p->os && !*p->architecture)
		return 0;
	if (kind == LAYER_WASM && is_wasm_platform(p))
		return 0;
	if (kind == LAYER_NATIVE && is_native_platform(p))
		return 0;
	const char *fits = "wasip1/wasm, wasip2/wasm or wasi/wasm";
	if (kind == LAYER_NATIVE)
		fits = "linux and this machine's architecture";
	return err_set(e, ERR_CONFIG, ENOEXEC,
		       "its config says that it is for %.60s/%.60s; that of its program must be %s",
		       p->os, p->architecture, fits);
}

/* --- an index: which of its manifests --- */

enum { RANK_NONE = 4 };

struct choice {
	const char *digest; /* borrowed; NULL: none */
	unsigned rank;      /* the lowest is taken */
};

/* Modules first: an image for this machine has a root file system, in which to find its program. */
static unsigned rank_of(const struct platform *p)
{
	if (is_wasm_platform(p) && strcmp(p->os, "wasip2") != 0)
		return 1;
	if (is_wasm_platform(p) || (!*p->os && !*p->architecture))
		return 2;
	if (is_native_platform(p))
		return 3;
	return RANK_NONE;
}

/* Of those that are here: containerd only has what was pulled. */
static void consider(const struct json *item, int store, struct choice *best)
{
	const char *digest = "";
	struct json platform;
	struct platform p;
	struct err absent = {0};
	json_get_string(item, "digest", JSON_REQUIRED, TEXT_MAX, &digest);
	json_get_object(item, "platform", JSON_OPTIONAL, &platform);
	take_platform(&platform, &p);
	unsigned rank = rank_of(&p);
	if (rank >= best->rank || !content_is_digest(digest))
		return;
	cleanup_close int fd = content_open(store, digest, &absent);
	if (fd >= 0)
		*best = (struct choice){.digest = digest, .rank = rank};
}

/* *digest: copied from the document; "" if none of them runs here. */
static int choose_manifest(const struct document *index, int store,
			   char digest[OCI_ARTEFACT_DIGEST], struct err *e)
{
	struct json_document d = json_open(index->root, index->digest, e);
	const struct json top = json_top(&d);
	struct json list, item;
	struct choice best = {.rank = RANK_NONE};
	json_get_array(&top, "manifests", JSON_REQUIRED, OCI_LAYERS_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		consider(&item, store, &best);
	*digest = '\0';
	if (d.rc == 0 && best.digest)
		snprintf(digest, OCI_ARTEFACT_DIGEST, "%s", best.digest);
	return d.rc;
}

static bool has_array(const struct document *doc, const char *name)
{
	struct json_document d = json_open(doc->root, doc->digest, NULL);
	const struct json top = json_top(&d);
	struct json list;
	json_get_array(&top, name, JSON_OPTIONAL, SIZE_MAX, &list);
	return list.value;
}

/*
 * One of two meanings would be run by who read it as an index, and the other by who did not.
 * Whoever looked at the image may have looked at the other one.
 */
static int check_meaning(const struct document *doc, struct err *e)
{
	if (!has_array(doc, "manifests") || !has_array(doc, "layers"))
		return 0;
	return err_set(e, ERR_CONFIG, EBADMSG,
		       "%.80s has both manifests and layers: it is not clear what it is",
		       doc->digest);
}

/* The manifest itself: 1; 0: there is none for this machine. */
static int read_manifest(const struct oci_artefact_query *q, struct document *out, struct err *e)
{
	cleanup_document struct document first = {0};
	char digest[OCI_ARTEFACT_DIGEST];
	int rc = read_document(q->store, q->digest, &first, e);
	if (rc == 0)
		rc = check_meaning(&first, e);
	if (rc < 0)
		return rc;
	if (!has_array(&first, "manifests")) {
		*out = first;
		first.root = NULL;
		return 1;
	}
	rc = choose_manifest(&first, q->store, digest, e);
	if (rc < 0 || !*digest)
		return rc;
	rc = read_document(q->store, digest, out, e);
	if (rc == 0)
		rc = check_meaning(out, e);
	if (rc < 0)
		return rc;
	return 1;
}

/* --- a manifest: which of its layers --- */

static enum program_layer kind_of(const char *type)
{
	static const char *const wasm[] = {
		"application/wasm",
		"application/vnd.wasm.content.layer.v1+wasm",
		"application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
	};
	for (size_t i = 0; i < sizeof(wasm) / sizeof(wasm[0]); i++)
		if (strcmp(type, wasm[i]) == 0)
			return LAYER_WASM;
	if (strcmp(type, OCI_LAYER_NATIVE) == 0)
		return LAYER_NATIVE;
	return LAYER_OTHER;
}

/* One that containerd unpacks. */
static bool is_of_root(const char *type)
{
	return strncmp(type, "application/vnd.oci.image.layer.", 32) == 0 ||
	       strncmp(type, "application/vnd.docker.image.rootfs.", 36) == 0;
}

static void take_layer(const struct json *item, struct manifest *m)
{
	struct layer l = {.digest = "", .title = "", .type = ""};
	struct json notes;
	json_get_string(item, "mediaType", JSON_REQUIRED, TEXT_MAX, &l.type);
	json_get_string(item, "digest", JSON_REQUIRED, TEXT_MAX, &l.digest);
	json_get_int(item, "size", JSON_REQUIRED, 0, INT64_MAX, &l.bytes);
	json_get_object(item, "annotations", JSON_OPTIONAL, &notes);
	json_get_string(&notes, TITLE, JSON_OPTIONAL, TEXT_MAX, &l.title);
	l.kind = kind_of(l.type);
	if (l.kind != LAYER_OTHER)
		m->programs[m->count++] = l;
	else if (is_of_root(l.type))
		m->unpacked = true;
	else
		m->other_type = l.type;
}

static int parse_manifest(const struct document *doc, struct manifest *m, struct err *e)
{
	struct json_document d = json_open(doc->root, doc->digest, e);
	const struct json top = json_top(&d);
	struct json config, list, item;
	*m = (struct manifest){.config = "", .config_type = ""};
	json_get_object(&top, "config", JSON_REQUIRED, &config);
	json_get_string(&config, "digest", JSON_REQUIRED, TEXT_MAX, &m->config);
	json_get_string(&config, "mediaType", JSON_OPTIONAL, TEXT_MAX, &m->config_type);
	json_get_array(&top, "layers", JSON_REQUIRED, OCI_LAYERS_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		take_layer(&item, m);
	return d.rc;
}

/* A title as a path: "./p.wasm", "/p.wasm" and "p.wasm" are one name. */
static const char *plain(const char *name)
{
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	return name;
}

/* "p.wasm#run" is that module's function, unless a title is all of it. */
static bool is_called(const char *title, const char *arg0, size_t len)
{
	title = plain(title);
	const char *name = plain(arg0);
	len -= (size_t)(name - arg0);
	return *title && strlen(title) == len && memcmp(title, name, len) == 0;
}

/* How many layers have that name; *out: the last of them. */
static size_t find_called(const struct manifest *m, const char *arg0, size_t len,
			  const struct layer **out)
{
	size_t found = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (!is_called(m->programs[i].title, arg0, len))
			continue;
		*out = &m->programs[i];
		found++;
	}
	return found;
}

static size_t name_length(const char *arg0)
{
	const char *hash = strrchr(arg0, '#');
	if (!hash || hash == arg0)
		return strlen(arg0);
	return (size_t)(hash - arg0);
}

static const char *title_of(const struct layer *p)
{
	return *p->title ? p->title : "(none)";
}

static int none_called(const struct manifest *m, const char *arg0, struct err *e)
{
	char titles[160] = "";
	for (size_t i = 0, at = 0; i < m->count && at < sizeof(titles); i++)
		at += (size_t)snprintf(titles + at, sizeof(titles) - at, "%s%.60s", i ? ", " : "",
				       title_of(&m->programs[i]));
	return err_set(e, ERR_CONFIG, ENOENT,
		       "it has %zu programs, and none is titled %.60s, as process.args[0] asks; "
		       "titles: %s",
		       m->count, arg0, titles);
}

/* The program of args[0]: 1, or 0: none is meant. */
static int choose_layer(const struct manifest *m, const struct oci_artefact_query *q,
			const struct layer **out, struct err *e)
{
	bool first = !q->first_arg0 || strcmp(q->first_arg0, q->arg0) == 0;
	size_t found = find_called(m, q->arg0, strlen(q->arg0), out);
	if (found == 0)
		found = find_called(m, q->arg0, name_length(q->arg0), out);
	if (first && m->count == 1) {
		*out = &m->programs[0];
		return 1;
	}
	if (found == 1 || (found == 0 && !first))
		return (int)found;
	if (found == 0)
		return none_called(m, q->arg0, e);
	return err_set(e, ERR_CONFIG, EINVAL,
		       "%zu of its programs are titled %.60s: the name is ambiguous", found,
		       q->arg0);
}

/* --- the program --- */

static int check_config(const struct oci_artefact_query *q, const struct manifest *m,
			enum program_layer kind, struct err *e)
{
	cleanup_document struct document doc = {0};
	size_t len = strlen(m->config_type);
	/* What is not JSON names no platform. */
	if (len < 4 || strcmp(m->config_type + len - 4, "json") != 0)
		return 0;
	int rc = read_document(q->store, m->config, &doc, e);
	if (rc < 0)
		return rc;
	struct json_document d = json_open(doc.root, doc.digest, e);
	const struct json top = json_top(&d);
	struct json object;
	struct platform p;
	json_get_object(&top, JSON_SELF, JSON_REQUIRED, &object);
	take_platform(&object, &p);
	if (d.rc < 0)
		return d.rc;
	return check_platform(&p, kind, e);
}

static int check_size(int fd, const struct layer *l, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%.80s", l->digest);
	if (st.st_size != l->bytes)
		return err_set(e, ERR_CONFIG, EBADMSG,
			       "%.80s has %ld bytes, and %ld by the manifest; pull the image again",
			       l->digest, (long)st.st_size, (long)l->bytes);
	if ((uint64_t)l->bytes > OCI_PROGRAM_MAX)
		return err_set(e, ERR_CONFIG, EFBIG,
			       "%.80s has %ld bytes; a program has at most %lu", l->digest,
			       (long)l->bytes, OCI_PROGRAM_MAX);
	return 0;
}

/* The media type must be true of the bytes. */
static int check_kind(int fd, const struct layer *l, bool has_function, struct err *e)
{
	enum program_kind kind;
	int rc = program_identify(fd, *l->title ? l->title : l->digest, &kind, e);
	if (rc < 0)
		return rc;
	if (kind != (l->kind == LAYER_WASM ? PROGRAM_WASM : PROGRAM_ELF))
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.80s is not what its media type %.80s says", l->digest, l->type);
	if (has_function && kind != PROGRAM_WASM)
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.80s is not a module; PATH#FUNCTION is for modules", l->digest);
	if (kind == PROGRAM_ELF && program_is_dynamic(fd))
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%.80s is dynamically linked; Mote runs static programs: link it "
			       "with -static",
			       l->digest);
	return 0;
}

/* A native program's path is absolute, as it reads it in /proc/self/exe. */
static int name_entry(const struct layer *l, const char *arg0, size_t len, bool has_function,
		      struct oci_entry *out, struct err *e)
{
	const char *root = l->kind == LAYER_NATIVE && *arg0 != '/' ? "/" : "";
	char *path = NULL, *function = NULL;
	if (asprintf(&path, "%s%.*s", root, (int)len, arg0) < 0)
		path = NULL;
	if (path && has_function)
		function = strdup(arg0 + len + 1);
	if (!path || (has_function && !function)) {
		free(path);
		return err_sys(e, ENOMEM, "the entrypoint");
	}
	out->path = path;
	out->function = function;
	return 0;
}

static int open_layer(const struct oci_artefact_query *q, const struct layer *l,
		      struct oci_artefact *out, struct err *e)
{
	size_t len = name_length(q->arg0);
	if (is_called(l->title, q->arg0, strlen(q->arg0)))
		len = strlen(q->arg0);
	bool has_function = q->arg0[len] == '#';
	cleanup_close int fd = content_open(q->store, l->digest, e);
	if (fd < 0)
		return fd;
	int rc = check_size(fd, l, e);
	if (rc == 0)
		rc = content_check(fd, l->digest, e);
	if (rc == 0)
		rc = check_kind(fd, l, has_function, e);
	if (rc == 0)
		rc = name_entry(l, q->arg0, len, has_function, &out->entry, e);
	if (rc < 0)
		return rc;
	snprintf(out->layer, sizeof(out->layer), "%s", l->digest);
	out->entry.fd = take_fd(&fd);
	return 1;
}

/* An image of nothing that anybody here knows is not an ordinary one, either. */
static int no_program(const struct manifest *m, struct err *e)
{
	if (m->unpacked || !m->other_type)
		return 0;
	return err_set(e, ERR_CONFIG, ENOEXEC,
		       "none of its layers is a program, or for a root file system: %.100s; Mote "
		       "runs layers of application/wasm and " OCI_LAYER_NATIVE,
		       m->other_type);
}

static int open_artefact(const struct oci_artefact_query *q, struct oci_artefact *out,
			 struct err *e)
{
	cleanup_document struct document doc = {0};
	cleanup_free struct manifest *m = malloc(sizeof(*m));
	const struct layer *l = NULL;
	if (!m)
		return err_sys(e, ENOMEM, "an image's manifest");
	int rc = read_manifest(q, &doc, e);
	if (rc <= 0)
		return rc;
	rc = parse_manifest(&doc, m, e);
	if (rc < 0)
		return rc;
	if (m->count == 0)
		return no_program(m, e);
	rc = choose_layer(m, q, &l, e);
	if (rc <= 0)
		return rc;
	rc = check_config(q, m, l->kind, e);
	if (rc < 0)
		return rc;
	snprintf(out->manifest, sizeof(out->manifest), "%s", doc.digest);
	return open_layer(q, l, out, e);
}

int oci_artefact_open(const struct oci_artefact_query *q, struct oci_artefact *out, struct err *e)
{
	int rc = open_artefact(q, out, e);
	if (rc < 0)
		err_clean(e); /* titles, types and platforms are the image's */
	return rc;
}
