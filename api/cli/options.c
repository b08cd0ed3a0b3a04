/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say what a program gets, common to the subcommands that run one. */
#include "options.h"

#include "base/path.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- numbers with units --- */

struct unit {
	const char *name;
	uint64_t factor;
};

/*
 * Digits, at most one point among them: the number is digits / scale. More than 18 digits are
 * refused. Where the unit begins, or NULL.
 */
static const char *parse_decimal(const char *text, uint64_t *digits, uint64_t *scale)
{
	size_t count = 0;
	bool point = false;
	*digits = 0;
	*scale = 1;
	for (;; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9')
			break;
		if (++count > 18)
			return NULL;
		*digits = *digits * 10 + (uint64_t)(*text - '0');
		if (point)
			*scale *= 10;
	}
	return count ? text : NULL;
}

/* "1.5M" → bytes. False unless it is above 0 and has one of the units, in any case. */
static bool parse_scaled(const char *text, const struct unit *units, uint64_t *out)
{
	uint64_t digits, scale;
	const char *name = parse_decimal(text, &digits, &scale);
	if (!name)
		return false;
	while (units->name && strcasecmp(name, units->name) != 0)
		units++;
	if (!units->name)
		return false;
	unsigned __int128 v = (unsigned __int128)digits * units->factor / scale;
	if (v == 0 || v > UINT64_MAX)
		return false;
	*out = (uint64_t)v;
	return true;
}

static bool parse_size(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{"", 1},           {"B", 1},           {"K", 1UL << 10}, {"Ki", 1UL << 10},
		{"KB", 1UL << 10}, {"KiB", 1UL << 10}, {"M", 1UL << 20}, {"Mi", 1UL << 20},
		{"MB", 1UL << 20}, {"MiB", 1UL << 20}, {"G", 1UL << 30}, {"Gi", 1UL << 30},
		{"GB", 1UL << 30}, {"GiB", 1UL << 30}, {"T", 1UL << 40}, {"Ti", 1UL << 40},
		{"TB", 1UL << 40}, {"TiB", 1UL << 40}, {NULL, 0},
	};
	return parse_scaled(text, units, out);
}

static bool parse_time(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{"", 1000000000UL},
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000UL},
		{"m", 60 * 1000000000UL},
		{"h", 3600000000000UL},
		{"d", 24 * 3600000000000UL},
		{NULL, 0},
	};
	/* a limit is a point of CLOCK_MONOTONIC, whose seconds are signed */
	return parse_scaled(text, units, out) && *out <= INT64_MAX / 2;
}

/* Each of these takes an option's value: 1, or -1 after a complaint. */

/* Two directories of one path: only one of them could be found. */
static bool has_path(const struct cli_program *p, const char *guest)
{
	char path[PATH_MAX], other[PATH_MAX];
	if (path_normalise(guest, path) < 0)
		return false;
	for (size_t i = 0; i < p->options.dir_count; i++)
		if (path_normalise(p->dirs[i].guest_path, other) == 0 && strcmp(path, other) == 0)
			return true;
	return false;
}

static int add_dir(struct cli_program *p, const char *option, char *spec, bool readonly)
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
	if (!*spec || !*guest || strlen(guest) >= PATH_MAX) {
		const char *side = *spec ? "guest" : "host";
		const char *what = *spec && *guest ? "too long" : "empty";
		cli_complain("invalid %s value: the path on the %s's side is %s", option, side,
			     what);
		return -1;
	}
	if (has_path(p, guest)) {
		cli_complain("%s: there is another directory at the guest path %s", option, guest);
		return -1;
	}
	int fd = open(spec, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cli_complain("%s %s: %s", option, spec, strerror(errno));
		return -1;
	}
	p->dirs[p->options.dir_count++] =
		(struct mote_dir){.guest_path = guest, .fd = fd, .readonly = readonly};
	return 1;
}

/* The latest value of a variable is the one that counts. */
static int set_variable(struct cli_program *p, char *both)
{
	size_t name = strcspn(both, "=") + 1;
	for (size_t i = 0; i < p->env_count; i++)
		if (strncmp(p->env[i], both, name) == 0) {
			p->env[i] = both;
			return 1;
		}
	if (p->env_count == ENV_MAX) {
		cli_complain("too many --env options; at most %d are possible", ENV_MAX);
		return -1;
	}
	p->env[p->env_count++] = both;
	return 1;
}

static int add_env(struct cli_program *p, char *spec)
{
	if (!*spec || *spec == '=') {
		cli_complain("invalid --env value '%s': must be K=V or K, with a name K", spec);
		return -1;
	}
	if (strchr(spec, '='))
		return set_variable(p, spec);
	const char *value = getenv(spec);
	if (!value)
		return 1;
	char *both; /* lives as long as the process */
	if (asprintf(&both, "%s=%s", spec, value) < 0) {
		cli_complain("--env %s: %s", spec, strerror(ENOMEM));
		return -1;
	}
	return set_variable(p, both);
}

static int set_memory(struct cli_program *p, const char *text)
{
	uint64_t bytes;
	if (!parse_size(text, &bytes)) {
		cli_complain("invalid --memory value '%s': must be bytes, more than 0, or a number "
			     "with K, M, G or T",
			     text);
		return -1;
	}
	if (bytes < MOTE_MEMORY_MIN || bytes > MOTE_MEMORY_MAX) {
		cli_complain("invalid --memory value '%s': must be from %luM to %luG", text,
			     MOTE_MEMORY_MIN >> 20, MOTE_MEMORY_MAX >> 30);
		return -1;
	}
	p->options.memory_bytes = bytes;
	return 1;
}

static int set_timeout(struct cli_program *p, const char *text)
{
	if (parse_time(text, &p->options.time_limit_ns))
		return 1;
	cli_complain("invalid --timeout value '%s': must be seconds, more than 0, or a number with "
		     "ms, s, m, h or d",
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
		return add_dir(p, "--dir", optarg, false);
	case 'r':
		return add_dir(p, "--dir-ro", optarg, true);
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
		.devices = 1,
		/* the process's own limit counts */
		.descriptors_max = UINT32_MAX,
	};
}

void cli_program_default_cwd(struct cli_program *p)
{
	if (p->kind == CLI_NATIVE && !p->options.cwd && p->options.dir_count &&
	    p->dirs[0].guest_path[0] == '/')
		p->options.cwd = p->dirs[0].guest_path;
}
