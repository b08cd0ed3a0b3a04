/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the heads of requests to contrib/examples/http. The whole input is what has come so
 * far.
 */
#include "contrib/examples/http/message.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > HTTP_REQUEST_MAX)
		return 0;
	char *text = malloc(size ? size : 1), sent[256];
	struct http_request r = {0};
	struct http_answer answer = {.status = 200};
	require(text != NULL);
	if (size)
		memcpy(text, data, size);
	int rc = http_read(text, size, &r);
	require(rc == 0 || rc == 1 || rc >= 400);
	if (rc == 1) {
		/* What is taken lies in the buffer, and the strings end there. */
		require(r.bytes <= size && r.method >= text && r.path > r.method &&
			r.headers > r.path);
		require(r.headers + strlen(r.headers) < text + size && r.path[0] == '/' &&
			!strchr(r.method, ' '));
		require(http_write(&answer, r.keep_alive, sent, sizeof(sent)) < sizeof(sent));
	}
	free(text);
	return 0;
}
