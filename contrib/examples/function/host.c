/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a guest's functions: host GUEST NUMBER... */
#include <fcntl.h>
#include <mote/call.h>
#include <stdio.h>
#include <stdlib.h>

static int found(void *arg, struct mote_sandbox *sandbox, const struct mote_value *args,
		 size_t count, struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)sandbox, (void)count, (void)result, (void)error;
	printf(" %llu", (unsigned long long)args[0].of.u64);
	return 0;
}

static int tell(struct mote_sandbox *sandbox, uint64_t number, struct mote_error *error)
{
	struct mote_value n = mote_u64(number), prime = {.type = MOTE_BOOL};
	int rc = mote_sandbox_call(sandbox, "is_prime", &n, 1, &prime, error);
	if (rc < 0)
		return rc;
	printf("%llu is %s:", (unsigned long long)number, prime.of.boolean ? "prime" : "not prime");
	rc = mote_sandbox_call(sandbox, "factors", &n, 1, NULL, error);
	printf("\n");
	return rc;
}

int main(int argc, char **argv)
{
	const struct mote_function functions[] = {{"found", "U:", found, NULL}};
	struct mote_options options = {
		.size = sizeof(options),
		.program_fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1,
		.program_path = argv[1],
		.argv = argv + 1,
		.memory_bytes = 16 << 20,
		.functions = functions,
		.function_count = 1,
		.call_cpu_limit_ns = 5000000000,
	};
	struct mote_sandbox *sandbox = NULL;
	struct mote_error error;
	int rc = mote_sandbox_new(&options, &sandbox, &error);
	if (rc == 0)
		rc = mote_sandbox_init(sandbox, &error);
	for (int i = 2; rc == 0 && i < argc; i++)
		rc = tell(sandbox, strtoull(argv[i], NULL, 0), &error);
	if (rc < 0)
		fprintf(stderr, "host: %s\n", error.text);
	mote_sandbox_free(sandbox);
	return rc < 0;
}
