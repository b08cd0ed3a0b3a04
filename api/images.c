/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the images in the binary's own file by its program headers. */
#include "api/images.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_BYTES = 4096 }; /* fewer than any image has */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int file = -1;
static uint64_t file_base; /* address that offset 0 of the file would have */

static int find(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **name = arg;
	uintptr_t at = (uintptr_t)mote_image_linux;
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;
		if (ph->p_type != PT_LOAD || at < start || at - start >= ph->p_filesz)
			continue;
		file_base = start - ph->p_offset;
		*name = info->dlpi_name;
		return 1;
	}
	return 0;
}

/* Whether the file has these bytes of this process where they should be. */
static bool has(int fd, const void *bytes, size_t len)
{
	uint8_t found[4096];
	off_t at = (off_t)((uintptr_t)bytes - file_base);
	return pread(fd, found, len, at) == (ssize_t)len && memcmp(found, bytes, len) == 0;
}

/* Whether it has both images. The digest behind them is of all of their bytes. */
static bool has_images(int fd)
{
	return has(fd, mote_image_linux, FIRST_BYTES) && has(fd, mote_image_wasm, FIRST_BYTES) &&
	       has(fd, mote_build_id, sizeof(mote_build_id));
}

/*
 * The program itself has no name here. A library that was found by a relative path may be another
 * file by now, as may one that was replaced, by another build too: the images are copied then.
 */
static void open_once(void)
{
	const char *name = NULL;
	if (!dl_iterate_phdr(find, &name))
		return;
	cleanup_close int fd =
		open(name && name[0] ? name : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && has_images(fd))
		file = take_fd(&fd);
}

void images_open(void)
{
	pthread_once(&once, open_once);
}

int images_file(const void *at, uint64_t *offset)
{
	images_open();
	*offset = (uintptr_t)at - file_base;
	if (*offset % 4096 != 0)
		return -1;
	return file;
}
