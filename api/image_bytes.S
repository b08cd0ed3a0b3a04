/* SPDX-License-Identifier: Apache-2.0 */
/* The guest images that every binary carries: guest runtime programs for native guests and for Wasm. */
	.section .rodata
	.macro image name, file
	.globl \name, \name\()_end
	.hidden \name, \name\()_end
	.balign 4096
\name:
	.incbin "\file"
\name\()_end:
	.endm

	image mote_image_linux, "guest/linux.img"
	image mote_image_wasm, "guest/wasm.img"
	.globl mote_build_id
	.hidden mote_build_id
mote_build_id:
	.incbin "guest/build.id"
	.section .note.GNU-stack, "", @progbits
