/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory calls over pages of each kind, with lengths and flags that are good and bad: the error of
 * each, and what became of every page. A page is shown by its letter (small: read-only), "z" or "Z"
 * if it is zero, "." if nothing can be read there.
 *
 * Not compared: advice on pages of files (Mote's private ones are copies, which it gives back as
 * zero), MADV_REMOVE, populating pages without access; mlock of pages behind a shared file's end;
 * and what Mote says of a mapping that it does not enlarge.
 *
 * cases: kernel 6.18 (the order in which errors are found differs from version to version)
 * cases: filter grep -vE -e '^madvise\((file|behind file|copy|behind copy|none, 5P)' \
 * cases: filter -e '^madvise\(.*(REMOVE|none, 1, POPULATE)' \
 * cases: filter -e '^mlock2?\((file, 5P|behind file)' -e '^stderr: mote: guest: mremap: '
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P        4096UL
#define RW       (PROT_READ | PROT_WRITE)
#define ANON     (MAP_PRIVATE | MAP_ANONYMOUS)
#define COUNT(x) ((int)(sizeof(x) / sizeof((x)[0])))
enum { OTHER = 30, BYTES = 34 };

struct value {
	const char *name;
	unsigned long is;
};

static char *home; /* in the middle of what is not mapped */
static int file, fresh, zero;

/* The pages, from home on. */
enum {
	PRIVATE = 0,
	HOLE = 4,
	NONE = 6,
	READ_ONLY = 8,
	SHARED = 10,
	FILE_SHARED = 12,
	FILE_PRIVATE = 16,
	GAP = 20,
	LAST = 22,
};

