/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working sets in files next to the snapshot that they are of. Written by a process that has run a
 * guest, so what is read is checked as if it were the guest's.
 */
#include "vm/snapshot/private.h"

#include "base/fsize.h"
#include "base/io.h"
#include "base/sha256.h"
#include "vm/memory/working_set.h"

#include <string.h>
#include <unistd.h>

#define MAGIC "Mote touched 2\n"

struct working_set_file {
	char magic[16];
	char of[64]; /* the snapshot's digest */
	struct working_set set;
	char digest[64]; /* of all before it: a note that was not written to its end is none */
};

static void seal(const struct working_set_file *f, char out[65])
{
	sha256_hex(f, offsetof(struct working_set_file, digest), out);
}

void working_set_write(const struct vm_snapshot *s, int fd)
{
	const struct working_set *w = atomic_load(&s->memory.working_set);
	struct working_set_file f;
	char digest[65];
	if (!w)
		return;
	fsize_guarded;
	memset(&f, 0, sizeof(f));
	memcpy(f.magic, MAGIC, sizeof(MAGIC) - 1);
	memcpy(f.of, s->digest, sizeof(f.of));
	f.set = *w;
	seal(&f, digest);
	memcpy(f.digest, digest, sizeof(f.digest));
	(void)!io_write_all(fd, &f, sizeof(f));
}

bool vm_snapshot_load_working_set(struct vm_snapshot *s, int fd)
{
	struct working_set_file f;
	char digest[65];
	if (pread(fd, &f, sizeof(f), 0) != sizeof(f) ||
	    memcmp(f.magic, MAGIC, sizeof(MAGIC) - 1) != 0 ||
	    memcmp(f.of, s->digest, sizeof(f.of)) != 0)
		return false;
	seal(&f, digest);
	return memcmp(f.digest, digest, sizeof(f.digest)) == 0 &&
	       working_set_install(&s->memory, &f.set);
}
