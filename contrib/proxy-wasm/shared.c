/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data and queues that plugins share by their VM id, in the process. Plugins control names and
 * contents: all of it is bounded.
 */
#include "proxy-wasm/internal.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENTRIES_MAX = 65536,
	QUEUES_MAX = 256, /* in the process */
	KEY_BYTES_MAX = 4096,
	MESSAGES_MAX = 16384, /* in a queue */
};
#define BYTES_MAX (16UL << 20) /* of data and of messages, for each VM id */

struct pair {
	uint32_t cas;
	struct mote_proxy_bytes key; /* in `bytes` */
	size_t value_len;
	uint8_t *value;
	uint8_t bytes[];
};

struct message {
	struct message *next;
	size_t len;
	uint8_t bytes[];
};

struct queue {
	struct pw_shared *of;
	char *name;
	size_t name_len;
	struct pw_plugin *reader;
	struct message *first, **end;
	unsigned count;
	/*
	 * How many messages the reader is to be notified of, and who is being notified of one: a
	 * server has one such event of a queue at most.
	 */
	unsigned unnoticed;
	const struct pw_plugin *notifying;
};

/*
 * Keys are in a tree that is balanced: whoever chooses them chooses no order in which a search of
 * it, with the lock, takes long.
 */
struct pw_shared {
	struct pw_shared *next;
	char *vm_id;
	unsigned users;
	size_t entries, bytes;
	void *tree; /* of search.h: of struct pair */
};

/* Guards all of this file's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pw_shared *all;
static struct queue *queues[QUEUES_MAX]; /* id - 1 */

static void unlock(pthread_mutex_t *const *l)
{
	pthread_mutex_unlock(*l);
}

static pthread_mutex_t *locked(void)
{
	pthread_mutex_lock(&lock);
	return &lock;
}
#define HOLD_LOCK                                                \
	pthread_mutex_t *const held cleanup_(unlock) = locked(); \
	(void)held

static struct pw_shared *find(const void *vm_id, size_t len)
{
	struct pw_shared *s = all;
	while (s && (strlen(s->vm_id) != len || memcmp(s->vm_id, vm_id, len) != 0))
		s = s->next;
	return s;
}

struct pw_shared *pw_shared_get(const char *vm_id)
{
	HOLD_LOCK;
	struct pw_shared *s = find(vm_id, strlen(vm_id));
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->vm_id = strdup(vm_id);
		if (!s->vm_id) {
			free(s);
			return NULL;
		}
		s->next = all;
		all = s;
	}
	s->users++;
	return s;
}

static void free_queue(struct queue *q)
{
	while (q->first) {
		struct message *m = q->first;
		q->first = m->next;
		free(m);
	}
	free(q->name);
	free(q);
}

static void free_pair(void *entry)
{
	struct pair *e = entry;
	free(e->value);
	free(e);
}

static void free_shared(struct pw_shared *s)
{
	tdestroy(s->tree, free_pair);
	for (size_t i = 0; i < QUEUES_MAX; i++)
		if (queues[i] && queues[i]->of == s) {
			free_queue(queues[i]);
			queues[i] = NULL;
		}
	free(s->vm_id);
	free(s);
}

void pw_shared_drop(struct pw_shared *shared)
{
	HOLD_LOCK;
	if (!shared || --shared->users)
		return;
	struct pw_shared **at = &all;
	while (*at != shared)
		at = &(*at)->next;
	*at = shared->next;
	free_shared(shared);
}

/* --- data --- */

static int compare(const void *a, const void *b)
{
	const struct mote_proxy_bytes *x = &((const struct pair *)a)->key,
				      *y = &((const struct pair *)b)->key;
	if (x->len != y->len)
		return (x->len > y->len) - (x->len < y->len);
	if (x->len == 0)
		return 0;
	return memcmp(x->at, y->at, x->len);
}

static struct pair *find_entry(const struct pw_shared *s, const struct mote_proxy_bytes *key)
{
	const struct pair wanted = {.key = *key};
	struct pair **found = tfind(&wanted, &s->tree, compare);
	return found ? *found : NULL;
}

uint32_t pw_shared_read(struct pw_shared *s, const struct mote_proxy_bytes *key, struct buf *to,
			uint64_t *cas)
{
	HOLD_LOCK;
	const struct pair *found = find_entry(s, key);
	if (!found)
		return MOTE_PROXY_NOT_FOUND;
	if (buf_put(to, found->value, found->value_len) < 0)
		return MOTE_PROXY_INTERNAL_FAILURE;
	*cas = found->cas;
	return MOTE_PROXY_OK;
}

/* Without a value; NULL: there is no room for it. */
static struct pair *add_entry(struct pw_shared *s, const struct mote_proxy_bytes *key)
{
	if (s->entries == ENTRIES_MAX || s->bytes + key->len > BYTES_MAX)
		return NULL;
	struct pair *made = calloc(1, sizeof(*made) + key->len);
	if (!made)
		return NULL;
	memcpy(made->bytes, key->at, key->len);
	made->key = (struct mote_proxy_bytes){.at = made->bytes, .len = key->len};
	if (!tsearch(made, &s->tree, compare)) {
		free(made);
		return NULL;
	}
	s->entries++;
	s->bytes += key->len;
	return made;
}

