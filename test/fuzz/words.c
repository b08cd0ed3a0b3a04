/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: short inputs from outside. The input is each of them: what --listen and a
 * container's annotation say, the image's /etc/passwd, what containerd hands the shim on its
 * standard input, what the OCI runtime of side-cars logs.
 */
#include "api/listen.c"

#include "oci/passwd.h"
#include "oci/runtime_config.h"
#include "shim/bootstrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int error_report(const struct err *from, struct mote_error *to)
{
	(void)to;
	return -from->code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union address a;
	char *text = malloc(size + 1), *home = NULL;
	require(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	int rc = parse(text, &a);
	require(rc < 0 || (rc <= (int)sizeof(a) &&
			   (strncmp(text, "tcp:", 4) == 0 || strncmp(text, "unix:/", 5) == 0)));
	require(rc < 0 || a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6 ||
		a.any.sa_family == AF_UNIX);
	require(oci_home_in(text, 1000, &home) == 0 && (!home || home[0] == '/'));
	const struct bootstrap_flags flags = {.id = "id", .containerd_namespace = "default"};
	struct bootstrap_input in;
	require(bootstrap_parse_input(data, size, &flags, &in) == 0 &&
		(!in.socket_dir || in.socket_dir[0] == '/'));
	char *message = NULL;
	require(oci_runtime_log_error(text, size, &message) == -ENOENT || message);
	free(message);
	free(in.socket_dir);
	free(home);
	free(text);
	return 0;
}
