/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's strings are counted first and then copied, all into one block that outlives the
 * program's memory: the offsets of the strings, and the strings.
 */
#include "guest/linux/program/arguments.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/user.h"

/* Linux's MAX_ARG_STRLEN; of the stack a quarter is for arguments and environment. */
enum { STRING_MAX = 128 << 10, ALL_MAX = LINUX_STACK_BYTES / 4 };

static uint64_t block_bytes; /* mapped at LINUX_ARGUMENTS */

/* Of a string in the program's memory, with its NUL; -E2BIG for a longer one. */
static int64_t string_bytes(uint64_t from)
{
	char *piece = (char *)this_thread()->scratch->copy;
	for (uint64_t n = 0; n < STRING_MAX;) {
		uint64_t bytes = MOTE_PAGE - ((from + n) & (MOTE_PAGE - 1));
		if (get_user(piece, from + n, bytes) < 0)
			return -EFAULT;
		const char *end = memchr(piece, 0, bytes);
		if (end)
			n += (uint64_t)(end - piece) + 1;
		else
			n += bytes;
		if (end && n <= STRING_MAX)
			return (int64_t)n;
	}
	return -E2BIG;
}

/* How much there is of something. */
struct amount {
	uint32_t count;
	uint64_t bytes;
};

/* Linux counts a pointer for each string, too. */
static int64_t amount_add(struct amount *a, uint64_t bytes)
{
	a->count++;
	a->bytes += bytes;
	if (a->bytes + a->count * sizeof(uint64_t) > ALL_MAX)
		return -E2BIG;
	return 0;
}

/*
 * The bytes of an array's next string, which is behind *array then: 0 at its end, or a negative
 * errno.
 */
static int64_t next_string(uint64_t *array, uint64_t *string)
{
	if (!*array)
		return 0;
	if (get_user(string, *array, sizeof(*string)) < 0)
		return -EFAULT;
	if (!*string)
		return 0;
	*array += sizeof(*string);
	return string_bytes(*string);
}

/* Adds the strings of an array in the program's memory: 0 or a negative errno. */
static int64_t count_array(struct amount *a, uint64_t array)
{
	uint64_t string;
	int64_t bytes;
	while ((bytes = next_string(&array, &string)) > 0) {
		int64_t rc = amount_add(a, (uint64_t)bytes);
		if (rc < 0)
			return rc;
	}
	return bytes;
}

/* The block while it is filled. */
struct block {
	char *base;
	uint32_t *offset; /* of the next string */
	uint64_t at, end;
};

static int64_t block_add(struct block *b, uint64_t string, uint64_t bytes)
{
	if (bytes > b->end - b->at || get_user(b->base + b->at, string, bytes) < 0)
		return -EFAULT;
	*b->offset++ = (uint32_t)b->at;
	b->at += bytes;
	return 0;
}

static int64_t copy_array(struct block *b, uint64_t array)
{
	uint64_t string;
	int64_t bytes;
	while ((bytes = next_string(&array, &string)) > 0) {
		int64_t rc = block_add(b, string, (uint64_t)bytes);
		if (rc < 0)
			return rc;
	}
	return bytes;
}

static int64_t copy_all(struct block *b, const struct argument_source *from, uint64_t argv)
{
	int64_t rc = 0;
	for (uint32_t i = 0; i < from->prefix_count && rc == 0; i++)
		rc = block_add(b, (uint64_t)from->prefix[i], strlen(from->prefix[i]) + 1);
	if (rc == 0)
		rc = copy_array(b, argv);
	if (rc == 0)
		rc = copy_array(b, from->envp);
	return rc;
}

static int64_t map_block(uint64_t bytes)
{
	int64_t rc = mote_mem_map(mote_area(), LINUX_ARGUMENTS, page_up(bytes),
				  MOTE_PROT_READ | MOTE_PROT_WRITE);
	if (rc == 0)
		block_bytes = page_up(bytes);
	return rc;
}

void arguments_drop(void)
{
	if (block_bytes)
		(void)!mote_mem_unmap(mote_area(), LINUX_ARGUMENTS, block_bytes);
	block_bytes = 0;
}

/* Where argv begins behind what is dropped of it. */
static int64_t first_argument(const struct argument_source *from, uint64_t *argv)
{
	uint64_t first = 0;
	*argv = from->argv;
	if (!from->drops_first || !from->argv)
		return 0;
	if (get_user(&first, from->argv, sizeof(first)) < 0)
		return -EFAULT;
	if (first)
		*argv += sizeof(first);
	return 0;
}

/* Maps a block for so much, and says which of its strings are what. */
static int64_t make_block(const struct amount *args, const struct amount *all, struct block *b,
			  struct stack_content *to)
{
	const uint64_t offsets = all->count * sizeof(uint32_t);
	*b = (struct block){
		.base = (char *)LINUX_ARGUMENTS,
		.offset = (uint32_t *)LINUX_ARGUMENTS,
		.at = offsets,
		.end = offsets + all->bytes,
	};
	to->argv = (struct string_list){b->base, b->offset, args->count};
	to->envv = (struct string_list){b->base, b->offset + args->count, all->count - args->count};
	return map_block(b->end);
}

int64_t arguments_copy(const struct argument_source *from, struct stack_content *to)
{
	struct amount all = {.bytes = strlen(from->name) + 1}, args;
	uint64_t argv;
	int64_t rc = first_argument(from, &argv);
	for (uint32_t i = 0; i < from->prefix_count && rc == 0; i++)
		rc = amount_add(&all, strlen(from->prefix[i]) + 1);
	if (rc == 0)
		rc = count_array(&all, argv);
	args = all;
	if (rc == 0)
		rc = count_array(&all, from->envp);
	if (rc < 0)
		return rc;
	struct block b;
	rc = make_block(&args, &all, &b, to);
	if (rc < 0)
		return rc;
	rc = copy_all(&b, from, argv);
	if (rc < 0)
		arguments_drop();
	return rc;
}

static void amount_add_list(struct amount *a, const struct string_list *l, uint32_t first)
{
	for (uint32_t i = first; i < l->count; i++) {
		a->count++;
		a->bytes += strlen(l->base + l->offset[i]) + 1;
	}
}

static int64_t block_add_list(struct block *b, const struct string_list *l, uint32_t first)
{
	int64_t rc = 0;
	for (uint32_t i = first; i < l->count && rc == 0; i++) {
		const char *s = l->base + l->offset[i];
		rc = block_add(b, (uint64_t)s, strlen(s) + 1);
	}
	return rc;
}

int64_t arguments_of_boot(const char *const *prefix, uint32_t count, struct stack_content *to)
{
	const struct mote_boot *boot = process.boot;
	const struct string_list argv = boot_strings(boot->argv, boot->argc),
				 envv = boot_strings(boot->envv, boot->envc);
	struct amount all = {.count = count}, args;
	struct block b;
	for (uint32_t i = 0; i < count; i++)
		all.bytes += strlen(prefix[i]) + 1;
	amount_add_list(&all, &argv, 1);
	args = all;
	amount_add_list(&all, &envv, 0);
	int64_t rc = make_block(&args, &all, &b, to);
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = block_add(&b, (uint64_t)prefix[i], strlen(prefix[i]) + 1);
	if (rc == 0)
		rc = block_add_list(&b, &argv, 1);
	if (rc == 0)
		rc = block_add_list(&b, &envv, 0);
	return rc;
}
