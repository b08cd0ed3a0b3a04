/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on paths and directories: what they lead to, and what a directory permits. */
#include "vm_calls.h"

/* --- paths --- */

Test(vm_calls, nothing_leads_out_of_a_directory)
{
	const char *const ways[] = {"../canary", canary, "sub/../../canary", "sub/parent/../canary",
				    "sub/out/canary"};
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		expect_all(RW, ways[i], MOTE_RESOLVE_BENEATH, -EXDEV);
		expect_names(RW, ways[i], MOTE_RESOLVE_BENEATH, -EXDEV);
	}
	/* Links out of it are followed to nowhere; as names they are files like any other. */
	static const char *const links[] = {"up", "absolute", "chain"};
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		expect_all(RW, links[i], MOTE_RESOLVE_BENEATH, -EXDEV);
		EXPECT(0, mote_stat(&area, RW, P(links[i]), MOTE_RESOLVE_NOFOLLOW, NULL));
	}
	EXPECT(-ELOOP, open_at(RW, "loop", 0, O_RDONLY));
	/* A directory that acts as the root: `..` of it is itself, and so is "/". */
	EXPECT(0, mote_stat(&area, RW, P("/../../file"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, P("../canary"), MOTE_RESOLVE_IN_ROOT, NULL));
	/* By a link to where there is nothing; the guest may have another directory there. */
	EXPECT(-ENOLINK, mote_stat(&area, RW, P("absolute"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOLINK, mote_stat(&area, RW, P("sub/out/canary"), MOTE_RESOLVE_IN_ROOT, NULL));
	EXPECT(-ENOLINK, open_at(RW, "absolute", MOTE_RESOLVE_IN_ROOT, O_WRONLY | O_CREAT));
	EXPECT(-EEXIST, open_at(RW, "absolute", MOTE_RESOLVE_IN_ROOT, O_WRONLY | O_CREAT | O_EXCL));
	EXPECT(-EISDIR, open_at(RW, "sub", MOTE_RESOLVE_IN_ROOT, O_RDONLY | O_CREAT));
	cr_expect(access("canary", F_OK) == 0 && access("rw/canary", F_OK) < 0);
	EXPECT(-ENOENT, mote_unlink(&area, RW, P("../canary"), MOTE_RESOLVE_IN_ROOT, 0));
	EXPECT(0, mote_mkdir(&area, RW, P("../made"), MOTE_RESOLVE_IN_ROOT, 0700));
	cr_expect(access("rw/made", F_OK) == 0 && access("made", F_OK) < 0);
	EXPECT(-EINVAL, open_at(RW, "file", 8, O_RDONLY));
}

Test(vm_calls, magic_links_and_the_monitors_own_files)
{
	give_dir("/proc/self", 0, 5);
	give_dir("/dev", 0, 6);
	EXPECT(-ELOOP, open_at(5, "exe", 0, O_RDONLY));
	EXPECT(-ELOOP, open_at(5, "cwd/canary", 0, O_RDONLY));
	EXPECT(-ELOOP, open_at(5, "fd/0", MOTE_RESOLVE_IN_ROOT, O_RDONLY));
	EXPECT(-EACCES, open_at(5, "status", 0, O_RDONLY));
	EXPECT(-EACCES, open_at(5, "mem", 0, O_RDWR));
	cr_expect(open_at(6, "null", 0, O_RDWR) >= 0);
	EXPECT(-EACCES, open_at(6, "ptmx", 0, O_RDWR));
}

Test(vm_calls, lengths_of_paths)
{
	char path[8192];
	for (size_t i = 0; i < sizeof(path); i += 2)
		memcpy(path + i, "./", 2);
	memcpy(path + 4095 - 5, "/file", 5);
	const void *at = (void *)GUEST_AT;
	cr_assert(memory_write(&vm.memory, gva(GUEST_AT), path, sizeof(path)) == 0);
	EXPECT(0, mote_stat(&area, RW, at, 4095, 0, NULL));
	EXPECT(-ENAMETOOLONG, mote_stat(&area, RW, at, 4096, 0, NULL));
	EXPECT(-ENAMETOOLONG, mote_stat(&area, RW, at, ~0UL, 0, NULL));
	EXPECT(-ENOENT, mote_stat(&area, RW, at, 0, 0, NULL));
	EXPECT(-EINVAL, mote_stat(&area, RW, put("a\0b", 3), 3, 0, NULL));
	EXPECT(-EFAULT, mote_stat(&area, RW, (const char *)AT_PAGE(9) - 2, 5, 0, NULL));
	EXPECT(-EFAULT, mote_stat(&area, RW, (const char *)~0UL - 2, 5, 0, NULL));
	memset(path, 'n', sizeof(path));
	for (size_t len = 255; len <= 257; len++) {
		int64_t want = len > 255 ? -ENAMETOOLONG : 0;
		EXPECT(want, mote_mkdir(&area, RW, put(path, len), len, 0, 0700));
	}
	EXPECT(-ENAMETOOLONG, mote_symlink(&area, put(path, 4096), 4096, RW, P("s"), 0));
}

Test(vm_calls, names_that_are_no_names)
{
	EXPECT(-EEXIST, mote_mkdir(&area, RW, P("."), 0, 0700));
	EXPECT(-EEXIST, mote_mkdir(&area, RW, P("sub/.."), 0, 0700));
	EXPECT(-EISDIR, mote_unlink(&area, RW, P("sub/.."), 0, 0));
	EXPECT(-EINVAL, mote_unlink(&area, RW, P("sub/."), 0, AT_REMOVEDIR));
	EXPECT(-EBUSY, mote_rename(&area, RW, P("."), RW, P("x"), 0, 0));
	EXPECT(-ENOTDIR, mote_unlink(&area, RW, P("file/"), 0, 0));
	EXPECT(-ENOTDIR, mote_rename(&area, RW, P("file/"), RW, P("x"), 0, 0));
	EXPECT(-ENOTDIR, mote_rename(&area, RW, P("file"), RW, P("x/"), 0, 0));
	EXPECT(0, mote_rename(&area, RW, P("sub/"), RW, P("moved/"), 0, 0));
	EXPECT(-ENOENT, mote_link(&area, RW, P("file"), RW, P("x/"), 0));
	EXPECT(-EINVAL, mote_unlink(&area, RW, P("file"), 0, 1));
	EXPECT(-EINVAL, mote_rename(&area, RW, P("file"), RW, P("x"), 0, 4 /* RENAME_WHITEOUT */));
}

Test(vm_calls, renames_and_links_between_directories)
{
	cr_assert(mkdir("second", 0755) == 0);
	give_dir("second", 0, 5);
	EXPECT(0, mote_link(&area, RW, P("file"), 5, P("hard"), 0));
	EXPECT(-EEXIST, mote_link(&area, RW, P("file"), 5, P("hard"), 0));
	EXPECT(-EEXIST, mote_rename(&area, 5, P("hard"), RW, P("link"), 0, RENAME_NOREPLACE));
	/* A link is renamed itself; what it points to stays. */
	EXPECT(0, mote_rename(&area, RW, P("link"), 5, P("moved"), 0, 0));
	struct stat st;
	cr_expect(lstat("second/moved", &st) == 0 && S_ISLNK(st.st_mode) &&
		  access("rw/file", F_OK) == 0);
	EXPECT(0, mote_rename(&area, RW, P("sub"), 5, P("moved"), 0, RENAME_EXCHANGE));
	cr_expect(lstat("second/moved", &st) == 0 && S_ISDIR(st.st_mode) &&
		  lstat("rw/sub", &st) == 0 && S_ISLNK(st.st_mode));
	/* Neither into nor out of a directory that is for reading. */
	EXPECT(-EXDEV, mote_rename(&area, RW, P("file"), DIR_RO, P("x"), 0, 0));
	EXPECT(-EXDEV, mote_rename(&area, DIR_RO, P("file"), RW, P("x"), 0, 0));
	EXPECT(-EROFS, mote_rename(&area, DIR_RO, P("file"), DIR_RO, P("x"), 0, 0));
	EXPECT(-EXDEV, mote_link(&area, DIR_RO, P("file"), RW, P("x"), 0));
	EXPECT(-EROFS, mote_link(&area, RW, P("file"), DIR_RO, P("x"), 0));
}

/* --- permission --- */

/* Of a directory of devices nothing is there but these, whatever the directory holds. */
Test(vm_calls, a_directory_of_devices_has_devices_alone)
{
	static const char *const others[] = {
		"file",      ".",           "..",  "",      "/",   "./null", "sub/null",
		"../canary", "sub/../null", "nul", "nullx", "shm", "kvm",
	};
	struct mote_time now = {.nsec = UTIME_NOW};
	void *time = put(&now, sizeof(now));
	cr_assert(mkdir("dev", 0755) == 0 && mkdir("dev/sub", 0755) == 0);
	write_file("dev/null", "x");
	write_file("dev/file", "x");
	cr_assert(symlink("file", "dev/zero") == 0);
	give_dir("dev", FD_DEVICES, 5);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (uint32_t in_root = 0; in_root < 2; in_root++) {
			uint32_t resolve = in_root ? MOTE_RESOLVE_IN_ROOT : 0;
			int64_t rc = open_at(5, others[i], resolve, O_RDONLY);
			cr_expect(rc == -ENOENT, "open %s: %ld", others[i], rc);
			rc = mote_access(&area, 5, P(others[i]), resolve, F_OK);
			cr_expect(rc == -ENOENT, "access %s: %ld", others[i], rc);
		}
	EXPECT(-ENOTDIR, open_at(5, "null/../file", 0, O_RDONLY));
	EXPECT(-ENOTDIR, open_at(5, "null/", 0, O_RDONLY));
	EXPECT(-EEXIST, open_at(5, "null", 0, O_RDWR | O_CREAT | O_EXCL));
	EXPECT(-ENOENT, open_at(5, "tty", 0, O_RDWR | O_CREAT)); /* is not made */
	EXPECT(-EPERM, mote_unlink(&area, 5, P("null"), 0, 0));
	EXPECT(-EPERM, mote_mkdir(&area, 5, P("full"), 0, 0700));
	EXPECT(-EPERM, mote_symlink(&area, P("x"), 5, P("full"), 0));
	EXPECT(-EPERM, mote_rename(&area, RW, P("file"), 5, P("full"), 0, 0));
	EXPECT(-EPERM, mote_link(&area, 5, P("null"), RW, P("mine"), 0));
	EXPECT(-EPERM, mote_chmod(&area, 5, P("null"), 0, 0));
	EXPECT(-EPERM, mote_chown(&area, 5, P("null"), 0, 1, 1));
	EXPECT(-EPERM, mote_utimens(&area, 5, P("null"), 0, time, time));
	EXPECT(20, mote_dup(&area, 5, 20));
	EXPECT(-ENOENT, open_at(20, "file", 0, O_RDONLY)); /* a copy no longer is */
	for (int32_t fd = 5; fd <= 20; fd += 15) { /* nor is the directory itself the guest's */
		EXPECT(-EPERM, mote_fchmod(&area, fd, 0777));
		EXPECT(-EPERM, mote_fchown(&area, fd, 1, 1));
		EXPECT(-EPERM, mote_futimens(&area, fd, time, time));
		EXPECT(-EACCES, mote_readdir(&area, fd, 0, (void *)GUEST_AT, 4096));
	}
	cr_expect(open_at(5, "null", 0, O_RDWR | O_CREAT) >= 0);
}

Test(vm_calls, a_directory_for_reading_stays_as_it_is)
{
	struct mote_time now = {.nsec = UTIME_NOW};
	void *time = put(&now, sizeof(now));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_WRONLY));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_RDWR));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, O_RDONLY | O_TRUNC));
	EXPECT(-EROFS, open_at(DIR_RO, "new", 0, O_RDONLY | O_CREAT));
	EXPECT(-EROFS, open_at(DIR_RO, "file", 0, 3 /* neither reading nor writing */));
	EXPECT(-EROFS, mote_mkdir(&area, DIR_RO, P("new"), 0, 0700));
	EXPECT(-EROFS, mote_unlink(&area, DIR_RO, P("file"), 0, 0));
	EXPECT(-EROFS, mote_symlink(&area, P("x"), DIR_RO, P("new"), 0));
	EXPECT(-EROFS, mote_utimens(&area, DIR_RO, P("file"), 0, time, time));
	EXPECT(-EROFS, mote_chmod(&area, DIR_RO, P("file"), 0, 0));
	EXPECT(-EROFS, mote_chown(&area, DIR_RO, P("file"), 0, 1, 1));
	EXPECT(-EROFS, mote_access(&area, DIR_RO, P("file"), 0, W_OK));
	EXPECT(0, mote_access(&area, DIR_RO, P("file"), 0, R_OK));
	/* So does what is opened in it, however it was come by. */
	int32_t file = (int32_t)open_at(DIR_RO, "file", 0, O_RDONLY | O_CREAT),
		sub = (int32_t)open_at(DIR_RO, "sub", 0, O_RDONLY);
	cr_assert(file >= 0 && sub >= 0);
	int32_t copy = (int32_t)mote_dup(&area, sub, 20);
	cr_assert(copy == 20 && mote_dup_to(&area, DIR_RO, 30) == 30);
	EXPECT(-EROFS, open_at(sub, "new", 0, O_WRONLY | O_CREAT));
	EXPECT(-EROFS, open_at(copy, "new", 0, O_WRONLY | O_CREAT));
	EXPECT(-EROFS, mote_mkdir(&area, 30, P("new"), 0, 0700));
	EXPECT(-EROFS, mote_fchmod(&area, file, 0));
	EXPECT(-EROFS, mote_fchown(&area, file, 1, 1));
	EXPECT(-EROFS, mote_futimens(&area, file, time, time));
	EXPECT(-EINVAL, mote_ftruncate(&area, file, 0));
	EXPECT(-EBADF, mote_fallocate(&area, file, 0, 0, 100));
	struct mote_iovec v = {.base = GUEST_AT, .len = 10};
	EXPECT(-EBADF, mote_writev(&area, file, put(&v, sizeof(v)), 1));
	EXPECT(-EBADF, mote_pwritev(&area, file, put(&v, sizeof(v)), 1, 0));
	struct stat st;
	cr_expect(stat("ro/file", &st) == 0 && st.st_size == 10 && (st.st_mode & 0777) == 0644);
}

