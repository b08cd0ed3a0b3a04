/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a packed script of the WebAssembly test suite, command by command. The packed bytes are read
 * with bounds; whatever cannot be executed is a failure.
 */
#include "spectest.h"

#include "guest/lib/lib.h"
#include "guest/wasm/store.h"

#define MODULES_MAX    256
#define VALUES_MAX     32
#define FAILURES_SHOWN 1000
#define LINE_BYTES     512
/* An externref of the scripts is this and its number, so that number 0 is not null. */
#define EXTERN_BASE 0x10000u
/* As the binary format has it. */
#define ANYREF 0x6eu

struct span {
	const char *text;
	uint32_t bytes;
};

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

struct named {
	struct span name;
	struct wasm_instance *instance;
};

static struct {
	struct span file;
	uint32_t line;
	uint32_t commands, text, executed, passed, failed;
	struct wasm_instance *last;
	struct named modules[MODULES_MAX], registered[MODULES_MAX];
	uint32_t module_count, registered_count;
	struct {
		struct span name;
		struct wasm_module *module;
	} definitions[MODULES_MAX];
	uint32_t definition_count;
	struct wasm_module *last_definition;
	struct wasm_store store;
	struct wasm_global *globals[4];
	struct wasm_table *table, *table64;
	struct wasm_memory *memory;
} run;

uint32_t spectest_cpu = UINT32_MAX;
uint8_t spectest_stress;

static struct wasm_error error;
static struct wasm_stop stop;
static char reason[LINE_BYTES / 2];

/* --- reading --- */

static const uint8_t *take(struct cursor *c, uint64_t bytes)
{
	if (c->bad || bytes > (uint64_t)(c->end - c->p)) {
		c->bad = true;
		return NULL;
	}
	c->p += bytes;
	return c->p - bytes;
}

