/* SPDX-License-Identifier: Apache-2.0 */
/* The strategies: where a request's function runs, and what of the last request is still there. */
#include "handler.h"
#include "http.h"

#include <mote/call.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mote_sandbox *sandbox;

/* "STATUS LF LOCATION LF BODY", which a guest wrote: nothing in it is trusted. */
static int parse(const char *text, struct http_answer *answer)
{
	char *end;
	unsigned long status = strtoul(text, &end, 10);
	size_t location = *end == '\n' ? strcspn(++end, "\n") : 0;
	if (status < 200 || status > 599 || end[location] != '\n' ||
	    location >= sizeof(answer->location) ||
	    strlen(end + location + 1) >= sizeof(answer->body) || memchr(end, '\r', location)) {
		fprintf(stderr, "the guest's answer is not STATUS, LOCATION and BODY\n");
		return -1;
	}
	answer->status = (int)status;
	memcpy(answer->location, end, location);
	answer->location[location] = '\0';
	strcpy(answer->body, end + location + 1);
	return 0;
}

static int complain(const struct mote_error *e)
{
	fprintf(stderr, "%s\n", e->text);
	return -1;
}

/* Has a sandbox that is ready answer one request. */
static int ask(struct mote_sandbox *s, const struct http_request *request,
	       struct http_answer *answer)
{
	struct mote_value args[] = {mote_string(request->method), mote_string(request->path),
				    mote_string(request->headers)};
	struct mote_value result = {.type = MOTE_STRING};
	struct mote_error e;
	return mote_sandbox_call(s, "handle", args, 3, &result, &e) < 0
		       ? complain(&e)
		       : parse(result.of.string.text, answer);
}

/* --- none --- */

static int host_open(const char *guest)
{
	(void)guest;
	return 0;
}

static int host_answer(const struct http_request *request, struct http_answer *answer)
{
	char text[HTTP_LOCATION_MAX + HTTP_BODY_MAX];
	handle_request(request->method, request->path, request->headers, text, sizeof(text));
	return parse(text, answer);
}

static void host_close(void)
{
}

/* --- reuse --- */

static int guest_open(const char *guest)
{
	static const int closed[3] = {-1, -1, 2};
	char *argv[] = {(char *)(uintptr_t)guest, NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = 64 << 20,
		.program_fd = open(guest, O_RDONLY | O_CLOEXEC),
		.program_path = guest,
		.argv = argv,
		.stdio = closed,
		.call_time_limit_ns = 1000000000,
	};
	struct mote_error e;
	if (o.program_fd < 0) {
		perror(guest);
		return -1;
	}
	int rc = mote_sandbox_new(&o, &sandbox, &e);
	close(o.program_fd);
	return rc < 0 || mote_sandbox_init(sandbox, &e) < 0 ? complain(&e) : 0;
}

static int guest_answer(const struct http_request *request, struct http_answer *answer)
{
	return ask(sandbox, request, answer);
}

static void guest_close(void)
{
	mote_sandbox_free(sandbox);
}

const struct strategy strategies[] = {
	{"reuse", "one sandbox for all requests: as fast as a call, and it remembers", guest_open,
	 guest_answer, guest_close},
	{"none", "no sandbox: the server calls the same function itself", host_open, host_answer,
	 host_close},
};
const int strategy_count = sizeof(strategies) / sizeof(strategies[0]);