/* --- directories --- */

enum { FILES = 300 };

/* Reads from a cookie to the end, marks what it saw; the last cookie. */
static int64_t read_all(int32_t dir, int64_t cookie, uint64_t size, uint8_t *seen, int64_t *middle)
{
	static uint8_t buffer[4 * MOTE_PAGE];
	int64_t n;
	int count = 0;
	while ((n = mote_readdir(&area, dir, cookie, (void *)GUEST_AT, size)) > 0) {
		cr_assert((uint64_t)n <= size);
		get(GUEST_AT, buffer, (size_t)n);
		for (int64_t at = 0; at < n;) {
			const struct mote_dirent *d = (const void *)(buffer + at);
			int number;
			if (sscanf(d->name, "f%d", &number) == 1)
				seen[number]++;
			cookie = d->cookie;
			at += d->reclen;
			if (++count == FILES / 2 && middle)
				*middle = cookie;
		}
	}
	cr_expect(n == 0);
	return cookie;
}

Test(vm_calls, directories_are_read_once_and_from_a_cookie)
{
	char name[32];
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "rw/sub/f%d", i);
		write_file(name, "");
	}
	int32_t dir = (int32_t)open_at(RW, "sub", 0, O_RDONLY);
	static const uint64_t sizes[] = {64, 300, 4096, 4 * MOTE_PAGE};
	for (size_t r = 0; r < sizeof(sizes) / sizeof(sizes[0]); r++) {
		uint8_t seen[FILES] = {0}, rest[FILES] = {0};
		int64_t middle = 0, end = read_all(dir, 0, sizes[r], seen, &middle);
		for (int i = 0; i < FILES; i++)
			cr_expect(seen[i] == 1, "size %lu: f%d seen %d times", sizes[r], i,
				  seen[i]);
		read_all(dir, middle, sizes[r], rest, NULL);
		int count = 0;
		for (int i = 0; i < FILES; i++)
			count += rest[i];
		cr_expect(count >= FILES / 2 && count <= FILES / 2 + 2, "from the middle: %d",
			  count);
		EXPECT(0, mote_readdir(&area, dir, end, (void *)GUEST_AT, sizes[r]));
	}
	EXPECT(-EINVAL, mote_readdir(&area, dir, 0, (void *)GUEST_AT, 8));
	EXPECT(-EINVAL, mote_readdir(&area, dir, -1, (void *)GUEST_AT, 4096));
	EXPECT(-EFAULT, mote_readdir(&area, dir, 0, (void *)AT_PAGE(8), 4096));
	EXPECT(-ENOTDIR, mote_readdir(&area, (int32_t)open_at(RW, "file", 0, O_RDONLY), 0,
				      (void *)GUEST_AT, 4096));
	/* What is removed while it is read is not seen twice, and ends nothing. */
	cr_assert(system("rm rw/sub/f1*") == 0);
	uint8_t seen[FILES] = {0};
	read_all(dir, 0, 300, seen, NULL);
	cr_expect(seen[1] == 0 && seen[2] == 1 && seen[299] == 1);
}

