/* SPDX-License-Identifier: Apache-2.0 */
/* The module's beginning, and the configuration of its filters. */
#include "envoy/envoy.h"

#include <mote/mote.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

HOOK const char *ON(program_init)(void);
HOOK const char *ON(program_init)(void)
{
	/* SIGUSR1 has Envoy open its logs again. */
	(void)!mote_use_signal(SIGRTMAX - 1, NULL);
	return ENVOY_ABI_VERSION;
}

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
	rc = pw_plugin_new(&config, c->kind->server, c, &c->plugin, e);
	if (rc == 0)
		envoy_root_begin(c);
	return rc;
}

struct envoy_config *envoy_config_new(const struct envoy_kind *kind, void *envoy,
				      const struct envoy_buffer *name,
				      const struct envoy_buffer *text)
{
	struct err e = {0};
	struct envoy_config *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->kind = kind;
	c->envoy = envoy;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	c->scheduler = kind->scheduler_new(envoy);
	if (begin(c, name, text, &e) < 0) {
		refuse(name, &e);
		envoy_config_free(c);
		return NULL;
	}
	return c;
}

void envoy_config_free(struct envoy_config *c)
{
	envoy_root_end(c);
	pw_plugin_free(c->plugin);
	c->kind->scheduler_delete(c->scheduler);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
