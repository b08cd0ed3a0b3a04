/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container, image, content store: three calls of containerd's API, the first and the last at once.
 * All series of containerd have them; nothing of it depends on where containerd keeps its files.
 */
#include "runtime/containerd/image.h"

#include "proto/containerd.pb-c.h"
#include "runtime/containerd/grpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_PLUGIN "type==io.containerd.content.v1"

static void free_answer(const struct grpc_call *call)
{
	if (call->answer)
		protobuf_c_message_free_unpacked(call->answer, NULL);
}
#define cleanup_answer cleanup_(free_answer)

static int copy(const char *text, char **out, struct err *e)
{
	*out = strdup(text);
	if (!*out)
		return err_sys(e, ENOMEM, "asking containerd");
	return 0;
}

/* A content store that is a program of its own has no directory. */
static int take_store(const Api__PluginsResponse *plugins, char **out, struct err *e)
{
	for (size_t i = 0; i < plugins->n_plugins; i++) {
		const Api__Plugin *p = plugins->plugins[i];
		for (size_t k = 0; k < p->n_exports; k++)
			if (strcmp(p->exports[k]->key, "root") == 0 && *p->exports[k]->value == '/')
				return copy(p->exports[k]->value, out, e);
	}
	return err_set(e, ERR_HOST, ENOTSUP,
		       "containerd's content store has no directory on this machine; Mote reads "
		       "artefacts from there");
}

static int get_image(struct grpc *g, const char *name, struct containerd_image *out, struct err *e)
{
	Api__GetImageRequest request = API__GET_IMAGE_REQUEST__INIT;
	request.name = (char *)(uintptr_t)name;
	cleanup_answer struct grpc_call call = {
		.method = "/containerd.services.images.v1.Images/Get",
		.request = &request.base,
		.type = &api__get_image_response__descriptor,
	};
	int rc = grpc_call(g, &call, 1, e);
	if (rc < 0)
		return rc;
	const Api__GetImageResponse *answer = (const void *)call.answer;
	if (!answer->image || !answer->image->target)
		return err_set(e, ERR_HOST, EPROTO, "containerd does not say what image %.150s is",
			       name);
	rc = copy(name, &out->name, e);
	if (rc < 0)
		return rc;
	return copy(answer->image->target->digest, &out->digest, e);
}

static int ask(struct grpc *g, const char *id, struct containerd_image *out, struct err *e)
{
	char *filters[] = {(char *)(uintptr_t)CONTENT_PLUGIN};
	Api__PluginsRequest plugins = API__PLUGINS_REQUEST__INIT;
	plugins.filters = filters;
	plugins.n_filters = 1;
	Api__GetContainerRequest container = API__GET_CONTAINER_REQUEST__INIT;
	container.id = (char *)(uintptr_t)id;
	struct grpc_call calls[] = {
		{
			.method = "/containerd.services.containers.v1.Containers/Get",
			.request = &container.base,
			.type = &api__get_container_response__descriptor,
		},
		{
			.method = "/containerd.services.introspection.v1.Introspection/Plugins",
			.request = &plugins.base,
			.type = &api__plugins_response__descriptor,
		},
	};
	int rc = grpc_call(g, calls, 2, e);
	const Api__GetContainerResponse *found = (const void *)calls[0].answer;
	if (rc == 0 && found->container && *found->container->image) {
		rc = get_image(g, found->container->image, out, e);
		if (rc == 0)
			rc = take_store((const void *)calls[1].answer, &out->store, e);
		if (rc == 0)
			rc = 1;
	}
	free_answer(&calls[0]);
	free_answer(&calls[1]);
	return rc;
}

int containerd_image_of(const char *address, const char *containerd_namespace, const char *id,
			struct containerd_image *out, struct err *e)
{
	cleanup_grpc struct grpc *g = NULL;
	cleanup_image struct containerd_image found = {0};
	int rc = grpc_connect(address, containerd_namespace, &g, e);
	if (rc < 0)
		return rc;
	rc = ask(g, id, &found, e);
	if (rc == 1) {
		*out = found;
		found = (struct containerd_image){0};
	}
	return rc;
}

void containerd_image_free(struct containerd_image *image)
{
	free(image->name);
	free(image->digest);
	free(image->store);
	*image = (struct containerd_image){0};
}
