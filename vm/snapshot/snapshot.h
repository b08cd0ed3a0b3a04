/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a VM that is stopped, as a whole: memory, registers, the guest's alarm. New VMs are
 * made from it, which continue where it was taken, and a VM is restored from it. A snapshot is
 * immutable and counted: any number of threads may use it at once.
 *
 * What it does not hold are host descriptors. A VM made from it has those that it is started with;
 * a guest that has opened others cannot be in a snapshot. What must differ from one VM to the next
 * does: the boot information's random bytes and its generation.
 */
#ifndef MOTE_VM_SNAPSHOT_SNAPSHOT_H
#define MOTE_VM_SNAPSHOT_SNAPSHOT_H

#include "vm/vm.h"

struct vm_snapshot;

/*
 * Takes one of a VM that is VM_WAITING, which can go on afterwards. ERR_GUEST: it has descriptors
 * open that a snapshot cannot hold (named), or too many page tables.
 */
int vm_snapshot_take(struct vm *vm, struct vm_snapshot **out, struct err *e) must_check;
struct vm_snapshot *vm_snapshot_ref(struct vm_snapshot *s);
void vm_snapshot_drop(struct vm_snapshot *s); /* accepts NULL */

/*
 * The same into a file, from byte 0 of fd, which is empty. Writes, reads and sets the size of fd
 * and nothing else, so that a sandboxed thread (jail.h) can do it once vm_snapshot_prepare was
 * called. `build` has 64 hexadecimal digits that differ for each build of Mote. `extra` are the
 * caller's bytes.
 */
int vm_snapshot_take_to_file(struct vm *vm, const char *build, const void *extra,
			     size_t extra_bytes, int fd, struct err *e) must_check;
void vm_snapshot_prepare(void);
/*
 * A snapshot from a file that anybody may have made: it is refused unless its description is
 * consistent as a whole. Its memory is mapped and may be anything, now or later, which can do no
 * more than a guest can. `fd` is borrowed. ERR_CONFIG: it is another kind of file, damaged, or of
 * another build of Mote or of other CPU features; the text says which.
 */
int vm_snapshot_open_untrusted(int fd, const char *build, int kvm_fd, struct vm_snapshot **out,
			       struct err *e) must_check;
/* The caller's bytes that it was written with; borrowed from the snapshot. */
const uint8_t *vm_snapshot_extra(const struct vm_snapshot *s, size_t *bytes);
/* Writes a snapshot, with bytes of the caller's, to an empty file. */
int vm_snapshot_save(const struct vm_snapshot *s, const char *build, int kvm_fd, const void *extra,
		     size_t extra_bytes, int fd, struct err *e) must_check;
/* Whether a file begins as a snapshot does. */
bool vm_snapshot_is_file(int fd);
/*
 * What a snapshot needs to be usable: 64 hexadecimal digits of engine build, format and CPU
 * features.
 */
int vm_snapshot_host(const char *build, int kvm_fd, char out[65], struct err *e) must_check;

/*
 * The working set of VMs that start from a snapshot's file: recorded from one, prefetched for the
 * next. vm_record_working_set: of a VM that was made from `s`, written to fd (an empty file,
 * duplicated) when the VM is destroyed, also by a sandboxed thread. vm_snapshot_load_working_set:
 * false if fd does not hold one of this snapshot; it is untrusted, and nothing but time depends on
 * it.
 */
int vm_record_working_set(struct vm *vm, int fd) must_check;
bool vm_snapshot_load_working_set(struct vm_snapshot *s, int fd) must_check;
/* Where the guest had stopped. */
enum vm_state vm_snapshot_state(const struct vm_snapshot *s);
/* The memory limit of the VM that it was taken of, in bytes. */
uint64_t vm_snapshot_memory(const struct vm_snapshot *s);
/* Whether its guest runtime is the WebAssembly engine. */
bool vm_snapshot_wasm(const struct vm_snapshot *s);

/*
 * Creates a VM that goes on, or waits, where the snapshot was taken. Of the configuration count
 * memory (at least what the snapshot uses), descriptors (of the same number and kinds as the first
 * VM's), network, time limit and log; image, program, arguments and environment are the snapshot's.
 */
int vm_create_from(struct vm_snapshot *s, const struct vm_config *config, struct vm **out,
		   struct err *e) must_check;
/*
 * Makes a VM be what a snapshot of it, or of another VM with the same descriptors, holds. It may be
 * in any state but running.
 */
int vm_restore(struct vm *vm, struct vm_snapshot *s, struct err *e) must_check;

#endif
