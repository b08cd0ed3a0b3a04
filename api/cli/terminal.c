/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program may change the settings of the operator's terminal. They are restored when it has
 * ended.
 */
#include "cli.h"

#include <asm/termbits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct {
	bool is;
	struct termios before;
} terminals[3];
static pid_t own_group; /* getpgrp() is not allowed any more once a program has run */

void cli_terminals_note(void)
{
	own_group = getpgrp();
	for (int fd = 0; fd < 3; fd++)
		terminals[fd].is = ioctl(fd, TCGETS, &terminals[fd].before) == 0;
}

/*
 * With job control only the foreground may: else the terminal is in use by another job, with its
 * own settings.
 */
static bool is_ours(int fd)
{
	pid_t foreground;
	return ioctl(fd, TIOCGPGRP, &foreground) < 0 || foreground == own_group;
}

void cli_terminals_restore(void)
{
	for (int fd = 0; fd < 3; fd++) {
		struct termios now;
		if (!terminals[fd].is || ioctl(fd, TCGETS, &now) < 0 ||
		    memcmp(&now, &terminals[fd].before, sizeof(now)) == 0 || !is_ours(fd))
			continue;
		if (ioctl(fd, TCSETS, &terminals[fd].before) < 0)
			cli_complain("the terminal's settings could not be restored");
	}
}
