/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy's log and its metrics, for plugins of either kind of filter. */
#include "envoy/envoy.h"

void envoy_log(unsigned level, const char *text)
{
	CB(log)(level > 5 ? 5 : level, envoy_text(text));
}

void envoy_log_line(void *owner, unsigned level, const char *text)
{
	(void)owner;
	envoy_log(level, text);
}

unsigned envoy_log_level(void *owner)
{
	unsigned level = 0;
	(void)owner;
	while (level < 5 && !CB(log_enabled)(level))
		level++;
	return level;
}

bool envoy_define_metric(void *owner, enum pw_metric type, const char *name, size_t *id)
{
	const struct envoy_config *c = owner;
	return c->kind->define[type](c->envoy, envoy_text(name), id) == ENVOY_METRIC_DONE;
}

void envoy_change_metric(void *owner, enum pw_metric type, size_t id, int64_t by)
{
	const struct envoy_config *c = owner;
	if (type == PW_COUNTER)
		c->kind->increment_counter(c->envoy, id, (uint64_t)by);
	else if (by >= 0)
		c->kind->increment_gauge(c->envoy, id, (uint64_t)by);
	else
		c->kind->decrement_gauge(c->envoy, id, 0 - (uint64_t)by);
}

void envoy_set_metric(void *owner, enum pw_metric type, size_t id, uint64_t value)
{
	const struct envoy_config *c = owner;
	if (type == PW_GAUGE)
		c->kind->set_gauge(c->envoy, id, value);
	else
		c->kind->record_histogram(c->envoy, id, value);
}
