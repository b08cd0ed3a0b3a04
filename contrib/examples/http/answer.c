/* SPDX-License-Identifier: Apache-2.0 */
/* The strategies: where a request's function runs, and what of the last request is still there. */
#include "handler.h"
#include "http.h"

#include <mote/call.h>
#include <mote/pool.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* --- with a sandbox: they differ in what a request finds of the one before --- */

static const int closed_stdio[3] = {-1, -1, 2};
static struct mote_options options = {
	.size = sizeof(options),
	.memory_bytes = 64 << 20,
	.stdio = closed_stdio,
	.call_time_limit_ns = 1000000000,
};
static struct mote_sandbox *first;
static struct mote_snapshot *snapshot;

static int reuse_open(const char *guest)
{
	static char *argv[] = {(char *)"guest", NULL};
	struct mote_error e;
	options.program_path = guest;
	options.argv = argv;
	options.program_fd = open(guest, O_RDONLY | O_CLOEXEC);
	if (options.program_fd < 0) {
		perror(guest);
		return -1;
	}
	int rc = mote_sandbox_new(&options, &first, &e);
	close(options.program_fd);
	return rc < 0 || mote_sandbox_init(first, &e) < 0 ? complain(&e) : 0;
}

static int reuse_answer(const struct http_request *request, struct http_answer *answer)
{
	return ask(first, request, answer);
}

static void close_all(void)
{
	mote_snapshot_free(snapshot);
	mote_sandbox_free(first);
}

static int restore_open(const char *guest)
{
	struct mote_error e;
	if (reuse_open(guest) < 0)
		return -1;
	return mote_sandbox_snapshot(first, &snapshot, &e) < 0 ? complain(&e) : 0;
}

static int restore_answer(const struct http_request *request, struct http_answer *answer)
{
	struct mote_error e;
	int rc = ask(first, request, answer);
	return mote_sandbox_restore(first, snapshot, &e) < 0 ? complain(&e) : rc;
}

static struct mote_pool *pool;

static int renew_open(const char *guest)
{
	struct mote_error e;
	if (restore_open(guest) < 0)
		return -1;
	struct mote_pool_options o = {.size = sizeof(o), .snapshot = snapshot, .sandbox = &options, .ready = 16};
	return mote_pool_new(&o, &pool, &e) < 0 ? complain(&e) : 0;
}

static int renew_answer(const struct http_request *request, struct http_answer *answer)
{
	struct mote_error e;
	struct mote_sandbox *fresh;
	if (mote_pool_take(pool, &fresh, &e) < 0)
		return complain(&e);
	int rc = ask(fresh, request, answer);
	mote_pool_give(pool, fresh);
	return rc;
}

static void renew_close(void)
{
	mote_pool_free(pool);
	close_all();
}

const struct strategy strategies[] = {
	{"renew", "a new sandbox for each request, made from a snapshot", renew_open, renew_answer,
	 renew_close},
	{"restore", "one sandbox, set back to its snapshot after each request", restore_open,
	 restore_answer, close_all},
	{"reuse", "one sandbox for all requests: what the guest keeps stays", reuse_open,
	 reuse_answer, close_all},
	{"none", "no sandbox: the server calls the same function itself", host_open, host_answer,
	 host_close},
};
const int strategy_count = sizeof(strategies) / sizeof(strategies[0]);