static void place(int page, int pages, int prot, int flags, int fd)
{
	if (mmap(home + page * P, pages * P, prot, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		printf("page %d: %s\n", page, strerrorname_np(errno));
}

static void begin(void)
{
	if (fresh)
		return;
	munmap(home - 16 * P, 96 * P);
	ftruncate(file, 0);
	ftruncate(file, 2 * P + 100);
	pwrite(file, "first", 5, 0);
	pwrite(file, "second", 6, P);
	pwrite(file, "third", 5, 2 * P);
	place(PRIVATE, 4, RW, ANON, -1);
	place(NONE, 2, PROT_NONE, ANON, -1);
	place(READ_ONLY, 2, RW, ANON, -1);
	place(SHARED, 2, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	place(FILE_SHARED, 4, RW, MAP_SHARED, file);
	place(FILE_PRIVATE, 4, RW, MAP_PRIVATE, file);
	place(LAST, 2, RW, ANON, -1);
	place(OTHER, 2, RW, ANON, -1);
	for (int i = 0; i < OTHER + 2; i++)
		if (i < HOLE || (i >= READ_ONLY && i < FILE_SHARED) ||
		    (i >= LAST && i < LAST + 2) || i >= OTHER)
			home[i * P] = (char)('a' + i % 26);
	mprotect(home + READ_ONLY * P, 2 * P, PROT_READ);
	fresh = 1;
}

/* What the kernel can do there. */
static int reads(char *at)
{
	return syscall(SYS_rt_sigprocmask, 99, at, NULL, 8) == -1 && errno == EINVAL;
}

static int writes(char *at)
{
	return syscall(SYS_rt_sigprocmask, 0, NULL, at + 8, 8) == 0;
}

static void show_pages(void)
{
	char text[BYTES + 1];
	for (int i = 0; i < BYTES; i++) {
		char *at = home + i * P;
		text[i] = '.';
		if (!reads(at))
			continue;
		text[i] = *at ? *at : 'z';
		if (writes(at))
			text[i] -= 'a' - 'A';
	}
	text[BYTES] = '\0';
	printf("  %s\n", text);
}

/* A result that is an address: where it is from home. */
static void show(const char *call, long rc, int changes)
{
	const int error = errno;
	if (rc == -1)
		printf("%s: %s", call, strerrorname_np(error));
	else if (rc >= (long)(home - 64 * P) && rc < (long)(home + 192 * P))
		printf("%s: page %ld", call, (rc - (long)home) / (long)P);
	else if (rc)
		printf("%s: elsewhere", call);
	else
		printf("%s: ok", call);
	if (!changes || (rc == -1 && error != ENOMEM)) {
		printf("\n");
		return;
	}
	show_pages();
	if (rc > 0 && (rc < (long)(home - 64 * P) || rc >= (long)(home + 192 * P)))
		munmap((void *)rc, 8 * P);
	fresh = 0;
}

#define AT(page) ((unsigned long)home + (page)*P)

static struct value addresses[18], lengths[] = {
					   {"1", 1},
					   {"P", P},
					   {"2P", 2 * P},
					   {"5P", 5 * P},
					   {"18P", 18 * P},
					   {"0", 0},
					   {"P+1", P + 1},
					   {"2^47", 1UL << 47},
					   {"2^63", 1UL << 63},
					   {"-P", -P},
					   {"-1", -1UL},
};

static void set_addresses(void)
{
	const struct value all[] = {
		{"private", AT(0)},
		{"second", AT(1)},
		{"third", AT(2)},
		{"hole", AT(HOLE)},
		{"none", AT(NONE)},
		{"read-only", AT(READ_ONLY)},
		{"shared", AT(SHARED)},
		{"file", AT(FILE_SHARED)},
		{"behind file", AT(FILE_SHARED + 3)},
		{"copy", AT(FILE_PRIVATE)},
		{"behind copy", AT(FILE_PRIVATE + 3)},
		{"gap", AT(GAP)},
		{"odd", AT(0) + 1},
		{"0", 0},
		{"2^47-P", (1UL << 47) - P},
		{"2^47", 1UL << 47},
		{"kernel", 0xffff800000000000},
		{"-P", -P},
	};
	memcpy(addresses, all, sizeof(all));
}
enum { ADDRESSES = 18, LENGTHS = 11 };

typedef long call(unsigned long address, unsigned long bytes, unsigned long last);

static void sweep(const char *name, call *make, const struct value *last, int count, int changes)
{
	static const char few[] = {1, 2, 4, 6, 7, 8, 9, 10, 12, 0}; /* of addresses */
	char line[200];
	for (int k = 0; k < count; k++)
		for (int i = 0; i < ADDRESSES; i++)
			for (int j = 0; j < LENGTHS; j++) {
				/* All errors with the first and last kinds alone. */
				if ((i && i < 11 && j > 4) || (k && (j == 1 || j == 2 || j > 5)))
					continue;
				/* Behind address 0 comes the program itself. */
				if (i == 13 && j > 3 && j != 5)
					continue;
				if (k && (!strchr(few, i) || (j != 0 && j != 3)))
					continue;
				snprintf(line, sizeof(line), "%s(%s, %s, %s)", name,
					 addresses[i].name, lengths[j].name, last[k].name);
				begin();
				errno = 0;
				show(line, make(addresses[i].is, lengths[j].is, last[k].is),
				     changes);
			}
}

static long do_munmap(unsigned long a, unsigned long n, unsigned long last)
{
	return syscall(SYS_munmap, a, n);
}

static long do_mprotect(unsigned long a, unsigned long n, unsigned long prot)
{
	return syscall(SYS_mprotect, a, n, prot);
}

static long do_madvise(unsigned long a, unsigned long n, unsigned long advice)
{
	return syscall(SYS_madvise, a, n, advice);
}

static long do_msync(unsigned long a, unsigned long n, unsigned long flags)
{
	return syscall(SYS_msync, a, n, flags);
}

static long do_mincore(unsigned long a, unsigned long n, unsigned long to)
{
	return syscall(SYS_mincore, a, n, to);
}

static long do_mlock(unsigned long a, unsigned long n, unsigned long last)
{
	long rc = syscall(SYS_mlock2, a, n, last);
	if (rc == 0)
		syscall(SYS_munlock, a, n);
	return rc;
}

static long do_munlock(unsigned long a, unsigned long n, unsigned long last)
{
	return syscall(SYS_munlock, a, n);
}

static void ranges(void)
{
	static unsigned char vector[64];
	const struct value none[] = {{"-", 0}};
	const struct value prots[] = {
		{"NONE", 0},
		{"READ", PROT_READ},
		{"RW", RW},
		{"RX", PROT_READ | PROT_EXEC},
		{"WRITE", PROT_WRITE},
		{"GROWSDOWN", RW | PROT_GROWSDOWN},
		{"GROWSUP", RW | PROT_GROWSUP},
		{"both", RW | PROT_GROWSDOWN | PROT_GROWSUP},
		{"0x100", 0x100},
		{"-1", -1UL},
	};
	const struct value advices[] = {
		{"NORMAL", MADV_NORMAL},
		{"RANDOM", MADV_RANDOM},
		{"SEQUENTIAL", MADV_SEQUENTIAL},
		{"WILLNEED", MADV_WILLNEED},
		{"DONTNEED", MADV_DONTNEED},
		{"5", 5},
		{"FREE", MADV_FREE},
		{"REMOVE", MADV_REMOVE},
		{"DONTFORK", MADV_DONTFORK},
		{"DOFORK", MADV_DOFORK},
		{"MERGEABLE", MADV_MERGEABLE},
		{"UNMERGEABLE", MADV_UNMERGEABLE},
		{"HUGEPAGE", MADV_HUGEPAGE},
		{"NOHUGEPAGE", MADV_NOHUGEPAGE},
		{"DONTDUMP", MADV_DONTDUMP},
		{"DODUMP", MADV_DODUMP},
		{"WIPEONFORK", MADV_WIPEONFORK},
		{"KEEPONFORK", MADV_KEEPONFORK},
		{"COLD", MADV_COLD},
		{"PAGEOUT", MADV_PAGEOUT},
		{"POPULATE_READ", 22},
		{"POPULATE_WRITE", 23},
		{"DONTNEED_LOCKED", 24},
		{"COLLAPSE", 25},
		{"26", 26},
		{"99", 99},
		{"-1", -1UL},
	};
	const struct value flags[] = {
		{"ASYNC", MS_ASYNC},
		{"SYNC", MS_SYNC},
		{"0", 0},
		{"both", MS_ASYNC | MS_SYNC},
		{"INVALIDATE", MS_INVALIDATE},
		{"8", 8},
	};
	const struct value vectors[] = {{"vector", (unsigned long)vector}, {"null", 0}};
	const struct value locks[] = {{"0", 0}, {"ONFAULT", 1}, {"2", 2}};
	sweep("munmap", do_munmap, none, 1, 1);
	sweep("mprotect", do_mprotect, prots, COUNT(prots), 1);
	sweep("madvise", do_madvise, advices, COUNT(advices), 1);
	sweep("msync", do_msync, flags, COUNT(flags), 0);
	sweep("mincore", do_mincore, vectors, COUNT(vectors), 0);
	sweep("mlock2", do_mlock, locks, COUNT(locks), 1);
	sweep("munlock", do_munlock, none, 1, 0);
}

/* --- mmap --- */

static void map_one(const struct value *a, const struct value *n, const struct value *prot,
		    const struct value *flags, const struct value *fd, const struct value *offset)
{
	char line[300];
	snprintf(line, sizeof(line), "mmap(%s, %s, %s, %s, %s, %s)", a->name, n->name, prot->name,
		 flags->name, fd->name, offset->name);
	begin();
	errno = 0;
	show(line, syscall(SYS_mmap, a->is, n->is, prot->is, flags->is, fd->is, offset->is), 1);
}

static void maps(void)
{
	const int write_only = open("file", O_WRONLY), read_only = open("file", O_RDONLY),
		  path = open("file", O_PATH), dir = open(".", O_RDONLY),
		  null = open("/dev/null", O_RDWR);
	int ends[2];
	pipe(ends);
	const struct value hints[] = {
		{"null", 0},
		{"private", AT(0)},
		{"hole", AT(HOLE)},
		{"gap", AT(GAP)},
		{"odd", AT(HOLE) + 1},
		{"free", AT(28)},
		{"kernel", 0xffff800000000000},
		{"2^47-P", (1UL << 47) - P},
	};
	const struct value sizes[] = {
		{"P", P},   {"3P", 3 * P}, {"1", 1}, {"0", 0}, {"2^47", 1UL << 47},
		{"-P", -P}, {"-1", -1UL},
	};
	const struct value prots[] = {
		{"RW", RW},     {"READ", 1},      {"NONE", 0},
		{"0x10", 0x11}, {"0x100", 0x101}, {"GROWSDOWN", RW | PROT_GROWSDOWN},
	};
	const struct value kinds[] = {
		{"private", ANON},
		{"shared", MAP_SHARED | MAP_ANONYMOUS},
		{"validate", MAP_SHARED_VALIDATE | MAP_ANONYMOUS},
		{"neither", MAP_ANONYMOUS},
		{"fixed", ANON | MAP_FIXED},
		{"noreplace", ANON | MAP_FIXED_NOREPLACE},
		{"fixed, noreplace", ANON | MAP_FIXED | MAP_FIXED_NOREPLACE},
		{"shared, fixed", MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED},
		{"growsdown", ANON | MAP_GROWSDOWN},
		{"populate", ANON | MAP_POPULATE},
		{"noreserve", ANON | MAP_NORESERVE},
		{"stack", ANON | MAP_STACK},
		{"locked", ANON | MAP_LOCKED},
		{"nonblock", ANON | MAP_NONBLOCK},
		{"denywrite", ANON | MAP_DENYWRITE},
		{"uninitialized", ANON | 0x4000000},
		{"unknown", ANON | 0x8000000},
	};
	const struct value of_files[] = {
		{"private", MAP_PRIVATE},
		{"shared", MAP_SHARED},
		{"validate", MAP_SHARED_VALIDATE},
		{"validate, huge", MAP_SHARED_VALIDATE | 0x8000000},
		{"validate, unknown", MAP_SHARED_VALIDATE | 0x200000},
		{"neither", 0},
		{"growsdown", MAP_PRIVATE | MAP_GROWSDOWN},
		{"shared, growsdown", MAP_SHARED | MAP_GROWSDOWN},
		{"populate", MAP_PRIVATE | MAP_POPULATE},
		{"locked", MAP_SHARED | MAP_LOCKED},
		{"noreserve", MAP_SHARED | MAP_NORESERVE},
		{"denywrite", MAP_PRIVATE | MAP_DENYWRITE},
		{"unknown", MAP_PRIVATE | 0x8000000},
	};
	const struct value fds[] = {
		{"file", file},
		{"write-only", write_only},
		{"read-only", read_only},
		{"O_PATH", path},
		{"dir", dir},
		{"null", null},
		{"pipe", ends[0]},
		{"-1", -1},
		{"closed", 99},
		{"zero", zero},
	};
	const struct value offsets[] = {
		{"0", 0},
		{"P", P},
		{"1", 1},
		{"16P", 16 * P},
		{"2^63-P", (1UL << 63) - P},
		{"-P", -P},
		{"2^62", 1UL << 62},
	};
	const struct value three = {"3P", 3 * P}, rw = {"RW", RW}, none = {"-1", -1},
			   start = {"0", 0};
	for (int i = 0; i < COUNT(kinds); i++) {
		const int fixed = i > 3 && i < 8; /* there address 0 is that of a page */
		for (int k = fixed; k < COUNT(hints); k++)
			for (int n = 0; n < COUNT(sizes); n++)
				if (!i || i == 4 || (n == 1 && (i < 8 || k == 3)))
					map_one(&hints[k], &sizes[n], &rw, &kinds[i], &none,
						&start);
		for (int k = 0; k < COUNT(prots) && i < 5; k++)
			map_one(&hints[2], &three, &prots[k], &kinds[i], &none, &start);
		for (int k = 1; k < COUNT(offsets) && i < 5; k++)
			map_one(&hints[2], &three, &rw, &kinds[i], &none, &offsets[k]);
	}
	for (int i = 0; i < COUNT(of_files); i++)
		for (int k = 0; k < COUNT(fds); k++)
			for (int n = 0; n < COUNT(prots); n++)
				for (int o = 0; o < COUNT(offsets); o++)
					if ((n == 0 || o == 0) && (i < 6 || !k) &&
					    (o == 0 || i < 3))
						map_one(&hints[k % 2 ? 0 : 2], &three, &prots[n],
							&of_files[i], &fds[k], &offsets[o]);
}

/* --- mremap --- */

static void remap_one(const struct value *a, const struct value *old, const struct value *new,
		      const struct value *flags, const struct value *to)
{
	char line[300];
	snprintf(line, sizeof(line), "mremap(%s, %s, %s, %s, %s)", a->name, old->name, new->name,
		 flags->name, to->name);
	begin();
	errno = 0;
	show(line, syscall(SYS_mremap, a->is, old->is, new->is, flags->is, to->is), 1);
}

/*
 * What SPECIFICATION.md says of shared mappings, and which of several errors those get that begin
 * in one mapping and end in another.
 */
static int refused(int flags, int at, int old, int new)
{
	const int larger = new > old, moves = flags >= 1 && flags != 3 && flags != 5;
	if (at == 6 || at == 7 || at == 8)
		return moves && (larger || flags > 1 || old > 2);
	return (at == 4 || at == 5 || at == 10) && old == 2 && new == 2;
}

static void remaps(void)
{
	const struct value flags[] = {
		{"0", 0},         {"MAYMOVE", 1},         {"FIXED", 3}, {"FIXED alone", 2},
		{"DONTUNMAP", 5}, {"DONTUNMAP alone", 4}, {"all", 7},   {"8", 8},
	};
	const struct value news[] = {
		{"P", P}, {"2P", 2 * P}, {"6P", 6 * P}, {"0", 0}, {"2^47", 1UL << 47}, {"-1", -1UL},
	};
	const struct value olds[] = {
		{"P", P}, {"2P", 2 * P}, {"5P", 5 * P}, {"0", 0}, {"-1", -1UL}};
	const struct value tos[] = {
		{"free", AT(28)},    {"other", AT(OTHER)}, {"second", AT(1)},
		{"odd", AT(28) + 1}, {"-P", -P},
	};
	for (int f = 0; f < COUNT(flags); f++)
		for (int i = 0; i < ADDRESSES; i++)
			for (int o = 0; o < COUNT(olds); o++)
				for (int n = 0; n < COUNT(news); n++)
					for (int t = 0; t < COUNT(tos); t++) {
						if (t &&
						    (!(flags[f].is & 2) || i > 2 || o > 1 || n > 2))
							continue;
						if (i > 5 && (o > 1 || n > 2))
							continue;
						if (f > 1 && i > 8 && i < 15)
							continue;
						if (refused(f, i, o, n))
							continue;
						remap_one(&addresses[i], &olds[o], &news[n],
							  &flags[f], &tos[t]);
					}
}

static void breaks(void)
{
	char *start = sbrk(0), *base = (char *)(((uintptr_t)start + P - 1) & -P);
	const struct {
		const char *name;
		char *to;
	} all[] = {
		{"start", start},
		{"+1", start + 1},
		{"pages", base + 3 * P},
		{"odd", base + P + 7},
		{"0", NULL},
		{"1", (char *)1},
		{"2^47", (char *)(1UL << 47)},
		{"-1", (char *)-1},
		{"kernel", (char *)0xffff800000000000},
		{"low", start - 64 * P},
		{"start again", start},
	};
	for (int i = 0; i < COUNT(all); i++) {
		char *now = (char *)syscall(SYS_brk, all[i].to);
		printf("brk(%s): %ld\n", all[i].name, now - start);
	}
}

int main(int argc, char **argv)
{
	static char output[1 << 16];
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);
	zero = open("/dev/zero", O_RDWR);
	char *all = mmap(NULL, 1024 * P, PROT_NONE, ANON, -1, 0);
	munmap(all, 1024 * P);
	home = (char *)(((uintptr_t)all + 512 * P) & -P);
	set_addresses();
	if (argc < 2 || !strcmp(argv[1], "ranges"))
		ranges();
	if (argc < 2 || !strcmp(argv[1], "mmap"))
		maps();
	if (argc < 2 || !strcmp(argv[1], "mremap"))
		remaps();
	if (argc < 2 || !strcmp(argv[1], "brk"))
		breaks();
	return 0;
}
