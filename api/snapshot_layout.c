/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots saved as OCI image layouts (oci/image_layout.h). The layer is vm/snapshot/file.c's, the
 * config says which build and host can use it. A layout that is loaded may come from anybody: what
 * its layer says can do no more than a guest.
 */
#include "api/error.h"
#include "api/images.h"
#include "api/options.h"
#include "api/snapshot.h"
#include "oci/image_layout.h"
#include "vm/kvm/open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct image_types snapshot_types = {
	.config = "application/vnd.mote.snapshot.config.v1+json",
	.layer = "application/vnd.mote.snapshot.memory.v1",
};

/* What libmote adds to the layer. */
struct extra {
	uint64_t message_max;
	uint8_t ready[]; /* the guest's READY message */
};

/* --- saving --- */

struct saving {
	struct mote_snapshot *snapshot;
	int kvm_fd;
};

static int store_snapshot(void *arg, int fd, struct err *e)
{
	const struct saving *s = arg;
	const struct exports *exports = s->snapshot->exports;
	size_t bytes = sizeof(struct extra) + exports->message_len;
	cleanup_free struct extra *extra = malloc(bytes);
	if (!extra)
		return err_sys(e, ENOMEM, "writing a snapshot");
	extra->message_max = s->snapshot->message_max;
	memcpy(extra->ready, exports->message, exports->message_len);
	return vm_snapshot_save(s->snapshot->vm, mote_build_id, s->kvm_fd, extra, bytes, fd, e);
}

static int save(struct mote_snapshot *snapshot, const char *path, struct err *e)
{
	char config[256], host[65];
	cleanup_close int kvm_fd = kvm_open(e);
	if (kvm_fd < 0)
		return kvm_fd;
	int rc = vm_snapshot_host(mote_build_id, kvm_fd, host, e);
	if (rc < 0)
		return rc;
	snprintf(config, sizeof(config), "{\"mote\":\"%s\",\"build\":\"%.64s\",\"host\":\"%s\"}",
		 MOTE_VERSION, mote_build_id, host);
	struct saving s = {.snapshot = snapshot, .kvm_fd = kvm_fd};
	return image_layout_write(path, &snapshot_types, config, store_snapshot, &s, e);
}

int mote_snapshot_save(struct mote_snapshot *snapshot, const char *path, struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	if (save(snapshot, path, &e) < 0)
		return error_report(&e, error);
	return 0;
}

/* --- loading --- */

static int unusable(struct err *e, const char *what)
{
	return err_set(e, ERR_CONFIG, EINVAL, "the snapshot cannot be used: its layer %s", what);
}

/* The limits that the layer speaks of count up to the defaults: it may come from anybody. */
static int take_extra(struct mote_snapshot *s, struct err *e)
{
	size_t len;
	const uint8_t *bytes = vm_snapshot_extra(s->vm, &len);
	struct extra extra;
	if (vm_snapshot_state(s->vm) != VM_IN_EXCHANGE)
		return unusable(e, "is of a guest that does not wait for calls");
	if (len <= sizeof(extra))
		return unusable(e, "has no list of functions");
	memcpy(&extra, bytes, sizeof(extra));
	if (extra.message_max == 0 || extra.message_max > CALL_BYTES_MAX)
		return unusable(e, "has an impossible size of messages");
	uint64_t memory = vm_snapshot_memory(s->vm);
	s->message_max =
		extra.message_max < CALL_BYTES_DEFAULT ? extra.message_max : CALL_BYTES_DEFAULT;
	s->memory_bytes = memory < DEFAULT_MEMORY ? memory : DEFAULT_MEMORY;
	return exports_read(&s->exports, bytes + sizeof(extra), len - sizeof(extra), e);
}

static int load(const char *path, uint64_t bytes_max, struct mote_snapshot *s, struct err *e)
{
	cleanup_close int kvm_fd = kvm_open(e);
	if (kvm_fd < 0)
		return kvm_fd;
	cleanup_close int fd = image_layout_open_layer(path, &snapshot_types, bytes_max, e);
	if (fd == -EINVAL)
		return err_prefix(e, "the snapshot cannot be used");
	if (fd < 0)
		return fd;
	int rc = vm_snapshot_open_untrusted(fd, mote_build_id, kvm_fd, &s->vm, e);
	if (rc < 0)
		return rc;
	return take_extra(s, e);
}

int mote_snapshot_load_max(const char *path, uint64_t bytes_max, struct mote_snapshot **snapshot,
			   struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_snapshot *s = calloc(1, sizeof(*s));
	if (!s) {
		err_sys(&e, ENOMEM, "a snapshot");
		return error_report(&e, error);
	}
	s->refs = 1;
	if (load(path, bytes_max, s, &e) < 0) {
		mote_snapshot_free(s);
		return error_report(&e, error);
	}
	*snapshot = s;
	return 0;
}

int mote_snapshot_load(const char *path, struct mote_snapshot **snapshot, struct mote_error *error)
{
	return mote_snapshot_load_max(path, IMAGE_LAYER_BYTES_MAX, snapshot, error);
}