uint32_t pw_shared_write(struct pw_shared *s, const struct mote_proxy_bytes *key,
			 const struct mote_proxy_bytes *value, uint32_t cas)
{
	HOLD_LOCK;
	struct pair *e = find_entry(s, key);
	if (key->len > KEY_BYTES_MAX)
		return MOTE_PROXY_BAD_ARGUMENT;
	if (cas && (!e || e->cas != cas))
		return MOTE_PROXY_CAS_MISMATCH;
	const size_t before = e ? e->value_len : 0;
	if (value->len > BYTES_MAX || s->bytes - before + value->len > BYTES_MAX)
		return MOTE_PROXY_INTERNAL_FAILURE;
	uint8_t *copy = malloc(value->len + 1);
	if (copy && !e)
		e = add_entry(s, key);
	if (!copy || !e) {
		free(copy);
		return MOTE_PROXY_INTERNAL_FAILURE;
	}
	memcpy(copy, value->at, value->len);
	free(e->value);
	e->value = copy;
	e->value_len = value->len;
	e->cas = e->cas + 1 ? e->cas + 1 : 1; /* 0 is "whatever it is" */
	s->bytes += value->len - before;
	return MOTE_PROXY_OK;
}

/* --- queues --- */

static struct queue *find_queue(const struct pw_shared *s, const struct mote_proxy_bytes *name,
				uint64_t *id)
{
	for (size_t i = 0; i < QUEUES_MAX; i++)
		if (queues[i] && queues[i]->of == s && queues[i]->name_len == name->len &&
		    memcmp(queues[i]->name, name->at, name->len) == 0) {
			*id = i + 1;
			return queues[i];
		}
	return NULL;
}

static struct queue *add_queue(struct pw_shared *s, const struct mote_proxy_bytes *name,
			       uint64_t *id)
{
	size_t i = 0;
	while (i < QUEUES_MAX && queues[i])
		i++;
	if (i == QUEUES_MAX || name->len > KEY_BYTES_MAX)
		return NULL;
	struct queue *q = calloc(1, sizeof(*q));
	char *copy = malloc(name->len + 1);
	if (!q || !copy) {
		free(q);
		free(copy);
		return NULL;
	}
	memcpy(copy, name->at, name->len);
	*q = (struct queue){.of = s, .name = copy, .name_len = name->len};
	q->end = &q->first;
	queues[i] = q;
	*id = i + 1;
	return q;
}

uint32_t pw_queue_register(struct pw_shared *s, struct pw_plugin *plugin,
			   const struct mote_proxy_bytes *name, uint64_t *id)
{
	HOLD_LOCK;
	struct queue *q = find_queue(s, name, id);
	if (!q)
		q = add_queue(s, name, id);
	if (!q)
		return MOTE_PROXY_INTERNAL_FAILURE;
	q->reader = plugin;
	return MOTE_PROXY_OK;
}

uint32_t pw_queue_resolve(const struct mote_proxy_bytes *vm_id, const struct mote_proxy_bytes *name,
			  uint64_t *id)
{
	HOLD_LOCK;
	const struct pw_shared *s = find(vm_id->at, vm_id->len);
	if (!s || !find_queue(s, name, id))
		return MOTE_PROXY_NOT_FOUND;
	return MOTE_PROXY_OK;
}

static struct queue *queue_of(uint32_t id)
{
	if (id == 0 || id > QUEUES_MAX)
		return NULL;
	return queues[id - 1];
}

/* With the lock. */
static void notify_reader(struct queue *q, uint32_t id)
{
	if (q->notifying || !q->unnoticed || !q->reader || !q->reader->server->root_queue)
		return;
	q->unnoticed--;
	q->notifying = q->reader;
	q->reader->server->root_queue(q->reader->owner, id);
}

void pw_queue_noticed(const struct pw_plugin *plugin, uint32_t id)
{
	HOLD_LOCK;
	struct queue *q = queue_of(id);
	if (!q || q->notifying != plugin)
		return;
	q->notifying = NULL;
	notify_reader(q, id);
}

/* What it counts as. */
static size_t message_bytes(size_t len)
{
	return sizeof(struct message) + len;
}

uint32_t pw_queue_put(uint32_t id, const struct mote_proxy_bytes *value)
{
	HOLD_LOCK;
	struct queue *q = queue_of(id);
	if (!q)
		return MOTE_PROXY_NOT_FOUND;
	if (q->count == MESSAGES_MAX || value->len > BYTES_MAX ||
	    q->of->bytes + message_bytes(value->len) > BYTES_MAX)
		return MOTE_PROXY_INTERNAL_FAILURE;
	struct message *m = malloc(sizeof(*m) + value->len);
	if (!m)
		return MOTE_PROXY_INTERNAL_FAILURE;
	m->next = NULL;
	m->len = value->len;
	memcpy(m->bytes, value->at, value->len);
	*q->end = m;
	q->end = &m->next;
	q->count++;
	q->of->bytes += message_bytes(m->len);
	if (q->unnoticed < MESSAGES_MAX)
		q->unnoticed++;
	notify_reader(q, id);
	return MOTE_PROXY_OK;
}

uint32_t pw_queue_take(const struct pw_shared *s, uint32_t id, struct buf *to)
{
	HOLD_LOCK;
	struct queue *q = queue_of(id);
	if (!q || q->of != s)
		return MOTE_PROXY_NOT_FOUND;
	if (!q->first)
		return MOTE_PROXY_EMPTY;
	struct message *m = q->first;
	if (buf_put(to, m->bytes, m->len) < 0)
		return MOTE_PROXY_INTERNAL_FAILURE;
	q->first = m->next;
	if (!q->first)
		q->end = &q->first;
	q->count--;
	if (q->unnoticed > q->count)
		q->unnoticed = q->count; /* it has found them by itself */
	q->of->bytes -= message_bytes(m->len);
	free(m);
	return MOTE_PROXY_OK;
}

void pw_queues_forget(const struct pw_plugin *plugin)
{
	HOLD_LOCK;
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = queues[i];
		if (!q)
			continue;
		if (q->reader == plugin)
			q->reader = NULL;
		if (q->notifying == plugin)
			q->notifying = NULL;
		notify_reader(q, (uint32_t)i + 1);
	}
}
