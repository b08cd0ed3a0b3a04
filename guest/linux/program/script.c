/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "#!interpreter [argument]", cut as Linux cuts it: at most one argument, blanks within it
 * included, and only a line that is there as a whole; without a newline in the first 256 bytes at
 * least the interpreter's name must end in them. The image decides every byte.
 */
#include "guest/linux/program/script.h"

#include "guest/lib/lib.h"

#include <linux/errno.h>

bool script_is(const struct script *s)
{
	return s->line[0] == '#' && s->line[1] == '!';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first byte up to `last` that is not a blank; NULL if there is none. */
static char *skip_blanks(char *at, char *last)
{
	for (; at <= last; at++)
		if (!is_blank(*at))
			return at;
	return NULL;
}

static char *find_end(char *at, const char *last)
{
	for (; at <= last; at++)
		if (is_blank(*at) || !*at)
			return at;
	return NULL;
}

/* Where the line ends; NULL if it may have been cut within the interpreter's name. */
static char *line_end(struct script *s)
{
	char *last = s->line + SCRIPT_LINE_MAX - 1;
	for (char *at = s->line; at <= last && *at; at++)
		if (*at == '\n')
			return at;
	char *name = skip_blanks(s->line + 2, last);
	if (!name || !find_end(name, last))
		return NULL;
	return last;
}

int64_t script_parse(struct script *s)
{
	char *end = line_end(s);
	if (!end)
		return -ENOEXEC;
	while (is_blank(end[-1]))
		end--;
	char *name = skip_blanks(s->line + 2, end);
	if (!name || name == end)
		return -ENOEXEC;
	char *name_end = find_end(name, end), *argument = NULL;
	if (name_end && *name_end)
		argument = skip_blanks(name_end, end);
	if (argument == end)
		argument = NULL;
	*end = '\0';
	if (name_end)
		*name_end = '\0';
	s->interpreter = name;
	s->argument = argument;
	return 0;
}
