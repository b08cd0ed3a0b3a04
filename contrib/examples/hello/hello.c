/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows what a container has: arguments, environment, stdin, stdout, stderr, a mounted directory,
 * an exit code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __wasm__
#define KIND "WebAssembly"
#else
#define KIND "native"
#endif

enum { EXIT_SHOWN = 42 };

static int copy_in_capitals(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	int c;

	if (in == NULL || out == NULL) {
		perror(in == NULL ? from : to);
		return -1;
	}
	while ((c = getc(in)) != EOF)
		putc(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, out);
	fclose(in);
	if (fclose(out) != 0) {
		perror(to);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *greeting = getenv("GREETING");
	char line[256];

	printf("%s guest, %d arguments:", KIND, argc - 1);
	for (int i = 1; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf("\nGREETING is %s\n", greeting != NULL ? greeting : "not set");
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		printf("from stdin: %s\n", line);
	}
	fprintf(stderr, "this line goes to stderr\n");
	if (copy_in_capitals("/data/in.txt", "/data/out.txt") != 0)
		return 1;
	printf("/data/in.txt copied to /data/out.txt in capitals; exit code %d\n", EXIT_SHOWN);
	return EXIT_SHOWN;
}
