/* SPDX-License-Identifier: Apache-2.0 */
/* mote run --invoke: calls one exported function, and prints its results, each on a line. */
#include "invoke.h"

#include "cli.h"

#include <mote/call.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- arguments --- */

/* A decimal or hexadecimal number of that many bits, signed or unsigned. */
static bool parse_integer(const char *text, unsigned bits, uint64_t *out)
{
	bool negative = *text == '-';
	const char *digits = text + (*text == '-' || *text == '+');
	bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	const char *allowed = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
	digits += hexadecimal ? 2 : 0;
	if (!*digits || digits[strspn(digits, allowed)])
		return false;
	errno = 0;
	uint64_t v = strtoull(digits, NULL, hexadecimal ? 16 : 10);
	uint64_t most = negative ? 1UL << (bits - 1) : UINT64_MAX >> (64 - bits);
	if (errno || v > most)
		return false;
	*out = negative ? -v : v;
	return true;
}

static bool parse_value(const char *text, char type, struct mote_value *v)
{
	uint64_t n = 0;
	char *end;
	*v = (struct mote_value){.type = (enum mote_type)type};
	switch (type) {
	case MOTE_I32:
		if (!parse_integer(text, 32, &n))
			return false;
		v->of.u32 = (uint32_t)n;
		return true;
	case MOTE_I64:
		return parse_integer(text, 64, &v->of.u64);
	case MOTE_F32:
		v->of.f32 = strtof(text, &end);
		break;
	case MOTE_F64:
		v->of.f64 = strtod(text, &end);
		break;
	default:
		return false;
	}
	return end != text && !*end && !strchr(" \t\n\v\f\r", text[0]);
}

static const char *type_name(char type)
{
	switch (type) {
	case MOTE_I32:
		return "i32";
	case MOTE_I64:
		return "i64";
	case MOTE_F32:
		return "f32";
	case MOTE_F64:
		return "f64";
	}
	return "string or bytes";
}

/* The values of argv by the signature's letters: how many, or -1 after a complaint. */
static int parse_arguments(const char *name, const char *signature, char *const *argv,
			   struct mote_value values[MOTE_ARGS_MAX])
{
	size_t wanted = strcspn(signature, ":"), given = 0;
	while (argv[given])
		given++;
	if (given != wanted) {
		cli_complain("--invoke %s: it takes %zu arguments, not %zu", name, wanted, given);
		return -1;
	}
	for (size_t i = 0; i < given; i++)
		if (!parse_value(argv[i], signature[i], &values[i])) {
			cli_complain("--invoke %s: argument %zu, '%s', is not of type %s", name,
				     i + 1, argv[i], type_name(signature[i]));
			return -1;
		}
	return (int)given;
}

/* --- the result --- */

static bool reads_back(const char *text, double v, bool single)
{
	if (single)
		return strtof(text, NULL) == (float)v;
	return strtod(text, NULL) == v;
}

/* The fewest digits that are this number and no other, without an exponent. */
static void print_float(double v, bool single)
{
	char text[64];
	if (isnan(v)) {
		puts("NaN");
		return;
	}
	if (isinf(v)) {
		puts(v < 0 ? "-inf" : "inf");
		return;
	}
	int digits = 0;
	do
		snprintf(text, sizeof(text), "%.*e", digits++, v);
	while (!reads_back(text, v, single));
	int exponent = atoi(strchr(text, 'e') + 1), places = digits - 1 - exponent;
	if (places >= 0) {
		printf("%.*f\n", places, v);
		return;
	}
	for (const char *at = text; *at != 'e'; at++)
		if (*at != '.')
			putchar(*at);
	for (; places < 0; places++)
		putchar('0');
	putchar('\n');
}

static void print_result(const struct mote_value *v)
{
	switch (v->type) {
	case MOTE_I32:
		printf("%d\n", v->of.i32);
		return;
	case MOTE_U32:
		printf("%u\n", v->of.u32);
		return;
	case MOTE_BOOL:
		printf("%d\n", v->of.boolean);
		return;
	case MOTE_I64:
		printf("%ld\n", v->of.i64);
		return;
	case MOTE_U64:
		printf("%lu\n", v->of.u64);
		return;
	case MOTE_F32:
		print_float((double)v->of.f32, true);
		return;
	case MOTE_F64:
		print_float(v->of.f64, false);
		return;
	case MOTE_STRING:
		printf("%s\n", v->of.string.text);
		return;
	case MOTE_BYTES:
		fwrite(v->of.bytes.data, 1, v->of.bytes.len, stdout);
		return;
	case MOTE_ANY:
	case MOTE_VOID:
		return;
	}
}

/* --- the call --- */

static const char *find_signature(const struct mote_sandbox *sandbox, const char *name)
{
	const char *found, *signature;
	for (size_t i = 0; mote_sandbox_export(sandbox, i, &found, &signature) == 0; i++)
		if (strcmp(found, name) == 0)
			return signature;
	return NULL;
}

/* How the guest ended, if it did: as `mote run` would have it. 0 otherwise. */
static int end_of(const struct mote_sandbox *sandbox, struct mote_result *result)
{
	return mote_sandbox_result(sandbox, result) == 0;
}

int cli_invoke(struct mote_sandbox *sandbox, const char *name, char *const *argv,
	       struct mote_result *result)
{
	static char buffer[4096];
	setvbuf(stdout, buffer, _IOFBF,
		sizeof(buffer)); /* the C library asks about no descriptor */
	struct mote_value values[MOTE_ARGS_MAX], results[MOTE_RESULTS_MAX];
	struct mote_error error;
	size_t result_count;
	if (mote_sandbox_init(sandbox, &error) < 0) {
		if (end_of(sandbox, result))
			return 0;
		cli_complain("%s", error.text);
		return cli_status_of(&error);
	}
	const char *signature = find_signature(sandbox, name);
	int count = 0;
	if (signature && strcmp(signature, "y:y") == 0) {
		cli_complain("--invoke %s: it takes bytes, as a component's functions do; their "
			     "arguments are written in brackets, as in --invoke '%s()'",
			     name, name);
		return CLI_HOST;
	}
	if (signature) /* else the call says what is wrong with the function */
		count = parse_arguments(name, signature, argv, values);
	if (count < 0)
		return CLI_HOST;
	if (mote_sandbox_call_all(sandbox, name, values, (size_t)count, results, &result_count,
				  &error) < 0) {
		if (end_of(sandbox, result))
			return 0;
		cli_complain("--invoke %s: %s", name, error.text);
		return CLI_CANNOT_RUN;
	}
	for (size_t i = 0; i < result_count; i++)
		print_result(&results[i]);
	*result = (struct mote_result){.end = MOTE_EXITED};
	return cli_finish_output(0);
}
