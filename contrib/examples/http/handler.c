/* SPDX-License-Identifier: Apache-2.0 */
/* A link shortener: known names are redirected, anything else is not found. */
#include "handler.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *path, *target;
} links[] = {
	{"/", "https://www.kernel.org/"},
	{"/kvm", "https://docs.kernel.org/virt/kvm/api.html"},
	{"/wasi", "https://wasi.dev/"},
};

/* The value of a header, without its line's end: its length, or 0. */
static size_t header(const char *headers, const char *name, const char **value)
{
	size_t n = strlen(name);
	for (const char *line = headers; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
			*value = line + n + 1 + strspn(line + n + 1, " \t");
			return strcspn(*value, "\n");
		}
	return 0;
}

void handle_request(const char *method, const char *path, const char *headers, char *to,
		    size_t capacity)
{
	if (strcmp(method, "GET") != 0) {
		snprintf(to, capacity, "405\n\nonly GET is possible\n");
		return;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (strcmp(path, links[i].path) == 0) {
			const char *host = "";
			size_t n = header(headers, "host", &host);
			snprintf(to, capacity, "302\n%s\n%.*s%s moved to %s\n", links[i].target,
				 n < 64 ? (int)n : 64, host, path, links[i].target);
			return;
		}
	snprintf(to, capacity, "404\n\n%.64s: not found\n", path);
}
