/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf helpers. */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/reader.h"
#include "base/sha256.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

Test(reader, fails_without_consuming)
{
	const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct reader r = reader_of(bytes, sizeof(bytes)), sub;
	uint64_t v64;
	uint32_t v32;
	cr_expect(!reader_le64(&r, &v64) && r.left == 5);
	cr_expect(reader_be32(&r, &v32) && v32 == 0x01020304 && r.left == 1);
	cr_expect(!reader_sub(&r, 2, &sub) && r.left == 1);
	cr_expect(reader_sub(&r, 1, &sub) && sub.left == 1 && r.left == 0);
	cr_expect(!reader_le32(&sub, &v32) && sub.left == 1);
}

Test(buf, keeps_to_its_cap_and_appends_whole)
{
	cleanup_buf struct buf b = {.cap = 10};
	cr_expect(buf_put(&b, "12345678", 8) == 0);
	cr_expect(buf_put(&b, "abc", 3) == -E2BIG && b.len == 8);
	cr_expect(buf_put(&b, "ab", 2) == 0 && memcmp(b.data, "12345678ab", 10) == 0);
	buf_consume(&b, 8);
	cr_expect(b.len == 2 && memcmp(b.data, "ab", 2) == 0);
	cr_expect(buf_put_be32(&b, 0x01020304) == 0 && memcmp(b.data, "ab\1\2\3\4", 6) == 0);
}

Test(err, keeps_the_first_words_and_adds_a_prefix)
{
	struct err e = {0};
	cr_expect(err_sys(&e, ENOENT, "%s", "config.json") == -ENOENT && e.blame == ERR_HOST);
	cr_expect_str_eq(e.text, "config.json: No such file or directory");
	cr_expect(err_prefix(&e, "container %s", "a") == -ENOENT);
	cr_expect_str_eq(e.text, "container a: config.json: No such file or directory");
	cr_expect(err_set(NULL, ERR_HOST, EIO, "nobody listens") == -EIO);
	struct err odd;
	err_set(&odd, ERR_CONFIG, EINVAL, "a\033[2J\nb\177");
	cr_expect(err_clean(&odd) == -EINVAL && err_clean(NULL) == 0);
	cr_expect_str_eq(odd.text, "a?[2J?b?");
	char longer[1000];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	cr_expect(err_set(&e, ERR_PEER, EIO, "%s", longer) == -EIO &&
		  strlen(e.text) < sizeof(e.text));
}

Test(io, reads_whole_files_up_to_a_cap)
{
	char name[] = "/tmp/mote-io-XXXXXX", *text;
	size_t len;
	int fd = mkstemp(name);
	cr_assert(fd >= 0);
	char block[5000];
	memset(block, 'b', sizeof(block));
	cr_expect(io_write_all(fd, block, sizeof(block)) == 0);
	cr_expect(io_read_file(AT_FDCWD, name, sizeof(block), &text, &len) == 0 &&
		  len == sizeof(block));
	cr_expect(text[len] == '\0' && text[len - 1] == 'b');
	free(text);
	cr_expect(io_read_file(AT_FDCWD, name, sizeof(block) - 1, &text, &len) == -EFBIG);
	cr_expect(io_read_file(AT_FDCWD, "/nonexistent/mote", 10, &text, &len) == -ENOENT);
	close(fd);
	unlink(name);
}

Test(io, bytes_at_a_position_are_whole_or_an_error)
{
	char name[] = "/tmp/mote-io-XXXXXX", text[16] = "";
	int fd = mkstemp(name), ends[2];
	cr_assert(fd >= 0 && unlink(name) == 0 && pipe(ends) == 0);
	cr_expect(io_pwrite_all(fd, "abcdef", 6, 4) == 0);
	cr_expect(lseek(fd, 0, SEEK_CUR) == 0);
	cr_expect(io_pread_full(fd, text, 4, 4) == 4 && strcmp(text, "abcd") == 0, "%s", text);
	ssize_t n = io_pread_full(fd, text, sizeof(text), 8);
	cr_expect(n == 2 && memcmp(text, "ef", 2) == 0, "%zd bytes", n);
	n = io_pread_full(fd, text, sizeof(text), 10);
	cr_expect(n == 0, "%zd bytes past the end", n);
	n = io_pread_full(ends[0], text, 1, 0);
	cr_expect(n == -ESPIPE, "%zd of a pipe", n);
	int rc = io_pwrite_all(ends[1], text, 1, 0);
	cr_expect(rc == -ESPIPE, "%d to a pipe", rc);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

Test(sha256, digests_are_lower_case_digits)
{
	static const struct {
		const char *text, *digest;
	} known[] = {
		/* FIPS 180-4's examples */
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char digest[65];
		sha256_hex(known[i].text, strlen(known[i].text), digest);
		cr_expect_str_eq(digest, known[i].digest);
	}
}
