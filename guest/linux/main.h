/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_MAIN_H
#define MOTE_GUEST_LINUX_MAIN_H

#include "abi/layout.h"

/* Called by the image's entry, on the initial stack. */
_Noreturn void linux_start(const struct mote_boot *boot, struct mote_area *area);

#endif
