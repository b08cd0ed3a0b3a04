/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of calls that wait for one thing. */
#include "shim/waiter.h"

#include "shim/status.h"

#include <stdlib.h>

bool waiter_add(struct waiter **list, struct ttrpc_call *call)
{
	struct waiter *w = malloc(sizeof(*w));
	if (!w) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return false;
	}
	*w = (struct waiter){.call = call};
	while (*list)
		list = &(*list)->next;
	*list = w;
	return true;
}

size_t waiter_count(const struct waiter *list)
{
	size_t count = 0;
	for (; list; list = list->next)
		count++;
	return count;
}

void waiter_drop_abandoned(struct waiter **list)
{
	while (*list) {
		struct waiter *w = *list;
		if (!ttrpc_abandoned(w->call)) {
			list = &w->next;
			continue;
		}
		*list = w->next;
		ttrpc_fail(w->call, TTRPC_UNAVAILABLE, "its client has gone");
		free(w);
	}
}

void waiter_resume_all(struct waiter *list)
{
	while (list) {
		struct waiter *w = list;
		list = w->next;
		ttrpc_resume(w->call);
		free(w);
	}
}

void waiter_answer_all(struct waiter *list, const ProtobufCMessage *response, const struct err *e)
{
	while (list) {
		struct waiter *w = list;
		list = w->next;
		if (response)
			ttrpc_reply(w->call, response);
		else
			status_fail(w->call, e);
		free(w);
	}
}
