/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debugging information entries (DWARF 2 to 5, chapters 2, 3 and 7, 32-bit format) of a module,
 * whose author controls every byte of them. Read when a trap asks, in the guest; of all entries
 * only units, subprograms and inlined subroutines matter.
 */
#include "guest/wasm/module/dwarf_info.h"

#include "guest/wasm/module/dwarf_cursor.h"

/* Entries, abbreviations and ranges that are read in all: about a second's work. */
enum { WORK_MAX = 50000000, ABBREVS_MAX = 4096, ORIGINS_MAX = 4 };

enum tag { TAG_INLINED = 0x1d, TAG_SUBPROGRAM = 0x2e };

enum attribute {
	AT_NAME = 0x03,
	AT_STMT_LIST = 0x10,
	AT_LOW_PC = 0x11,
	AT_HIGH_PC = 0x12,
	AT_COMP_DIR = 0x1b,
	AT_ABSTRACT_ORIGIN = 0x31,
	AT_SPECIFICATION = 0x47,
	AT_RANGES = 0x55,
	AT_CALL_COLUMN = 0x57,
	AT_CALL_FILE = 0x58,
	AT_CALL_LINE = 0x59,
	AT_LINKAGE_NAME = 0x6e,
	AT_STR_OFFSETS_BASE = 0x72,
	AT_ADDR_BASE = 0x73,
	AT_RNGLISTS_BASE = 0x74,
	AT_MIPS_LINKAGE_NAME = 0x2007,
};

/* A function that an address is in, and if it was inlined, the place of its call. */
struct level {
	struct wasm_name function;
	uint64_t file, line, column;
};

/* Those of one address, from the outermost inwards. */
struct chain {
	struct level of[WASM_INLINED_MAX];
	uint32_t count;
};

struct search {
	const struct dwarf_sections *sections;
	const uint32_t *addresses;
	uint32_t count;
	struct wasm_sources *to;
	uint32_t work; /* that is left */
};

/* Too large for a stack: one search at a time, for one trap. */
static struct chain chains[WASM_BACKTRACE_MAX];
/* Where the abbreviations of one table are in .debug_abbrev; 0: the table has none of that code. */
static struct {
	uint64_t table, from[ABBREVS_MAX];
	uint32_t count; /* of codes */
	bool known;
} abbrevs;

struct unit {
	struct search *search;
	uint64_t begin, end; /* in .debug_info */
	uint64_t abbrevs;    /* table in .debug_abbrev */
	uint64_t low, lines, str_offsets, addr, rnglists;
	struct wasm_name directory;
	uint16_t version;
	uint8_t address_bytes;
	bool has_lines;
};

struct entry {
	uint64_t tag; /* 0: none */
	struct wasm_name name, linkage_name, directory;
	uint64_t low, high, ranges, origin, lines, str_offsets, addr, rnglists;
	struct level call;
	bool has_low, has_high, high_is_size, has_ranges, ranges_are_numbered, has_lines;
};

static bool spend(struct search *s)
{
	if (!s->work)
		return false;
	s->work--;
	return true;
}

static struct cursor cursor_at(struct dwarf_bytes section, uint64_t offset)
{
	if (offset > section.size)
		return (struct cursor){.at = section.at, .end = section.at, .bad = true};
	return cursor_of(section.at + offset, section.size - offset);
}

/* A number of 4 bytes in a table of them. */
static uint64_t offset_in(struct dwarf_bytes section, uint64_t base, uint64_t index)
{
	if (index > section.size / 4 || base > section.size)
		return UINT64_MAX;
	struct cursor c = cursor_at(section, base + 4 * index);
	const uint64_t v = take_fixed(&c, 4);
	return c.bad ? UINT64_MAX : v;
}

/* --- values of attributes --- */

struct attribute_value {
	uint64_t number;
	struct wasm_name text;
	bool is_address, is_numbered;
};

static void text_by_number(const struct unit *u, uint64_t index, struct cursor *c,
			   struct attribute_value *v)
{
	const struct dwarf_sections *s = u->search->sections;
	v->text = text_at(s->str, offset_in(s->str_offsets, u->str_offsets, index), c);
}

static void address_by_number(const struct unit *u, uint64_t index, struct attribute_value *v)
{
	v->number = offset_in(u->search->sections->addr, u->addr, index);
	v->is_address = true;
}

