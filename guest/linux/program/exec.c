/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve: another program takes this one's place in the VM. First everything is looked at that can
 * be refused, and the caller goes on as it was; then its memory is taken away, and what fails from
 * there on ends the guest. Files are found by the guest's own rules for paths, which lead nowhere
 * but below its directories.
 */
#include "guest/linux/program/exec.h"

#include "guest/linux/program/arguments.h"
#include "guest/linux/program/load.h"
#include "guest/linux/program/script.h"

#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/fs/walk.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/stat.h>

enum { ASKED_AT_ONCE = 1024, SCRIPTS_MAX = 6, X_OK = 1, ST_NOSUID = 2 };

struct execution {
	struct program_file file;
	char name[PATH_MAX]; /* what the program was called; of a descriptor /dev/fd/N */
	char exe[PATH_MAX];  /* the file's absolute path; empty: the one that the VM began with */
	bool unreachable;    /* the name is not there any more when an interpreter opens it */
	struct script scripts[SCRIPTS_MAX];
	uint32_t script_count;
};

/* --- whether a file may be executed --- */

/* Of set-ID bits Linux would make another user, with rights that the host's thread has not. */
static int64_t check_ids(int32_t fd, const struct mote_stat *st, const char *name)
{
	struct mote_statfs fs;
	const uint32_t group = S_ISGID | S_IXGRP;
	bool user = (st->mode & S_ISUID) && st->uid != process.credentials.uid[ID_EFFECTIVE];
	bool changes = user || ((st->mode & group) == group &&
				st->gid != process.credentials.gid[ID_EFFECTIVE]);
	if (!changes || process.no_new_privs)
		return 0;
	if (mote_statfs(mote_area(), fd, &fs) == 0 && (fs.flags & ST_NOSUID))
		return 0;
	lib_error("%s: its set-user-ID or set-group-ID bit is not implemented", name);
	return -EPERM;
}

/* Whether one of the program's descriptors writes to that file. */
static bool is_written(int32_t fd, const struct mote_stat *file)
{
	struct mote_stat st;
	int64_t flags = mote_get_flags(mote_area(), fd);
	if (flags < 0 || !(flags & (O_WRONLY | O_RDWR)))
		return false;
	return mote_fstat(mote_area(), fd, &st) == 0 && st.dev == file->dev && st.ino == file->ino;
}

/* Whether one of ASKED_AT_ONCE descriptors from `from` on does. */
static bool any_writes(int32_t from, const struct mote_stat *file)
{
	struct mote_pollfd *fds = (void *)this_thread()->scratch->copy;
	const struct mote_time now = {0};
	_Static_assert(sizeof(*fds) * ASKED_AT_ONCE <= sizeof(((struct scratch *)0)->copy), "");
	for (int32_t i = 0; i < ASKED_AT_ONCE; i++)
		fds[i] = (struct mote_pollfd){.fd = from + i};
	int64_t rc = mote_poll(mote_area(), (uint64_t)fds, ASKED_AT_ONCE, &now);
	for (int32_t i = 0; i < ASKED_AT_ONCE && rc >= 0; i++)
		if (!(fds[i].revents & POLLNVAL) && is_written(from + i, file))
			return true;
	return false;
}

static int64_t check_writers(const struct mote_stat *file)
{
	for (int32_t fd = 0; fd <= descriptor_highest(); fd += ASKED_AT_ONCE)
		if (any_writes(fd, file))
			return -ETXTBSY;
	return 0;
}

