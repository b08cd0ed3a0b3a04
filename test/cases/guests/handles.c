/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File handles, as a container has them.
 * cases: reference this kernel's file systems can be exported, and root may open handles
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} h = {.handle.handle_bytes = 128};
	int mount;
	SHOW(name_to_handle_at(AT_FDCWD, ".", &h.handle, &mount, 0));
	SHOW(name_to_handle_at(AT_FDCWD, "nowhere", &h.handle, &mount, 0));
	SHOW(name_to_handle_at(99, "", &h.handle, &mount, AT_EMPTY_PATH));
	SHOW(name_to_handle_at(AT_FDCWD, ".", &h.handle, &mount, 0x40));
	SHOW(symlink("nowhere", "link"));
	SHOW(name_to_handle_at(AT_FDCWD, "link", &h.handle, &mount, 0));
	SHOW(name_to_handle_at(AT_FDCWD, "link", &h.handle, &mount, AT_SYMLINK_FOLLOW));
	SHOW(open_by_handle_at(AT_FDCWD, &h.handle, O_RDONLY));
	SHOW(open_by_handle_at(99, &h.handle, O_RDONLY));
	SHOW(open_by_handle_at(AT_FDCWD, (struct file_handle *)8, O_RDONLY));
	h.handle.handle_bytes = 0;
	SHOW(open_by_handle_at(AT_FDCWD, &h.handle, O_RDONLY));
	return 0;
}
