/* SPDX-License-Identifier: Apache-2.0 */
/* Traps below functions whose lines wasi_run.c knows. */
static volatile int zero;

__attribute__((noinline)) static int inner(int n)
{
	return n / zero; /* line 7, column 11 */
}

__attribute__((noinline)) static int outer(int n)
{
	return inner(n) + 1; /* line 12, column 9 */
}

int main(void)
{
	return outer(3) + outer(4); /* line 17, column 9 */
}
