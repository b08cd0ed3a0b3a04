/* SPDX-License-Identifier: Apache-2.0 */
/* What the tries of escape.def share: the guest `escape` makes one of them in each of its lives. */
#ifndef MOTE_TEST_SECURITY_GUEST_ESCAPE_H
#define MOTE_TEST_SECURITY_GUEST_ESCAPE_H

#include "guest.h"

#define TABLES        MOTE_KERNEL_TABLES
#define STUBS         MOTE_KERNEL_STUBS
#define SYSCALL_STUB  (STUBS + MOTE_VECTORS * MOTE_KERNEL_STUB_BYTES)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum may { REFUSED, HARMLESS, UMIP };

extern bool escape_whole; /* the long form */
/* a KVM without hardware virtualisation: CPL 3 runs with the host's descriptor tables */
extern bool escape_native;
extern const struct registers escape_usual;
/* Addresses that are not canonical, not mapped, or not the guest's. */
enum { ESCAPE_ODD_ADDRESSES = 45 };
extern const uint64_t escape_odd_addresses[ESCAPE_ODD_ADDRESSES];
extern unsigned escape_tried, escape_bad;

/* Counts an outcome; what completed must not have, unless `may`. */
void escape_judge(const struct outcome *o, bool may, const char *what, uint64_t number);
/* Counts a host call that must have been refused. */
void escape_must_fail(int64_t result, const char *what, uint64_t at);
/* Says how many were tried; the exit status. */
int escape_verdict(void);

#define RUN(registers, ...)                                   \
	({                                                    \
		static const uint8_t code_[] = {__VA_ARGS__}; \
		guest_run(code_, sizeof(code_), registers);   \
	})

/* The functions of escape.def. */
#define INSTRUCTION(name, may, ...)
#define TRY(name, ends) int escape_##name(void);
#include "escape.def"
#undef INSTRUCTION
#undef TRY

#endif
