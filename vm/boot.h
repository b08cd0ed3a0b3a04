/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a new VM: guest runtime image, boot information, program, stack, vCPU area. */
#ifndef MOTE_VM_BOOT_H
#define MOTE_VM_BOOT_H

#include "vm/internal.h"

/* arguments and environment together, as Linux bounds them by the stack */
#define BOOT_INFO_MAX (2UL << 20)

/* Loads the guest runtime (an ELF file that is part of Mote) and sets vm->entry. */
int boot_load_image(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
/* Maps the guest program file read-only at MOTE_PROGRAM_VA. */
int boot_map_program(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
/* Writes the boot information at MOTE_BOOT_VA. */
int boot_write_info(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
/* Maps the first vCPU's area and stack. */
int boot_map_area(struct vm *vm, struct err *e) must_check;

#endif