/* Forms whose bytes are as many as the form says; UINT32_MAX for others. */
static uint32_t bytes_of(const struct unit *u, uint64_t form)
{
	switch (form) {
	case FORM_FLAG_PRESENT:
		return 0;
	case FORM_DATA1:
	case FORM_FLAG:
	case FORM_REF1:
		return 1;
	case FORM_DATA2:
	case FORM_REF2:
		return 2;
	case FORM_DATA4:
	case FORM_REF4:
	case FORM_SEC_OFFSET:
	case FORM_REF_SUP4:
	case FORM_STRP_SUP:
		return 4;
	case FORM_DATA8:
	case FORM_REF8:
	case FORM_REF_SIG8:
	case FORM_REF_SUP8:
		return 8;
	case FORM_ADDR:
		return u->address_bytes;
	case FORM_REF_ADDR:
		return u->version == 2 ? u->address_bytes : 4;
	}
	return UINT32_MAX;
}

/* Those that have no number of interest. */
static bool skip_block(struct cursor *c, uint64_t form)
{
	switch (form) {
	case FORM_BLOCK1:
		(void)take(c, take_fixed(c, 1));
		return true;
	case FORM_BLOCK2:
		(void)take(c, take_fixed(c, 2));
		return true;
	case FORM_BLOCK4:
		(void)take(c, take_fixed(c, 4));
		return true;
	case FORM_BLOCK:
	case FORM_EXPRLOC:
		(void)take(c, take_unsigned(c));
		return true;
	case FORM_DATA16:
		(void)take(c, 16);
		return true;
	}
	return false;
}

static bool is_reference_in_unit(uint64_t form)
{
	return form >= FORM_REF1 && form <= FORM_REF_UDATA;
}

static void take_numbered(const struct unit *u, struct cursor *c, uint64_t form,
			  struct attribute_value *v)
{
	if (form >= FORM_STRX1 && form <= FORM_STRX4) {
		text_by_number(u, take_fixed(c, (uint32_t)(form - FORM_STRX1 + 1)), c, v);
	} else if (form >= FORM_ADDRX1 && form <= FORM_ADDRX4) {
		address_by_number(u, take_fixed(c, (uint32_t)(form - FORM_ADDRX1 + 1)), v);
	} else if (form == FORM_STRX) {
		text_by_number(u, take_unsigned(c), c, v);
	} else if (form == FORM_ADDRX) {
		address_by_number(u, take_unsigned(c), v);
	} else if (form == FORM_RNGLISTX) {
		v->number = take_unsigned(c);
		v->is_numbered = true;
	} else {
		c->bad = true; /* its size is not known */
	}
}

static void take_value(const struct unit *u, struct cursor *c, uint64_t form,
		       struct attribute_value *v)
{
	const struct dwarf_sections *s = u->search->sections;
	const uint32_t bytes = bytes_of(u, form);
	if (bytes != UINT32_MAX) {
		v->number = take_fixed(c, bytes);
		v->is_address = form == FORM_ADDR;
	} else if (form == FORM_UDATA || form == FORM_REF_UDATA || form == FORM_LOCLISTX) {
		v->number = take_unsigned(c);
	} else if (form == FORM_SDATA) {
		v->number = (uint64_t)take_signed(c);
	} else if (form == FORM_STRING) {
		v->text = take_text(c);
	} else if (form == FORM_STRP) {
		v->text = text_at(s->str, take_fixed(c, 4), c);
	} else if (form == FORM_LINE_STRP) {
		v->text = text_at(s->line_str, take_fixed(c, 4), c);
	} else if (!skip_block(c, form)) {
		take_numbered(u, c, form, v);
	}
	if (is_reference_in_unit(form))
		v->number += u->begin;
}

/* --- entries --- */

