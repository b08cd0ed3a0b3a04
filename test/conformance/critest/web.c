/* SPDX-License-Identifier: Apache-2.0 */
/* usage: server PORT: the page that critest expects of nginx and httpd, for each connection. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char page[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nIt works!\n";

int main(int argc, char **argv)
{
	const int on = 1, s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET};
	signal(SIGPIPE, SIG_IGN);
	a.sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "80"));
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 16) < 0) {
		perror("server");
		return 1;
	}
	fprintf(stderr, "httpd: listening\n"); /* critest looks for the name in the log */
	for (;;) {
		char request[4096];
		int client = accept(s, NULL, NULL);
		if (client < 0 || read(client, request, sizeof(request)) < 0 ||
		    write(client, page, strlen(page)) < 0)
			perror("server");
		close(client);
	}
}
