/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of ready sandboxes, each with a thread that makes them. */
#include <mote/pool.h>

#include "api/error.h"
#include "api/snapshot.h"
#include "base/thread.h"
#include "vm/snapshot/recycle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { READY_DEFAULT = 4, READY_MAX = 4096 };

struct list {
	struct mote_sandbox *first;
	unsigned count;
};

struct mote_pool {
	struct mote_snapshot *snapshot;     /* owned hold */
	const struct mote_options *options; /* borrowed */
	unsigned wanted;
	unsigned process; /* process_number() of the one that its thread is in */
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* Guarded by lock. */
	struct list ready;
	/*
	 * Starts when fewer than half are ready and continues until all are: most sandboxes are
	 * returned.
	 */
	bool making;
	bool ending;
	pthread_t thread;
};

static struct mote_sandbox *pop(struct list *l)
{
	struct mote_sandbox *s = l->first;
	if (s) {
		l->first = s->next;
		l->count--;
	}
	return s;
}

static void push(struct list *l, struct mote_sandbox *s)
{
	s->next = l->first;
	l->first = s;
	l->count++;
}

static void *serve(void *arg)
{
	struct mote_pool *p = arg;
	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		p->making = p->making && p->ready.count < p->wanted;
		if (!p->making) {
			pthread_cond_wait(&p->work, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		struct mote_sandbox *made;
		int rc = mote_sandbox_from(p->snapshot, p->options, &made, NULL);
		pthread_mutex_lock(&p->lock);
		if (rc < 0)
			/* until the next is taken; that call reports the error if it fails again */
			p->making = false;
		else
			push(&p->ready, made);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int check(const struct mote_pool_options *options, struct mote_pool_options *o,
		 struct err *e)
{
	*o = (struct mote_pool_options){0};
	if (options->size < offsetof(struct mote_pool_options, ready))
		return err_set(e, ERR_CONFIG, EINVAL, "mote_pool_options: size must be set");
	memcpy(o, options, options->size < sizeof(*o) ? options->size : sizeof(*o));
	if (!o->snapshot || !o->sandbox)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "mote_pool_options: snapshot and sandbox must be set");
	if (o->ready > READY_MAX)
		return err_set(e, ERR_CONFIG, EINVAL, "%u ready sandboxes; at most %d are possible",
			       o->ready, READY_MAX);
	return 0;
}

int mote_pool_new(const struct mote_pool_options *options, struct mote_pool **pool,
		  struct mote_error *error)
{
	struct err e = {0};
	struct mote_pool_options o;
	if (check(options, &o, &e) < 0)
		return error_report(&e, error);
	struct mote_pool *p = calloc(1, sizeof(*p));
	if (!p) {
		err_sys(&e, ENOMEM, "a pool");
		return error_report(&e, error);
	}
	p->snapshot = o.snapshot;
	p->options = o.sandbox;
	p->wanted = o.ready ? o.ready : READY_DEFAULT;
	p->process = process_number();
	p->making = true;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	int rc = thread_start(&p->thread, NULL, serve, p);
	if (rc < 0) {
		free(p);
		err_sys(&e, -rc, "a pool's thread");
		return error_report(&e, error);
	}
	snapshot_ref(o.snapshot);
	*pool = p;
	return 0;
}

/* In a child of fork() the lock may be held by a thread that is not there. */
static bool is_inherited(const struct mote_pool *p)
{
	return p->process != process_number();
}

int mote_pool_take(struct mote_pool *pool, struct mote_sandbox **sandbox, struct mote_error *error)
{
	if (is_inherited(pool)) {
		struct err e = {0};
		err_set(&e, ERR_CONFIG, EINVAL,
			"the pool belongs to the process that this one was forked from; a child "
			"makes its own");
		return error_report(&e, error);
	}
	pthread_mutex_lock(&pool->lock);
	struct mote_sandbox *s = pop(&pool->ready);
	if (!pool->making && pool->ready.count < (pool->wanted + 1) / 2) {
		pool->making = true;
		pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!s)
		return mote_sandbox_from(pool->snapshot, pool->options, sandbox, error);
	*sandbox = s;
	return 0;
}

void mote_pool_give(struct mote_pool *pool, struct mote_sandbox *sandbox)
{
	if (sandbox && !is_inherited(pool) &&
	    mote_sandbox_restore(sandbox, pool->snapshot, NULL) == 0) {
		pthread_mutex_lock(&pool->lock);
		if (pool->ready.count < pool->wanted)
			push(&pool->ready, take_ptr(sandbox));
		pthread_mutex_unlock(&pool->lock);
	}
	mote_sandbox_free(sandbox);
}

unsigned mote_pool_ready(struct mote_pool *pool)
{
	if (is_inherited(pool))
		return 0;
	pthread_mutex_lock(&pool->lock);
	unsigned count = pool->ready.count;
	pthread_mutex_unlock(&pool->lock);
	return count;
}

static void end_thread(struct mote_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
}

void mote_pool_free(struct mote_pool *pool)
{
	if (!pool)
		return;
	if (!is_inherited(pool))
		end_thread(pool);
	for (struct mote_sandbox *s; (s = pop(&pool->ready));)
		mote_sandbox_free(s);
	mote_snapshot_free(pool->snapshot);
	free(pool);
}

int mote_keep_vms(unsigned count, struct mote_error *error)
{
	struct err e = {0};
	int rc = recycle_keep(count);
	if (rc < 0) {
		err_sys(&e, -rc, "the thread that clears VMs");
		return error_report(&e, error);
	}
	return 0;
}
