/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins say, for the server's log: bounded lines, with nothing that forges another. */
#include "proxy-wasm/internal.h"

#include <string.h>

void pw_log(const struct pw_plugin *p, unsigned level, const char *text, size_t len)
{
	cleanup_buf struct buf line = {.cap = 4 * PW_LOG_BYTES_MAX}; /* "\n" becomes three */
	const char *more = "";
	if (!p->server->log)
		return;
	if (len > PW_LOG_BYTES_MAX) {
		len = PW_LOG_BYTES_MAX;
		more = "...";
	}
	int rc = buf_put(&line, p->config.name, strlen(p->config.name));
	if (rc == 0)
		rc = buf_put(&line, ": ", 2);
	for (size_t i = 0; i < len && rc == 0; i++) {
		const uint8_t c = (uint8_t)text[i];
		if (c == '\n')
			rc = buf_put(&line, " | ", i + 1 < len ? 3 : 0);
		else
			rc = buf_put(&line, c < 0x20 || c == 0x7f ? "?" : &text[i], 1);
	}
	if (rc == 0 && buf_put(&line, more, strlen(more) + 1) == 0)
		p->server->log(p->owner, level, (const char *)line.data);
}

/* Lines of one descriptor; the last may lack its newline. */
static void log_lines(const struct pw_plugin *p, unsigned level, const char *text, size_t len)
{
	unsigned lines = 0;
	while (len && lines++ < PW_LOGS_MAX) {
		const char *end = memchr(text, '\n', len);
		const size_t n = end ? (size_t)(end - text) : len;
		if (n)
			pw_log(p, level, text, n);
		text += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
}

void pw_log_output(struct pw_plugin *p, struct buf *to)
{
	static const unsigned levels[] = {2, 4}; /* info, error: as the ABI has it */
	char text[16384];
	for (int i = 0; i < 2; i++) {
		ssize_t n = read(p->output[i][0], text, sizeof(text));
		if (n <= 0)
			continue;
		if (i == 1 && to)
			(void)!buf_put(to, text, (size_t)n);
		else
			log_lines(p, levels[i], text, (size_t)n);
	}
}