/*
 * Some file systems have names of more than 255 bytes: what a kernel would say of two such and a
 * usual one.
 */
Test(vm_calls, names_that_are_too_long_are_left_out)
{
	static const size_t names[] = {300, 4000, 5};
	_Alignas(8) uint8_t kernel[8192] = {0}, got[64];
	const struct call_out to = {.at = gva(GUEST_AT), .len = 4096};
	long at = 0;
	for (size_t i = 0; i < 3; i++) {
		uint16_t reclen = (uint16_t)((19 + names[i] + 8) & ~7UL);
		memcpy(kernel + at + 16, &reclen, sizeof(reclen));
		memset(kernel + at + 19, 'n', names[i]);
		at += reclen;
	}
	EXPECT(32, vm_put_entries(&vm, kernel, at, &to));
	get(GUEST_AT, got, sizeof(got));
	cr_expect_str_eq((char *)got + offsetof(struct mote_dirent, name), "nnnnn");
}

Test(vm_calls, set_id_bits_are_a_containers)
{
	struct stat st;
	for (uint32_t mode = 02755; mode <= 06755; mode += 02000) {
		EXPECT(-EPERM, mote_chmod(&area, RW, P("file"), 0, mode));
		vm.set_ids = true;
		EXPECT(0, mote_chmod(&area, RW, P("file"), 0, mode));
		cr_expect(stat("rw/file", &st) == 0 && (st.st_mode & 07777) == mode);
		vm.set_ids = false;
	}
	int64_t fd = mote_open(&area, RW, P("new"), 0, O_CREAT | O_RDWR, 04700);
	cr_expect(fd >= 0 && stat("rw/new", &st) == 0 && (st.st_mode & 07777) == 0700);
	EXPECT(-EPERM, mote_fchmod(&area, (int32_t)fd, 04700));
	EXPECT(0, mote_fchmod(&area, (int32_t)fd, 01700));
	EXPECT(0, mote_close(&area, (int32_t)fd));
}
