/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers are compared as fractions of large integers, so nothing is rounded but once. Of a text
 * the first 800 digits count, which is more than tells any number apart from the next one.
 */
#include "guest/component/decimal.h"

#include "guest/wasm/bytes.h"

const struct decimal_format decimal_f32 = {23, 0x7f7fffff};
const struct decimal_format decimal_f64 = {52, 0x7fefffffffffffff};

/* --- large integers --- */

enum {
	DIGITS_MAX = 800,    /* of a text; further ones are as zeroes */
	EXPONENT_MAX = 1200, /* of ten, in either direction */
	WORDS = 256,         /* 8192 bits: 10^2000 and a fraction */
};

struct large {
	uint32_t word[WORDS], words; /* the least significant first */
};

static void large_set(struct large *a, uint64_t v)
{
	a->word[0] = (uint32_t)v;
	a->word[1] = (uint32_t)(v >> 32);
	a->words = a->word[1] ? 2 : a->word[0] != 0;
}

/* a = a * by + more */
static void large_multiply(struct large *a, uint32_t by, uint32_t more)
{
	uint64_t carry = more;
	for (uint32_t i = 0; i < a->words; i++) {
		carry += (uint64_t)a->word[i] * by;
		a->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry && a->words < WORDS)
		a->word[a->words++] = (uint32_t)carry;
}

static void large_shift(struct large *a, uint32_t bits)
{
	for (; bits >= 31; bits -= 31)
		large_multiply(a, 1u << 31, 0);
	large_multiply(a, 1u << bits, 0);
}

static void large_ten(struct large *a, uint32_t exponent)
{
	for (; exponent >= 9; exponent -= 9)
		large_multiply(a, 1000000000, 0);
	for (; exponent; exponent--)
		large_multiply(a, 10, 0);
}

