/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases: setup mkdir -p root/app/sub root/app/etc root/etc root/tmp; ln -s /etc/x root/app/absolute
 * cases: setup echo 1 >root/app/conf; echo 2 >root/app/sub/f; echo 3 >root/app/etc/own
 * cases: setup echo 4 >root/etc/x; echo 5 >root/top
 * cases: mote --dir root::/ --cwd /app
 * cases: run conf /app/conf
 *
 * A working directory below "/", as a container has it: relative paths begin there, absolute ones
 * at "/", though wasi-libc makes no difference between them.
 */
#include "cwd.h"

static void change(void)
{
	printf("%d\n", rename("out", "sub/out"));
	show("sub/out");
	show("/app/sub/out");
	printf("%d\n", rename("/tmp/y", "/tmp/z"));
	show("/tmp/z");
	printf("%d\n", rename("/tmp/z", "here"));
	show("/app/here");
	printf("%d %d\n", unlink("sub/out"), unlink("/tmp/z"));
	printf("%d %d %d\n", mkdir("d", 0777), access("/app/d", F_OK), rmdir("d"));
	printf("%d %d\n", symlink("sub/f", "link"), link("conf", "sub/hard"));
	show("link");
	show("/app/sub/hard");
}

int main(int argc, char **argv)
{
	static const char *const paths[] = {
		"conf",    "./conf", "/app/conf", "/etc/x",   "etc/x",
		"etc/own", "top",    "/top",      "absolute", "../etc/x",
		"../../x", "sub/f",  "sub/../f",  "nothing",  "/nothing",
	};
	printf("PWD=%s\n", getenv("PWD"));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		show(paths[i]);
	put("out");
	put("/tmp/y");
	put("sub/new");
	put("/etc/new");
	put("no/directory");
	list(".");
	list("/etc");
	list("sub");
	list("/app/sub");
	change();
	for (int i = 1; i < argc; i++)
		show(argv[i]);
}
