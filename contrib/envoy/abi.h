/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of Envoy's ABI for dynamic modules that Mote uses, in declarations of its own: version
 * 0.2 (Envoy 1.40). An Envoy that lacks one of the callbacks does not load the module, and names
 * it. Envoy's pointers in arguments are valid during the hook that they came with.
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

/* --- callbacks of a configuration --- */
/* Those of metrics: a network filter's have no labels, an HTTP filter's may have. */
typedef uint32_t envoy_define_fn(void *config, struct envoy_buffer name, size_t *id);
typedef uint32_t envoy_change_fn(void *config, size_t id, uint64_t value);
typedef uint32_t envoy_define_labelled_fn(void *config, struct envoy_buffer name,
					  struct envoy_buffer *labels, size_t count, size_t *id);
typedef uint32_t envoy_change_labelled_fn(void *config, size_t id, struct envoy_buffer *labels,
					  size_t count, uint64_t value);
typedef void *envoy_scheduler_fn(void *config);
typedef void envoy_commit_fn(void *scheduler, uint64_t event);
typedef void envoy_delete_fn(void *scheduler);
typedef uint32_t envoy_callout_fn(void *of, uint64_t *id, struct envoy_buffer cluster,
				  struct envoy_header *headers, size_t count,
				  struct envoy_buffer body, uint64_t ms);
extern envoy_define_labelled_fn CB(http_filter_config_define_counter);
extern envoy_define_labelled_fn CB(http_filter_config_define_gauge);
extern envoy_define_labelled_fn CB(http_filter_config_define_histogram);
extern envoy_change_labelled_fn CB(http_filter_config_increment_counter);
extern envoy_change_labelled_fn CB(http_filter_config_increment_gauge);
extern envoy_change_labelled_fn CB(http_filter_config_decrement_gauge);
extern envoy_change_labelled_fn CB(http_filter_config_set_gauge);
extern envoy_change_labelled_fn CB(http_filter_config_record_histogram_value);
extern envoy_define_fn CB(network_filter_config_define_counter);
extern envoy_define_fn CB(network_filter_config_define_gauge);
extern envoy_define_fn CB(network_filter_config_define_histogram);
extern envoy_change_fn CB(network_filter_config_increment_counter);
extern envoy_change_fn CB(network_filter_config_increment_gauge);
extern envoy_change_fn CB(network_filter_config_decrement_gauge);
extern envoy_change_fn CB(network_filter_config_set_gauge);
extern envoy_change_fn CB(network_filter_config_record_histogram_value);
extern envoy_scheduler_fn CB(http_filter_config_scheduler_new);
extern envoy_commit_fn CB(http_filter_config_scheduler_commit);
extern envoy_delete_fn CB(http_filter_config_scheduler_delete);
extern envoy_scheduler_fn CB(network_filter_config_scheduler_new);
extern envoy_commit_fn CB(network_filter_config_scheduler_commit);
extern envoy_delete_fn CB(network_filter_config_scheduler_delete);
extern envoy_callout_fn CB(http_filter_config_http_callout);
extern envoy_callout_fn CB(http_filter_http_callout);
extern envoy_callout_fn CB(network_filter_http_callout);

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
bool CB(http_append_body)(void *filter, int body, struct envoy_buffer data);
bool CB(http_drain_body)(void *filter, int body, size_t bytes);
bool CB(http_received_buffered_request_body)(void *filter);
bool CB(http_received_buffered_response_body)(void *filter);
void CB(http_filter_continue_decoding)(void *filter);
void CB(http_filter_continue_encoding)(void *filter);
void CB(http_clear_route_cache)(void *filter);
bool CB(http_filter_get_attribute_string)(void *filter, uint32_t attribute,
					  struct envoy_buffer *to);
bool CB(http_filter_get_attribute_int)(void *filter, uint32_t attribute, uint64_t *to);
bool CB(http_filter_get_attribute_bool)(void *filter, uint32_t attribute, bool *to);
bool CB(http_set_filter_state_bytes)(void *filter, struct envoy_buffer key,
				     struct envoy_buffer value);
bool CB(http_get_filter_state_bytes)(void *filter, struct envoy_buffer key,
				     struct envoy_buffer *to);

/* --- callbacks of a network filter --- */
enum envoy_network_status { ENVOY_NETWORK_CONTINUE, ENVOY_NETWORK_STOP };
enum envoy_network_event { ENVOY_REMOTE_CLOSE, ENVOY_LOCAL_CLOSE };
enum envoy_network_close { ENVOY_CLOSE_FLUSH, ENVOY_CLOSE_NOW };
uint32_t CB(network_filter_get_worker_index)(void *filter);
uint64_t CB(network_filter_get_connection_id)(void *filter);
size_t CB(network_filter_get_read_buffer_chunks_size)(void *filter);
bool CB(network_filter_get_read_buffer_chunks)(void *filter, struct envoy_buffer *to);
bool CB(network_filter_drain_read_buffer)(void *filter, size_t bytes);
bool CB(network_filter_append_read_buffer)(void *filter, struct envoy_buffer data);
size_t CB(network_filter_get_write_buffer_chunks_size)(void *filter);
bool CB(network_filter_get_write_buffer_chunks)(void *filter, struct envoy_buffer *to);
bool CB(network_filter_drain_write_buffer)(void *filter, size_t bytes);
bool CB(network_filter_append_write_buffer)(void *filter, struct envoy_buffer data);
void CB(network_filter_continue_reading)(void *filter);
void CB(network_filter_close)(void *filter, uint32_t how);
bool CB(network_filter_get_attribute_string)(void *filter, uint32_t attribute,
					     struct envoy_buffer *to);
bool CB(network_filter_get_attribute_int)(void *filter, uint32_t attribute, uint64_t *to);
bool CB(network_filter_get_attribute_bool)(void *filter, uint32_t attribute, bool *to);

#endif
