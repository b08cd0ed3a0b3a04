/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebAssembly engine: compiles a module to machine code, links it and calls it. Freestanding;
 * what it needs from below is in platform.h. One thread only: faults go to the store whose code is
 * running. Everything a module contains is untrusted.
 */
#ifndef MOTE_GUEST_WASM_WASM_H
#define MOTE_GUEST_WASM_WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasm_store;    /* modules, instances and objects that may refer to each other (store.h) */
struct wasm_module;   /* validated and compiled; immutable, may be instantiated many times */
struct wasm_instance; /* holds on to its module: free the instance first */
struct wasm_func; /* a function of an instance, host functions included; what a funcref points to */
struct wasm_table;
struct wasm_memory;
struct wasm_global;
struct wasm_tag;       /* what an exception is of: equal only to itself */
struct wasm_exception; /* one that was thrown */

/* Value types, as the binary format encodes them. */
enum wasm_type {
	WASM_I32 = 0x7f,
	WASM_I64 = 0x7e,
	WASM_F32 = 0x7d,
	WASM_F64 = 0x7c,
	WASM_V128 = 0x7b,
	WASM_FUNCREF = 0x70,
	WASM_EXTERNREF = 0x6f,
	WASM_EXNREF = 0x69,
};
/*
 * A value type is a uint32_t: one of these; or, of other references, what they are to, with these
 * bits: the other bits of the first are the id of a defined type, equal for equal types whatever
 * the module; the second is for references that are not null.
 */
#define WASM_TYPE_DEFINED  (1u << 30)
#define WASM_TYPE_NON_NULL (1u << 31)

/*
 * One argument, result or global. An i32 or f32 is in the low half; the rest of the cell is then
 * ignored.
 */
union wasm_value {
	uint64_t v128[2]; /* the first: {0} is all of a value, a null reference too */
	uint32_t i32;
	uint64_t i64;
	float f32;
	double f64;
	struct wasm_func *func; /* funcref, NULL for null */
	/*
	 * externref: an address of the embedder's own or a number below 2^32, NULL for null. The
	 * program may have made one of an object, though.
	 */
	void *external;
	/* exnref, NULL for null; valid, as references to objects, until the next call */
	struct wasm_exception *exception;
} __attribute__((aligned(16)));

struct wasm_functype {
	uint32_t param_count, result_count;
	const uint32_t *params;  /* value types */
	const uint32_t *results; /* follows params in memory */
	uint32_t id;             /* equal for equal types, whatever the module */
	uint32_t param_words;    /* of 8 bytes: a v128 has two */
};

enum wasm_kind {
	WASM_KIND_FUNC = 0,
	WASM_KIND_TABLE = 1,
	WASM_KIND_MEMORY = 2,
	WASM_KIND_GLOBAL = 3,
	WASM_KIND_TAG = 4,
};

struct wasm_limits {
	uint64_t min, max; /* pages or elements */
	bool has_max;
	bool is_64;      /* addresses, or a table's indices, are i64 */
	bool byte_pages; /* a memory's pages are of 1 byte and not of 64 KiB */
};

/* Names point into the module's bytes: valid UTF-8, no NUL at the end. */
struct wasm_name {
	const char *text;
	uint32_t bytes;
};

struct wasm_externtype {
	enum wasm_kind kind;
	const struct wasm_functype *func; /* WASM_KIND_FUNC, WASM_KIND_TAG */
	struct wasm_limits limits;        /* WASM_KIND_TABLE, WASM_KIND_MEMORY */
	uint32_t type;                    /* element type of a table, value type of a global */
	bool is_mutable;                  /* WASM_KIND_GLOBAL */
};

struct wasm_import {
	struct wasm_name module, name;
	struct wasm_externtype type;
};

struct wasm_export {
	struct wasm_name name;
	struct wasm_externtype type;
	uint32_t index; /* in its kind's index space */
};

/* Compiling. */

