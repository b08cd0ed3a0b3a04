/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of Envoy's ABI for dynamic modules that Mote uses, in declarations of its own: version
 * 0.2 (Envoy 1.40). An Envoy that lacks one of the callbacks cannot load the module, and names it;
 * those that are OPTIONAL are looked for before they are used.
 *
 * Envoy's pointers in arguments are valid during the hook that they came with.
 */
#ifndef MOTE_ENVOY_ABI_H
#define MOTE_ENVOY_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVOY_ABI_VERSION "v0.2.0"
#define CB(name)          envoy_dynamic_module_callback_##name
#define ON(name)          envoy_dynamic_module_on_##name
#define HOOK              __attribute__((visibility("default")))
#define OPTIONAL          __attribute__((weak))

struct envoy_buffer {
	const char *at;
	size_t len;
};

struct envoy_header {
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
};

enum envoy_map {
	ENVOY_REQUEST_HEADERS,
	ENVOY_REQUEST_TRAILERS,
	ENVOY_RESPONSE_HEADERS,
	ENVOY_RESPONSE_TRAILERS
};
enum envoy_body {
	ENVOY_RECEIVED_REQUEST,
	ENVOY_BUFFERED_REQUEST,
	ENVOY_RECEIVED_RESPONSE,
	ENVOY_BUFFERED_RESPONSE
};
enum envoy_headers_status { ENVOY_CONTINUE, ENVOY_STOP, ENVOY_STOP_BUFFER, ENVOY_STOP_WATERMARK };
enum envoy_body_status {
	ENVOY_BODY_CONTINUE,
	ENVOY_BODY_STOP_BUFFER,
	ENVOY_BODY_STOP_WATERMARK,
	ENVOY_BODY_STOP_NO_BUFFER
};
enum envoy_trailers_status { ENVOY_TRAILERS_CONTINUE, ENVOY_TRAILERS_STOP };
enum envoy_callout {
	ENVOY_CALLOUT_STARTED,
	ENVOY_CALLOUT_HEADERS_MISSING,
	ENVOY_CALLOUT_NO_CLUSTER,
	ENVOY_CALLOUT_TWICE,
	ENVOY_CALLOUT_NO_REQUEST
};
enum { ENVOY_METRIC_DONE = 0, ENVOY_CALLOUT_SUCCEEDED = 0 };

/* --- callbacks of the process --- */
void CB(log)(uint32_t level, struct envoy_buffer message);
bool CB(log_enabled)(uint32_t level);

/* --- callbacks of an HTTP filter's configuration --- */
uint32_t CB(http_filter_config_define_counter)(void *config, struct envoy_buffer name,
					       struct envoy_buffer *labels, size_t count,
					       size_t *id);
uint32_t CB(http_filter_config_define_gauge)(void *config, struct envoy_buffer name,
					     struct envoy_buffer *labels, size_t count, size_t *id);
uint32_t CB(http_filter_config_define_histogram)(void *config, struct envoy_buffer name,
						 struct envoy_buffer *labels, size_t count,
						 size_t *id);
uint32_t CB(http_filter_config_increment_counter)(void *config, size_t id,
						  struct envoy_buffer *labels, size_t count,
						  uint64_t by) OPTIONAL;
uint32_t CB(http_filter_config_increment_gauge)(void *config, size_t id,
						struct envoy_buffer *labels, size_t count,
						uint64_t by) OPTIONAL;
uint32_t CB(http_filter_config_decrement_gauge)(void *config, size_t id,
						struct envoy_buffer *labels, size_t count,
						uint64_t by) OPTIONAL;
uint32_t CB(http_filter_config_set_gauge)(void *config, size_t id, struct envoy_buffer *labels,
					  size_t count, uint64_t value) OPTIONAL;
uint32_t CB(http_filter_config_record_histogram_value)(void *config, size_t id,
						       struct envoy_buffer *labels, size_t count,
						       uint64_t value) OPTIONAL;
void *CB(http_filter_config_scheduler_new)(void *config) OPTIONAL;
void CB(http_filter_config_scheduler_delete)(void *scheduler) OPTIONAL;
void CB(http_filter_config_scheduler_commit)(void *scheduler, uint64_t event) OPTIONAL;
uint32_t CB(http_filter_config_http_callout)(void *config, uint64_t *id,
					     struct envoy_buffer cluster,
					     struct envoy_header *headers, size_t count,
					     struct envoy_buffer body, uint64_t ms) OPTIONAL;

/* --- callbacks of an HTTP filter --- */
uint32_t CB(http_filter_get_worker_index)(void *filter);
size_t CB(http_get_headers_size)(void *filter, int map);
bool CB(http_get_headers)(void *filter, int map, struct envoy_header *to);
bool CB(http_add_header)(void *filter, int map, struct envoy_buffer key, struct envoy_buffer value);
bool CB(http_set_header)(void *filter, int map, struct envoy_buffer key, struct envoy_buffer value);
void CB(http_send_response)(void *filter, uint32_t status, struct envoy_header *headers,
			    size_t count, struct envoy_buffer body, struct envoy_buffer details);
size_t CB(http_get_body_chunks_size)(void *filter, int body);
bool CB(http_get_body_chunks)(void *filter, int body, struct envoy_buffer *to);
size_t CB(http_get_body_size)(void *filter, int body);
bool CB(http_append_body)(void *filter, int body, struct envoy_buffer data);
bool CB(http_drain_body)(void *filter, int body, size_t bytes);
bool CB(http_received_buffered_request_body)(void *filter);
bool CB(http_received_buffered_response_body)(void *filter);
void CB(http_filter_continue_decoding)(void *filter);
void CB(http_filter_continue_encoding)(void *filter);
void CB(http_clear_route_cache)(void *filter);
uint32_t CB(http_filter_http_callout)(void *filter, uint64_t *id, struct envoy_buffer cluster,
				      struct envoy_header *headers, size_t count,
				      struct envoy_buffer body, uint64_t ms);
bool CB(http_filter_get_attribute_string)(void *filter, uint32_t attribute,
					  struct envoy_buffer *to);
bool CB(http_filter_get_attribute_int)(void *filter, uint32_t attribute, uint64_t *to);
bool CB(http_filter_get_attribute_bool)(void *filter, uint32_t attribute, bool *to) OPTIONAL;
bool CB(http_set_filter_state_bytes)(void *filter, struct envoy_buffer key,
				     struct envoy_buffer value);
bool CB(http_get_filter_state_bytes)(void *filter, struct envoy_buffer key,
				     struct envoy_buffer *to);
bool CB(http_get_metadata_string)(void *filter, int source, struct envoy_buffer name,
				  struct envoy_buffer key, struct envoy_buffer *to);
void CB(http_filter_reset_stream)(void *filter, uint32_t reason,
				  struct envoy_buffer details) OPTIONAL;
void *CB(http_filter_scheduler_new)(void *filter);
void CB(http_filter_scheduler_commit)(void *scheduler, uint64_t event);
void CB(http_filter_scheduler_delete)(void *scheduler);

#endif
