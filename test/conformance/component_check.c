/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out commands about components, for component_spectest.py: a line in, a line out.
 *
 *   check FILE                   whether it is a valid component: "valid", or the kind of error,
 *                                the offset, the message
 *   instance NAME FILE           makes an instance of it under that name: "instance", the same, or
 *                                "trap", its code and text
 *   invoke NAME FUNCTION VALUES  calls what it exports: "returned" and the result, or "trap"; or
 *                                "refused" and why
 *
 * Values are as component_values.h has them. With --interpreted, calls between components have no
 * adapters.
 */
#include "component_values.h"

#include "guest/component/component.h"
#include "guest/wasm/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 1 << 20 };

/* What a name stands for: an instance with all that it lies in, until the end. */
struct named {
	struct named *next;
	char *name;
	uint8_t *bytes;
	struct wasm_store store;
	struct component *component;
	struct component_instance *instance;
};
static struct named *all;
static bool compiles = true;

static const char *kind_name(enum wasm_error_kind kind)
{
	switch (kind) {
	case WASM_ERROR_MALFORMED:
		return "malformed";
	case WASM_ERROR_INVALID:
		return "invalid";
	case WASM_ERROR_UNSUPPORTED:
		return "unsupported";
	case WASM_ERROR_LIMIT:
		return "limit";
	case WASM_ERROR_MEMORY:
		return "memory";
	case WASM_ERROR_LINK:
		return "link";
	case WASM_ERROR_TRAP:
		break;
	}
	return "unexpected";
}

/* A copy of exactly the file's size, so that a sanitizer sees reads past it. */
static uint8_t *read_file(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		*size = (size_t)st.st_size;
		bytes = malloc(*size ? *size : 1);
		if (bytes && read(fd, bytes, *size) != (ssize_t)*size) {
			free(bytes);
			bytes = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	if (!bytes) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(2);
	}
	return bytes;
}

static void say_error(const struct wasm_error *error)
{
	printf("%s %lu %s\n", kind_name(error->kind), (unsigned long)error->offset, error->message);
}

static void say_trap(const struct wasm_stop *stop)
{
	const bool has_message = stop->code == WASM_TRAP_COMPONENT || stop->code == WASM_TRAP_HOST;
	printf("trap %s: %s\n", wasm_trap_text(stop->code), has_message ? stop->message : "");
}

static void check(const char *path)
{
	struct wasm_error error;
	size_t size;
	uint8_t *bytes = read_file(path, &size);
	if (component_validate(bytes, size, NULL, &error) == 0)
		printf("valid\n");
	else
		say_error(&error);
	free(bytes);
}

static void instantiate(const char *name, const char *path)
{
	static struct wasm_stop stop;
	struct wasm_error error;
	size_t size;
	struct named *n = calloc(1, sizeof(*n));
	n->name = strdup(name);
	n->bytes = read_file(path, &size);
	n->next = all;
	all = n;
	if (component_load(&n->store, n->bytes, size, NULL, &n->component, &error) < 0)
		say_error(&error);
	else if (compiles && component_prepare(n->component, &error) < 0)
		say_error(&error);
	else if (component_instantiate(n->component, NULL, &n->instance, &error, &stop) == 0)
		printf("instance\n");
	else if (error.kind == WASM_ERROR_TRAP)
		say_trap(&stop);
	else
		say_error(&error);
}

static void invoke(const char *name, const char *function, const char *values)
{
	static struct wasm_stop stop;
	const struct named *n = all;
	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	if (!n || !n->instance) {
		printf("refused there is no instance %s\n", name);
		return;
	}
	struct component_func *f = component_export(n->instance, "", function);
	if (!f) {
		printf("refused it exports no function %s\n", function);
		return;
	}
	if (component_func_type(f)->is_async) {
		printf("refused async functions are not supported\n");
		return;
	}
	char *result = NULL;
	size_t size;
	struct values v = {component_func_type(f), values, open_memstream(&result, &size)};
	const struct component_passing pass = {values_lower, values_lift, &v};
	const enum wasm_outcome outcome = component_call(f, &pass, &stop);
	fclose(v.out);
	if (outcome == WASM_RETURNED)
		printf("returned %s\n", result);
	else
		say_trap(&stop);
	free(result);
}

static void close_all(void)
{
	for (struct named *n = all, *next; n; n = next) {
		next = n->next;
		component_free(n->component);
		wasm_store_close(&n->store);
		free(n->bytes);
		free(n->name);
		free(n);
	}
}

int main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	compiles = argc < 2 || strcmp(argv[1], "--interpreted") != 0;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *rest = line, *command = strsep(&rest, " ");
		if (strcmp(command, "check") == 0) {
			check(rest);
		} else if (strcmp(command, "instance") == 0) {
			const char *name = strsep(&rest, " ");
			instantiate(name, rest);
		} else {
			const char *name = strsep(&rest, " "), *function = strsep(&rest, " ");
			invoke(name, function, rest ? rest : "");
		}
		fflush(stdout);
	}
	close_all();
	return 0;
}
