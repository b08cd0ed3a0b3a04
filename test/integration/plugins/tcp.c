/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP filter: what the client sends is in upper case for the server, and waits until a line is
 * whole; what the server sends has a mark in front. A line "quit" ends the connection.
 */
#include "proxy.h"

IMPORT(proxy_close_stream) int proxy_close_stream(int type);

static uint32_t connections, ticks;

EXPORT(proxy_on_vm_start) int proxy_on_vm_start(uint32_t context, uint32_t size)
{
	(void)context, (void)size;
	proxy_define_metric(0, S("tcp_ticks"), &ticks);
	proxy_set_tick_period_milliseconds(20);
	return 1;
}

EXPORT(proxy_on_tick) void proxy_on_tick(uint32_t context)
{
	(void)context;
	proxy_increment_metric(ticks, 1);
}

EXPORT(proxy_on_new_connection) int proxy_on_new_connection(uint32_t context)
{
	(void)context;
	connections++;
	return CONTINUE;
}

EXPORT(proxy_on_downstream_data)
int proxy_on_downstream_data(uint32_t context, uint32_t size, int end)
{
	char *at;
	size_t len;
	(void)context;
	if (size == 0 || proxy_get_buffer_bytes(DOWNSTREAM, 0, size, &at, &len) != OK)
		return CONTINUE;
	if (at[len - 1] != '\n' && !end)
		return PAUSE;
	if (same(at, len, S("quit\n")))
		proxy_close_stream(2);
	if (same(at, len, S("trap\n")))
		__builtin_trap();
	for (size_t i = 0; i < len; i++)
		if (at[i] >= 'a' && at[i] <= 'z')
			at[i] = (char)(at[i] - 32);
	proxy_set_buffer_bytes(DOWNSTREAM, 0, len, at, len);
	return CONTINUE;
}

EXPORT(proxy_on_upstream_data) int proxy_on_upstream_data(uint32_t context, uint32_t size, int end)
{
	char mark[24];
	(void)context, (void)end;
	size_t len = put_number(mark, connections);
	mark[len++] = '>';
	if (size)
		proxy_set_buffer_bytes(UPSTREAM, 0, 0, mark, len);
	return CONTINUE;
}

EXPORT(proxy_on_downstream_connection_close)
void proxy_on_downstream_connection_close(uint32_t context, int by)
{
	(void)context;
	if (by == 2)
		proxy_log(3, S("the client has closed"));
}
