/* SPDX-License-Identifier: Apache-2.0 */
/* The entrypoint: where it is looked for, what it may be, what the rest is called. */
#include "oci/entry.h"
#include "oci/passwd.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

static char dir[] = "/tmp/mote-entry.XXXXXX";
static int root = -1;

static void put(const char *name, const char *bytes, size_t len, mode_t mode)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT, mode);
	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fchmod(fd, mode) == 0);
	close(fd);
}

static void setup(void)
{
	cr_assert(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(root >= 0);
	mkdirat(root, "bin", 0755);
	mkdirat(root, "app", 0755);
	mkdirat(root, "bin/dir", 0755);
	put("bin/elf", "\177ELF----", 8, 0755);
	put("bin/plain", "\177ELF----", 8, 0644);
	put("bin/script", "#!/bin/sh -e\necho\n", 18, 0755);
	put("bin/empty", "", 0, 0755);
	put("bin/text", "hello", 5, 0755);
	put("app/m.wasm", "\0asm\1\0\0\0", 8, 0644);
	put("app/odd#name", "\0asm\1\0\0\0", 8, 0644);
	cr_assert(symlinkat("/bin/elf", root, "app/link") == 0);
	cr_assert(symlinkat("../../../../../../bin/elf", root, "app/climb") == 0);
	cr_assert(symlinkat("/etc/passwd", root, "app/host") == 0);
	cr_assert(mkfifoat(root, "bin/fifo", 0755) == 0);
}

static void teardown(void)
{
	close(root);
	char cmd[64];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert(system(cmd) == 0);
}

TestSuite(oci_entry, .init = setup, .fini = teardown);

static void found(const char *cwd, const char *path, const char *arg0, const char *where,
		  const char *function)
{
	struct oci_entry entry;
	struct err e = {0};
	int rc = oci_entry_open(root, cwd, path, arg0, &entry, &e);
	cr_assert(rc == 0, "%s: %s", arg0, e.text);
	cr_expect(strcmp(entry.path, where) == 0, "%s: at %s, not %s", arg0, entry.path, where);
	cr_expect(function ? entry.function && strcmp(entry.function, function) == 0
			   : !entry.function);
	cr_expect(entry.fd >= 0 && fcntl(entry.fd, F_GETFD) == FD_CLOEXEC);
	oci_entry_free(&entry);
}

static void refused(const char *cwd, const char *path, const char *arg0, int code, const char *part)
{
	struct oci_entry entry;
	struct err e = {0};
	int rc = oci_entry_open(root, cwd, path, arg0, &entry, &e);
	cr_expect(rc == -code && e.blame == ERR_CONFIG, "%s: %d, not %d: %s", arg0, rc, -code,
		  e.text);
	cr_expect(strstr(e.text, part), "%s: '%s' has no '%s'", arg0, e.text, part);
}

Test(oci_entry, is_found)
{
	found("/", NULL, "/bin/elf", "/bin/elf", NULL);
	found("/", NULL, "/bin/script", "/bin/script", NULL);
	found("/", NULL, "elf", "/bin/elf", NULL);
	found("/", "/nowhere:/bin", "elf", "/bin/elf", NULL);
	found("/bin", "/nowhere:", "elf", "/bin/elf", NULL);
	found("/app", NULL, "./m.wasm", "/app/./m.wasm", NULL);
	found("/", NULL, "app/m.wasm", "/app/m.wasm", NULL);
	found("/", NULL, "/app/m.wasm#run", "/app/m.wasm", "run");
	found("/", "/app", "m.wasm#run", "/app/m.wasm", "run");
	found("/", NULL, "/app/m.wasm#", "/app/m.wasm", "");
	found("/", NULL, "/app/odd#name", "/app/odd#name", NULL);
	found("/", NULL, "/app/link", "/app/link", NULL);
	found("/", NULL, "/app/climb", "/app/climb", NULL);
	/* A directory of that name does not end the search. */
	mkdirat(root, "app/elf", 0755);
	found("/", "/app:/bin", "elf", "/bin/elf", NULL);
}

/* What execvp(3) passes: not executable, not a program, not readable. The first is to blame. */
Test(oci_entry, the_search_goes_on_past_what_cannot_run)
{
	static const char *const names[] = {"plain", "text", "empty", "script"};
	mkdirat(root, "first", 0755);
	mkdirat(root, "last", 0755);
	put("first/plain", "\177ELF----", 8, 0644);
	put("first/text", "hello", 5, 0755);
	put("first/empty", "", 0, 0755);
	put("first/script", "#!/bin/sh\n", 10, 0644);
	put("last/plain", "\177ELF----", 8, 0755);
	put("last/text", "#!/bin/sh\n", 10, 0755);
	put("last/empty", "\0asm\1\0\0\0", 8, 0644);
	put("last/script", "\177ELF----", 8, 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char where[64];
		snprintf(where, sizeof(where), "/last/%s", names[i]);
		found("/", "/none:/first:/bin/dir:/last", names[i], where, NULL);
	}
	refused("/", "/first:/bin", "plain", EACCES, "/first/plain: permission denied");
	refused("/", "/first:/none", "text", ENOEXEC, "/first/text");
}

Test(oci_entry, is_refused_by_what_it_is)
{
	refused("/", NULL, "/bin/none", ENOENT, "/bin/none");
	refused("/", NULL, "none", ENOENT, "PATH");
	refused("/", NULL, "/bin/none#f", ENOENT, "none#f");
	refused("/", NULL, "/bin/elf/x", ENOENT, "not found");
	refused("/", NULL, "/app/host", ENOENT, "not found");
	refused("/", NULL, "/bin/dir", EACCES, "is a directory");
	refused("/", NULL, "/bin/fifo", EACCES, "regular");
	refused("/", NULL, "/bin/plain", EACCES, "permission denied");
	refused("/", NULL, "/bin/empty", ENOEXEC, "empty");
	refused("/", NULL, "/bin/text", ENOEXEC, "text file");
	refused("/", NULL, "/bin/elf#f", ENOEXEC, "PATH#FUNCTION");
	refused("/", "/app:/bin/dir", "dir", ENOENT, "dir");
	refused("/", "/bin", "dir", EACCES, "dir");
}

/* Only an interpreter is looked for; whatever else is wrong is the guest's to say. */
Test(oci_entry, dynamic_programs_are_refused)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[2];
	} elf = {
		.head =
			{
				.e_ident = ELFMAG,
				.e_phoff = sizeof(Elf64_Ehdr),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 2,
			},
		.segments = {{.p_type = PT_LOAD}, {.p_type = PT_INTERP}},
	};
	const char *bytes = (const char *)&elf;
	put("bin/dynamic", bytes, sizeof(elf), 0755);
	refused("/", NULL, "/bin/dynamic", ENOEXEC, "dynamically linked");
	put("bin/cut", bytes, sizeof(elf) - 1, 0755);
	found("/", NULL, "/bin/cut", "/bin/cut", NULL);
	elf.head.e_phoff = UINT64_MAX - 8;
	put("bin/far", bytes, sizeof(elf), 0755);
	found("/", NULL, "/bin/far", "/bin/far", NULL);
	elf.head.e_phoff = sizeof(Elf64_Ehdr);
	elf.segments[1].p_type = PT_GNU_STACK;
	put("bin/static", bytes, sizeof(elf), 0755);
	found("/", NULL, "/bin/static", "/bin/static", NULL);
}

