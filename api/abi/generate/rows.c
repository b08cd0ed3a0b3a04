/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

static const char *table_path, *output_path;
static unsigned output_line = 1;

void rows_fail(int line, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fprintf(stderr, "%s:%d: error: ", table_path, line);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

/* --- argument lists --- */

static void take_word(int line, const char **at, char word[WORD_MAX])
{
	size_t n = 0;
	*at += strspn(*at, " ");
	while (isalnum((unsigned char)(*at)[n]) || (*at)[n] == '_')
		n++;
	if (n == 0 || n >= WORD_MAX)
		rows_fail(line, "a name is missing or too long at '%s'", *at);
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
}

static void take_mark(int line, const char **at, char mark)
{
	*at += strspn(*at, " ");
	if (**at != mark)
		rows_fail(line, "'%c' is missing at '%s'", mark, *at);
	++*at;
}

static void parse_argument(int line, const char **at, struct argument *a)
{
	take_mark(line, at, '(');
	take_word(line, at, a->kind);
	if (**at == '(') {
		take_mark(line, at, '(');
		take_word(line, at, a->type);
		take_mark(line, at, ')');
	}
	take_mark(line, at, ',');
	take_word(line, at, a->name);
	take_mark(line, at, ')');
	*at += strspn(*at, " ");
}

void rows_parse(int line, const char *text, struct arguments *out)
{
	*out = (struct arguments){0};
	while (*text) {
		if (out->count == ARGUMENTS_MAX)
			rows_fail(line, "more than %d arguments", ARGUMENTS_MAX);
		parse_argument(line, &text, &out->of[out->count++]);
	}
}

/* --- output --- */

static void put(const char *text)
{
	fputs(text, stdout);
	for (; *text; text++)
		output_line += *text == '\n';
}

static void put_list(const char *format, va_list list)
{
	char text[LINE_MAX_BYTES];
	int n = vsnprintf(text, sizeof(text), format, list);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		fprintf(stderr, "%s:%u: error: a line is too long\n", output_path, output_line);
		exit(1);
	}
	put(text);
}

void emit(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	put_list(format, list);
	va_end(list);
}

void emit_as_row(int line, const char *format, ...)
{
	va_list list;
	emit("#line %d \"%s\"\n", line, table_path);
	va_start(list, format);
	put_list(format, list);
	va_end(list);
	emit("\n#line %u \"%s\"\n", output_line + 2, output_path);
}

void emit_template(const char *template, const struct argument *a, unsigned cell)
{
	for (const char *at = template; *at; at++) {
		switch (*at) {
		case '$':
			put(a->name);
			break;
		case '@':
			put(a->type);
			break;
		case '#':
			emit("%u", cell);
			break;
		case '+':
			emit("%u", cell + 1);
			break;
		default:
			put((const char[]){*at, '\0'});
		}
	}
}

static int usage(const char *table, const struct rows_mode *modes, unsigned count)
{
	fprintf(stderr, "usage: MODE OUTPUT-NAME; of %s it makes:\n", table);
	for (unsigned i = 0; i < count; i++)
		fprintf(stderr, "  %-10s %s\n", modes[i].name, modes[i].purpose);
	return 2;
}

int rows_main(int argc, char **argv, const char *table, void (*check)(void),
	      const struct rows_mode *modes, unsigned count)
{
	for (unsigned i = 0; argc == 3 && i < count; i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		table_path = table;
		output_path = argv[2];
		emit("/* SPDX-License-Identifier: Apache-2.0 */\n");
		emit("/* %s Generated from %s. */\n", modes[i].purpose, table);
		check();
		modes[i].make();
		return fflush(stdout) != 0 || ferror(stdout) != 0;
	}
	return usage(table, modes, count);
}
