/* SPDX-License-Identifier: Apache-2.0 */
/* The host functions of a sandbox: options.functions, and options.imports with their modules. */
#include "abi/message.h"
#include "api/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 4096 /* of each list */

static bool is_name(const char *name)
{
	const size_t len = strlen(name);
	return len >= 1 && len <= MOTE_NAME_MAX;
}

static int check_names(const struct mote_import *f, struct err *e)
{
	if (!f->module || !f->name || !f->signature || !f->call)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "a host function without module, name, signature or call");
	if (!is_name(f->module) || !is_name(f->name) || !mote_signature_valid(f->signature))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "host function %.64s: the name must have 1 to %d bytes, and %.40s "
			       "be a signature like is:I",
			       f->name, MOTE_NAME_MAX, f->signature);
	return 0;
}

/* What holds only of functions with a module of their own. */
static int check_import(const struct mote_import *f, struct err *e)
{
	if (strcmp(f->module, MOTE_MODULE) == 0 || strcmp(f->module, "mote_guest") == 0)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "import %s.%.64s: functions of module mote are options.functions, "
			       "and those of mote_guest are libmote's",
			       f->module, f->name);
	if (!mote_wasm_signature_valid(f->signature))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "import %.64s.%.64s: %.40s is not a signature of the letters i I f "
			       "F",
			       f->module, f->name, f->signature);
	return 0;
}

/* Takes the next place of the list, whose names are owned whatever happens. */
static int add(struct mote_sandbox *s, const struct mote_import *from, struct err *e)
{
	int rc = check_names(from, e);
	if (rc < 0)
		return rc;
	if (functions_find(s, from->module, from->name))
		return err_set(e, ERR_CONFIG, EEXIST, "two host functions are called %.64s.%.64s",
			       from->module, from->name);
	struct host_function *f = &s->functions[s->function_count++];
	*f = (struct host_function){
		.module = strdup(from->module),
		.name = strdup(from->name),
		.signature = strdup(from->signature),
		.call = from->call,
		.arg = from->arg,
	};
	if (!f->module || !f->name || !f->signature)
		return err_sys(e, ENOMEM, "host functions");
	return 0;
}

static int add_all(struct mote_sandbox *s, const struct mote_options *o, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < o->function_count && rc == 0; i++) {
		const struct mote_function *f = &o->functions[i];
		const struct mote_import named = {MOTE_MODULE, f->name, f->signature, f->call,
						  f->arg};
		rc = add(s, &named, e);
	}
	for (size_t i = 0; i < o->import_count && rc == 0; i++) {
		rc = add(s, &o->imports[i], e);
		if (rc == 0)
			rc = check_import(&o->imports[i], e);
	}
	return rc;
}

int functions_configure(struct mote_sandbox *s, const struct mote_options *o, struct err *e)
{
	if (o->function_count > FUNCTIONS_MAX || o->import_count > FUNCTIONS_MAX)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "%zu host functions and %zu imports; at most %d of each are "
			       "possible",
			       o->function_count, o->import_count, FUNCTIONS_MAX);
	const size_t count = o->function_count + o->import_count;
	s->has_imports = o->import_count != 0;
	if (count == 0)
		return 0;
	s->functions = calloc(count, sizeof(s->functions[0]));
	if (!s->functions)
		return err_sys(e, ENOMEM, "host functions");
	return add_all(s, o, e);
}

void functions_free(struct mote_sandbox *s)
{
	for (size_t i = 0; i < s->function_count; i++) {
		free(s->functions[i].module);
		free(s->functions[i].name);
		free(s->functions[i].signature);
	}
	free(s->functions);
}

const struct host_function *functions_find(const struct mote_sandbox *s, const char *module,
					   const char *name)
{
	for (size_t i = 0; i < s->function_count; i++) {
		const struct host_function *f = &s->functions[i];
		if (strcmp(f->name, name) == 0 && strcmp(f->module, module) == 0)
			return f;
	}
	return NULL;
}

bool functions_replace_wasi(const struct mote_sandbox *s)
{
	for (size_t i = 0; i < s->function_count; i++)
		if (strncmp(s->functions[i].module, "wasi_", strlen("wasi_")) == 0)
			return true;
	return false;
}