/* With the rights that the thread has: those of the file system, as monitors set them. */
Test(oci_entry, is_opened_by_rights)
{
	put("bin/private", "\177ELF----", 8, 0700);
	put("bin/module", "\0asm\1\0\0\0", 8, 0600);
	put("bin/readable", "\177ELF----", 8, 0744);
	cr_assert(fchmod(root, 0755) == 0);
	cr_assert(geteuid() == 0, "this test changes its user: run it as root");
	setfsuid(1000);
	refused("/", NULL, "/bin/private", EACCES, "may not read");
	refused("/", NULL, "private", EACCES, "may not read");
	refused("/", NULL, "/bin/module", EACCES, "may not read");
	refused("/", NULL, "/bin/readable", EACCES, "may not execute");
	found("/", NULL, "/bin/elf", "/bin/elf", NULL);
	found("/", NULL, "/bin/script", "/bin/script", NULL);
	found("/", NULL, "/app/m.wasm", "/app/m.wasm", NULL);
	setfsuid(0);
	found("/", NULL, "/bin/private", "/bin/private", NULL);
}

static void home(const char *text, uint32_t uid, const char *want)
{
	char copy[300], *out = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	cr_assert(oci_home_in(copy, uid, &out) == 0);
	if (want)
		cr_expect(out && strcmp(out, want) == 0, "%s: %u: %s", text, uid,
			  out ? out : "none");
	else
		cr_expect(!out, "%s: %u: %s", text, uid, out);
	free(out);
}

