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

/* What one thread answers with. */
struct answerer {
	struct mote_sandbox *sandbox; /* reuse, restore */
	struct mote_pool *pool;       /* renew */
};

static struct answerer *plain_begin(void)
{
	struct answerer *a = calloc(1, sizeof(*a));
	if (!a)
		perror("a thread's state");
	return a;
}

static void end(struct answerer *a)
{
	mote_pool_free(a->pool);
	mote_sandbox_free(a->sandbox);
	free(a);
}

/* --- none --- */

static int host_open(const char *guest)
{
	(void)guest;
	return 0;
}

static int host_answer(struct answerer *a, const struct http_request *request,
		       struct http_answer *answer)
{
	char text[HTTP_LOCATION_MAX + HTTP_BODY_MAX];
	(void)a;
	handle_request(request->method, request->path, request->headers, text, sizeof(text));
	return parse(text, answer);
}

static void host_close(void)
{
}

/* --- with sandboxes: they differ in what a request finds of the one before --- */

static const int closed_stdio[3] = {-1, -1, 2};
static struct mote_options options = {
	.size = sizeof(options),
	.memory_bytes = 64 << 20,
	.stdio = closed_stdio,
	.call_time_limit_ns = 10000000000, /* also for its start */
};
static struct mote_snapshot *snapshot;

/* Loads and initialises the guest once; all sandboxes are made from how it is then. */
static int guest_open(const char *guest)
{
	static char *argv[] = {(char *)"guest", NULL};
	struct mote_sandbox *first;
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
	if (rc < 0)
		return complain(&e);
	if (mote_sandbox_init(first, &e) < 0 || mote_sandbox_snapshot(first, &snapshot, &e) < 0)
		rc = complain(&e);
	mote_sandbox_free(first);
	return rc;
}

static void guest_close(void)
{
	mote_snapshot_free(snapshot);
}

static struct answerer *sandbox_begin(void)
{
	struct mote_error e;
	struct answerer *a = plain_begin();
	if (a && mote_sandbox_from(snapshot, &options, &a->sandbox, &e) < 0) {
		complain(&e);
		free(a);
		return NULL;
	}
	return a;
}

static int reuse_answer(struct answerer *a, const struct http_request *request,
			struct http_answer *answer)
{
	return ask(a->sandbox, request, answer);
}

static int restore_answer(struct answerer *a, const struct http_request *request,
			  struct http_answer *answer)
{
	struct mote_error e;
	int rc = ask(a->sandbox, request, answer);
	return mote_sandbox_restore(a->sandbox, snapshot, &e) < 0 ? complain(&e) : rc;
}

static struct answerer *renew_begin(void)
{
	struct mote_error e;
	struct mote_pool_options o = {
		.size = sizeof(o),
		.snapshot = snapshot,
		.sandbox = &options,
		.ready = 8,
	};
	struct answerer *a = plain_begin();
	if (a && mote_pool_new(&o, &a->pool, &e) < 0) {
		complain(&e);
		free(a);
		return NULL;
	}
	return a;
}

static int renew_answer(struct answerer *a, const struct http_request *request,
			struct http_answer *answer)
{
	struct mote_error e;
	struct mote_sandbox *fresh;
	if (mote_pool_take(a->pool, &fresh, &e) < 0)
		return complain(&e);
	int rc = ask(fresh, request, answer);
	mote_pool_give(a->pool, fresh);
	return rc;
}

const struct strategy strategies[] = {
	{"renew", "a new sandbox for each request, made from a snapshot", guest_open, renew_begin,
	 renew_answer, end, guest_close},
	{"restore", "one sandbox a thread, reset to its snapshot after each request", guest_open,
	 sandbox_begin, restore_answer, end, guest_close},
	{"reuse", "one sandbox a thread for all its requests: what the guest keeps stays",
	 guest_open, sandbox_begin, reuse_answer, end, guest_close},
	{"none", "no sandbox: the server calls the same function itself", host_open, plain_begin,
	 host_answer, end, host_close},
};
const int strategy_count = sizeof(strategies) / sizeof(strategies[0]);