static int64_t check_file(struct program_file *f, const char *name)
{
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), f->fd, &st);
	if (rc < 0)
		return rc;
	if (!S_ISREG(st.mode))
		return -EACCES;
	if (!(st.mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return -EACCES;
	f->bytes = st.size;
	rc = check_writers(&st);
	if (rc < 0)
		return rc;
	return check_ids(f->fd, &st, name);
}

/* --- opening --- */

static void close_file(struct program_file *f)
{
	if (!f->mapped && f->fd >= 0)
		(void)!sys_close(f->fd);
	f->fd = -1;
}

/* The absolute path of an open file, as far as it is known; else what it was called. */
static void find_path(struct execution *e, const char *called)
{
	const char *known = fd_path(e->file.fd);
	struct walk_end end;
	if (!known || fs_walk(known, 0, true, e->exe, &end) < 0)
		memcpy(e->exe, called, strlen(called) + 1);
}

/* The program that this one is. */
static int64_t open_own(struct execution *e)
{
	if (process.exe[0] || process.file_used)
		return -ENOENT;
	e->file = (struct program_file){
		.mapped = (const uint8_t *)MOTE_PROGRAM_VA,
		.fd = -1,
		.bytes = process.boot->program_bytes,
	};
	e->exe[0] = '\0';
	return 0;
}

static bool names_own_program(int32_t dirfd, const char *path)
{
	struct resolved_path p;
	return lookup_path(&p, dirfd, path, LOOKUP_NAME) == 0 && proc_is_own_program(p.proc);
}

/* Opens what a path, of the program or of the runtime, leads to. */
static int64_t open_file(struct execution *e, int32_t dirfd, const char *path, uint32_t flags)
{
	const uint64_t at = (uint64_t)path;
	const uint32_t nofollow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	if (names_own_program(dirfd, path)) {
		if (open_own(e) == 0)
			return 0;
		path = process.exe;
	}
	int64_t fd = flags & AT_EMPTY_PATH ? sys_fcntl(dirfd, F_DUPFD_CLOEXEC, 0)
					   : sys_openat(dirfd, (uint64_t)path,
							O_CLOEXEC | O_NONBLOCK | nofollow, 0);
	if (fd < 0)
		return fd;
	e->file = (struct program_file){.fd = (int32_t)fd};
	int64_t rc = check_file(&e->file, path);
	if (rc == 0)
		rc = sys_faccessat2(dirfd, at, X_OK,
				    AT_EACCESS | (flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)));
	if (rc < 0)
		close_file(&e->file);
	else
		find_path(e, path);
	return rc;
}

/* What Linux calls a program that was given by a descriptor. */
static int64_t name_of_descriptor(struct execution *e, int32_t dirfd, const char *path)
{
	size_t n = lib_format(e->name, sizeof(e->name), "/dev/fd/%d%s%s", dirfd, *path ? "/" : "",
			      path);
	if (n == sizeof(e->name) - 1)
		return -ENAMETOOLONG;
	e->unreachable = fd_closes_on_exec(dirfd);
	return 0;
}

