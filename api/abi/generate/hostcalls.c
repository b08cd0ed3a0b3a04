/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes code of abi/calls.def, on standard output: `hostcalls MODE OUTPUT-NAME`.
 *
 *   numbers   enum hostcall, for everybody
 *   stubs     the guest's functions, abi/guest_calls.h
 *   types     the host's decoded forms and handlers, vm/hostcall
 *   decode    the host's decoders, dispatch and properties, vm/hostcall
 *   shapes    the table as data, for tests
 */
#include "rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TABLE "api/abi/calls.def"
enum { CELLS_MAX = 8, NUMBER_MAX = 256 };

struct row {
	int line, number;
	const char *name, *guests, *thread, *arguments;
	struct arguments args;
};

static struct row rows[] = {
#define CALL(number, name, guests, thread, arguments) \
	{__LINE__, number, #name, #guests, #thread, #arguments, {0}},
#include "abi/calls.def"
};
#define FOR_EACH_ROW(r) for (struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++)

/* What each side makes of an argument; rows.h has the form of templates. */
static const struct kind {
	const char *name;
	unsigned cells;
	bool typed;
	const char *parameter; /* of the guest's function */
	const char *field;     /* of the host's decoded form */
	const char *decode;
	const char *bytes; /* of the structure that it points to */
} kinds[] = {
	{"FD", 1, false, "int32_t $", "int32_t $;", "decode_fd(&d, #, &a.$);", "0"},
	{"I32", 1, false, "int32_t $", "int32_t $;", "decode_i32(&d, #, &a.$);", "0"},
	{"U32", 1, false, "uint32_t $", "uint32_t $;", "decode_u32(&d, #, &a.$);", "0"},
	{"I64", 1, false, "int64_t $", "int64_t $;", "decode_i64(&d, #, &a.$);", "0"},
	{"U64", 1, false, "uint64_t $", "uint64_t $;", "decode_u64(&d, #, &a.$);", "0"},
	{"PATH", 2, false, "const char *$, uint64_t $_len", "const char *$;",
	 "decode_path(&d, #, &a.$);", "0"},
	{"IN", 2, false, "const void *$, uint64_t $_len", "struct call_bytes $;",
	 "decode_in(&d, #, &a.$);", "0"},
	{"OUT", 2, false, "void *$, uint64_t $_len", "struct call_out $;",
	 "decode_out(&d, #, &a.$);", "0"},
	{"IOVR", 2, false, "const struct mote_iovec *$, uint64_t $_len", "struct call_iov $;",
	 "decode_iov(&d, #, MEMORY_READ, &a.$);", "0"},
	{"IOVW", 2, false, "const struct mote_iovec *$, uint64_t $_len", "struct call_iov $;",
	 "decode_iov(&d, #, MEMORY_WRITE, &a.$);", "0"},
	{"SIN", 1, true, "const struct @ *$", "const struct @ *$;",
	 "decode_struct_in(&d, #, sizeof(struct @), (const void **)&a.$);", "sizeof(struct @)"},
	{"SOUT", 1, true, "struct @ *$", "gva_t $;",
	 "decode_struct_out(&d, #, sizeof(struct @), &a.$);", "sizeof(struct @)"},
};

static const struct kind *kind_of(const struct argument *a)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, a->kind) == 0)
			return &kinds[i];
	return NULL;
}

/* --- checking --- */

static void check_arguments(const struct row *r)
{
	unsigned cells = 0;
	for (unsigned i = 0; i < r->args.count; i++) {
		const struct argument *a = &r->args.of[i];
		const struct kind *kind = kind_of(a);
		if (!kind)
			rows_fail(r->line, "%s: unknown kind of argument '%s'", r->name, a->kind);
		if (kind->typed != (a->type[0] != '\0'))
			rows_fail(r->line, "%s: is it %s or %s(type)?", r->name, a->kind, a->kind);
		cells += kind->cells;
	}
	if (cells > CELLS_MAX)
		rows_fail(r->line, "%s: %u cells, and a frame has %d", r->name, cells, CELLS_MAX);
}

static bool is_conditional(const struct row *r, char condition[WORD_MAX])
{
	return sscanf(r->thread, "POLLED_IF(%63[a-z_])", condition) == 1;
}

