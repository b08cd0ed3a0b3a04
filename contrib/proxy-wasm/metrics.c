/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's metrics: their values, for proxy_get_metric, and the server's next to them. */
#include "proxy-wasm/internal.h"

#include <string.h>

static struct pw_own_metric *metric_of(const struct pw_plugin *p, uint64_t id)
{
	if (id == 0 || id > atomic_load(&p->metric_count))
		return NULL;
	return (struct pw_own_metric *)&p->metrics[id - 1];
}

static bool name_valid(const char *name, size_t len)
{
	if (len == 0 || len > PW_METRIC_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)name[i] <= 0x20 || (uint8_t)name[i] >= 0x7f)
			return false;
	return true;
}

static uint32_t add(struct pw_plugin *p, enum pw_metric type, const char *name, size_t len,
		    uint64_t *id)
{
	const uint32_t count = atomic_load(&p->metric_count);
	struct pw_own_metric *m = &p->metrics[count];
	for (uint32_t i = 0; i < count; i++)
		if (strlen(p->metrics[i].name) == len &&
		    memcmp(p->metrics[i].name, name, len) == 0) {
			*id = i + 1;
			return p->metrics[i].type == type ? MOTE_PROXY_OK : MOTE_PROXY_BAD_ARGUMENT;
		}
	if (count == PW_METRICS_MAX)
		return MOTE_PROXY_INTERNAL_FAILURE;
	m->name = strndup(name, len);
	if (!m->name)
		return MOTE_PROXY_INTERNAL_FAILURE;
	m->type = type;
	m->is_served = p->server->define_metric &&
		       p->server->define_metric(p->owner, type, m->name, &m->server_id);
	atomic_store(&p->metric_count, count + 1);
	*id = count + 1;
	return MOTE_PROXY_OK;
}

uint32_t pw_metric_define(struct pw_plugin *p, enum pw_metric type, const char *name, size_t len,
			  uint64_t *id)
{
	if (!name_valid(name, len))
		return MOTE_PROXY_BAD_ARGUMENT;
	pthread_mutex_lock(&p->metrics_lock);
	const uint32_t status = add(p, type, name, len, id);
	pthread_mutex_unlock(&p->metrics_lock);
	return status;
}

/* A counter only rises, as the ABI has it. */
void pw_metric_change(struct pw_plugin *p, uint64_t id, int64_t by)
{
	struct pw_own_metric *m = metric_of(p, id);
	if (!m || m->type == PW_HISTOGRAM || (m->type == PW_COUNTER && by < 0))
		return;
	atomic_fetch_add(&m->value, by);
	if (m->is_served)
		p->server->change_metric(p->owner, m->type, m->server_id, by);
}

void pw_metric_record(struct pw_plugin *p, uint64_t id, uint64_t value)
{
	struct pw_own_metric *m = metric_of(p, id);
	if (!m || m->type == PW_COUNTER)
		return;
	atomic_store(&m->value, (int64_t)value);
	if (m->is_served)
		p->server->set_metric(p->owner, m->type, m->server_id, value);
}

uint32_t pw_metric_read(const struct pw_plugin *p, uint64_t id, uint64_t *value)
{
	const struct pw_own_metric *m = metric_of(p, id);
	if (!m)
		return MOTE_PROXY_NOT_FOUND;
	if (m->type == PW_HISTOGRAM)
		return MOTE_PROXY_BAD_ARGUMENT;
	*value = (uint64_t)atomic_load(&m->value);
	return MOTE_PROXY_OK;
}
