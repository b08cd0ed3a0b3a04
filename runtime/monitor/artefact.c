/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of a container whose image is an artefact. Only a monitor that has not run a guest
 * yet reads images' documents.
 */
#include "base/io.h"
#include "runtime/containerd/image.h"
#include "runtime/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* In the bundle: the digest of the image's manifest, the content store, the first args[0]. */
#define NOTE       "mote-artefact"
#define NOTE_BYTES (OCI_ARTEFACT_DIGEST + PATH_MAX + (128UL << 10))

static int write_note(const struct oci_artefact *a, const char *store, const char *arg0,
		      struct err *e)
{
	cleanup_free char *text = NULL;
	int len = asprintf(&text, "%s\n%s\n%s", a->manifest, store, arg0);
	if (len < 0) {
		text = NULL;
		return err_sys(e, ENOMEM, "%s", NOTE);
	}
	cleanup_close int fd = open(NOTE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = -errno;
	if (fd >= 0)
		rc = io_write_all(fd, text, (size_t)len);
	if (rc < 0)
		return err_sys(e, -rc, "%s in the bundle", NOTE);
	return 0;
}

/* 1, 0 or an error, as oci_artefact_open. store: a path. */
static int find_in(const char *store, struct oci_artefact_query *q, struct oci_artefact *out,
		   struct err *e)
{
	cleanup_close int fd = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "containerd's content store, %.150s", store);
	q->store = fd;
	return oci_artefact_open(q, out, e);
}

int monitor_find_artefact(const struct wire_config *c, struct oci_artefact *out,
			  struct err *unasked, struct err *e)
{
	cleanup_image struct containerd_image image = {0};
	/* A bundle may have been another container's before. */
	if (unlink(NOTE) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s in the bundle", NOTE);
	if (!*c->containerd)
		return 0;
	int rc =
		containerd_image_of(c->containerd, c->containerd_namespace, c->id, &image, unasked);
	if (rc <= 0)
		return 0;
	struct oci_artefact_query q = {.digest = image.digest, .arg0 = c->spec.args[0]};
	rc = find_in(image.store, &q, out, e);
	if (rc < 0)
		return err_prefix(e, "image %.120s", image.name);
	if (rc == 0)
		return 0;
	return write_note(out, image.store, q.arg0, e);
}

int monitor_find_artefact_again(const struct wire_config *c, struct oci_artefact *out,
				struct err *e)
{
	cleanup_free char *text = NULL;
	size_t len;
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", c->bundle, NOTE) >= (int)sizeof(path))
		return err_sys(e, ENAMETOOLONG, "bundle %.150s", c->bundle);
	int rc = io_read_file(AT_FDCWD, path, NOTE_BYTES, &text, &len);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return err_sys(e, -rc, "%.200s", path);
	char *rest = text;
	const char *digest = strsep(&rest, "\n"), *store = strsep(&rest, "\n");
	if (!rest)
		return err_set(e, ERR_HOST, EBADMSG, "%.200s is not what Mote wrote", path);
	struct oci_artefact_query q = {
		.digest = digest,
		.arg0 = c->spec.args[0],
		.first_arg0 = rest,
	};
	rc = find_in(store, &q, out, e);
	if (rc < 0)
		return err_prefix(e, "the container's image");
	return 0;
}
