/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes standard input line by line through a plugin that runs in a micro-VM: host PLUGIN <in >out
 */
#include <fcntl.h>
#include <mote/call.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The plugin may ask for settings: those in the environment that begin with FILTER_, and no others.
 */
static int setting(void *arg, struct mote_sandbox *sandbox, const struct mote_value *args,
		   size_t count, struct mote_value *result, struct mote_error *error)
{
	char name[64];
	(void)arg, (void)sandbox, (void)count, (void)error;
	snprintf(name, sizeof(name), "FILTER_%s", args[0].of.string.text);
	const char *value = getenv(name);
	*result = mote_string(value ? value : "");
	return 0;
}

static int filter(struct mote_sandbox *sandbox)
{
	struct mote_error error;
	char line[4096];
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		struct mote_value text = mote_string(line), result = {.type = MOTE_STRING};
		if (mote_sandbox_call(sandbox, "filter", &text, 1, &result, &error) < 0) {
			fprintf(stderr, "filter: %s\n", error.text);
			return 1;
		}
		puts(result.of.string.text);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct mote_function functions[] = {{"setting", "s:s", setting, NULL}};
	struct mote_options options = {
		.size = sizeof(options),
		.program_fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1,
		.program_path = argv[1],
		.argv = argv + 1,
		.memory_bytes = 64 << 20,
		.functions = functions,
		.function_count = 1,
		.call_time_limit_ns = 10000000000, /* a plugin that takes longer is stopped */
	};
	struct mote_sandbox *sandbox = NULL;
	struct mote_error error;
	if (mote_sandbox_new(&options, &sandbox, &error) < 0 ||
	    mote_sandbox_init(sandbox, &error) < 0)
		return fprintf(stderr, "filter: %s\n", error.text), 1;
	int status = filter(sandbox);
	mote_sandbox_free(sandbox);
	return status;
}