enum wasm_feature {
	WASM_FEATURE_SIMD = 1 << 0,
	WASM_FEATURE_RELAXED_SIMD = 1 << 1,
	WASM_FEATURE_TAIL_CALL = 1 << 2,
	WASM_FEATURE_MULTI_MEMORY = 1 << 3,
	WASM_FEATURE_EXTENDED_CONST = 1 << 4,
	WASM_FEATURE_WIDE_ARITHMETIC = 1 << 5,
	WASM_FEATURE_EXCEPTIONS = 1 << 6,
	WASM_FEATURE_LEGACY_EXCEPTIONS = 1 << 7, /* try, catch, delegate, rethrow */
	WASM_FEATURE_FUNCTION_REFERENCES = 1 << 8,
	WASM_FEATURE_GC = 1 << 9,
	WASM_FEATURE_MEMORY64 = 1 << 10, /* tables too */
	WASM_FEATURE_CUSTOM_PAGE_SIZES = 1 << 11,
	WASM_FEATURE_ATOMICS = 1 << 12, /* on memory that is not shared */
};
/* All that the engine has: WebAssembly 2.0 and the above. */
#define WASM_FEATURES_ALL 0x1fffu

/* What the CPU has: bits of the architecture's own (x86_64/cpu.h). */
uint32_t wasm_cpu_detect(void);

struct wasm_options {
	size_t size;       /* sizeof(struct wasm_options) */
	uint32_t features; /* enum wasm_feature */
	uint32_t cpu;      /* wasm_cpu_detect() */
	/* Caps; 0 stands for the engine's own (module/limits.h). */
	/* of 64 KiB: a linear memory never grows beyond, whatever the module says */
	uint64_t max_memory_pages;
	uint64_t max_table_elements;
	uint64_t max_code_bytes; /* of machine code */
	/*
	 * It is between programs that do not know it: no exception passes its frames, which
	 * backtraces leave out.
	 */
	bool is_adapter;
};

enum wasm_error_kind {
	WASM_ERROR_MALFORMED = 1, /* the binary format is broken */
	WASM_ERROR_INVALID,       /* validation failed */
	WASM_ERROR_UNSUPPORTED,   /* a feature that is off or not supported; the message names it */
	WASM_ERROR_LIMIT,         /* a cap of the engine or the options */
	WASM_ERROR_MEMORY,        /* the platform has no more memory */
	WASM_ERROR_LINK,          /* an import is missing or does not fit; the message names it */
	WASM_ERROR_TRAP,          /* instantiation trapped */
};

#define WASM_MESSAGE_BYTES 256

struct wasm_error {
	enum wasm_error_kind kind;
	uint64_t offset; /* byte offset in the module, of what the message speaks about */
	char message[WASM_MESSAGE_BYTES];
};

/*
 * Compiles `bytes`, which are borrowed until the module is freed and are never written to. 0, or a
 * negative errno with *error filled in; error may not be NULL. *module is set on success only, and
 * belongs to the store: its instances are made there.
 */
int wasm_compile(struct wasm_store *store, const void *bytes, size_t size,
		 const struct wasm_options *options, struct wasm_module **module,
		 struct wasm_error *error);
void wasm_module_free(struct wasm_module *module); /* NULL is fine */

uint32_t wasm_module_import_count(const struct wasm_module *module);
void wasm_module_import(const struct wasm_module *module, uint32_t i, struct wasm_import *import);
uint32_t wasm_module_export_count(const struct wasm_module *module);
void wasm_module_export(const struct wasm_module *module, uint32_t i, struct wasm_export *export);
/* False if there is no export of that name. */
bool wasm_module_export_find(const struct wasm_module *module, const char *name, size_t bytes,
			     struct wasm_export *export);
/* Whether instantiating it runs code of it. */
bool wasm_module_has_start(const struct wasm_module *module);
/* Of its machine code, for benchmarks. */
uint64_t wasm_module_code_bytes(const struct wasm_module *module);
/*
 * The module's name and a function's, from the name section: any bytes; none (bytes is 0) if it has
 * none.
 */
