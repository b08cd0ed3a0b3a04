/* SPDX-License-Identifier: Apache-2.0 */
/* Integer kernels, first half: lists, matrices, a state machine, check sums, sorting, hashing. */
#include "integer.h"

/* A list that is searched, reversed and sorted by merging, as many programs keep one. */

#define LIST_NODES 4000

struct node {
	struct node *next;
	uint32_t key, value;
};
static struct node nodes[LIST_NODES];

static struct node *list_make(uint32_t seed)
{
	struct node *head = NULL;
	for (uint32_t i = 0; i < LIST_NODES; i++) {
		/* Not in the order of memory. */
		struct node *n = &nodes[i * 1777u % LIST_NODES];
		*n = (struct node){head, kernel_random(&seed) & 0xffff, i};
		head = n;
	}
	return head;
}

static struct node *list_reverse(struct node *head)
{
	struct node *done = NULL;
	while (head) {
		struct node *next = head->next;
		head->next = done;
		done = head;
		head = next;
	}
	return done;
}

static struct node *list_merge(struct node *a, struct node *b)
{
	struct node *head = NULL, **tail = &head;
	while (a && b) {
		struct node **least = a->key <= b->key ? &a : &b;
		*tail = *least;
		tail = &(*least)->next;
		*least = *tail;
	}
	*tail = a ? a : b;
	return head;
}

static struct node *list_sort(struct node *head)
{
	struct node *runs[16] = {NULL};
	while (head) {
		struct node *one = head;
		unsigned i = 0;
		head = head->next;
		one->next = NULL;
		for (; i < 15 && runs[i]; i++) {
			one = list_merge(runs[i], one);
			runs[i] = NULL;
		}
		runs[i] = one;
	}
	struct node *all = NULL;
	for (unsigned i = 0; i < 16; i++)
		all = list_merge(runs[i], all);
	return all;
}

static const struct node *list_find(const struct node *n, uint32_t key)
{
	while (n && n->key != key)
		n = n->next;
	return n;
}

uint64_t kernel_list(uint32_t seed)
{
	uint64_t sum = seed;
	for (int round = 0; round < 8; round++) {
		struct node *head = list_make(seed + (uint32_t)round);
		for (uint32_t i = 0; i < 60; i++) {
			const struct node *n = list_find(head, kernel_random(&seed) & 0xffff);
			sum = kernel_mix(sum, n ? n->value : i);
		}
		head = list_sort(list_reverse(head));
		for (const struct node *n = head; n; n = n->next)
			sum = kernel_mix(sum, n->key << 16 ^ n->value);
	}
	return sum;
}

/* Small matrices of 16-bit numbers with results of 32: products, sums, bit fields. */

#define SMALL 24

static int16_t small_a[SMALL][SMALL], small_b[SMALL][SMALL];
static int32_t small_c[SMALL][SMALL];

static void small_product(void)
{
	for (int i = 0; i < SMALL; i++)
		for (int j = 0; j < SMALL; j++) {
			int32_t sum = 0;
			for (int k = 0; k < SMALL; k++)
				sum += small_a[i][k] * small_b[k][j];
			small_c[i][j] = sum;
		}
}

static void small_product_bits(void)
{
	for (int i = 0; i < SMALL; i++)
		for (int j = 0; j < SMALL; j++) {
			uint32_t sum = 0;
			for (int k = 0; k < SMALL; k++) {
				uint32_t p = (uint32_t)(small_a[i][k] * small_b[k][j]);
				sum += (p >> 2 & 0xf) * (p >> 5 & 0x7f);
			}
			small_c[i][j] += (int32_t)sum;
		}
}

static uint64_t small_fold(uint64_t sum, int32_t clip)
{
	int32_t last = 0, total = 0;
	for (int i = 0; i < SMALL; i++)
		for (int j = 0; j < SMALL; j++) {
			int32_t v = small_c[i][j] & 0xffff;
			total += v > clip ? 10 : v > last ? 1 : 0;
			last = v;
		}
	return kernel_mix(sum, (uint32_t)total);
}

