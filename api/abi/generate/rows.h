/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generators of code from tables of functions share: taking a row's argument list apart,
 * naming the line of a row that is wrong, and writing text of which a compiler's errors can point
 * into the table. A generator includes its table with a macro that makes of each row what it needs,
 * the argument list as text. Run by the build alone; an error ends the program.
 */
#ifndef MOTE_ABI_GENERATE_ROWS_H
#define MOTE_ABI_GENERATE_ROWS_H

enum { ARGUMENTS_MAX = 12, WORD_MAX = 64 };

/* (kind, name) or (kind(type), name) */
struct argument {
	char kind[WORD_MAX], type[WORD_MAX], name[WORD_MAX];
};

struct arguments {
	unsigned count;
	struct argument of[ARGUMENTS_MAX];
};

/* Says what is wrong with the row on this line of the table, and ends the program. */
void rows_fail(int line, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* An argument list as the preprocessor makes text of it. */
void rows_parse(int line, const char *text, struct arguments *out);

void emit(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line, without its end, in which the compiler sees the row's line of the table. */
void emit_as_row(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * A template: $ stands for the argument's name, @ for its type, # for the number of its first cell
 * in a frame, + for that of its second.
 */
void emit_template(const char *template, const struct argument *a, unsigned cell);

/* What a generator can make of its table: `GENERATOR MODE OUTPUT-NAME`, on standard output. */
struct rows_mode {
	const char *name, *purpose;
	void (*make)(void);
};
/*
 * A generator's main(): `check` looks at all rows before the mode's text is made. The exit status:
 * 2 for another mode, 1 if not all of it could be written.
 */
int rows_main(int argc, char **argv, const char *table, void (*check)(void),
	      const struct rows_mode *modes, unsigned count);

#endif