static bool is_polled(const struct row *r)
{
	return strcmp(r->thread, "POLLED") == 0;
}

static void check_row(const struct row *r)
{
	static int line_of[NUMBER_MAX];
	char condition[WORD_MAX];
	if (r->number <= 0 || r->number >= NUMBER_MAX)
		rows_fail(r->line, "%s: the number must be below %d", r->name, NUMBER_MAX);
	if (line_of[r->number])
		rows_fail(r->line, "%s: line %d has this number", r->name, line_of[r->number]);
	line_of[r->number] = r->line;
	if (strcmp(r->guests, "ALL") != 0 && strcmp(r->guests, "LINUX") != 0)
		rows_fail(r->line, "%s: guests is ALL or LINUX", r->name);
	if (strcmp(r->thread, "VCPU") != 0 && !is_polled(r) && !is_conditional(r, condition))
		rows_fail(r->line, "%s: thread is VCPU, POLLED or POLLED_IF(x)", r->name);
	check_arguments(r);
}

/* --- for everybody --- */

static void make_numbers(void)
{
	emit("#ifndef MOTE_GEN_HOSTCALL_NUMBERS_H\n#define MOTE_GEN_HOSTCALL_NUMBERS_H\n");
	emit("\nenum hostcall {\n");
	int most = 0;
	FOR_EACH_ROW(r) {
		emit("\tHOSTCALL_%s = %d,\n", r->name, r->number);
		if (r->number > most)
			most = r->number;
	}
	emit("\tHOSTCALL_NUMBERS = %d, /* all are below it */\n", most + 1);
	emit("};\n\n#endif\n");
}

/* A structure that does not exist is an error of its row. */
static void make_type_checks(const struct row *r)
{
	emit("\n");
	for (unsigned i = 0; i < r->args.count; i++) {
		const char *type = r->args.of[i].type;
		if (type[0])
			emit_as_row(r->line, "_Static_assert(sizeof(struct %s) > 0, \"\");", type);
	}
}

/* --- the guest --- */

static void make_stub(const struct row *r)
{
	make_type_checks(r);
	emit("static inline int64_t mote_%s(struct mote_area *area", r->name);
	for (unsigned i = 0; i < r->args.count; i++) {
		emit(", ");
		emit_template(kind_of(&r->args.of[i])->parameter, &r->args.of[i], 0);
	}
	emit(")\n{\n\tarea->frame.nr = HOSTCALL_%s;\n", r->name);
	unsigned cell = 0;
	for (unsigned i = 0; i < r->args.count; i++) {
		const struct argument *a = &r->args.of[i];
		emit_template("\tarea->frame.arg[#] = (uint64_t)$;\n", a, cell);
		if (kind_of(a)->cells == 2)
			emit_template("\tarea->frame.arg[+] = $_len;\n", a, cell);
		cell += kind_of(a)->cells;
	}
	emit("\treturn mote_hostcall(area);\n}\n");
}

static void make_stubs(void)
{
	FOR_EACH_ROW(r)
		make_stub(r);
}

/* --- the host --- */

static void make_types(void)
{
	FOR_EACH_ROW(r) {
		emit("\nstruct call_%s {\n", r->name);
		for (unsigned i = 0; i < r->args.count; i++) {
			emit("\t");
			emit_template(kind_of(&r->args.of[i])->field, &r->args.of[i], 0);
			emit("\n");
		}
		emit("};\nint64_t host_%s(struct vcpu *vcpu, ", r->name);
		emit("const struct call_%s *a);\n", r->name);
	}
}

static void make_decoder(const struct row *r)
{
	unsigned cell = 0;
	make_type_checks(r);
	emit("static int64_t serve_%s(struct vcpu *vcpu, const struct mote_frame *frame)\n",
	     r->name);
	emit("{\n\tstruct call_%s a;\n", r->name);
	emit("\tstruct decoder d = {.vcpu = vcpu, .cell = frame->arg};\n");
	emit("\tmemset(&a, 0, sizeof(a));\n");
	for (unsigned i = 0; i < r->args.count; i++) {
		const struct argument *a = &r->args.of[i];
		emit("\t");
		emit_template(kind_of(a)->decode, a, cell);
		emit("\n");
		cell += kind_of(a)->cells;
	}
	emit("\tif (d.rc < 0)\n\t\treturn d.rc;\n");
	emit_as_row(r->line, "\treturn host_%s(vcpu, &a);", r->name);
	emit("}\n");
}

