/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot consists of, for the files that make, use and store it. */
#ifndef MOTE_VM_SNAPSHOT_PRIVATE_H
#define MOTE_VM_SNAPSHOT_PRIVATE_H

#include "vm/hostcall/fdtable.h"
#include "vm/internal.h"
#include "vm/memory/image.h"
#include "vm/snapshot/snapshot.h"

#include <stdatomic.h>

/* A vm but for its memory and descriptors, in numbers: snapshot files hold it as it is. */
struct snapshot_state {
	uint64_t area, boot, boot_bytes; /* guest-physical */
	gva_t area_va, entry;
	gpa_t program;
	uint64_t program_bytes;
	uint64_t channel_max;
	gva_t reply_at;
	uint64_t reply_size;
	uint64_t alarm_left_ns, alarm_interval_ns;
	uint32_t stopped;           /* enum vm_state: where it was */
	uint32_t given;             /* descriptors that it had at its start */
	uint32_t wasm, exec_sealed; /* 0 or 1: vm/internal.h */
	struct arch_vcpu_state cpu;
};

struct vm_snapshot {
	_Atomic unsigned refs;
	_Atomic unsigned held; /* of refs: by recycled VMs */
	struct memory_image memory;
	struct snapshot_state state;
	struct fd_wanted *fds; /* owned: what the guest has open */
	uint32_t fd_count;
	uint8_t *extra; /* owned: bytes of the layer above, or NULL */
	uint32_t extra_bytes;
	char digest[64]; /* of a file's header: what tells it from others */
};

/*
 * memory/working_set_file.c: writes what is known of its working set. An error leaves a file that
 * is none.
 */
void working_set_write(const struct vm_snapshot *s, int fd);
/*
 * Whether what a file describes is consistent (check.c): no frame has two owners, all lead into the
 * guest's memory, sums agree. 0, -EINVAL or -ENOMEM.
 */
int snapshot_check(const struct vm_snapshot *s) must_check;
/* All of a snapshot but memory. */
int snapshot_fill(struct vm *vm, struct vm_snapshot *s, struct err *e) must_check;

#endif
