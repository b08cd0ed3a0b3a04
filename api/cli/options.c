/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say what a program gets, common to the subcommands that run one. */
#include "options.h"

#include "base/program.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "64M" → bytes. False if it is not a number with one of the units. */
static bool parse_scaled(const char *text, const char *const *units, const uint64_t *factors,
			 uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		return false;
	for (size_t i = 0; units[i]; i++)
		if (strcmp(end, units[i]) == 0)
			return !__builtin_mul_overflow(v, factors[i], out);
	return false;
}

static bool parse_size(const char *text, uint64_t *out)
{
	static const char *const units[] = {"",   "K", "k", "Ki", "M", "m",
					    "Mi", "G", "g", "Gi", NULL};
	static const uint64_t factors[] = {1,       1 << 10, 1 << 10, 1 << 10, 1 << 20,
					   1 << 20, 1 << 20, 1 << 30, 1 << 30, 1 << 30};
	return parse_scaled(text, units, factors, out);
}

static bool parse_time(const char *text, uint64_t *out)
{
	static const char *const units[] = {"", "s", "ms", "m", NULL};
	static const uint64_t factors[] = {1000000000, 1000000000, 1000000, 60000000000};
	return parse_scaled(text, units, factors, out);
}

/* Each of these takes an option's value: 1, or -1 after a complaint. */

static int add_dir(struct cli_program *p, char *spec, bool readonly)
{
	if (p->options.dir_count == DIRS_MAX) {
		cli_complain("too many --dir options; at most %d are possible", DIRS_MAX);
		return -1;
	}
	const char *guest = spec;
	char *sep = strstr(spec, "::");
	if (sep) {
		*sep = '\0';
		guest = sep + 2;
	}
	int fd = open(spec, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cli_complain("--dir %s: %s", spec, strerror(errno));
		return -1;
	}
	p->dirs[p->options.dir_count++] =
		(struct mote_dir){.guest_path = guest, .fd = fd, .readonly = readonly};
	return 1;
}

static int add_env(struct cli_program *p, char *spec)
{
	if (!strchr(spec, '=')) {
		const char *value = getenv(spec);
		if (!value)
			return 1;
		char *both;
		if (asprintf(&both, "%s=%s", spec, value) < 0) {
			cli_complain("--env %s: %s", spec, strerror(ENOMEM));
			return -1;
		}
		spec = both; /* lives as long as the process */
	}
	if (p->env_count == ENV_MAX) {
		cli_complain("too many --env options; at most %d are possible", ENV_MAX);
		return -1;
	}
	p->env[p->env_count++] = spec;
	return 1;
}

static int set_memory(struct cli_program *p, const char *text)
{
	if (parse_size(text, &p->options.memory_bytes))
		return 1;
	cli_complain("invalid --memory value '%s': must be bytes, or a number with K, M or G",
		     text);
	return -1;
}

static int set_timeout(struct cli_program *p, const char *text)
{
	if (parse_time(text, &p->options.time_limit_ns) && p->options.time_limit_ns)
		return 1;
	cli_complain(
		"invalid --timeout value '%s': must be seconds, more than 0, or a number with ms, "
		"s or m",
		text);
	return -1;
}

static int set_cwd(struct cli_program *p, const char *path)
{
	p->options.cwd = path;
	if (path[0] == '/')
		return 1;
	cli_complain("invalid --cwd value '%s': must be an absolute path", path);
	return -1;
}

int cli_program_option(struct cli_program *p, int c)
{
	switch (c) {
	case 'd':
	case 'r':
		return add_dir(p, optarg, c == 'r');
	case 'e':
		return add_env(p, optarg);
	case 'm':
		return set_memory(p, optarg);
	case 't':
		return set_timeout(p, optarg);
	case 'c':
		return set_cwd(p, optarg);
	case 'n':
		p->options.network = 1;
		return 1;
	}
	return 0;
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	cli_complain("%s", line);
}

void cli_program_init(struct cli_program *p)
{
	p->options = (struct mote_options){
		.size = sizeof(p->options),
		.dirs = p->dirs,
		.envp = p->env,
		.log = log_line,
		/* the process's own limit counts */
		.descriptors_max = UINT32_MAX,
	};
}

/*
 * What a module knows as its name is the file's alone, as in other runtimes: where it is on the
 * host is none of its business. Native programs get what was typed, as from a shell.
 */
static void shorten_name(int fd, char **name)
{
	enum program_kind kind;
	struct err e = {0};
	char *slash = strrchr(*name, '/');
	if (slash && !(program_identify(fd, *name, &kind, &e) == 0 && kind == PROGRAM_ELF))
		*name = slash + 1;
}

int cli_program_open(struct cli_program *p, char **argv)
{
	const char *file = argv[0];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		int error = errno;
		cli_complain("%s: %s", file, strerror(error));
		if (error == ENOENT || error == ENOTDIR)
			return CLI_NOT_FOUND;
		return CLI_CANNOT_RUN;
	}
	p->options.program_fd = fd;
	p->options.program_path = file;
	shorten_name(fd, &argv[0]);
	p->options.argv = argv;
	return 0;
}