static uint64_t number(struct cursor *c, uint32_t bytes)
{
	const uint8_t *p = take(c, bytes);
	uint64_t v = 0;
	for (uint32_t i = 0; p && i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static struct span text(struct cursor *c)
{
	uint32_t bytes = (uint32_t)number(c, 4);
	const uint8_t *p = take(c, bytes);
	return p ? (struct span){(const char *)p, bytes} : (struct span){"", 0};
}

static bool same(struct span a, struct span b)
{
	return a.bytes == b.bytes && memcmp(a.text, b.text, a.bytes) == 0;
}

/* --- reporting --- */

static bool fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	lib_vformat(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return false;
}

static void report_failure(void)
{
	char line[LINE_BYTES];
	if (run.failed > FAILURES_SHOWN)
		return;
	size_t n = lib_format(line, sizeof(line) - 1, "FAIL %.*s:%u: %s", (int)run.file.bytes,
			      run.file.text, run.line, reason);
	line[n++] = '\n';
	spectest_out(line, n);
}

static void report_result(void)
{
	char line[LINE_BYTES];
	size_t n = lib_format(line, sizeof(line) - 1,
			      "RESULT %.*s commands %u text %u executed %u passed %u failed %u",
			      (int)run.file.bytes, run.file.text, run.commands, run.text,
			      run.executed, run.passed, run.failed);
	line[n++] = '\n';
	spectest_out(line, n);
}

/* --- the module "spectest" --- */

static void print(struct wasm_instance *inst)
{
	(void)inst;
}

static void print_i32(struct wasm_instance *inst, uint32_t v)
{
	(void)inst, (void)v;
}

static void print_i64(struct wasm_instance *inst, uint64_t v)
{
	(void)inst, (void)v;
}

static void print_f32(struct wasm_instance *inst, float v)
{
	(void)inst, (void)v;
}

static void print_f64(struct wasm_instance *inst, double v)
{
	(void)inst, (void)v;
}

static void print_i32_f32(struct wasm_instance *inst, uint32_t a, float b)
{
	(void)inst, (void)a, (void)b;
}

static void print_f64_f64(struct wasm_instance *inst, double a, double b)
{
	(void)inst, (void)a, (void)b;
}

static const struct {
	const char *name, *signature;
	wasm_host_fn fn;
} host_functions[] = {
	{"print", ":", (wasm_host_fn)print},
	{"print_i32", "i:", (wasm_host_fn)print_i32},
	{"print_i64", "I:", (wasm_host_fn)print_i64},
	{"print_f32", "f:", (wasm_host_fn)print_f32},
	{"print_f64", "F:", (wasm_host_fn)print_f64},
	{"print_i32_f32", "if:", (wasm_host_fn)print_i32_f32},
	{"print_f64_f64", "FF:", (wasm_host_fn)print_f64_f64},
};

static bool make_host_objects(void)
{
	const struct wasm_limits table = {.min = 10, .max = 20, .has_max = true},
				 table64 = {.min = 10, .max = 20, .has_max = true, .is_64 = true},
				 memory = {.min = 1, .max = 2, .has_max = true};
	run.globals[0] =
		wasm_global_new(&run.store, WASM_I32, false, (union wasm_value){.i32 = 666});
	run.globals[1] =
		wasm_global_new(&run.store, WASM_I64, false, (union wasm_value){.i64 = 666});
	run.globals[2] =
		wasm_global_new(&run.store, WASM_F32, false, (union wasm_value){.f32 = 666.6f});
	run.globals[3] =
		wasm_global_new(&run.store, WASM_F64, false, (union wasm_value){.f64 = 666.6});
	run.table = wasm_table_new(&run.store, WASM_FUNCREF, table);
	run.table64 = wasm_table_new(&run.store, WASM_FUNCREF, table64);
	run.memory = wasm_memory_new(&run.store, memory);
	return run.globals[0] && run.globals[1] && run.globals[2] && run.globals[3] && run.table &&
	       run.table64 && run.memory;
}

static bool is(const struct wasm_name *name, const char *s)
{
	return name->bytes == strlen(s) && memcmp(name->text, s, name->bytes) == 0;
}

static int resolve_spectest(const struct wasm_import *import, struct wasm_extern *out)
{
	static const char *const globals[] = {"global_i32", "global_i64", "global_f32",
					      "global_f64"};
	for (size_t i = 0; i < sizeof(host_functions) / sizeof(*host_functions); i++) {
		if (!is(&import->name, host_functions[i].name))
			continue;
		*out = (struct wasm_extern){.kind = WASM_KIND_FUNC, .host = host_functions[i].fn};
		/*
		 * The engine takes a host function to have the import's own type, so another one is
		 * refused by kind.
		 */
		if (import->type.kind == WASM_KIND_FUNC &&
		    !wasm_functype_is(import->type.func, host_functions[i].signature))
			*out = (struct wasm_extern){
				.kind = WASM_KIND_GLOBAL,
				.global = run.globals[0],
			};
		return 0;
	}
	for (size_t i = 0; i < sizeof(globals) / sizeof(*globals); i++)
		if (is(&import->name, globals[i])) {
			*out = (struct wasm_extern){
				.kind = WASM_KIND_GLOBAL,
				.global = run.globals[i],
			};
			return 0;
		}
	if (is(&import->name, "table"))
		*out = (struct wasm_extern){.kind = WASM_KIND_TABLE, .table = run.table};
	else if (is(&import->name, "table64"))
		*out = (struct wasm_extern){.kind = WASM_KIND_TABLE, .table = run.table64};
	else if (is(&import->name, "memory"))
		*out = (struct wasm_extern){.kind = WASM_KIND_MEMORY, .memory = run.memory};
	else
		return -1;
	return 0;
}

static int resolve(void *context, const struct wasm_import *import, struct wasm_extern *out)
{
	struct span module = {import->module.text, import->module.bytes};
	(void)context;
	/* The latest registration of a name counts. */
	for (uint32_t i = run.registered_count; i-- > 0;)
		if (same(run.registered[i].name, module))
			return wasm_instance_export(run.registered[i].instance, import->name.text,
						    import->name.bytes, out);
	return is(&import->module, "spectest") ? resolve_spectest(import, out) : -1;
}

/* --- modules --- */

static bool compile(struct cursor *c, struct wasm_module **module)
{
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect() & spectest_cpu,
	};
	struct span bytes = text(c);
	memset(&error, 0, sizeof(error));
	if (c->bad)
		return fail("the packed script is broken");
	const uint8_t *kept = spectest_keep((const uint8_t *)bytes.text, bytes.bytes);
	if (!kept)
		return fail("no memory for the module's bytes");
	run.executed++;
	if (wasm_compile(&run.store, kept, bytes.bytes, &options, module, &error) == 0)
		return true;
	return fail("it does not compile: %s (offset %lu)", error.message, error.offset);
}

static bool instantiate(struct wasm_module *module, struct wasm_instance **instance)
{
	const struct wasm_link link = {.resolve = resolve};
	memset(&error, 0, sizeof(error));
	if (wasm_instantiate(module, &link, instance, &error, &stop) == 0)
		return true;
	return fail("it cannot be instantiated: %s", error.message);
}

static bool add(struct named *to, uint32_t *count, struct span name, struct wasm_instance *instance)
{
	if (*count == MODULES_MAX)
		return fail("more than %u names", MODULES_MAX);
	to[(*count)++] = (struct named){name, instance};
	return true;
}

static bool make_instance(struct wasm_module *module, struct span name)
{
	run.last = NULL;
	struct wasm_instance *instance;
	if (!instantiate(module, &instance))
		return false;
	run.last = instance;
	return !name.bytes || add(run.modules, &run.module_count, name, instance);
}

static bool run_module(struct cursor *c)
{
	struct span name = text(c);
	struct wasm_module *module;
	run.last = NULL; /* what follows must not run in the module before */
	return compile(c, &module) && make_instance(module, name);
}

static bool run_definition(struct cursor *c)
{
	struct span name = text(c);
	struct wasm_module *module;
	run.last_definition = NULL;
	if (!compile(c, &module))
		return false;
	if (run.definition_count == MODULES_MAX)
		return fail("more than %u definitions", MODULES_MAX);
	run.definitions[run.definition_count].name = name;
	run.definitions[run.definition_count++].module = module;
	run.last_definition = module;
	return true;
}

static bool run_instance(struct cursor *c)
{
	struct span name = text(c), of = text(c);
	struct wasm_module *module = of.bytes ? NULL : run.last_definition;
	for (uint32_t i = run.definition_count; of.bytes && !module && i-- > 0;)
		if (same(run.definitions[i].name, of))
			module = run.definitions[i].module;
	if (!module)
		return fail("no such module definition");
	run.executed++;
	return make_instance(module, name);
}

static struct wasm_instance *find(struct span name)
{
	if (!name.bytes)
		return run.last;
	for (uint32_t i = run.module_count; i-- > 0;)
		if (same(run.modules[i].name, name))
			return run.modules[i].instance;
	return NULL;
}

static bool run_register(struct cursor *c)
{
	struct span name = text(c), as = text(c);
	struct wasm_instance *instance = find(name);
	if (c->bad || !instance)
		return fail("no module to register as %.*s", (int)as.bytes, as.text);
	run.executed++;
	return add(run.registered, &run.registered_count, as, instance);
}

/* --- refusals --- */

/* One text begins with the other: the scripts say "uninitialized element 2", or just "unknown". */
static bool alike(struct span a, const char *b)
{
	size_t n = strlen(b);
	n = n < a.bytes ? n : a.bytes;
	return n > 0 && memcmp(a.text, b, n) == 0;
}

/*
 * The standard leaves the words of these errors open, so only the kind is compared. A module that
 * is invalid may be found malformed: the line between them is drawn by where a reader looks first.
 */
static bool run_rejected(struct cursor *c, bool malformed)
{
	struct span expected = text(c);
	struct wasm_module *module;
	if (compile(c, &module)) {
		wasm_module_free(module);
		return fail("it compiles; expected: %.*s", (int)expected.bytes, expected.text);
	}
	if (error.kind == WASM_ERROR_MALFORMED || (!malformed && error.kind == WASM_ERROR_INVALID))
		return true;
	return fail("refused for another reason: %s (offset %lu); expected: %.*s", error.message,
		    error.offset, (int)expected.bytes, expected.text);
}

static bool run_unlinked(struct cursor *c, enum wasm_error_kind kind)
{
	struct span expected = text(c);
	struct wasm_module *module;
	struct wasm_instance *instance;
	if (!compile(c, &module))
		return false;
	if (instantiate(module, &instance))
		return fail("it is instantiated; expected: %.*s", (int)expected.bytes,
			    expected.text);
	if (error.kind == kind && alike(expected, error.message))
		return true;
	return fail("%s; expected: %.*s", error.message, (int)expected.bytes, expected.text);
}

/* --- actions --- */

struct outcome {
	enum wasm_outcome how;
	uint32_t count;
	uint32_t types[VALUES_MAX];
	union wasm_value values[VALUES_MAX];
};

static bool is_ref(uint32_t type)
{
	return type < WASM_V128 || type > WASM_I32;
}

static bool read_value(struct cursor *c, uint32_t type, union wasm_value *v)
{
	uint8_t given = (uint8_t)number(c, 1);
	uint64_t low = number(c, 8), high = number(c, 8);
	*v = (union wasm_value){.v128 = {low, high}};
	bool fits = given == type;
	if (is_ref(type) && low) {
		v->external = (void *)(uintptr_t)(low - 1 + EXTERN_BASE);
		fits = (given == WASM_EXTERNREF || given == ANYREF) &&
		       wasm_type_matches(given | WASM_TYPE_NON_NULL, type);
	} else if (is_ref(type)) {
		fits = !(type & WASM_TYPE_NON_NULL);
	}
	if (c->bad || !fits)
		return fail(
			"an argument of a type that the function does not take or the engine does "
			"not have");
	return true;
}

static bool get(struct wasm_instance *instance, struct span name, struct outcome *o)
{
	struct wasm_export export;
	struct wasm_extern found;
	if (!wasm_module_export_find(wasm_instance_module(instance), name.text, name.bytes,
				     &export) ||
	    export.type.kind != WASM_KIND_GLOBAL ||
	    wasm_instance_export(instance, name.text, name.bytes, &found) != 0)
		return fail("no global %.*s", (int)name.bytes, name.text);
	run.executed++;
	o->how = WASM_RETURNED;
	o->count = 1;
	o->types[0] = export.type.type;
	o->values[0] = wasm_global_get(found.global);
	return true;
}

static bool invoke(struct wasm_instance *instance, struct span name, struct cursor *c,
		   struct outcome *o)
{
	struct wasm_extern found;
	union wasm_value args[VALUES_MAX];
	uint32_t count = (uint32_t)number(c, 1);
	if (wasm_instance_export(instance, name.text, name.bytes, &found) != 0 ||
	    found.kind != WASM_KIND_FUNC)
		return fail("no function %.*s", (int)name.bytes, name.text);
	const struct wasm_functype *type = wasm_func_type(found.func);
	if (c->bad || count != type->param_count || count > VALUES_MAX ||
	    type->result_count > VALUES_MAX)
		return fail("%.*s: %u arguments for %u parameters", (int)name.bytes, name.text,
			    count, type->param_count);
	for (uint32_t i = 0; i < count; i++)
		if (!read_value(c, type->params[i], &args[i]))
			return false;
	o->count = type->result_count;
	memcpy(o->types, type->results, o->count * sizeof(*o->types));
	/* a result that is not written must not look right */
	memset(o->values, 0xa5, sizeof(o->values));
	run.executed++;
	o->how = wasm_call(found.func, args, o->values, &stop);
	return true;
}

static bool act(struct cursor *c, struct outcome *o)
{
	uint8_t action = (uint8_t)number(c, 1);
	struct span module = text(c), name = text(c);
	struct wasm_instance *instance = find(module);
	if (c->bad || (action != SPECTEST_INVOKE && action != SPECTEST_GET))
		return fail("the packed script is broken");
	if (!instance)
		return fail("%.*s: its module is not there", (int)name.bytes, name.text);
	if (action == SPECTEST_INVOKE)
		return invoke(instance, name, c, o);
	if (number(c, 1) != 0)
		return fail("the packed script is broken");
	return get(instance, name, o);
}

static bool lane_matches(enum spectest_match match, uint64_t want, uint64_t have, uint32_t bytes)
{
	uint64_t sign = bytes == 8 ? 1ull << 63 : 1ull << 31,
		 quiet = bytes == 8 ? 1ull << 51 : 1ull << 22,
		 exponent = bytes == 8 ? 0x7ffull << 52 : 0xffull << 23;
	switch (match) {
	case SPECTEST_BITS:
		return want == have;
	case SPECTEST_CANONICAL_NAN:
		return bytes >= 4 && (have & ~sign) == (exponent | quiet);
	case SPECTEST_ARITHMETIC_NAN:
		return bytes >= 4 && (have & (exponent | quiet)) == (exponent | quiet);
	case SPECTEST_NON_NULL:
		break;
	}
	return false;
}

static bool ref_matches(uint32_t type, enum spectest_match match, uint64_t want,
			const union wasm_value *v)
{
	if (match == SPECTEST_NON_NULL)
		return v->external != NULL;
	if (match != SPECTEST_BITS)
		return false;
	if (want == 0)
		return v->external == NULL;
	return (wasm_type_matches(type, WASM_EXTERNREF) || wasm_type_matches(type, ANYREF)) &&
	       v->external == (void *)(uintptr_t)(want - 1 + EXTERN_BASE);
}

static bool alternative_matches(struct cursor *c, uint32_t type, const union wasm_value *v)
{
	uint8_t wanted = (uint8_t)number(c, 1);
	uint32_t bytes = (uint32_t)number(c, 1),
		 lanes = wanted == WASM_V128 && bytes ? 16 / bytes : 1;
	bool all = wanted == type ||
		   (is_ref(type) && (wanted == 0 || wasm_type_matches(type, wanted) ||
				     wasm_ref_is(&run.store, *v, wanted | WASM_TYPE_NON_NULL)));
	for (uint32_t i = 0; i < lanes; i++) {
		enum spectest_match match = (enum spectest_match)number(c, 1);
		uint64_t want = number(c, 8), have = 0;
		if (is_ref(type)) {
			all = all && ref_matches(type, match, want, v);
		} else if (bytes > 8 || bytes == 0) {
			all = false;
		} else {
			memcpy(&have, (const uint8_t *)v + i * bytes, bytes);
			all = all && lane_matches(match, want, have, bytes);
		}
	}
	return all && !c->bad;
}

static bool result_matches(struct cursor *c, uint32_t type, const union wasm_value *v)
{
	uint32_t alternatives = (uint32_t)number(c, 1);
	bool any = false;
	for (uint32_t i = 0; i < alternatives; i++)
		any |= alternative_matches(c, type, v);
	return any;
}

static bool returned(const struct outcome *o)
{
	if (o->how == WASM_RETURNED)
		return true;
	return fail("it ended by a trap: %s",
		    stop.message[0] ? stop.message : wasm_trap_text(stop.code));
}

static bool run_return(struct cursor *c)
{
	struct outcome o;
	(void)text(c);
	if (!act(c, &o) || !returned(&o))
		return false;
	uint32_t count = (uint32_t)number(c, 1);
	if (c->bad || count != o.count)
		return fail("%u results, expected %u", o.count, count);
	for (uint32_t i = 0; i < count; i++)
		if (!result_matches(c, o.types[i], &o.values[i]))
			return fail(
				"result %u of type 0x%x is 0x%lx (high half 0x%lx)", i, o.types[i],
				o.types[i] == WASM_I32 || o.types[i] == WASM_F32 ? o.values[i].i32
										 : o.values[i].i64,
				o.types[i] == WASM_V128 ? o.values[i].v128[1] : 0);
	return true;
}

static bool run_trap(struct cursor *c, bool exhaustion)
{
	struct outcome o;
	struct span expected = text(c);
	if (!act(c, &o))
		return false;
	if (o.how != WASM_TRAPPED)
		return fail("no trap; expected: %.*s", (int)expected.bytes, expected.text);
	const char *what = wasm_trap_text(stop.code);
	if (alike(expected, what) && exhaustion == (stop.code == WASM_TRAP_STACK))
		return true;
	return fail("trap: %s; expected: %.*s", what, (int)expected.bytes, expected.text);
}

static bool run_exception(struct cursor *c)
{
	struct outcome o;
	(void)text(c);
	if (!act(c, &o))
		return false;
	if (o.how == WASM_TRAPPED && stop.code == WASM_TRAP_EXCEPTION && stop.message[0])
		return true;
	return fail("no exception that nothing catches: %s",
		    o.how == WASM_TRAPPED ? wasm_trap_text(stop.code) : "it returns");
}

static bool run_action(struct cursor *c)
{
	struct outcome o;
	(void)text(c);
	return act(c, &o) && returned(&o);
}

static bool run_command(struct cursor *c)
{
	uint8_t kind = (uint8_t)number(c, 1);
	run.line = (uint32_t)number(c, 4);
	switch (kind) {
	case SPECTEST_MODULE:
		return run_module(c);
	case SPECTEST_DEFINITION:
		return run_definition(c);
	case SPECTEST_INSTANCE:
		return run_instance(c);
	case SPECTEST_REGISTER:
		return run_register(c);
	case SPECTEST_INVALID:
		return run_rejected(c, false);
	case SPECTEST_MALFORMED:
		return run_rejected(c, true);
	case SPECTEST_UNLINKABLE:
		return run_unlinked(c, WASM_ERROR_LINK);
	case SPECTEST_UNINSTANTIABLE:
		return run_unlinked(c, WASM_ERROR_TRAP);
	case SPECTEST_ACTION:
		return run_action(c);
	case SPECTEST_RETURN:
		return run_return(c);
	case SPECTEST_TRAP:
		return run_trap(c, false);
	case SPECTEST_EXHAUSTION:
		return run_trap(c, true);
	case SPECTEST_EXCEPTION:
		return run_exception(c);
	}
	return fail("unknown command %u", kind);
}

int spectest_run(const uint8_t *packed, uint64_t bytes)
{
	struct cursor c = {packed, packed + bytes, false};
	const uint8_t *magic = take(&c, 8);
	uint32_t count = (uint32_t)number(&c, 4);
	run.file = text(&c);
	run.store.stress = spectest_stress;
	bool ready = make_host_objects();
	if (!magic || memcmp(magic, "MOTESPEC", 8) != 0)
		c.bad = true;
	for (uint32_t i = 0; i < count && !c.bad; i++) {
		uint32_t length = (uint32_t)number(&c, 4);
		const uint8_t *p = take(&c, length);
		if (!p)
			break;
		struct cursor command = {p, p + length, false};
		run.commands++;
		reason[0] = '\0';
		if (length && p[0] == SPECTEST_MALFORMED_TEXT)
			run.text++;
		else if (ready && run_command(&command))
			run.passed++;
		else {
			run.failed++;
			report_failure();
		}
	}
	if (c.bad || run.commands != count || c.p != c.end) {
		run.failed++;
		fail("the packed script is broken");
		report_failure();
	}
	report_result();
	return run.failed ? 1 : 0;
}
