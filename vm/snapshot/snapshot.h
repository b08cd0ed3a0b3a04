/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a VM that waits in an exchange, frozen. Others are created from it, which then wait in that
 * exchange; and a VM is set back to it. A snapshot is immutable and counted: any number of threads may
 * use it at once.
 *
 * What it holds: memory, registers, the guest's alarm. What it does not: host descriptors. A VM made from
 * it has the ones that it is given; a guest that has opened others cannot be frozen. What must differ from
 * one VM to the next does: the boot information's random bytes and its generation.
 */
#ifndef MOTE_VM_SNAPSHOT_SNAPSHOT_H
#define MOTE_VM_SNAPSHOT_SNAPSHOT_H

#include "vm/vm.h"

struct vm_snapshot;

/* Where the guest was when it was frozen. */
enum snapshot_moment {
	SNAPSHOT_EXCHANGE = 1, /* waiting for a message */
	SNAPSHOT_READY,        /* in `ready`: goes on with other boot information */
	SNAPSHOT_CALL,         /* before a host call, which is carried out first */
};

/*
 * Freezes a VM that is VM_WAITING; it can go on afterwards. ERR_GUEST: it has descriptors open that a
 * snapshot cannot hold (named), or too many page tables.
 */
int vm_snapshot_take(struct vm *vm, struct vm_snapshot **out, struct err *e) must_check;
struct vm_snapshot *vm_snapshot_ref(struct vm_snapshot *s);
void vm_snapshot_drop(struct vm_snapshot *s); /* accepts NULL */

/*
 * Freezes a VM into a file, from byte 0 of fd, which is empty. Writes, reads and sets the size of fd and
 * nothing else, so that a thread in its filter (jail/jail.h) can do it once vm_snapshot_prepare was called.
 * `build` has 64 hexadecimal digits that differ for each build of Mote. `extra` are bytes of the caller's.
 */
int vm_snapshot_write(struct vm *vm, const char *build, const void *extra, size_t extra_bytes, int fd,
		      struct err *e) must_check;
void vm_snapshot_prepare(void);
/*
 * A snapshot from a file that vm_snapshot_write or vm_snapshot_store has made, or anybody: it is refused unless its
 * description is consistent as a whole. Its memory is mapped and may be anything, now or later, which can do no more than
 * a guest can. `fd` is borrowed. ERR_CONFIG: it is not such a file, damaged, or of another build of Mote or other CPU
 * features; the text says which.
 */
int vm_snapshot_open(int fd, const char *build, int kvm_fd, struct vm_snapshot **out, struct err *e) must_check;
/* The caller's bytes that it was written with; borrowed from the snapshot. */
const uint8_t *vm_snapshot_extra(const struct vm_snapshot *s, size_t *bytes);
/* Writes a snapshot, with bytes of the caller's, to an empty file. */
int vm_snapshot_store(struct vm_snapshot *s, const char *build, int kvm_fd, const void *extra, size_t extra_bytes,
		      int fd, struct err *e) must_check;
/* Whether a file begins as a snapshot does. */
bool vm_snapshot_is(int fd);
/* What a snapshot needs to be usable: 64 hexadecimal digits of engine build, format and CPU features. */
int vm_snapshot_host(const char *build, int kvm_fd, char out[65], struct err *e) must_check;

/*
 * What starts from a snapshot in a file touch of its memory, noted at the end of one and had ready by the next.
 * vm_note_touched: of a VM that was made from `s`, written to fd (an empty file, duplicated) when the VM is
 * destroyed, also in its filter. vm_snapshot_expect: false where fd has no such note of this snapshot; it may
 * have come from anywhere, and nothing but time depends on it.
 */
int vm_note_touched(struct vm *vm, int fd) must_check;
bool vm_snapshot_expect(struct vm_snapshot *s, int fd) must_check;
enum snapshot_moment vm_snapshot_moment(const struct vm_snapshot *s);
/* Guest memory that there could be in the VM that was frozen, in bytes. */
uint64_t vm_snapshot_memory(const struct vm_snapshot *s);

/*
 * Creates a VM that goes on, or waits, where the snapshot was taken. Of the configuration count memory (at least what
 * the snapshot uses), descriptors (of the same number and kinds as the first VM's), network, time limit and log;
 * image, payload, arguments and environment are the snapshot's.
 */
int vm_create_from(struct vm_snapshot *s, const struct vm_config *config, struct vm **out, struct err *e) must_check;
/*
 * Sets a VM back to a snapshot of it, or of another VM with the same descriptors, whatever became of it: it
 * may have ended, too. It must not be running.
 */
int vm_restore(struct vm *vm, struct vm_snapshot *s, struct err *e) must_check;

#endif
