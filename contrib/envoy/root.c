/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root context: ticks, queues and calls, on Envoy's main thread. A thread of ours only measures
 * time, and asks the main thread for ticks.
 */
#include "envoy/envoy.h"

#include <stdlib.h>
#include <time.h>

#define PERIOD_MIN_MS 10 /* what a tick takes at most by default */
#define NS_PER_MS     1000000L
#define EVENT_TICK    (1UL << 32) /* others are numbers of queues */

/* --- ticks --- */

static struct timespec in_ms(uint32_t ms)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * NS_PER_MS;
	if (t.tv_nsec >= 1000 * NS_PER_MS) {
		t.tv_sec++;
		t.tv_nsec -= 1000 * NS_PER_MS;
	}
	return t;
}

/* One period, or less if it changes. Whether it has passed. With the lock. */
static bool wait_period(struct envoy_config *c)
{
	const uint32_t period = c->period_ms;
	const struct timespec until = in_ms(period);
	if (period == 0 || c->tick_pending) {
		pthread_cond_wait(&c->wake, &c->lock);
		return false;
	}
	while (!c->is_ending && c->period_ms == period)
		if (pthread_cond_timedwait(&c->wake, &c->lock, &until) != 0)
			return true;
	return false;
}

static void *ticker(void *arg)
{
	struct envoy_config *c = arg;
	pthread_mutex_lock(&c->lock);
	while (!c->is_ending) {
		if (!wait_period(c))
			continue;
		c->tick_pending = true;
		c->kind->scheduler_commit(c->scheduler, EVENT_TICK);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

void envoy_root_tick(void *owner, uint32_t period_ms)
{
	struct envoy_config *c = owner;
	if (period_ms && period_ms < PERIOD_MIN_MS)
		period_ms = PERIOD_MIN_MS;
	pthread_mutex_lock(&c->lock);
	c->period_ms = period_ms;
	pthread_cond_signal(&c->wake);
	if (period_ms && !c->is_ticking && c->plugin && !c->is_ending)
		c->is_ticking = pthread_create(&c->ticker, NULL, ticker, c) == 0;
	pthread_mutex_unlock(&c->lock);
}

void envoy_root_begin(struct envoy_config *config)
{
	envoy_root_tick(config, config->period_ms);
}

void envoy_root_end(struct envoy_config *config)
{
	pthread_mutex_lock(&config->lock);
	config->is_ending = true;
	pthread_cond_signal(&config->wake);
	const bool was_ticking = config->is_ticking;
	pthread_mutex_unlock(&config->lock);
	if (was_ticking)
		pthread_join(config->ticker, NULL);
	envoy_calls_free(&config->calls);
}

void envoy_root_queue(void *owner, uint32_t queue)
{
	const struct envoy_config *c = owner;
	c->kind->scheduler_commit(c->scheduler, queue);
}

/* --- events --- */

static void call_root(struct envoy_config *c, const struct pw_event *event)
{
	struct pw_effects effects cleanup_effects = {0};
	pw_root_call(c->plugin, event, &effects);
}

void envoy_root_scheduled(struct envoy_config *c, uint64_t event)
{
	struct pw_event e = {.step = MOTE_PROXY_QUEUE_READY, .args = {(uint32_t)event}};
	if (event == EVENT_TICK)
		e = (struct pw_event){.step = MOTE_PROXY_TICK};
	call_root(c, &e);
	if (event != EVENT_TICK)
		return;
	pthread_mutex_lock(&c->lock);
	c->tick_pending = false;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

uint32_t envoy_root_call(struct envoy_config *config, uint32_t token,
			 const struct mote_proxy_bytes *cluster,
			 const struct mote_proxy_pair *headers, size_t count,
			 const struct mote_proxy_bytes *body, uint32_t timeout_ms)
{
	if (!config->kind->callout)
		return MOTE_PROXY_UNIMPLEMENTED;
	return envoy_call_begin(config->kind->callout, config->envoy, &config->calls, token,
				cluster, headers, count, body, timeout_ms);
}

void envoy_root_call_done(struct envoy_config *c, uint64_t id, const struct envoy_header *headers,
			  size_t header_count, const struct envoy_buffer *chunks,
			  size_t chunk_count)
{
	cleanup_buf struct buf body = {.cap = ENVOY_BODY_MAX};
	cleanup_free struct envoy_call *call = envoy_call_take(&c->calls, id);
	struct pw_event event;
	if (call && envoy_call_event(&event, call->token, headers, header_count, chunks,
				     chunk_count, &body) == 0)
		call_root(c, &event);
}
