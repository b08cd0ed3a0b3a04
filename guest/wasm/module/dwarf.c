/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line number programs (DWARF 2 to 5, section 6.2, 32-bit format) of a module, whose author
 * controls every byte of them: read when a trap asks, in the guest. Addresses of "DWARF for
 * WebAssembly" are offsets in the contents of the code section.
 */
#include "guest/wasm/module/dwarf.h"

#include "guest/wasm/module/dwarf_cursor.h"

/* --- a unit's header --- */

struct unit {
	const struct dwarf_sections *sections;
	struct cursor names; /* directories and files */
	struct cursor program;
	const uint8_t *operands; /* of standard opcodes: how many each has */
	uint64_t offset;         /* in .debug_line */
	uint16_t version;
	uint8_t step, line_range, opcode_base;
	int8_t line_base;
};

/* False: a version that is not known, or broken. The next unit follows in either case. */
static bool read_unit(struct cursor *section, struct unit *u)
{
	const uint64_t size = take_fixed(section, 4);
	const uint8_t *begin = take(section, size);
	if (!begin)
		return false;
	struct cursor c = cursor_of(begin, size);
	u->version = (uint16_t)take_fixed(&c, 2);
	if (u->version < 2 || u->version > 5)
		return false;
	if (u->version == 5)
		(void)take(&c, 2); /* sizes of an address and of a segment */
	const uint64_t header = take_fixed(&c, 4);
	const uint8_t *rest = take(&c, header);
	if (!rest)
		return false;
	u->program = c;
	c = cursor_of(rest, header);
	u->step = (uint8_t)take_fixed(&c, 1);
	(void)take(&c, u->version >= 4 ? 2 : 1); /* VLIW; whether a row is a statement at first */
	u->line_base = (int8_t)take_fixed(&c, 1);
	u->line_range = (uint8_t)take_fixed(&c, 1);
	u->opcode_base = (uint8_t)take_fixed(&c, 1);
	if (!u->opcode_base || !u->line_range)
		return false;
	u->operands = take(&c, u->opcode_base - 1u);
	u->names = c;
	return !c.bad;
}

/* --- its files --- */

enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };

struct entry {
	struct wasm_name path;
	uint64_t directory; /* number */
};

/* A number, of those forms that have one; others are skipped. */
static uint64_t take_form(struct cursor *c, uint64_t form)
{
	switch (form) {
	case FORM_DATA1:
		return take_fixed(c, 1);
	case FORM_DATA2:
		return take_fixed(c, 2);
	case FORM_DATA4:
		return take_fixed(c, 4);
	case FORM_DATA8:
		return take_fixed(c, 8);
	case FORM_UDATA:
		return take_unsigned(c);
	case FORM_DATA16:
		(void)take(c, 16);
		return 0;
	case FORM_BLOCK:
		(void)take(c, take_unsigned(c));
		return 0;
	}
	c->bad = true;
	return 0;
}

static void take_field(const struct unit *u, struct cursor *c, uint64_t content, uint64_t form,
		       struct entry *e)
{
	struct wasm_name text;
	if (form == FORM_STRING) {
		text = take_text(c);
	} else if (form == FORM_LINE_STRP) {
		text = text_at(u->sections->line_str, take_fixed(c, 4), c);
	} else if (form == FORM_STRP) {
		text = text_at(u->sections->str, take_fixed(c, 4), c);
	} else {
		const uint64_t v = take_form(c, form);
		if (content == CONTENT_DIRECTORY)
			e->directory = v;
		return;
	}
	if (content == CONTENT_PATH)
		e->path = text;
}

/*
 * One table of version 5: reads it to its end, and its entry number `wanted`, if it has one, into
 * *e.
 */
static void take_table(const struct unit *u, struct cursor *c, uint64_t wanted, struct entry *e)
{
	const uint64_t formats = take_fixed(c, 1);
	const struct cursor fields = *c;
	for (uint64_t i = 0; i < 2 * formats; i++)
		(void)take_unsigned(c);
	const uint64_t entries = take_unsigned(c);
	if (!formats && entries) /* they would cost nothing */
		c->bad = true;
	for (uint64_t k = 0; k < entries && !c->bad; k++) {
		struct cursor field = fields;
		struct entry one = {.path = {"", 0}};
		for (uint64_t i = 0; i < formats && !c->bad; i++) {
			const uint64_t content = take_unsigned(&field);
			take_field(u, c, content, take_unsigned(&field), &one);
		}
		if (k == wanted && !c->bad)
			*e = one;
	}
}

/* The same of older versions, whose entries are counted from 1. */
static void take_old_table(struct cursor *c, bool files, uint64_t wanted, struct entry *e)
{
	for (uint64_t k = 1; !c->bad; k++) {
		struct entry one = {.path = take_text(c)};
		if (c->bad || !one.path.bytes)
			return;
		if (files) {
			one.directory = take_unsigned(c);
			(void)take_unsigned(c); /* time */
			(void)take_unsigned(c); /* size */
		}
		if (k == wanted && !c->bad)
			*e = one;
	}
}

