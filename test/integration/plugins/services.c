/* SPDX-License-Identifier: Apache-2.0 */
/* Shared data, metrics, properties, ticks and a queue; what they say stands in headers. */
#include "proxy.h"

static uint32_t counter, gauge, histogram, queue, in_memory;

EXPORT(proxy_on_vm_start) int proxy_on_vm_start(uint32_t context, uint32_t size)
{
	(void)context, (void)size;
	proxy_define_metric(0, S("test_requests"), &counter);
	proxy_define_metric(1, S("test_gauge"), &gauge);
	proxy_define_metric(2, S("test_histogram"), &histogram);
	proxy_register_shared_queue(S("jobs"), &queue);
	proxy_set_tick_period_milliseconds(20);
	return 1;
}

/* Adds one to a number in shared data, whoever else does. */
static uint32_t count_shared(const char *key, size_t key_len)
{
	for (;;) {
		char *value = NULL;
		size_t len = 0;
		uint32_t cas = 0, n = 0;
		if (proxy_get_shared_data(key, key_len, &value, &len, &cas) == OK &&
		    len == sizeof(n))
			n = *(uint32_t *)value;
		n++;
		if (proxy_set_shared_data(key, key_len, (char *)&n, sizeof(n), cas) != CAS_MISMATCH)
			return n;
	}
}

EXPORT(proxy_on_tick) void proxy_on_tick(uint32_t context)
{
	(void)context;
	count_shared(S("ticks"));
}

EXPORT(proxy_on_queue_ready) void proxy_on_queue_ready(uint32_t context, uint32_t id)
{
	char *value;
	size_t len;
	(void)context;
	while (proxy_dequeue_shared_queue(id, &value, &len) == OK)
		proxy_set_shared_data(S("job"), value, len, 0);
}

static void show(const char *header, size_t header_len, const char *path, size_t path_len)
{
	char *value;
	size_t len;
	if (proxy_get_property(path, path_len, &value, &len) != OK)
		proxy_replace_header_map_value(REQUEST_HEADERS, header, header_len, S("none"));
	else if (len == 8 && same(header, header_len, S("x-port")))
		set_number(REQUEST_HEADERS, header, header_len, *(uint64_t *)value);
	else
		proxy_replace_header_map_value(REQUEST_HEADERS, header, header_len, value, len);
}

static uint32_t read_shared(const char *key, size_t key_len)
{
	char *value;
	size_t len;
	uint32_t cas;
	if (proxy_get_shared_data(key, key_len, &value, &len, &cas) != OK || len != 4)
		return 0;
	return *(uint32_t *)value;
}

EXPORT(proxy_on_request_headers)
int proxy_on_request_headers(uint32_t context, uint32_t count, int end)
{
	uint64_t value = 0;
	uint32_t found = 0, cas;
	char *job;
	size_t len;
	(void)context, (void)count, (void)end;
	set_number(REQUEST_HEADERS, S("x-shared"), count_shared(S("requests")));
	set_number(REQUEST_HEADERS, S("x-memory"), ++in_memory);
	set_number(REQUEST_HEADERS, S("x-ticks"), read_shared(S("ticks")));
	proxy_increment_metric(counter, 2);
	proxy_record_metric(gauge, 7);
	proxy_increment_metric(gauge, -3);
	proxy_record_metric(histogram, 5);
	proxy_get_metric(counter, &value);
	set_number(REQUEST_HEADERS, S("x-metric"), value);
	show(S("x-method"), S("request\0method"));
	show(S("x-source"), S("source\0address"));
	show(S("x-port"), S("destination\0port"));
	show(S("x-plugin"), S("plugin_name"));
	show(S("x-header"), S("request\0headers\0x-given"));
	show(S("x-nothing"), S("no\0such"));
	proxy_set_property(S("mine"), S("kept"));
	show(S("x-mine"), S("mine"));
	if (proxy_resolve_shared_queue(S("vm"), S("jobs"), &found) == OK)
		proxy_enqueue_shared_queue(found, S("done"));
	if (proxy_get_shared_data(S("job"), &job, &len, &cas) == OK)
		proxy_replace_header_map_value(REQUEST_HEADERS, S("x-job"), job, len);
	return CONTINUE;
}
