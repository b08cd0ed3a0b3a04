/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads libmote by a path, waits for a line on its standard input, goes to another directory, and
 * calls a guest: embedder_dlopen LIBRARY DIRECTORY GUEST. Called by test/integration/embedders,
 * which replaces the library meanwhile.
 */
#include <mote/call.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIND(name) __typeof__(name) *const find_##name = (__typeof__(name) *)dlsym(library, #name)

static int use(void *library, int program)
{
	FIND(mote_sandbox_new);
	FIND(mote_sandbox_init);
	FIND(mote_sandbox_call);
	FIND(mote_sandbox_free);
	static char *arguments[] = {(char *)"guest", NULL};
	static const int streams[3] = {-1, 2, 2};
	struct mote_error e = {.text = "a function is missing"};
	struct mote_options o = {
		.size = sizeof(o), .program_fd = program, .argv = arguments, .stdio = streams};
	struct mote_sandbox *s;
	struct mote_value result = {0};
	if (!find_mote_sandbox_new || !find_mote_sandbox_init || !find_mote_sandbox_call ||
	    !find_mote_sandbox_free || find_mote_sandbox_new(&o, &s, &e) < 0 ||
	    find_mote_sandbox_init(s, &e) < 0 ||
	    find_mote_sandbox_call(s, "count", NULL, 0, &result, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	find_mote_sandbox_free(s);
	printf("counted %ld\n", result.of.i64);
	return 0;
}

int main(int argc, char **argv)
{
	char line[16];
	if (argc != 4)
		return 2;
	int program = open(argv[3], O_RDONLY | O_CLOEXEC);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library || program < 0) {
		fprintf(stderr, "%s\n", library ? argv[3] : dlerror());
		return 1;
	}
	printf("loaded\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin) || chdir(argv[2]) < 0)
		return 1;
	int rc = use(library, program);
	dlclose(library);
	return rc;
}