static void set_attribute(struct entry *e, uint64_t attribute, const struct attribute_value *v)
{
	switch (attribute) {
	case AT_NAME:
		e->name = v->text;
		return;
	case AT_LINKAGE_NAME:
	case AT_MIPS_LINKAGE_NAME:
		e->linkage_name = v->text;
		return;
	case AT_COMP_DIR:
		e->directory = v->text;
		return;
	case AT_LOW_PC:
		e->low = v->number;
		e->has_low = true;
		return;
	case AT_HIGH_PC:
		e->high = v->number;
		e->has_high = true;
		e->high_is_size = !v->is_address;
		return;
	case AT_RANGES:
		e->ranges = v->number;
		e->has_ranges = true;
		e->ranges_are_numbered = v->is_numbered;
		return;
	case AT_ABSTRACT_ORIGIN:
	case AT_SPECIFICATION:
		e->origin = v->number;
		return;
	case AT_CALL_FILE:
		e->call.file = v->number;
		return;
	case AT_CALL_LINE:
		e->call.line = v->number;
		return;
	case AT_CALL_COLUMN:
		e->call.column = v->number;
		return;
	case AT_STMT_LIST:
		e->lines = v->number;
		e->has_lines = true;
		return;
	case AT_STR_OFFSETS_BASE:
		e->str_offsets = v->number;
		return;
	case AT_ADDR_BASE:
		e->addr = v->number;
		return;
	case AT_RNGLISTS_BASE:
		e->rnglists = v->number;
		return;
	}
}

/* An abbreviation's attributes, up to the pair of zeros. */
static void skip_attributes(struct cursor *c)
{
	uint64_t attribute, form;
	do {
		attribute = take_unsigned(c);
		form = take_unsigned(c);
		if (form == FORM_IMPLICIT_CONST)
			(void)take_signed(c);
	} while ((attribute || form) && !c->bad);
}

/* Reads a table of abbreviations to its end. */
static void index_abbrevs(const struct unit *u)
{
	struct cursor c = cursor_at(u->search->sections->abbrev, u->abbrevs);
	memset(abbrevs.from, 0, abbrevs.count * sizeof(abbrevs.from[0]));
	abbrevs.table = u->abbrevs;
	abbrevs.count = 0;
	abbrevs.known = true;
	while (!c.bad && spend(u->search)) {
		const uint64_t code = take_unsigned(&c);
		const uint64_t from = (uint64_t)(c.at - u->search->sections->abbrev.at);
		if (!code)
			return;
		(void)take_unsigned(&c); /* tag */
		(void)take(&c, 1);       /* whether it has children */
		skip_attributes(&c);
		if (c.bad || code >= ABBREVS_MAX)
			continue;
		abbrevs.from[code] = from;
		if (code >= abbrevs.count)
			abbrevs.count = (uint32_t)code + 1;
	}
}

/* False: there is no abbreviation of that code, so that nothing more of the unit can be read. */
static bool find_abbrev(const struct unit *u, uint64_t code, struct cursor *c)
{
	if (!abbrevs.known || abbrevs.table != u->abbrevs)
		index_abbrevs(u);
	if (code >= abbrevs.count || !abbrevs.from[code])
		return false;
	*c = cursor_at(u->search->sections->abbrev, abbrevs.from[code]);
	return true;
}

/*
 * False: the unit is broken here, or too much was read. An entry of tag 0 ends a list of children.
 */
static bool take_entry(const struct unit *u, struct cursor *c, struct entry *e)
{
	struct cursor abbrev;
	memset(e, 0, sizeof(*e));
	const uint64_t code = take_unsigned(c);
	if (c->bad || !spend(u->search))
		return false;
	if (!code)
		return true;
	if (!find_abbrev(u, code, &abbrev))
		return false;
	e->tag = take_unsigned(&abbrev);
	(void)take(&abbrev, 1);
	while (!c->bad && !abbrev.bad) {
		struct attribute_value v = {.text = {"", 0}};
		const uint64_t attribute = take_unsigned(&abbrev), form = take_unsigned(&abbrev);
		if (!attribute && !form)
			return true;
		if (form == FORM_IMPLICIT_CONST)
			v.number = (uint64_t)take_signed(&abbrev);
		else
			take_value(u, c, form, &v);
		set_attribute(e, attribute, &v);
	}
	return false;
}

/* --- units --- */

/* The header at the cursor, which goes on to the next unit. False: broken, or not of code. */
static bool take_unit(struct search *s, struct cursor *c, struct unit *u, struct cursor *entries)
{
	enum { TYPE_COMPILE = 1, TYPE_PARTIAL = 3 };
	uint64_t type = TYPE_COMPILE;
	*u = (struct unit){.search = s, .begin = (uint64_t)(c->at - s->sections->info.at)};
	const uint64_t size = take_fixed(c, 4);
	const uint8_t *begin = take(c, size);
	if (!begin)
		return false;
	*entries = cursor_of(begin, size);
	u->end = u->begin + 4 + size;
	u->version = (uint16_t)take_fixed(entries, 2);
	if (u->version == 5) {
		type = take_fixed(entries, 1);
		u->address_bytes = (uint8_t)take_fixed(entries, 1);
		u->abbrevs = take_fixed(entries, 4);
	} else {
		u->abbrevs = take_fixed(entries, 4);
		u->address_bytes = (uint8_t)take_fixed(entries, 1);
	}
	return !entries->bad && u->version >= 2 && u->version <= 5 && u->address_bytes <= 8 &&
	       (type == TYPE_COMPILE || type == TYPE_PARTIAL);
}