struct wasm_name wasm_module_name(const struct wasm_module *module);
struct wasm_name wasm_module_func_name(const struct wasm_module *module, uint32_t func_index);
/*
 * Whether a type is what a signature says: one letter a value, "ii:I": i i32, I i64, f f32, F f64,
 * v v128.
 */
bool wasm_functype_is(const struct wasm_functype *type, const char *signature);
/* Whether a value of a type can stand for one of another. */
bool wasm_type_matches(uint32_t type, uint32_t of);
/* Whether a reference is of a type that its own type can be compared with. */
bool wasm_ref_is(const struct wasm_store *store, union wasm_value value, uint32_t type);

/* Traps. */

enum wasm_trap_code {
#define TRAP(name, text) WASM_TRAP_##name,
#include "guest/wasm/traps.def"
	WASM_TRAPS
};
/* The standard's words. */
const char *wasm_trap_text(enum wasm_trap_code code);

#define WASM_BACKTRACE_MAX 64

struct wasm_frame {
	const struct wasm_module *of;
	struct wasm_name module; /* from the name section; bytes is 0 when it has none */
	struct wasm_name name;
	uint32_t func_index;
	uint32_t offset; /* in the module's bytes: the instruction that trapped or called */
};

enum wasm_outcome {
	WASM_RETURNED = 0,
	WASM_TRAPPED,
};

/* How a call ended when it did not return. */
struct wasm_stop {
	enum wasm_outcome outcome;
	enum wasm_trap_code code;
	uint32_t frame_count; /* innermost first */
	bool truncated;       /* there were more frames */
	char message[128];    /* WASM_TRAP_HOST, WASM_TRAP_EXCEPTION: its tag; else empty */
	/* WASM_TRAP_MEMORY by a load or a store: what it reached for, in which memory */
	struct wasm_access {
		bool known;
		uint64_t address, memory_bytes;
	} access;
	struct wasm_frame frames[WASM_BACKTRACE_MAX];
};

/* A place in the source as the module's DWARF tells it: any bytes; line is 0 if it does not. */
struct wasm_source {
	/* The file's path; a part that is absolute makes those before it meaningless. */
	struct wasm_name base, directory, file;
	struct wasm_name function; /* as the linker knows it, empty if it is not told */
	uint32_t line, column;     /* column is 0 if it is not told */
	uint64_t unit;             /* of .debug_line, for the reader's own use */
};

#define WASM_INLINED_MAX 16
/* Those of one frame: the innermost of the functions that were inlined there first. */
struct wasm_sources {
	struct wasm_source of[WASM_INLINED_MAX];
	uint32_t count;
};
/*
 * Of frames of one stop, while their module exists; those of other modules than the first one's are
 * not looked up.
 */
void wasm_find_sources(const struct wasm_frame *frames, uint32_t count, struct wasm_sources *to);

/* Linking. */

/*
 * A host function has the SysV ABI: the first parameter is the instance whose import it is, then
 * the Wasm parameters as uint32_t, uint64_t, float, double, or a pointer for references; it returns
 * nothing or one of these. No v128, no second result.
 */
typedef void (*wasm_host_fn)(void);

struct wasm_extern {
	enum wasm_kind kind;
	/* WASM_KIND_FUNC: a C function of the import's own type; else NULL and */
	wasm_host_fn host;
	union {
		struct wasm_func *func;
		struct wasm_table *table;
		struct wasm_memory *memory;
		struct wasm_global *global;
		struct wasm_tag *tag;
	};
};

/* Finds what an import gets. 0, or a negative errno if there is nothing of that name. */
typedef int (*wasm_resolver)(void *context, const struct wasm_import *import,
			     struct wasm_extern *out);

struct wasm_link {
	wasm_resolver resolve;
	void *resolve_context;
	void *env; /* wasm_env() of the instance gives it to host functions */
};

