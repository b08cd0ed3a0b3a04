/* SPDX-License-Identifier: Apache-2.0 */
/* Instances of components while they live, for the files that make them and call into them. */
#ifndef MOTE_GUEST_COMPONENT_INSTANCE_H
#define MOTE_GUEST_COMPONENT_INSTANCE_H

#include "guest/component/component.h"
#include "guest/component/graph.h"
#include "guest/component/handles.h"
#include "guest/wasm/store.h"

/* A resource's type at run time: what it is of is compared by its address. */
struct resource_type {
	struct component_instance *owner; /* NULL: the host */
	struct wasm_func *destructor;     /* NULL: none */
	const struct component_host_resource *host;
	struct resource_type *next; /* of the host's */
};

/* A core instance: the engine's, or a list of what is exported. */
struct core_instance {
	struct wasm_instance *instance;
	const struct core_externs *names;
	struct wasm_extern *items; /* in the order of the names */
};

/* A component's instance as others see it: what is exported. */
struct instance_exports {
	const struct externs *names;
	void **items; /* in their order, as entries of index spaces are */
};

/* A component with the instance that it was defined in, whose definitions it may refer to. */
struct closure {
	const struct graph *graph;
	struct component_instance *outer;
};

struct canon_options {
	struct wasm_memory *memory;
	struct wasm_func *realloc, *post_return;
	uint8_t encoding; /* enum string_encoding */
};

struct component_func {
	struct component *of;
	struct component_instance *inst; /* that lifts it; NULL: it is the host's */
	const struct ctype *type;        /* of the function, as inst or the importer sees it */
	const struct canon *canon;       /* that lifts it */
	struct wasm_func *core;
	struct canon_options options;
	const struct component_host_function *host;
	bool is_async;
	uint32_t flats; /* of the parameters */
};

/* What is bound to the numbers of resources in types: open addressing. */
struct resource_map {
	struct resource_cell {
		uint32_t number; /* and 1 more, so that 0 is free */
		struct resource_type *type;
	} * cell;
	uint32_t cells, count;
};

/* What context.get and context.set are about, while another call has them. */
struct task_context {
	uint64_t slot[2];
};

/* As adapters and built-ins read and write it: a global of the engine. */
enum instance_state {
	INSTANCE_IDLE,
	INSTANCE_ENTERED,       /* a call is in it, or a trap has ended one in it */
	INSTANCE_MAY_NOT_LEAVE, /* realloc and post-return call nothing outside */
};

struct component_instance {
	struct component *of;
	struct component_instance *parent;
	struct component_instance *next; /* of the component */
	const struct graph *graph;
	struct component_instance *outer; /* that the graph was defined in */
	struct wasm_global *state;        /* enum instance_state */
	/* Of the call under way, if there is context.get or context.set; else NULL. */
	struct wasm_global *context[2];
	uint16_t backpressure;
	struct handles handles;
	struct resource_map resources;
	/*
	 * Index spaces. Entries are struct wasm_func, wasm_table, wasm_memory, wasm_global,
	 * wasm_tag, wasm_module, core_instance, component_func, closure, instance_exports, and for
	 * types resource_type or NULL.
	 */
	void **space[SORTS];
	uint32_t count[SORTS];
	struct instance_exports exports;
	uint32_t exported;
};

struct component {
	struct arena arena; /* it lies in this */
	struct wasm_store *store;
	const struct graph *graph;
	struct component_instance *instances;
	struct resource_type *host_types;
	struct loans loans;
	struct adapters *adapters; /* NULL: calls are interpreted */
	uint32_t cpu;
	bool is_planning; /* what is instantiated is a plan: no core instances, no code */
	/* While it is instantiated. */
	struct failure *fail;
	struct wasm_stop *stop;
	uint32_t instance_count, depth;
	uint64_t steps;
};

/* call.c */
enum instance_state instance_state(const struct component_instance *i);
void instance_set_state(struct component_instance *i, enum instance_state state);
/* How many instances a call enters. */
uint32_t instances_entered(const struct component_instance *callee,
			   const struct component_instance *caller);
/* A new call's context; what was there. */
struct task_context context_begin(struct component_instance *i);
void context_end(struct component_instance *i, const struct task_context *outer);

/* instantiate.c */
struct resource_type *resource_at(const struct component_instance *i, uint32_t number);
void *component_need(struct component *c, uint64_t count, uint64_t bytes);
/* What is bound to resources in what a type describes. */
void bind_resources(struct component_instance *i, const struct ctype *type,
		    enum component_sort sort, void *entry);
/* An export by name, or NULL. */
void *instance_item(const struct instance_exports *e, struct wasm_name name);

/* link.c: the interface of the host that an import is; refuses what is not there. */
void *link_import(struct component_instance *i, const struct component_link *link,
		  const struct definition *d);

/* call.c: core functions that lower a component's function, or are built-ins. */
struct wasm_func *lower_function(struct component_instance *i, const struct canon *canon,
				 struct component_func *callee,
				 const struct canon_options *options);
struct wasm_func *builtin_function(struct component_instance *i, const struct canon *canon);

#endif
