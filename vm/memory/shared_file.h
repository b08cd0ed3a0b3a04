/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a guest shares with the host and with others: what MAP_SHARED is to a native program.
 *
 * The file's pages in the host's page cache are the guest's memory: the host maps the file
 * MAP_SHARED into address space of its own and gives that to KVM in a memslot, so guest, host calls
 * (pread, pwrite) and other processes see the same bytes at once. Guest-physical addresses for it
 * lie after all other memory of the guest, table pages included. The page cache is the cgroup's,
 * as for any process; what KVM needs for the memslot counts to the guest's limit.
 *
 * - A guest may own CPL 0 and map any of its guest-physical memory as it likes. So what decides
 *   whether it can write the file is the host's mapping, which has no more access than the guest's
 *   descriptor. The page tables only restrict that further.
 * - A memslot that is removed makes KVM drop every translation of the VM. So a slot stays when its
 *   file is unmapped, over address space without access, and serves the next file that fits. Slots
 *   double in size; there are MEMORY_SHARED_MAX of them, of MEMORY_SHARED_BYTES together.
 * - A page past the file's end cannot be had: KVM_RUN fails with EFAULT. Then those pages are
 *   taken out of the guest's page tables (they are "lost"), the guest gets its page fault, and asks
 *   by the host call mem_find whether the file has the page now. If not, that is SIGBUS.
 * - A snapshot cannot hold a file that others change: it is refused while one is mapped. What a
 *   guest has mapped since its snapshot is unmapped when it is reset or recycled.
 *
 * Dirty tracking is about a snapshot's own pages and does not concern these. One thread uses a
 * memory at a time, as in memory.h.
 */
#ifndef MOTE_VM_MEMORY_SHARED_FILE_H
#define MOTE_VM_MEMORY_SHARED_FILE_H

#include "vm/memory/memory.h"

#define MEMORY_SHARED_MAX   128
#define MEMORY_SHARED_BYTES (64UL << 30)

/*
 * Maps `bytes` of a regular file from the offset `from` at `at`. `writable`: whether the guest may
 * write the file by this descriptor; -EACCES if not and access has MEMORY_WRITE. Otherwise as
 * memory_map, what mmap(2) says of the file, and -ENOMEM beyond the limits above.
 */
int memory_share(struct memory *m, gva_t at, uint64_t bytes, unsigned access, int fd, uint64_t from,
		 bool writable) must_check;
/* Whether a file is mapped now. */
bool memory_shares(const struct memory *m);
/* The same of the file with that inode. */
bool memory_shares_file(const struct memory *m, uint64_t dev, uint64_t ino);
/*
 * Whether a mapping of the range may get this access; memory_protect asks. 0; -EACCES: it may not;
 * -EINTR: the guest is to end.
 */
int memory_shared_check_access(struct memory *m, gva_t at, uint64_t bytes,
			       unsigned access) must_check;
/*
 * Whether a range may be moved: a file has one place, so all of its mapping moves or nothing. 0;
 * -EOPNOTSUPP: it would not, or is to be kept as well; -EINTR. Then memory_shared_moved.
 */
int memory_shared_check_move(struct memory *m, gva_t at, uint64_t bytes, bool keep) must_check;
void memory_shared_moved(struct memory *m, gva_t at, gva_t to);
/* Host memory of guest-physical memory that is a file's; NULL: it is not. */
uint8_t *memory_shared_host(const struct memory *m, uint64_t gpa, uint64_t bytes);
/* Drops all translations to it and keeps the contents; false: failed. */
bool memory_shared_invalidate(struct memory *m, uint64_t gpa, uint64_t bytes);
bool memory_shared_invalidate_all(struct memory *m);
/* Part of a file's mapping is unmapped: its page tables have it no more. */
void memory_shared_unmapped(struct memory *m, uint64_t gpa, uint64_t bytes);
/* Lets go of files of which nothing is mapped. */
void memory_shared_release(struct memory *m);
/* Lets go of all files and slots, whatever page tables say; before another guest or a snapshot. */
void memory_shared_drop(struct memory *m);
/* The same for a memory whose VM no longer exists: KVM is not asked. */
void memory_shared_free(struct memory *m);
/*
 * After KVM_RUN failed with EFAULT: takes the pages past the files' ends out of the page tables.
 * 0: there were some, and the guest can run on; -ENOENT: there were none; -EINTR: it is to end.
 */
int memory_shared_lose(struct memory *m) must_check;
/*
 * Puts a lost page back if the file has it now, and those behind it, some at a time. 0; -EFAULT:
 * the file has not; -ENOENT: this page was not lost.
 */
int memory_shared_find(struct memory *m, gva_t at) must_check;
/*
 * Writes what of one file is at the beginning of a page-aligned range: the bytes done, which may be
 * more if there is none.
 */
int64_t memory_shared_sync(struct memory *m, gva_t at, uint64_t bytes) must_check;

#endif
