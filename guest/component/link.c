/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's interfaces as imports of a component: by name, version and exactly their types; and
 * what their functions can do with the caller (host.h).
 */
#include "guest/component/call.h"
#include "guest/component/component.h"
#include "guest/component/type_text.h"

/* --- names --- */

static bool begins_with(struct wasm_name name, const char *text, uint32_t bytes)
{
	return name.bytes >= bytes && memcmp(name.text, text, bytes) == 0;
}

/* "wasi:io/streams@0.2" is "wasi:io/streams@0.2.6" too; what comes after that is a pre-release. */
bool component_version_fits(struct wasm_name name, const char *interface)
{
	const uint32_t bytes = (uint32_t)strlen(interface);
	if (!begins_with(name, interface, bytes))
		return false;
	if (name.bytes == bytes)
		return true;
	if (name.text[bytes] != '.')
		return false;
	for (uint32_t at = bytes + 1; at < name.bytes; at++)
		if (name.text[at] < '0' || name.text[at] > '9')
			return false;
	return name.bytes > bytes + 1;
}

static const struct component_host_interface *find_interface(const struct component_link *link,
							     struct wasm_name name)
{
	for (uint32_t n = 0; n < link->count; n++)
		if (component_version_fits(name, link->interfaces[n]->name))
			return link->interfaces[n];
	return NULL;
}

static bool name_is(struct wasm_name name, const char *text)
{
	return name.bytes == strlen(text) && memcmp(name.text, text, name.bytes) == 0;
}

static const struct component_host_function *find_function(
	const struct component_host_interface *from, struct wasm_name name)
{
	for (uint32_t n = 0; n < from->function_count; n++)
		if (name_is(name, from->functions[n].name))
			return &from->functions[n];
	return NULL;
}

static const struct component_host_resource *find_resource(
	const struct component_host_interface *from, struct wasm_name name)
{
	for (uint32_t n = 0; n < from->resource_count; n++)
		if (name_is(name, from->resources[n]->name))
			return from->resources[n];
	return NULL;
}

/* --- before anything runs --- */

struct checking {
	const struct component_link *link;
	bool all;
};

static void refuse(struct checking *k, struct wasm_name import, struct wasm_name function,
		   const char *why)
{
	k->all = false;
	if (k->link->refuse)
		k->link->refuse(k->link->context, import, function, why);
}

static void check_interface(struct checking *k, const struct extern_item *import)
{
	const struct wasm_name none = {"", 0};
	const struct component_host_interface *from = find_interface(k->link, import->name);
	if (!from) {
		refuse(k, import->name, none, "there is no such interface");
		return;
	}
	const struct externs *wanted = &import->item.type->exports;
	for (uint32_t n = 0; n < wanted->count; n++) {
		const struct extern_item *w = &wanted->list[n];
		if (w->item.sort == SORT_FUNC && !find_function(from, w->name))
			refuse(k, import->name, w->name, "the interface has no such function");
		if (w->item.sort != SORT_FUNC && w->item.sort != SORT_TYPE)
			refuse(k, import->name, w->name,
			       "interfaces have functions and types only");
	}
}

bool component_imports_fit(const struct component *c, const struct component_link *link)
{
	const struct component_link none = {0};
	struct checking k = {link ? link : &none, true};
	const struct externs *imports = &c->graph->type->imports;
	for (uint32_t n = 0; n < imports->count; n++) {
		const struct extern_item *import = &imports->list[n];
		/* The type of something imported before, with a name. */
		if (import->item.sort == SORT_TYPE && import->item.type->kind != CTYPE_RESOURCE)
			continue;
		if (import->item.sort == SORT_INSTANCE)
			check_interface(&k, import);
		else
			refuse(&k, import->name, (struct wasm_name){"", 0},
			       "only interfaces can be imported");
	}
	return k.all;
}

/* --- binding --- */

/* One type for a resource, by whatever version's name it is imported. */
static struct resource_type *host_type(struct component *c,
				       const struct component_host_resource *host)
{
	for (struct resource_type *t = c->host_types; t; t = t->next)
		if (t->host == host)
			return t;
	struct resource_type *made = component_need(c, 1, sizeof(*made));
	*made = (struct resource_type){.host = host, .next = c->host_types};
	c->host_types = made;
	return made;
}

