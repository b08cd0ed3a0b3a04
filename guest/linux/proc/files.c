/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/proc/files.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/state.h"

enum { OPEN_MAX = 64 };

static struct proc_open files[OPEN_MAX];
static uint8_t file_of[DESCRIPTORS_MAX]; /* index + 1; 0: none */

struct proc_open *proc_file(int32_t fd)
{
	if (fd < 0 || fd >= DESCRIPTORS_MAX || !file_of[fd])
		return NULL;
	return &files[file_of[fd] - 1];
}

int64_t proc_file_set(int32_t fd, const char *path)
{
	for (uint8_t i = 0; fd >= 0 && fd < DESCRIPTORS_MAX && i < OPEN_MAX; i++) {
		if (files[i].users)
			continue;
		files[i] = (struct proc_open){.users = 1};
		memcpy(files[i].path, path, strlen(path) + 1);
		file_of[fd] = (uint8_t)(i + 1);
		return 0;
	}
	return -ENFILE;
}

void proc_file_forget(int32_t fd)
{
	struct proc_open *file = proc_file(fd);
	if (!file)
		return;
	file->users--;
	file_of[fd] = 0;
}

void proc_file_copied(int32_t from, int32_t to)
{
	struct proc_open *file = proc_file(from);
	if (!file || to < 0 || to >= DESCRIPTORS_MAX)
		return;
	file->users++;
	file_of[to] = file_of[from];
}