/* What the first entry says of the unit; twice, since its texts are numbered from what it says. */
static bool take_root(struct unit *u, const struct cursor *entries)
{
	struct entry root;
	for (int pass = 0; pass < 2; pass++) {
		struct cursor c = *entries;
		if (!take_entry(u, &c, &root) && pass)
			return false;
		u->str_offsets = root.str_offsets;
		u->addr = root.addr;
		u->rnglists = root.rnglists;
	}
	u->low = root.low;
	u->lines = root.lines;
	u->has_lines = root.has_lines;
	u->directory = root.directory;
	return true;
}

static bool find_unit(struct search *s, uint64_t offset, struct unit *u)
{
	struct cursor c = cursor_at(s->sections->info, 0), entries;
	while (c.at < c.end && spend(s)) {
		const bool good = take_unit(s, &c, u, &entries);
		if (u->end && offset < u->end)
			return good && offset > u->begin && take_root(u, &entries);
		if (c.bad)
			return false;
	}
	return false;
}

/* The linker's name of a function, which its declaration may have. */
static struct wasm_name name_of(const struct unit *u, const struct entry *e)
{
	struct entry at = *e;
	struct unit other = *u;
	for (int i = 0; i < ORIGINS_MAX && !at.linkage_name.bytes && at.origin; i++) {
		const uint64_t offset = at.origin;
		const struct wasm_name name = at.name;
		if ((offset < other.begin || offset >= other.end) &&
		    !find_unit(u->search, offset, &other))
			break;
		struct cursor c = cursor_at(u->search->sections->info, offset);
		if (!take_entry(&other, &c, &at))
			break;
		if (!at.name.bytes)
			at.name = name;
	}
	if (at.linkage_name.bytes)
		return at.linkage_name;
	return at.name;
}

/* --- the addresses of an entry --- */

/* Bits of the addresses that are looked for. What begins at 0 was dropped by the linker. */
static uint64_t within(const struct search *s, uint64_t low, uint64_t high)
{
	uint64_t found = 0;
	for (uint32_t i = 0; low && i < s->count; i++)
		if (s->addresses[i] >= low && s->addresses[i] < high)
			found |= 1ull << i;
	return found;
}

static uint64_t within_old_ranges(const struct unit *u, uint64_t offset)
{
	struct cursor c = cursor_at(u->search->sections->ranges, offset);
	uint64_t found = 0, base = u->low;
	while (!c.bad && spend(u->search)) {
		const uint64_t low = take_fixed(&c, u->address_bytes);
		const uint64_t high = take_fixed(&c, u->address_bytes);
		if (c.bad || (!low && !high))
			break;
		if (low == UINT32_MAX || low == UINT64_MAX)
			base = high;
		else
			found |= within(u->search, base + low, base + high);
	}
	return found;
}

enum range_entry {
	RLE_END,
	RLE_BASE_ADDRESSX,
	RLE_STARTX_ENDX,
	RLE_STARTX_LENGTH,
	RLE_OFFSET_PAIR,
	RLE_BASE_ADDRESS,
	RLE_START_END,
	RLE_START_LENGTH,
};

static uint64_t take_address_number(const struct unit *u, struct cursor *c)
{
	return offset_in(u->search->sections->addr, u->addr, take_unsigned(c));
}

