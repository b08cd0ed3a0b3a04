/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of a module's working directory look at. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *path)
{
	char line[100] = "";
	FILE *f = fopen(path, "r");
	if (!f) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	if (!fgets(line, sizeof(line), f))
		strcpy(line, "nothing\n");
	printf("%s: %s", path, line);
	fclose(f);
}

static void put(const char *path)
{
	FILE *f = fopen(path, "w");
	if (!f) {
		printf("writing %s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(f, "written as %s\n", path);
	fclose(f);
	show(path);
}

static void list(const char *path)
{
	DIR *d = opendir(path);
	int count = 0;
	if (!d) {
		printf("listing %s: %s\n", path, strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		count += e->d_name[0] != '.';
	printf("%s has %d\n", path, count);
	closedir(d);
}