uint64_t kernel_matrix_small(uint32_t seed)
{
	uint64_t sum = seed;
	for (int i = 0; i < SMALL; i++)
		for (int j = 0; j < SMALL; j++) {
			small_a[i][j] = (int16_t)kernel_random(&seed);
			small_b[i][j] = (int16_t)kernel_random(&seed);
		}
	for (int round = 0; round < 400; round++) {
		small_product();
		sum = small_fold(sum, 30000);
		small_product_bits();
		sum = small_fold(sum, 20000 + round);
		for (int i = 0; i < SMALL; i++)
			small_a[round % SMALL][i] =
				(int16_t)(small_a[round % SMALL][i] + (int16_t)small_c[i][i]);
	}
	return sum;
}

/* A state machine that sorts words of a text into numbers of several forms. */

#define TEXT_BYTES 65536

enum state {
	START,
	SIGN,
	INTEGER,
	POINT,
	FRACTION,
	EXPONENT,
	EXPONENT_SIGN,
	SCIENTIFIC,
	INVALID,
	STATES
};

static char text[TEXT_BYTES];

static void text_make(uint32_t seed)
{
	static const char letters[] = "0123456789012345678901234567890123+-.eE, , , T";
	for (uint32_t i = 0; i < TEXT_BYTES; i++)
		text[i] = letters[kernel_random(&seed) % (sizeof(letters) - 1)];
}

static enum state state_after(enum state s, char c)
{
	int digit = c >= '0' && c <= '9';
	switch (s) {
	case START:
		return digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID;
	case SIGN:
		return digit ? INTEGER : c == '.' ? POINT : INVALID;
	case INTEGER:
		return digit                  ? INTEGER
		       : c == '.'             ? FRACTION
		       : c == 'e' || c == 'E' ? EXPONENT
					      : INVALID;
	case POINT:
		return digit ? FRACTION : INVALID;
	case FRACTION:
		return digit ? FRACTION : c == 'e' || c == 'E' ? EXPONENT : INVALID;
	case EXPONENT:
		return digit ? SCIENTIFIC : c == '+' || c == '-' ? EXPONENT_SIGN : INVALID;
	case EXPONENT_SIGN:
	case SCIENTIFIC:
		return digit ? SCIENTIFIC : INVALID;
	case INVALID:
	case STATES:
		break;
	}
	return INVALID;
}

uint64_t kernel_state_machine(uint32_t seed)
{
	uint32_t ends[STATES] = {0}, visits[STATES] = {0};
	uint64_t sum = seed;
	text_make(seed);
	for (int round = 0; round < 24; round++) {
		enum state s = START;
		for (uint32_t i = 0; i < TEXT_BYTES; i++) {
			if (text[i] == ',' || text[i] == ' ') {
				ends[s]++;
				s = START;
				continue;
			}
			s = state_after(s, text[i]);
			visits[s]++;
		}
		text[seed % TEXT_BYTES] ^= 1;
		seed = seed * 69069 + 1;
	}
	for (int i = 0; i < STATES; i++)
		sum = kernel_mix(sum, (uint64_t)ends[i] << 32 | visits[i]);
	return sum;
}

/* CRC-32 bit by bit, CRC-16 and CRC-32 by tables. */

