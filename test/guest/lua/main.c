/* SPDX-License-Identifier: Apache-2.0 */
/* Lua as a WASI program: runs a script, with what Debian's wasi-libc is enough for. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

int main(int argc, char **argv)
{
	static const luaL_Reg libraries[] = {
		{"_G", luaopen_base},   {"string", luaopen_string},       {"table", luaopen_table},
		{"math", luaopen_math}, {"coroutine", luaopen_coroutine}, {"utf8", luaopen_utf8},
	};
	lua_State *lua = luaL_newstate();
	if (argc < 2 || !lua)
		return 2;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
		lua_pop(lua, 1);
	}
	int failed = luaL_dofile(lua, argv[1]);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(lua, -1));
	lua_close(lua);
	return failed;
}
