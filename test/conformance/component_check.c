/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says of each file on standard input whether it is a valid component: for component_spectest.py. A
 * line a file, in order: the kind of error or "valid", the offset, the message.
 */
#include "guest/component/component.h"
#include "guest/wasm/wasm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	return bytes;
}

int main(void)
{
	char path[4096];
	while (fgets(path, sizeof(path), stdin)) {
		struct wasm_error error;
		size_t size;
		path[strcspn(path, "\n")] = '\0';
		uint8_t *bytes = read_file(path, &size);
		if (!bytes) {
			fprintf(stderr, "cannot read %s\n", path);
			return 2;
		}
		if (component_validate(bytes, size, NULL, &error) == 0)
			printf("valid\n");
		else
			printf("%s %lu %s\n", kind_name(error.kind), (unsigned long)error.offset,
			       error.message);
		fflush(stdout);
		free(bytes);
	}
	return 0;
}
