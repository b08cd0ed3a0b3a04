/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes code of p1/preview1.def, on standard output: `p1 MODE OUTPUT-NAME`. Run by the build.
 *
 *   functions   prototypes, guest/wasi/p1/p1.h
 *   imports     entries of the table of what a module can import, guest/wasi/p1/interface.c
 *   invoke      a function that calls one of them by number, for tests
 */
#include "rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TABLE "guest/wasi/p1/preview1.def"

static struct row {
	int line;
	bool returns; /* an errno */
	const char *name, *arguments;
	struct arguments args;
} rows[] = {
#define P1(name, arguments)          {__LINE__, true, #name, #arguments, {0}},
#define P1_NORETURN(name, arguments) {__LINE__, false, #name, #arguments, {0}},
#include "p1/preview1.def"
};
#define FOR_EACH_ROW(r) for (struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++)

/* Letters are those of wasm_functype_is(). */
static char letter_of(const struct row *r, const struct argument *a)
{
	if (strcmp(a->kind, "u32") == 0)
		return 'i';
	if (strcmp(a->kind, "u64") == 0)
		return 'I';
	rows_fail(r->line, "%s: unknown type '%s'", r->name, a->kind);
}

static const char *type_of(const struct row *r, const struct argument *a)
{
	if (letter_of(r, a) == 'i')
		return "uint32_t";
	return "uint64_t";
}

static void make_functions(void)
{
	emit("\n");
	FOR_EACH_ROW(r) {
		const char *type = "void";
		if (r->returns)
			type = "uint32_t";
		emit("%s p1_%s(const struct wasm_instance *inst", type, r->name);
		for (unsigned i = 0; i < r->args.count; i++)
			emit(", %s %s", type_of(r, &r->args.of[i]), r->args.of[i].name);
		emit(");\n");
	}
}

static void make_imports(void)
{
	emit("\n");
	FOR_EACH_ROW(r) {
		char signature[ARGUMENTS_MAX + sizeof(":i")] = "";
		for (unsigned i = 0; i < r->args.count; i++)
			signature[i] = letter_of(r, &r->args.of[i]);
		signature[r->args.count] = ':';
		if (r->returns)
			signature[r->args.count + 1] = 'i';
		emit_as_row(r->line, "{\"%s\", \"%s\", (wasm_host_fn)p1_%s},", r->name, signature,
			    r->name);
	}
}

static void make_invoke(void)
{
	unsigned number = 0;
	emit("\n/* The includer defines P1_ARGUMENT_u32(name) and P1_ARGUMENT_u64(name). */\n");
	emit("static uint32_t p1_invoke(unsigned number)\n{\n\tswitch (number) {\n");
	FOR_EACH_ROW(r) {
		if (!r->returns)
			continue;
		emit("\tcase %u:\n\t\treturn p1_%s(NULL", number++, r->name);
		for (unsigned i = 0; i < r->args.count; i++)
			emit(", P1_ARGUMENT_%s(\"%s\")", r->args.of[i].kind, r->args.of[i].name);
		emit(");\n");
	}
	emit("\t}\n\treturn 0;\n}\n#define P1_COUNT %u\n", number);
}

static const struct rows_mode modes[] = {
	{"functions", "The functions of WASI preview 1.", make_functions},
	{"imports", "WASI preview 1, entries of struct import_function.", make_imports},
	{"invoke", "Calls a function of WASI preview 1 by number, for tests.", make_invoke},
};

static void read_rows(void)
{
	FOR_EACH_ROW(r)
		rows_parse(r->line, r->arguments, &r->args);
}

int main(int argc, char **argv)
{
	return rows_main(argc, argv, TABLE, read_rows, modes, sizeof(modes) / sizeof(modes[0]));
}
