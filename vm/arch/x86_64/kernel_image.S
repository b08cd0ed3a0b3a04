/* SPDX-License-Identifier: Apache-2.0 */
/* The assembled CPL 0 stubs (guest/kernel), carried in the host's binaries. */
	.section .rodata
	.globl vm_kernel_image, vm_kernel_image_end
	.hidden vm_kernel_image, vm_kernel_image_end
	.balign 16
vm_kernel_image:
	.incbin "guest/kernel.bin"
vm_kernel_image_end:
	.section .note.GNU-stack, "", @progbits
