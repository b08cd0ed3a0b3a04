/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases: setup mkdir sub; echo 1 >f; echo 2 >sub/f
 * cases: mote --cwd /data/sub --env PWD=mine
 *
 * A working directory below a directory that is not "/".
 */
#include "cwd.h"

int main(void)
{
	printf("PWD=%s\n", getenv("PWD"));
	show("f");
	show("/data/f");
	show("/data/sub/f");
	show("../f");
	put("new");
	show("/data/sub/new");
	list(".");
	list("/data");
}
