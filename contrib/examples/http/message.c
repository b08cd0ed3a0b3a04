/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 heads, read within bounds. The peer controls the input. RFC 9112. */
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The value of a header line when it has that name, else NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t n = strlen(name);
	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	return line + strspn(line, " \t");
}

/* One header line's meaning for the connection. 0, or a status. */
static int read_header(const char *line, struct http_request *r)
{
	const char *v;
	if (strcspn(line, ":") == strlen(line) || line[0] == ' ' || line[0] == '\t' ||
	    line[0] == ':')
		return 400;
	if (value_of(line, "transfer-encoding"))
		return 501;
	if ((v = value_of(line, "connection")) != NULL) {
		if (strncasecmp(v, "close", 5) == 0)
			r->keep_alive = 0;
		else if (strncasecmp(v, "keep-alive", 10) == 0)
			r->keep_alive = 1;
	}
	if ((v = value_of(line, "content-length")) != NULL && strcmp(v, "0") != 0)
		return 413;
	return 0;
}

/* "METHOD PATH HTTP/1.x". 0, or a status. */
static int read_request_line(char *line, struct http_request *r)
{
	char *path = strchr(line, ' '), *version = path ? strchr(path + 1, ' ') : NULL;
	if (!version || path == line || path[1] != '/')
		return 400;
	*path++ = *version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	r->method = line;
	r->path = path;
	r->keep_alive = version[7] == '1';
	return 0;
}

int http_read(char *text, size_t length, struct http_request *request)
{
	struct http_request r = {0};
	char *end = memmem(text, length, "\r\n\r\n", 4);
	if (!end)
		return length >= HTTP_REQUEST_MAX ? 431 : 0;
	if (memchr(text, '\0', (size_t)(end - text)))
		return 400;
	char *line = text, *to = NULL;
	while (line < end + 2) {
		char *next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		*next = '\0';
		int status = to ? read_header(line, &r) : read_request_line(line, &r);
		if (status)
			return status;
		/* The header lines move together, each with LF, behind the request line. */
		size_t n = strlen(line);
		if (to) {
			memmove(to, line, n);
			to += n;
			*to++ = '\n';
		} else {
			to = next + 2;
			r.headers = to;
		}
		line = next + 2;
	}
	*to = '\0';
	r.bytes = (size_t)(end + 4 - text);
	*request = r;
	return 1;
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{413, "Content Too Large"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

size_t http_write(const struct http_answer *a, int keep_alive, char *to, size_t capacity)
{
	int n = snprintf(to, capacity, "HTTP/1.1 %d %s\r\n%s%s%sContent-Length: %zu\r\n%s\r\n%s",
			 a->status, reason(a->status), a->location[0] ? "Location: " : "",
			 a->location, a->location[0] ? "\r\n" : "", strlen(a->body),
			 keep_alive ? "" : "Connection: close\r\n", a->body);
	return n < 0 ? 0 : (size_t)n < capacity ? (size_t)n : capacity;
}
