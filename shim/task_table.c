/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks the shim has. */
#include "shim/task.h"

#include "shim/waiter.h"

#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 128, POSTPONED_MAX = 256 };

struct task *task_find(const struct shim *shim, const char *id, const char *exec_id)
{
	struct task *t = shim->tasks;
	while (t && (strcmp(container_id(t->container), id) != 0 ||
		     strcmp(process_exec_id(t->process), exec_id) != 0))
		t = t->next;
	return t;
}

/* Until the task has been created. */
static void postpone(struct task *t, struct ttrpc_call *call)
{
	if (waiter_count(t->postponed) == POSTPONED_MAX)
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED,
			   "%d requests wait for the container to be created", POSTPONED_MAX);
	else if (!ttrpc_may_postpone(call))
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED,
			   "the requests that wait for containers to be created are too large");
	else if (waiter_add(&t->postponed, call))
		ttrpc_postpone(call);
}

struct task *task_find_or_fail(const struct shim *shim, struct ttrpc_call *call, const char *id,
			       const char *exec_id)
{
	struct task *t = task_find(shim, id, "");
	if (!t) {
		ttrpc_fail(call, TTRPC_NOT_FOUND, "container %.100s: not found", id);
		return NULL;
	}
	if (t->creator) {
		postpone(t, call);
		return NULL;
	}
	t = task_find(shim, id, exec_id);
	if (!t)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "container %.100s: process %.100s: not found", id,
			   exec_id);
	return t;
}

struct task *task_new(struct shim *shim, struct ttrpc_call *call)
{
	struct task *t = calloc(1, sizeof(*t));
	if (!t) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	t->shim = shim;
	return t;
}

void task_add(struct task *t)
{
	t->next = t->shim->tasks;
	t->shim->tasks = t;
}

void task_remove(struct task *t)
{
	struct task **at = &t->shim->tasks;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

struct task *task_next_exec(const struct task *t, const struct task *after)
{
	struct task *x = after ? after->next : t->shim->tasks;
	while (x && x->of != t)
		x = x->next;
	return x;
}

bool task_valid_id(const char *id)
{
	if (!*id || strlen(id) > ID_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return false;
	for (; *id; id++)
		if (*id <= ' ' || *id > '~' || *id == '/')
			return false;
	return true;
}
