/* SPDX-License-Identifier: Apache-2.0 */
/* The architecture's own structures: struct arch_vcpu and struct arch_vcpu_state (arch.h). */
#ifndef MOTE_VM_ARCH_TYPES_H
#define MOTE_VM_ARCH_TYPES_H

#if defined(__x86_64__)
#include "vm/arch/x86_64/types.h"
#elif defined(MOTE_ARCH_INTERFACE)
#include "vm/arch/interface.h"
#else
#error "no port to this architecture: vm/arch/ has no directory for it"
#endif

#endif