static int64_t open_program(struct execution *e, int32_t dirfd, uint64_t path, uint32_t flags)
{
	char given[PATH_MAX] = "";
	int64_t len = user_path(given, path), rc = 0;
	if (len < 0)
		return len;
	if (len == 0 && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (len > 0)
		flags &= ~(uint32_t)AT_EMPTY_PATH;
	if (given[0] == '/' || dirfd == AT_FDCWD)
		memcpy(e->name, given, sizeof(given));
	else
		rc = name_of_descriptor(e, dirfd, given);
	if (rc < 0)
		return rc;
	return open_file(e, dirfd, given, flags);
}

/* --- scripts --- */

static int64_t read_line(const struct program_file *f, struct script *s)
{
	memset(s, 0, sizeof(*s));
	return program_file_read(f, 0, s->line, min_u64(f->bytes, SCRIPT_LINE_MAX));
}

/* From a script to its interpreter, until it is one that is not a script. */
static int64_t follow_scripts(struct execution *e)
{
	struct script line;
	for (;;) {
		if (e->script_count == SCRIPTS_MAX)
			return -ELOOP;
		int64_t rc = read_line(&e->file, &line);
		if (rc < 0 || !script_is(&line))
			return rc;
		struct script *s = &e->scripts[e->script_count];
		memcpy(s->line, line.line, sizeof(s->line));
		rc = script_parse(s);
		if (rc == 0 && e->unreachable)
			rc = -ENOENT;
		if (rc == 0 && !*s->interpreter) /* the working directory, for Linux */
			rc = -EACCES;
		if (rc < 0)
			return rc;
		e->script_count++;
		close_file(&e->file);
		rc = open_file(e, AT_FDCWD, s->interpreter, 0);
		if (rc < 0)
			return rc;
	}
}

/* The strings that stand before argv[1] then: the last interpreter first. Their count. */
static uint32_t interpreter_arguments(const struct execution *e,
				      const char *to[2 * SCRIPTS_MAX + 1])
{
	uint32_t n = 0;
	for (uint32_t i = e->script_count; i-- > 0;) {
		to[n++] = e->scripts[i].interpreter;
		if (e->scripts[i].argument)
			to[n++] = e->scripts[i].argument;
	}
	if (n > 0)
		to[n++] = e->name;
	return n;
}

static int64_t copy_arguments(const struct execution *e, uint64_t argv, uint64_t envp,
			      struct stack_content *to)
{
	const char *prefix[2 * SCRIPTS_MAX + 1] = {""};
	uint32_t count = interpreter_arguments(e, prefix);
	uint64_t first = 0;
	if (argv && get_user(&first, argv, sizeof(first)) < 0)
		return -EFAULT;
	const struct argument_source from = {
		.name = e->name,
		.prefix = prefix,
		.prefix_count = !first && count == 0 ? 1 : count, /* nobody has an empty argv */
		.drops_first = count > 0,
		.argv = argv,
		.envp = envp,
	};
	to->name = e->name;
	int64_t rc = mote_random(mote_area(), to->random, sizeof(to->random));
	if (rc < 0)
		return rc;
	return arguments_copy(&from, to);
}

/* --- the point of no return --- */

/* The descriptor that the program was read from is one of those that close. */
_Noreturn static void become(struct execution *e, const struct elf_program *p,
			     struct stack_content *s)
{
	struct loaded_program to;
	const char *why;
	memory_take_away();
	credentials_exec();
	process.robust_list = 0;
	if (load_segments(p, &e->file, s, &to, &why) < 0) {
		lib_error("%s: %s", e->name, why);
		signal_end(SIGSEGV);
	}
	arguments_drop();
	descriptor_close_on_exec();
	signal_forget_handlers();
	memcpy(process.exe, e->exe, strlen(e->exe) + 1);
	thread_set_name(last_component(e->name));
	registers_reset();
	struct mote_context c = context_of_program(to.entry, to.stack);
	linux_resume(&c, &this_thread()->not_busy);
}

/* What Linux does not refuse is refused with a sentence. */
static int64_t read_program(const struct execution *e, struct elf_program *p)
{
	const char *why;
	int64_t rc = elf_read(p, &e->file, &why);
	if (rc == -ELIBACC || rc == -EACCES)
		lib_error("%s: %s", e->exe[0] ? e->exe : e->name, why);
	return rc;
}

int64_t sys_execveat(int dirfd, uint64_t path, uint64_t argv, uint64_t envp, uint32_t flags)
{
	struct execution e = {.file.fd = -1};
	struct elf_program p;
	struct stack_content s;
	if (flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	int64_t rc = open_program(&e, dirfd, path, flags);
	if (rc == 0)
		rc = follow_scripts(&e);
	if (rc == 0)
		rc = read_program(&e, &p);
	if (rc == 0)
		rc = copy_arguments(&e, argv, envp, &s);
	if (rc == 0)
		become(&e, &p, &s);
	close_file(&e.file);
	return rc;
}

int64_t sys_execve(uint64_t path, uint64_t argv, uint64_t envp)
{
	return sys_execveat(AT_FDCWD, path, argv, envp, 0);
}

/* --- at the start --- */

static const char *error_sentence(int64_t rc)
{
	switch (rc) {
	case -ENOENT:
		return "it is not there";
	case -EACCES:
		return "permission denied";
	case -ELOOP:
		return "too many scripts one after the other";
	default:
		return "it is not a program that can be executed";
	}
}

/* The script's interpreter, or what was to be done with it, is not as it should be. */
_Noreturn static void refuse_script(const struct execution *e, int64_t rc)
{
	char why[SCRIPT_LINE_MAX + 96];
	const char *interpreter = "";
	if (e->script_count > 0)
		interpreter = e->scripts[e->script_count - 1].interpreter;
	lib_format(why, sizeof(why), "its interpreter \"%s\" cannot be started: %s", interpreter,
		   error_sentence(rc));
	load_refuse(why);
}

static struct loaded_program start_script(struct execution *e)
{
	const char *prefix[2 * SCRIPTS_MAX + 1] = {""}, *why;
	struct stack_content s = {.name = e->name};
	struct elf_program p;
	struct loaded_program to;
	int64_t rc = follow_scripts(e);
	if (rc == 0)
		rc = elf_read(&p, &e->file, &why);
	if (rc == -ELIBACC)
		load_refuse("its interpreter is dynamically linked; Mote runs static programs");
	if (rc < 0)
		refuse_script(e, rc);
	memcpy(s.random, process.boot->random, sizeof(s.random));
	if (arguments_of_boot(prefix, interpreter_arguments(e, prefix), &s) < 0 ||
	    load_segments(&p, &e->file, &s, &to, &why) < 0)
		load_refuse("the memory limit is too small for its interpreter");
	arguments_drop();
	close_file(&e->file);
	memcpy(process.exe, e->exe, strlen(e->exe) + 1);
	return to;
}

struct loaded_program exec_start(const uint8_t *file, uint64_t bytes)
{
	struct execution e = {.file = {.mapped = file, .fd = -1, .bytes = bytes}};
	const char *name = boot_string(process.boot->program_path);
	memcpy(e.name, name, strnlen(name, sizeof(e.name) - 1));
	thread_set_name(last_component(name));
	if (bytes < 2 || file[0] != '#' || file[1] != '!')
		return load_program(file, bytes);
	return start_script(&e);
}
