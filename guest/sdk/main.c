/* SPDX-License-Identifier: Apache-2.0 */
/* The main of programs without one. In a file of its own: the linker takes it only if there is
 * none. */
#include "mote_guest.h"

/* With parameters: WebAssembly's C library looks for that form last, after the program's own. */
int main(int argc, char **argv);
int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return mote_serve();
}
