/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever made an image controls its digests, and may have made a store that does not fit them. */
#include "oci/content.h"

#include "base/io.h"
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int content_open(int store, const char *digest, struct err *e)
{
	char name[sizeof(CONTENT_BLOBS) + 1 + CONTENT_DIGEST_CHARS];
	struct stat st;
	if (!content_is_digest(digest))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "%.100s is not a digest that Mote reads: it must be sha256: and 64 "
			       "hexadecimal digits",
			       digest);
	snprintf(name, sizeof(name), CONTENT_BLOBS "/%s", digest + 7);
	cleanup_close int fd =
		openat(store, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_CONFIG, ENOENT,
			       "%s is not in the content store; pull the image again", digest);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s in the content store", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, EINVAL, "%s in the content store is not a file",
			       digest);
	return take_fd(&fd);
}

static int altered(const char *digest, struct err *e)
{
	return err_set(e, ERR_CONFIG, EBADMSG,
		       "%s in the content store has other bytes than that; remove the image and "
		       "pull it again",
		       digest);
}

int content_check(int fd, const char *digest, struct err *e)
{
	char found[65];
	int rc = sha256_file(fd, -1, found);
	if (rc < 0)
		return err_sys(e, -rc, "%s in the content store", digest);
	if (strcmp(found, digest + 7) != 0)
		return altered(digest, e);
	return 0;
}

int content_read(int store, const char *digest, size_t max_bytes, char **out, size_t *len,
		 struct err *e)
{
	char found[65];
	cleanup_close int fd = content_open(store, digest, e);
	if (fd < 0)
		return fd;
	cleanup_free char *text = malloc(max_bytes + 1);
	if (!text)
		return err_sys(e, ENOMEM, "%s", digest);
	ssize_t n = io_read_full(fd, text, max_bytes + 1);
	if (n < 0)
		return err_sys(e, (int)-n, "%s in the content store", digest);
	if ((size_t)n > max_bytes)
		return err_set(e, ERR_CONFIG, EFBIG, "%s has more than %zu bytes", digest,
			       max_bytes);
	sha256_hex(text, (size_t)n, found);
	if (strcmp(found, digest + 7) != 0)
		return altered(digest, e);
	text[n] = '\0';
	*len = (size_t)n;
	*out = take_ptr(text);
	return 0;
}