static void make_dispatch(void)
{
	emit("\nstatic int64_t carry_out(struct vcpu *vcpu, const struct mote_frame *frame)\n{\n");
	emit("\tif (vcpu->vm->wasm && !wasm_has(frame->nr))\n\t\treturn -ENOSYS;\n");
	emit("\tswitch (frame->nr) {\n");
	FOR_EACH_ROW(r)
		emit("\tcase HOSTCALL_%s:\n\t\treturn serve_%s(vcpu, frame);\n", r->name, r->name);
	emit("\t}\n\treturn -ENOSYS;\n}\n");
}

static void make_wasm_has(void)
{
	emit("\n/* Whether a VM of the WebAssembly runtime has the call. */\n");
	emit("static bool wasm_has(uint32_t nr)\n{\n\tswitch (nr) {\n");
	FOR_EACH_ROW(r)
		if (strcmp(r->guests, "ALL") == 0)
			emit("\tcase HOSTCALL_%s:\n", r->name);
	emit("\t\treturn true;\n\t}\n\treturn false;\n}\n");
}

static void make_pollable(void)
{
	char condition[WORD_MAX];
	emit("\nbool hostcall_pollable(struct vm *vm, const struct mote_frame *frame)\n{\n");
	emit("\tswitch (frame->nr) {\n");
	FOR_EACH_ROW(r)
		if (is_conditional(r, condition)) {
			emit("\tcase HOSTCALL_%s:\n", r->name);
			emit_as_row(r->line, "\t\treturn poll_%s(vm, frame);", condition);
		}
	FOR_EACH_ROW(r)
		if (is_polled(r))
			emit("\tcase HOSTCALL_%s:\n", r->name);
	emit("\t\treturn true;\n\t}\n\treturn false;\n}\n");
}

static void make_decode(void)
{
	FOR_EACH_ROW(r)
		make_decoder(r);
	make_wasm_has();
	make_dispatch();
	make_pollable();
}

/* --- tests --- */

static void make_shapes(void)
{
	emit("\nenum hostcall_kind {\n\tHOSTCALL_KIND_NONE,\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		emit("\tHOSTCALL_KIND_%s,\n", kinds[i].name);
	emit("};\n\nstruct hostcall_argument {\n\tenum hostcall_kind kind;\n");
	emit("\tsize_t bytes; /* of the structure that it points to */\n");
	emit("\tconst char *type, *name;\n};\n\n");
	emit("static const struct hostcall_shape {\n\tuint32_t nr;\n");
	emit("\tstruct hostcall_argument args[%d];\n} hostcall_shapes[] = {\n", CELLS_MAX);
	FOR_EACH_ROW(r) {
		emit("\t{HOSTCALL_%s, {", r->name);
		for (unsigned i = 0; i < r->args.count; i++) {
			const struct argument *a = &r->args.of[i];
			emit("%s{HOSTCALL_KIND_%s, ", i ? ", " : "", a->kind);
			emit_template(kind_of(a)->bytes, a, 0);
			emit(", \"%s\", \"%s\"}", a->type, a->name);
		}
		emit("}},\n");
	}
	emit("};\n");
}

static const struct rows_mode modes[] = {
	{"numbers", "Host calls by number.", make_numbers},
	{"stubs", "The guest's functions for host calls.", make_stubs},
	{"types", "Decoded host calls and their handlers.", make_types},
	{"decode", "Decoding and dispatch of host calls.", make_decode},
	{"shapes", "Host calls and the kinds of their arguments, for tests.", make_shapes},
};

static void read_rows(void)
{
	FOR_EACH_ROW(r) {
		rows_parse(r->line, r->arguments, &r->args);
		check_row(r);
	}
}

int main(int argc, char **argv)
{
	return rows_main(argc, argv, TABLE, read_rows, modes, sizeof(modes) / sizeof(modes[0]));
}