/* Directory and name of a file; empty ones if they are not told. */
static void name_file(const struct unit *u, uint64_t file, struct wasm_source *to)
{
	struct entry found = {.path = {"", 0}}, directory = found, base = found;
	struct cursor directories = u->names, files = u->names;
	if (u->version == 5) {
		take_table(u, &files, UINT64_MAX, &found);
		take_table(u, &files, file, &found);
		take_table(u, &directories, found.directory, &directory);
		directories = u->names;
		take_table(u, &directories, 0, &base);
	} else {
		take_old_table(&files, false, 0, &found);
		take_old_table(&files, true, file, &found);
		take_old_table(&directories, false, found.directory, &directory);
	}
	to->file = found.path;
	to->directory = directory.path;
	to->base = base.path;
	to->unit = u->offset;
}

void dwarf_name_file(const struct dwarf_sections *sections, uint64_t offset, uint64_t file,
		     struct wasm_source *to)
{
	struct unit u = {.sections = sections, .offset = offset};
	if (offset >= sections->line.size)
		return;
	struct cursor c = cursor_of(sections->line.at + offset, sections->line.size - offset);
	if (read_unit(&c, &u))
		name_file(&u, file, to);
}

/* --- its program --- */

enum standard_opcode {
	LNS_EXTENDED = 0,
	LNS_COPY = 1,
	LNS_ADVANCE_PC = 2,
	LNS_ADVANCE_LINE = 3,
	LNS_SET_FILE = 4,
	LNS_SET_COLUMN = 5,
	LNS_CONST_ADD_PC = 8,
	LNS_FIXED_ADVANCE_PC = 9,
};
enum extended_opcode { LNE_END_SEQUENCE = 1, LNE_SET_ADDRESS = 2 };

struct row {
	uint64_t address, file, line, column;
};

struct lines {
	const struct unit *unit;
	struct cursor program;
	struct row now, before; /* the row under construction, and the last one */
	bool has_before;        /* in this sequence */
	uint64_t sequence;      /* where it began */
	/* What is looked for. */
	const uint32_t *addresses;
	uint32_t count;
	struct wasm_source *to;
};

static void begin_sequence(struct lines *l)
{
	l->now = (struct row){.file = 1, .line = 1};
	l->has_before = false;
}

/*
 * The last row counts up to this one. Sequences at 0 are of functions that the linker has dropped:
 * none begins there.
 */
static void add_row(struct lines *l)
{
	if (!l->has_before)
		l->sequence = l->now.address;
	for (uint32_t i = 0; l->has_before && l->sequence && i < l->count; i++) {
		struct wasm_source *to = &l->to[i];
		if (to->line || l->addresses[i] < l->before.address ||
		    l->addresses[i] >= l->now.address || l->before.line > UINT32_MAX)
			continue;
		to->line = (uint32_t)l->before.line;
		to->column = (uint32_t)l->before.column;
		name_file(l->unit, l->before.file, to);
	}
	l->before = l->now;
	l->has_before = true;
}

static void advance(struct lines *l, uint64_t operations)
{
	l->now.address += operations * l->unit->step;
}

static void run_extended(struct lines *l)
{
	const uint64_t size = take_unsigned(&l->program);
	const uint8_t *begin = take(&l->program, size);
	if (!begin || !size)
		return;
	struct cursor c = cursor_of(begin + 1, size - 1);
	if (*begin == LNE_SET_ADDRESS && size > 1 && size <= 9)
		l->now.address = take_fixed(&c, (uint32_t)size - 1);
	if (*begin == LNE_END_SEQUENCE) {
		add_row(l);
		begin_sequence(l);
	}
}

static void run_standard(struct lines *l, uint8_t op)
{
	struct cursor *c = &l->program;
	switch (op) {
	case LNS_EXTENDED:
		run_extended(l);
		return;
	case LNS_COPY:
		add_row(l);
		return;
	case LNS_ADVANCE_PC:
		advance(l, take_unsigned(c));
		return;
	case LNS_ADVANCE_LINE:
		l->now.line += (uint64_t)take_signed(c);
		return;
	case LNS_SET_FILE:
		l->now.file = take_unsigned(c);
		return;
	case LNS_SET_COLUMN:
		l->now.column = take_unsigned(c);
		return;
	case LNS_CONST_ADD_PC:
		advance(l, (255u - l->unit->opcode_base) / l->unit->line_range);
		return;
	case LNS_FIXED_ADVANCE_PC:
		l->now.address += take_fixed(c, 2);
		return;
	}
	for (uint8_t i = 0; i < l->unit->operands[op - 1]; i++)
		(void)take_unsigned(c);
}

static void run_program(struct lines *l)
{
	const struct unit *u = l->unit;
	begin_sequence(l);
	while (l->program.at < l->program.end) {
		const uint8_t op = *l->program.at++;
		if (op < u->opcode_base) {
			run_standard(l, op);
			continue;
		}
		const uint8_t adjusted = (uint8_t)(op - u->opcode_base);
		advance(l, adjusted / u->line_range);
		l->now.line += (uint64_t)(u->line_base + adjusted % u->line_range);
		add_row(l);
	}
}

void dwarf_find_lines(const struct dwarf_sections *sections, const uint32_t *addresses,
		      uint32_t count, struct wasm_source *to)
{
	memset(to, 0, count * sizeof(*to));
	if (!sections->line.size)
		return;
	struct cursor section = cursor_of(sections->line.at, sections->line.size);
	while (section.at < section.end) {
		struct unit u = {
			.sections = sections,
			.offset = (uint64_t)(section.at - sections->line.at),
		};
		if (!read_unit(&section, &u))
			continue;
		struct lines l = {
			.unit = &u,
			.program = u.program,
			.addresses = addresses,
			.count = count,
			.to = to,
		};
		run_program(&l);
	}
}