Test(oci_entry, home_directories)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/sh\n# no "
				   "line\na:b\n\nd:x:7:7::relative:/x\ne:x:7:7::/e:\nf:x:8:8::/f";
	home(text, 0, "/root");
	home(text, 7, "/e");
	home(text, 8, "/f");
	home(text, 9, NULL);
	home("", 0, NULL);
	home(":::::\n::0:::/:", 0, "/");
	char *out = NULL;
	cr_expect(oci_home(root, 0, &out) == 0 && !out);
	mkdirat(root, "etc", 0755);
	cr_assert(mkfifoat(root, "etc/passwd", 0644) == 0);
	cr_expect(oci_home(root, 0, &out) == 0 && !out, "a FIFO must not stop it");
	unlinkat(root, "etc/passwd", 0);
	put("etc/passwd", "r:x:0:0::/r:", 12, 0644);
	cr_expect(oci_home(root, 0, &out) == 0 && out && strcmp(out, "/r") == 0);
	free(out);
}

/* A program header table of one entry: what the dynamic linker runs, or not. */
static void put_elf(const char *name, uint32_t type)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
	} elf = {
		.head = {.e_phoff = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1},
		.segment = {.p_type = type},
	};
	memcpy(elf.head.e_ident, ELFMAG, SELFMAG);
	put(name, (const char *)&elf, sizeof(elf), 0755);
}

Test(oci_entry, is_dynamic)
{
	static const struct {
		const char *arg0;
		bool dynamic;
	} cases[] = {
		{"/bin/linked", true},     {"linked", true},    /* along PATH */
		{"/bin/alone", false},     {"/bin/elf", false}, /* truncated */
		{"/app/m.wasm", false},    {"/bin/none", false},       {"/bin/fifo", false},
		{"/bin/dir", false},       {"/bin/empty", false},      {"/bin/text", false},
		{"/bin/script", false}, /* its interpreter is not there */
		{"/app/of-linked", true},  {"/app/of-alone", false},   {"/app/of-script", true},
		{"/app/of-itself", false}, {"/app/of-nothing", false}, {"/app/of-outside", false},
	};
	put_elf("bin/linked", PT_INTERP);
	put_elf("bin/alone", PT_LOAD);
	put("app/of-linked", "#! \t/bin/linked -e\n", 19, 0755);
	put("app/of-alone", "#!/bin/alone", 12, 0755);
	put("app/of-script", "#!/app/of-linked\n", 17, 0755);
	put("app/of-itself", "#!/app/of-itself\n", 17, 0755);
	put("app/of-nothing", "#!\n", 3, 0755);
	cr_assert(symlinkat("/../../../../../../../bin/sh", root, "app/host-sh") == 0);
	put("app/of-outside", "#!/app/host-sh\n", 15, 0755);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(oci_entry_is_dynamic(root, "/", NULL, cases[i].arg0) == cases[i].dynamic,
			  "%s", cases[i].arg0);
}