/* A type that an interface exports: a resource of its own, or what was bound already. */
static struct resource_type *bind_type(struct component_instance *i,
				       const struct component_host_interface *from,
				       const struct extern_item *wanted, struct wasm_name import)
{
	if (wanted->item.type->kind != CTYPE_RESOURCE)
		return NULL;
	struct resource_type *known = resource_at(i, wanted->item.type->resource);
	if (known)
		return known;
	const struct component_host_resource *r = find_resource(from, wanted->name);
	if (!r)
		wasm_fail(i->of->fail, WASM_ERROR_LINK, 0,
			  "cannot import %N#%N: the interface has no such resource", &import,
			  &wanted->name);
	return host_type(i->of, r);
}

static struct component_func *bind_function(struct component_instance *i,
					    const struct component_host_interface *from,
					    const struct extern_item *wanted,
					    struct wasm_name import)
{
	char text[TYPE_TEXT_BYTES];
	const struct component_host_function *f = find_function(from, wanted->name);
	type_text(i, wanted->item.type, text);
	if (strcmp(text, f->type) != 0)
		wasm_fail(i->of->fail, WASM_ERROR_LINK, 0,
			  "cannot import %N#%N: it is a function of another type", &import,
			  &wanted->name);
	struct component_func *made = component_need(i->of, 1, sizeof(*made));
	*made = (struct component_func){
		.of = i->of, .type = wanted->item.type, .host = f, .is_async = false};
	return made;
}

/* Types come before the functions that mention them. */
void *link_import(struct component_instance *i, const struct component_link *link,
		  const struct definition *d)
{
	if (d->sort != SORT_INSTANCE)
		return NULL;
	const struct component_host_interface *from = find_interface(link, d->name);
	struct instance_exports *made = component_need(i->of, 1, sizeof(*made));
	made->names = &d->type->exports;
	made->items = component_need(i->of, made->names->count, sizeof(*made->items));
	for (uint32_t n = 0; n < made->names->count; n++) {
		const struct extern_item *wanted = &made->names->list[n];
		if (wanted->item.sort == SORT_TYPE) {
			made->items[n] = bind_type(i, from, wanted, d->name);
			bind_resources(i, wanted->item.type, SORT_TYPE, made->items[n]);
		} else {
			made->items[n] = bind_function(i, from, wanted, d->name);
		}
	}
	return made;
}

/* --- for host functions --- */

void call_trap(struct component_call *call, const char *message)
{
	component_trap(call->inst->of, "%s", message);
}

void *call_span(struct component_call *call, uint32_t at, uint64_t bytes)
{
	return side_span(call, at, bytes, 1, "memory");
}

void *call_allocate(struct component_call *call, uint32_t align, uint64_t bytes, uint32_t *at)
{
	return side_realloc(call, 0, 0, align, bytes, at);
}

void call_string(struct component_call *call, const char *text, uint32_t bytes, uint32_t out[2])
{
	const struct text t = {.at = (const uint8_t *)text, .units = bytes, .encoding = TEXT_UTF8};
	text_lower(call, &t, out);
}

int64_t call_text(struct component_call *call, const uint32_t string[2], char *to, uint32_t size)
{
	const struct text t = text_lift(call, string[0], string[1]);
	return text_to_utf8(call->inst->of, &t, (uint8_t *)to, size);
}

static const struct resource_type *type_of(struct component_call *call,
					   const struct component_host_resource *resource)
{
	for (const struct resource_type *t = call->inst->of->host_types; t; t = t->next)
		if (t->host == resource)
			return t;
	component_trap(call->inst->of, "resource %s has not been imported", resource->name);
}

uint32_t call_own(struct component_call *call, const struct component_host_resource *resource,
		  uint32_t rep)
{
	return own_lower(call, type_of(call, resource), rep);
}

uint32_t call_borrowed(struct component_call *call, const struct component_host_resource *resource,
		       uint32_t handle)
{
	return borrow_lift(call, type_of(call, resource), handle);
}
