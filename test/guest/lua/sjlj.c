/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clang 14 calls for setjmp and longjmp by exceptions (-mllvm -wasm-enable-sjlj). A function
 * that calls setjmp has a table of those calls: an id of its own for each, ended by 0.
 */
#include <stdlib.h>

struct entry {
	unsigned id;
	int label;
};
struct jump {
	unsigned *env;
	int value;
};
static int high;

void setTempRet0(int value)
{
	high = value;
}

int getTempRet0(void)
{
	return high;
}

struct entry *saveSetjmp(unsigned *env, int label, struct entry *table, int size)
{
	static unsigned ids;
	int i = 0;
	*env = ++ids;
	while (i < size && table[i].id)
		i++;
	if (i + 1 >= size) {
		size = 2 * size + 2;
		table = realloc(table, (unsigned)size * sizeof(*table));
	}
	table[i] = (struct entry){*env, label};
	table[i + 1] = (struct entry){0};
	high = size;
	return table;
}

int testSetjmp(unsigned id, const struct entry *table, int size)
{
	for (int i = 0; i < size && table[i].id; i++)
		if (table[i].id == id)
			return table[i].label;
	return 0;
}

void __wasm_longjmp(unsigned *env, int value)
{
	static struct jump jump;
	jump = (struct jump){env, value ? value : 1};
	__builtin_wasm_throw(1, &jump);
}
