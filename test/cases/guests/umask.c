/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file mode creation mask: the program's own is in force alone, whatever it is set to.
 * cases: setup umask 022
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static void show(mode_t mask, mode_t mode)
{
	struct stat s;
	umask(mask);
	close(open("f", O_CREAT | O_WRONLY, mode));
	mkdir("d", mode);
	mkdir("r", 0777);
	stat("f", &s);
	printf("umask %03o: open %04o -> %o", mask, mode, s.st_mode & 07777);
	stat("d", &s);
	printf(", mkdir -> %o\n", s.st_mode & 07777);
	unlink("f");
	rmdir("d");
	rmdir("r");
}

int main(void)
{
	static const mode_t masks[] = {0, 022, 027, 077, 0111, 0777, 07777};
	printf("umask was %03o\n", umask(0));
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		show(masks[i], 0666);
		show(masks[i], 0777);
		show(masks[i], 01777);
	}
	printf("umask is %03o\n", umask(0));
}
