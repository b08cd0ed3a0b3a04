/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts on the second of two listeners and answers in capitals; as a native program, which finds
 * them as systemd passes them, and as a module, which finds them behind its one directory. Each
 * check has a status.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	char text[16];
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	if (!count || strcmp(count, "2") != 0)
		return 2;
#ifdef __wasm__
	const int first = 4;
	(void)pid;
#else
	const int first = 3;
	if (!pid || atoi(pid) != getpid())
		return 3;
#endif
	int fd = accept(first + 1, NULL, NULL);
	if (fd < 0)
		return 4;
	ssize_t n = recv(fd, text, sizeof(text), 0);
	for (ssize_t i = 0; i < n; i++)
		text[i] = (char)(text[i] - 'a' + 'A');
	if (n != 5 || send(fd, text, 5, 0) != 5)
		return 5;
	if (access("/w", F_OK) != 0)
		return 6;
	return close(fd) == 0 ? 0 : 7;
}