static int large_compare(const struct large *a, const struct large *b)
{
	if (a->words != b->words)
		return a->words < b->words ? -1 : 1;
	for (uint32_t i = a->words; i--;)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

/* b is not more than a. */
static void large_subtract(struct large *a, const struct large *b)
{
	int64_t carry = 0;
	for (uint32_t i = 0; i < a->words; i++) {
		carry += (int64_t)a->word[i] - (i < b->words ? b->word[i] : 0);
		a->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	while (a->words && !a->word[a->words - 1])
		a->words--;
}

/* --- binary numbers --- */

/* fraction * 2^exponent */
struct binary {
	uint64_t fraction;
	int32_t exponent;
};

static struct binary binary_of(const struct decimal_format *f, uint64_t bits)
{
	const bool is_double = f->fraction_bits == 52;
	const int32_t bias = (is_double ? 1023 : 127) + (int32_t)f->fraction_bits;
	const int32_t exponent = (int32_t)(bits >> f->fraction_bits);
	const uint64_t fraction = bits & ((1ull << f->fraction_bits) - 1);
	if (!exponent)
		return (struct binary){fraction, 1 - bias};
	return (struct binary){fraction | 1ull << f->fraction_bits, exponent - bias};
}

/* over / under: the number that a text has. */
struct quotient {
	struct large over, under;
};

/* Less than 0 if the binary number is less. */
static int compare(const struct binary *b, const struct quotient *q)
{
	struct large left = q->under, right = q->over, product;
	product = left;
	large_multiply(&product, (uint32_t)(b->fraction >> 32), 0);
	large_shift(&product, 32);
	large_multiply(&left, (uint32_t)b->fraction, 0);
	/* product + left */
	uint64_t carry = 0;
	for (uint32_t i = 0; i < WORDS && (i < left.words || i < product.words || carry); i++) {
		carry += i < left.words ? left.word[i] : 0;
		carry += i < product.words ? product.word[i] : 0;
		if (i >= product.words)
			product.words = i + 1;
		product.word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	while (product.words && !product.word[product.words - 1])
		product.words--;
	if (b->exponent > 0)
		large_shift(&product, (uint32_t)b->exponent);
	else
		large_shift(&right, (uint32_t)-b->exponent);
	while (right.words && !right.word[right.words - 1])
		right.words--;
	return large_compare(&product, &right);
}

/* --- from text --- */

static uint64_t nearest(const struct decimal_format *f, const struct quotient *q)
{
	uint64_t low = 0, high = f->largest; /* the largest that is not more is among these */
	while (low < high) {
		const uint64_t middle = low + (high - low + 1) / 2;
		const struct binary b = binary_of(f, middle);
		if (compare(&b, q) <= 0)
			low = middle;
		else
			high = middle - 1;
	}
	struct binary half = binary_of(f, low);
	half.fraction = 2 * half.fraction + 1;
	half.exponent--;
	const int side = compare(&half, q);
	return low + (side < 0 || (side == 0 && low & 1));
}

/* Digits, and a power of ten: 0.DIGITS * 10^point. */
struct digits {
	char digit[DIGITS_MAX];
	uint32_t count;
	int32_t point;
};

static uint64_t bits_of(const struct decimal_format *f, const struct digits *d)
{
	struct quotient q;
	const int32_t exponent = d->point - (int32_t)d->count;
	if (!d->count || d->point < -EXPONENT_MAX / 3)
		return 0;
	if (d->point > EXPONENT_MAX / 3)
		return f->largest + 1;
	large_set(&q.over, 0);
	large_set(&q.under, 1);
	for (uint32_t i = 0; i < d->count; i++)
		large_multiply(&q.over, 10, (uint32_t)(d->digit[i] - '0'));
	if (exponent > 0)
		large_ten(&q.over, (uint32_t)exponent);
	else
		large_ten(&q.under, (uint32_t)-exponent);
	return nearest(f, &q);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Zeroes in front are none. */
static void add_digit(struct digits *d, char digit)
{
	if (d->count < DIGITS_MAX && (d->count || digit != '0'))
		d->digit[d->count++] = digit;
}

bool decimal_parse(const struct decimal_format *f, const char *text, uint32_t bytes, uint64_t *bits)
{
	struct digits d;
	uint32_t at = 0, read = 0;
	int64_t point = 0, exponent = 0;
	d.count = 0;
	for (bool behind = false; at < bytes && (is_digit(text[at]) || text[at] == '.'); at++) {
		if (text[at] == '.') {
			if (behind || !read)
				return false;
			behind = true;
			continue;
		}
		read++;
		add_digit(&d, text[at]);
		if (d.count && !behind)
			point++;
		if (!d.count && behind)
			point--;
	}
	if (!read || text[at - 1] == '.')
		return false;
	if (at < bytes && (text[at] == 'e' || text[at] == 'E')) {
		const bool negative = ++at < bytes && text[at] == '-';
		at += at < bytes && (text[at] == '-' || text[at] == '+');
		if (at == bytes)
			return false;
		for (; at < bytes && is_digit(text[at]); at++)
			if (exponent < 100000)
				exponent = 10 * exponent + (text[at] - '0');
		if (negative)
			exponent = -exponent;
	}
	point += exponent;
	if (point > EXPONENT_MAX)
		point = EXPONENT_MAX;
	if (point < -EXPONENT_MAX)
		point = -EXPONENT_MAX;
	d.point = (int32_t)point;
	*bits = bits_of(f, &d);
	return at == bytes;
}

/* --- to text --- */

enum { EXACT_DIGITS = 18 /* one more than is ever needed */ };

/* The first digits, the rest cut off; whether it is more than they say. */
static bool first_digits(const struct decimal_format *f, uint64_t bits, struct digits *d)
{
	const struct binary b = binary_of(f, bits);
	struct quotient q;
	large_set(&q.over, b.fraction);
	large_set(&q.under, 1);
	if (b.exponent > 0)
		large_shift(&q.over, (uint32_t)b.exponent);
	else
		large_shift(&q.under, (uint32_t)-b.exponent);
	d->count = 0;
	d->point = 0;
	for (; large_compare(&q.over, &q.under) >= 0; d->point++)
		large_multiply(&q.under, 10, 0);
	while (d->count < EXACT_DIGITS) {
		char digit = '0';
		large_multiply(&q.over, 10, 0);
		for (; large_compare(&q.over, &q.under) >= 0; digit++)
			large_subtract(&q.over, &q.under);
		if (d->count || digit != '0')
			d->digit[d->count++] = digit;
		else
			d->point--;
	}
	return q.over.words;
}

/* To so many digits, the nearest. */
static void round_digits(const struct digits *exact, bool more, uint32_t count, struct digits *d)
{
	bool up = exact->digit[count] > '5';
	*d = *exact;
	d->count = count;
	if (exact->digit[count] == '5') {
		for (uint32_t i = count + 1; i < exact->count; i++)
			more |= exact->digit[i] != '0';
		up = more || (exact->digit[count - 1] & 1);
	}
	if (!up)
		return;
	while (count && d->digit[count - 1] == '9')
		d->digit[--count] = '0';
	if (count) {
		d->digit[count - 1]++;
		return;
	}
	d->digit[0] = '1'; /* 99 is 10, and one more in front */
	d->point++;
}

static uint32_t lay_out(const struct digits *d, char out[DECIMAL_TEXT_BYTES])
{
	uint32_t n = 0;
	if (d->point <= 0) {
		out[n++] = '0';
		out[n++] = '.';
		for (int32_t i = d->point; i < 0; i++)
			out[n++] = '0';
	}
	for (int32_t i = 0; i < (int32_t)d->count; i++) {
		if (i && i == d->point)
			out[n++] = '.';
		out[n++] = d->digit[i];
	}
	for (int32_t i = (int32_t)d->count; i < d->point; i++)
		out[n++] = '0';
	return n;
}

uint32_t decimal_text(const struct decimal_format *f, uint64_t bits, char out[DECIMAL_TEXT_BYTES])
{
	struct digits exact, d;
	uint32_t low = 1, high = EXACT_DIGITS - 1; /* as many as are enough are among these */
	if (!bits) {
		out[0] = '0';
		return 1;
	}
	const bool more = first_digits(f, bits, &exact);
	while (low < high) {
		const uint32_t middle = (low + high) / 2;
		round_digits(&exact, more, middle, &d);
		if (bits_of(f, &d) == bits)
			high = middle;
		else
			low = middle + 1;
	}
	round_digits(&exact, more, low, &d);
	while (d.count > 1 && d.digit[d.count - 1] == '0')
		d.count--;
	return lay_out(&d, out);
}