/*
 * Makes an instance: imports, globals, tables, memories, segments, start function. Imports are of
 * the module's store. On failure 0 is not returned, *error says why, and *stop (may be NULL) is
 * filled in when the reason is a trap or an exit. As the standard has it, segments that were copied
 * before a trap stay copied into shared tables and memories; an instance that trapped so is then
 * kept until the store is closed.
 */
int wasm_instantiate(struct wasm_module *module, const struct wasm_link *link,
		     struct wasm_instance **instance, struct wasm_error *error,
		     struct wasm_stop *stop);
/*
 * Nothing else may refer to its exports any more: other instances that import them are freed
 * before.
 */
void wasm_instance_free(struct wasm_instance *instance);

/* An export by name, -ENOENT if there is none. */
int wasm_instance_export(struct wasm_instance *instance, const char *name, size_t bytes,
			 struct wasm_extern *out);
void *wasm_env(const struct wasm_instance *instance);
struct wasm_module *wasm_instance_module(const struct wasm_instance *instance);

/*
 * A host function whose type is known at run time only: its arguments as words, an i32 and an f32
 * with zeroes above, and its result, if it has one, the same.
 */
typedef uint64_t (*wasm_words_fn)(void *context, const uint64_t *args);
enum { WASM_WORDS_MAX = 20 };

/* Of no instance; they live as long as the store. NULL: out of memory or a bad size. */
/* A function of the host, of WASM_WORDS_MAX parameters at most, none of them a vector. */
struct wasm_func *wasm_func_new(struct wasm_store *store, const struct wasm_functype *type,
				wasm_words_fn call, void *context);
struct wasm_global *wasm_global_new(struct wasm_store *store, uint32_t type, bool is_mutable,
				    union wasm_value value);
struct wasm_memory *wasm_memory_new(struct wasm_store *store, struct wasm_limits limits);
struct wasm_table *wasm_table_new(struct wasm_store *store, uint32_t type,
				  struct wasm_limits limits);
/*
 * Frees all that is in the store, which is empty then and can be used again. No call is under way.
 */
void wasm_store_close(struct wasm_store *store);
union wasm_value wasm_global_get(const struct wasm_global *global);
void wasm_global_set(struct wasm_global *global, union wasm_value value);
const struct wasm_functype *wasm_func_type(const struct wasm_func *func);

/*
 * The linear memory of an instance that host functions take addresses in: the one that it exports
 * as "memory", else memory 0; NULL if there is none. The base never moves; the size changes by
 * growth.
 */
struct wasm_memory *wasm_instance_memory(const struct wasm_instance *instance);
uint8_t *wasm_memory_base(const struct wasm_memory *memory);
uint64_t wasm_memory_bytes(const struct wasm_memory *memory);
/* The old size in pages, or -1. */
int64_t wasm_memory_grow(struct wasm_memory *memory, uint64_t pages);

/* Calling. */

/*
 * Calls a function with as many arguments and results as its type has. WASM_RETURNED: results, if
 * not NULL, are set. Otherwise *stop (may be NULL) tells. May be called from a host function; a
 * trap or an exit then ends the outermost call.
 */
enum wasm_outcome wasm_call(struct wasm_func *func, const union wasm_value *args,
			    union wasm_value *results, struct wasm_stop *stop);

/*
 * Runs a C function that makes calls in the store: comes back as well when a trap in one of them
 * ends it.
 */
enum wasm_outcome wasm_run(struct wasm_store *store, void (*run)(void *), void *arg,
			   struct wasm_stop *stop);

/* For host functions: does not return, but ends the outermost wasm_call (or instantiation). */
_Noreturn void wasm_trap(const struct wasm_instance *instance, enum wasm_trap_code code,
			 const char *message);
/* The same of what has no instance. */
_Noreturn void wasm_store_trap(struct wasm_store *store, enum wasm_trap_code code,
			       const char *message);

#endif
