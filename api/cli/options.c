/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say what a program gets, common to the subcommands that run one. */
#include "options.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "64M" → bytes. False where it is no such thing. */
static int parse_scaled(const char *text, const char *const *units, const uint64_t *factors, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		return 0;
	for (size_t i = 0; units[i]; i++)
		if (strcmp(end, units[i]) == 0)
			return !__builtin_mul_overflow(v, factors[i], out);
	return 0;
}

static int parse_size(const char *text, uint64_t *out)
{
	static const char *const units[] = {"", "K", "k", "Ki", "M", "m", "Mi", "G", "g", "Gi", NULL};
	static const uint64_t factors[] = {1,	    1 << 10, 1 << 10, 1 << 10, 1 << 20,
					   1 << 20, 1 << 20, 1 << 30, 1 << 30, 1 << 30};
	return parse_scaled(text, units, factors, out);
}

static int parse_time(const char *text, uint64_t *out)
{
	static const char *const units[] = {"", "s", "ms", "m", NULL};
	static const uint64_t factors[] = {1000000000, 1000000000, 1000000, 60000000000};
	return parse_scaled(text, units, factors, out);
}

static int add_dir(struct cli_program *p, char *spec, int readonly)
{
	if (p->options.dir_count == DIRS_MAX) {
		cli_complain("more than %d directories", DIRS_MAX);
		return -1;
	}
	char *sep = strstr(spec, "::");
	const char *guest = sep ? sep + 2 : spec;
	if (sep)
		*sep = '\0';
	int fd = open(spec, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cli_complain("--dir %s: %s", spec, strerror(errno));
		return -1;
	}
	p->dirs[p->options.dir_count++] = (struct mote_dir){.guest_path = guest, .fd = fd, .readonly = readonly};
	return 0;
}

static int add_env(struct cli_program *p, char *spec)
{
	if (!strchr(spec, '=')) {
		const char *value = getenv(spec);
		if (!value)
			return 0;
		char *both;
		if (asprintf(&both, "%s=%s", spec, value) < 0)
			return -1;
		spec = both; /* lives as long as the process */
	}
	if (p->env_count == ENV_MAX) {
		cli_complain("more than %d environment variables", ENV_MAX);
		return -1;
	}
	p->env[p->env_count++] = spec;
	return 0;
}

int cli_program_option(struct cli_program *p, int c)
{
	switch (c) {
	case 'd':
	case 'r':
		return add_dir(p, optarg, c == 'r') < 0 ? -1 : 1;
	case 'e':
		return add_env(p, optarg) < 0 ? -1 : 1;
	case 'm':
		if (parse_size(optarg, &p->options.memory_bytes))
			return 1;
		cli_complain("--memory %s: give bytes, or a number with K, M or G", optarg);
		return -1;
	case 't':
		if (parse_time(optarg, &p->options.time_limit_ns) && p->options.time_limit_ns)
			return 1;
		cli_complain("--timeout %s: give seconds, more than 0, or such a number with ms, s or m", optarg);
		return -1;
	case 'c':
		p->options.cwd = optarg;
		if (optarg[0] == '/')
			return 1;
		cli_complain("--cwd %s: give a guest path that begins with /", optarg);
		return -1;
	case 'n':
		p->options.network = 1;
		return 1;
	}
	return 0;
}

int cli_wrong_option(int c, const char *command, char **argv)
{
	cli_complain(c == ':' ? "%s needs a value; see `mote help %s`" : "%s is no option of %s; see `mote help %s`",
		     argv[optind - 1], command, command);
	return -1;
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	cli_complain("%s", line);
}

void cli_program_init(struct cli_program *p)
{
	p->options = (struct mote_options){.size = sizeof(p->options), .dirs = p->dirs, .envp = p->env, .log = log_line,
					    .descriptors_max = UINT32_MAX}; /* the process's own limit counts */
}

int cli_program_open(struct cli_program *p, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cli_complain("%s: %s", file, strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_CANNOT_RUN;
	}
	p->options.program_fd = fd;
	p->options.program_path = file;
	return 0;
}

int cli_status_of(const struct mote_error *error)
{
	return error->blame == MOTE_BLAME_CONFIG ? CLI_CANNOT_RUN : CLI_HOST;
}