uint64_t kernel_crc(uint32_t seed)
{
	static uint32_t table[256];
	uint32_t bitwise = ~0u, by_table = ~0u, crc16 = 0;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	text_make(seed);
	for (uint32_t i = 0; i < TEXT_BYTES; i++) {
		bitwise ^= (uint8_t)text[i];
		for (int k = 0; k < 8; k++)
			bitwise = bitwise & 1 ? bitwise >> 1 ^ 0xedb88320 : bitwise >> 1;
	}
	for (uint32_t i = 0; i < TEXT_BYTES; i++)
		by_table = table[(by_table ^ (uint8_t)text[i]) & 0xff] ^ by_table >> 8;
	for (uint32_t i = 0; i < TEXT_BYTES; i++)
		for (unsigned k = 0; k < 8; k++) {
			uint32_t bit = ((uint32_t)text[i] >> k ^ crc16) & 1;
			crc16 = crc16 >> 1 ^ (0xa001u & -bit);
		}
	return (uint64_t)bitwise << 32 ^ (uint64_t)crc16 << 16 ^ by_table;
}

/* Quicksort with insertion sort below a length, and heap sort. */

#define SORT_KEYS 40000

static uint32_t keys[SORT_KEYS];

static void insertion_sort(uint32_t *v, int n)
{
	for (int i = 1; i < n; i++) {
		uint32_t x = v[i];
		int j = i;
		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static void quick_sort(uint32_t *v, int n)
{
	while (n > 16) {
		uint32_t a = v[0], b = v[n / 2], c = v[n - 1];
		uint32_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
		int i = 0, j = n - 1;
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i <= j) {
				uint32_t x = v[i];
				v[i++] = v[j];
				v[j--] = x;
			}
		}
		quick_sort(v, j + 1);
		v += i;
		n -= i;
	}
	insertion_sort(v, n);
}

static void sift_down(uint32_t *v, uint32_t at, uint32_t n)
{
	uint32_t x = v[at];
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= n)
			break;
		if (child + 1 < n && v[child + 1] > v[child])
			child++;
		if (v[child] <= x)
			break;
		v[at] = v[child];
		at = child;
	}
	v[at] = x;
}

static void heap_sort(uint32_t *v, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(v, i, n);
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t x = v[0];
		v[0] = v[i];
		v[i] = x;
		sift_down(v, 0, i);
	}
}

uint64_t kernel_sort(uint32_t seed)
{
	uint64_t sum = seed;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SORT_KEYS; i++)
			keys[i] = kernel_random(&seed);
		if (round)
			heap_sort(keys, SORT_KEYS);
		else
			quick_sort(keys, SORT_KEYS);
		for (int i = 0; i < SORT_KEYS; i++)
			sum = kernel_mix(sum, keys[i]);
	}
	return sum;
}

/* An open hash table of 64-bit keys: insertion, look-up, removal by tombstones. */

#define SLOTS 65536u
#define TOMB  1u

static struct slot {
	uint64_t key; /* 0 empty, TOMB removed */
	uint32_t value;
} slots[SLOTS];

static uint32_t hash_of(uint64_t key)
{
	key = (key ^ key >> 32) * 0xd6e8feb86659fd93u;
	return (uint32_t)(key >> 40);
}

static struct slot *slot_of(uint64_t key, int insert)
{
	struct slot *removed = NULL;
	for (uint32_t i = hash_of(key);; i++) {
		struct slot *s = &slots[i % SLOTS];
		if (s->key == key)
			return s;
		if (s->key == TOMB && !removed)
			removed = s;
		if (s->key == 0)
			return !insert ? NULL : removed ? removed : s;
	}
}

uint64_t kernel_hash_table(uint32_t seed)
{
	uint64_t sum = seed;
	for (uint32_t i = 0; i < SLOTS; i++)
		slots[i] = (struct slot){0, 0};
	for (uint32_t i = 0; i < 300000; i++) {
		uint64_t key = (uint64_t)(kernel_random(&seed) % 30000) * 0x100000001u + 2;
		struct slot *s = slot_of(key, i % 4 < 2);
		if (!s) {
			sum += i;
		} else if (i % 4 == 3) {
			s->key = TOMB;
		} else {
			if (s->key != key)
				*s = (struct slot){key, 0};
			s->value += i;
			sum = kernel_mix(sum, s->value);
		}
	}
	return sum;
}
