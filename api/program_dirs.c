/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever made the snapshot's file controls what is read. */
#include "api/program_dirs.h"

#include "base/path.h"

#include <errno.h>
#include <string.h>

int program_dirs_put(struct buf *b, const struct mote_options *o)
{
	int rc = 0;
	for (size_t i = 0; i < o->dir_count && rc == 0; i++) {
		size_t len = strlen(o->dirs[i].guest_path);
		rc = buf_put_le32(b, o->dirs[i].readonly != 0);
		if (rc == 0)
			rc = buf_put_le32(b, (uint32_t)len);
		if (rc == 0)
			rc = buf_put(b, o->dirs[i].guest_path, len);
	}
	return rc;
}

/* The directory of the options at that path, however it is written. */
static const struct mote_dir *find_dir(const struct mote_options *o, const uint8_t *path,
				       size_t len)
{
	char text[PATH_MAX], wanted[PATH_MAX], found[PATH_MAX];
	if (len >= sizeof(text) || memchr(path, 0, len))
		return NULL;
	memcpy(text, path, len);
	text[len] = '\0';
	if (path_normalise(text, wanted) < 0)
		return NULL;
	for (size_t i = 0; i < o->dir_count; i++)
		if (path_normalise(o->dirs[i].guest_path, found) == 0 && strcmp(found, wanted) == 0)
			return &o->dirs[i];
	return NULL;
}

int program_dirs_order(const struct mote_options *o, struct reader r,
		       struct mote_dir dirs[PREOPENS_MAX], struct err *e)
{
	size_t count = 0;
	while (r.left) {
		uint32_t readonly, len;
		const uint8_t *path;
		if (!reader_le32(&r, &readonly) || !reader_le32(&r, &len) ||
		    !reader_bytes(&r, len, &path) || count == PREOPENS_MAX)
			return err_set(
				e, ERR_CONFIG, EINVAL,
				"the snapshot cannot be used: its list of directories is damaged");
		const struct mote_dir *d = find_dir(o, path, len);
		int shown = len < 200 ? (int)len : 200;
		if (!d)
			return err_set(e, ERR_CONFIG, EINVAL,
				       "the snapshot's program needs a directory at %.*s", shown,
				       path);
		if (!d->readonly != !readonly)
			return err_set(e, ERR_CONFIG, EINVAL, "the snapshot's program has %.*s %s",
				       shown, path, readonly ? "read-only" : "writable");
		dirs[count++] = *d;
	}
	if (count != o->dir_count)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the snapshot's program has %zu directories, not %zu", count,
			       o->dir_count);
	return 0;
}
