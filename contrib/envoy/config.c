/* SPDX-License-Identifier: Apache-2.0 */
/* The module's beginning, and the configuration of its filters. */
#include "envoy/envoy.h"

#include <stdio.h>
#include <stdlib.h>

HOOK const char *ON(program_init)(void);
HOOK const char *ON(program_init)(void)
{
	return ENVOY_ABI_VERSION;
}

void envoy_log(unsigned level, const char *text)
{
	CB(log)(level > 5 ? 5 : level, envoy_text(text));
}

/* --- HTTP filters --- */

HOOK void *ON(http_filter_config_new)(void *envoy, struct envoy_buffer name,
				      struct envoy_buffer text);
HOOK void ON(http_filter_config_destroy)(void *config);

static void refuse(const struct envoy_buffer *name, const struct err *e)
{
	char line[600];
	snprintf(line, sizeof(line), "mote: plugin %.*s refused: %s",
		 name->len > 100 ? 100 : (int)name->len, name->at, e->text);
	envoy_log(4, line);
}

static int begin(struct envoy_config *c, const struct envoy_buffer *name,
		 const struct envoy_buffer *text, struct err *e)
{
	struct pw_config config;
	cleanup_free char *called = strndup(name->at, name->len);
	if (!called)
		return err_sys(e, ENOMEM, "a plugin");
	int rc = pw_config_read(&config, text->at, text->len, called, e);
	if (rc < 0)
		return rc;
	rc = pw_plugin_new(&config, &envoy_http_server, c, &c->plugin, e);
	if (rc == 0)
		envoy_root_begin(c);
	return rc;
}

HOOK void *ON(http_filter_config_new)(void *envoy, struct envoy_buffer name,
				      struct envoy_buffer text)
{
	struct err e = {0};
	struct envoy_config *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->envoy = envoy;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	if (CB(http_filter_config_scheduler_new))
		c->scheduler = CB(http_filter_config_scheduler_new)(envoy);
	if (begin(c, &name, &text, &e) < 0) {
		refuse(&name, &e);
		ON(http_filter_config_destroy)(c);
		return NULL;
	}
	return c;
}

HOOK void ON(http_filter_config_destroy)(void *config)
{
	struct envoy_config *c = config;
	envoy_root_end(c);
	pw_plugin_free(c->plugin);
	if (c->scheduler)
		CB(http_filter_config_scheduler_delete)(c->scheduler);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