static uint64_t within_ranges(const struct unit *u, uint64_t offset)
{
	const uint32_t bytes = u->address_bytes;
	struct cursor c = cursor_at(u->search->sections->rnglists, offset);
	uint64_t found = 0, base = u->low;
	while (!c.bad && spend(u->search)) {
		uint64_t low = 0, high = 0;
		switch (take_fixed(&c, 1)) {
		case RLE_BASE_ADDRESSX:
			base = take_address_number(u, &c);
			continue;
		case RLE_BASE_ADDRESS:
			base = take_fixed(&c, bytes);
			continue;
		case RLE_STARTX_ENDX:
			low = take_address_number(u, &c);
			high = take_address_number(u, &c);
			break;
		case RLE_STARTX_LENGTH:
			low = take_address_number(u, &c);
			high = low + take_unsigned(&c);
			break;
		case RLE_OFFSET_PAIR:
			low = base + take_unsigned(&c);
			high = base + take_unsigned(&c);
			break;
		case RLE_START_END:
			low = take_fixed(&c, bytes);
			high = take_fixed(&c, bytes);
			break;
		case RLE_START_LENGTH:
			low = take_fixed(&c, bytes);
			high = low + take_unsigned(&c);
			break;
		default:
			return found;
		}
		if (!c.bad)
			found |= within(u->search, low, high);
	}
	return found;
}

static uint64_t within_entry(const struct unit *u, const struct entry *e)
{
	if (e->has_low && e->has_high)
		return within(u->search, e->low, e->high_is_size ? e->low + e->high : e->high);
	if (!e->has_ranges)
		return 0;
	if (u->version < 5)
		return within_old_ranges(u, e->ranges);
	uint64_t offset = e->ranges;
	if (e->ranges_are_numbered)
		offset = u->rnglists +
			 offset_in(u->search->sections->rnglists, u->rnglists, e->ranges);
	return within_ranges(u, offset);
}

/* --- functions --- */

/* Too many: the innermost one stays the last. */
static void add_level(struct chain *k, const struct level *level)
{
	if (k->count < WASM_INLINED_MAX)
		k->count++;
	k->of[k->count - 1] = *level;
}

static void add_function(const struct unit *u, const struct entry *e)
{
	uint64_t found = within_entry(u, e);
	struct level level = e->call;
	if (!found)
		return;
	level.function = name_of(u, e);
	for (; found; found &= found - 1) {
		struct chain *k = &chains[__builtin_ctzll(found)];
		if (e->tag == TAG_SUBPROGRAM)
			k->count = 0;
		if (e->tag == TAG_SUBPROGRAM || k->count)
			add_level(k, &level);
	}
}

static uint32_t small(uint64_t v)
{
	if (v > UINT32_MAX)
		return 0;
	return (uint32_t)v;
}

/* The functions of one address, from the innermost outwards, each with the place of its call. */
static void put_functions(const struct unit *u, const struct chain *k, struct wasm_sources *to)
{
	to->of[0].function = k->of[k->count - 1].function;
	to->count = k->count;
	for (uint32_t i = 1; i < k->count; i++) {
		const struct level *inner = &k->of[k->count - i];
		struct wasm_source *source = &to->of[i];
		*source = (struct wasm_source){
			.function = k->of[k->count - 1 - i].function,
			.line = small(inner->line),
			.column = small(inner->column),
		};
		if (u->has_lines)
			dwarf_name_file(u->search->sections, u->lines, inner->file, source);
	}
}

static void search_unit(struct unit *u, struct cursor entries)
{
	struct search *s = u->search;
	struct entry e;
	if (!take_root(u, &entries))
		return;
	for (uint32_t i = 0; i < s->count; i++)
		chains[i].count = 0;
	while (entries.at < entries.end && take_entry(u, &entries, &e))
		if (e.tag == TAG_SUBPROGRAM || e.tag == TAG_INLINED)
			add_function(u, &e);
	for (uint32_t i = 0; i < s->count; i++) {
		struct wasm_sources *to = &s->to[i];
		if (chains[i].count)
			put_functions(u, &chains[i], to);
		/* Before version 5, only here is what paths are relative to. */
		for (uint32_t k = 0; u->has_lines && k < to->count; k++)
			if (to->of[k].unit == u->lines && !to->of[k].base.bytes)
				to->of[k].base = u->directory;
	}
}

void dwarf_find_functions(const struct dwarf_sections *sections, const uint32_t *addresses,
			  uint32_t count, struct wasm_sources *to)
{
	struct search s = {
		.sections = sections,
		.addresses = addresses,
		.count = count,
		.to = to,
		.work = WORK_MAX,
	};
	abbrevs.known = false;
	if (!sections->info.size || !sections->abbrev.size)
		return;
	struct cursor c = cursor_at(sections->info, 0), entries;
	while (c.at < c.end && s.work) {
		struct unit u;
		if (take_unit(&s, &c, &u, &entries))
			search_unit(&u, entries);
	}
}
