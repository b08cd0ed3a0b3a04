/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of the example's server: requests read from and answers written to a connection
 * (message.c), and the ways of answering one (answer.c).
 */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>

enum { HTTP_REQUEST_MAX = 8192, HTTP_BODY_MAX = 4096, HTTP_LOCATION_MAX = 1024 };

/* A request's head. The strings point into the buffer that it was read from. */
struct http_request {
	const char *method, *path;
	const char *headers; /* the lines behind the request line, each ended by LF */
	size_t bytes;        /* of the head, its empty line included */
	int keep_alive;
};

/*
 * Takes one request from the beginning of text[0..length), which it changes: 1 with *request filled
 * in, 0 when more bytes are needed, or the status (400 and above) that the peer gets before it is
 * hung up on. Requests with a body are refused (413, chunked ones 501). Source: RFC 9112, sections
 * 2 to 6.
 */
int http_read(char *text, size_t length, struct http_request *request);

struct http_answer {
	int status;
	char location[HTTP_LOCATION_MAX]; /* "" for none */
	char body[HTTP_BODY_MAX];
};

/* Writes the answer as bytes to send: their count, at most room. */
size_t http_write(const struct http_answer *answer, int keep_alive, char *to, size_t capacity);

/*
 * A way of answering, by name. open() makes what all threads share, begin() what one thread answers
 * with (NULL: failed), answer() is for that thread alone: 0, or -1. What fails says so in one
 * sentence on stderr.
 */
struct answerer;

struct strategy {
	const char *name, *help;
	int (*open)(const char *guest);
	struct answerer *(*begin)(void);
	int (*answer)(struct answerer *a, const struct http_request *request,
		      struct http_answer *answer);
	void (*end)(struct answerer *a);
	void (*close)(void);
};

extern const struct strategy strategies[];
extern const int strategy_count;

#endif
