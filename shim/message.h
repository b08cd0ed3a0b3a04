/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf messages from outside, with a cap on what one may make us allocate, and text for them.
 */
#ifndef MOTE_SHIM_MESSAGE_H
#define MOTE_SHIM_MESSAGE_H

#include "base/cleanup.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/*
 * What one decoded message may occupy: the largest frame's payload and as much for its structures.
 */
#define MESSAGE_MEMORY_MAX (8UL << 20)

/*
 * Decodes len bytes, controlled by whoever sent them. NULL: another message, or one beyond
 * MESSAGE_MEMORY_MAX. Released with message_free.
 */
ProtobufCMessage *message_decode(const ProtobufCMessageDescriptor *type, const void *bytes,
				 size_t len) must_check;
/* The same, and *memory: how many bytes it occupies. */
ProtobufCMessage *message_decode_counted(const ProtobufCMessageDescriptor *type, const void *bytes,
					 size_t len, size_t *memory) must_check;
/* NULL: out of memory. Released with message_free. */
ProtobufCMessage *message_copy(const ProtobufCMessage *m) must_check;
void message_free(ProtobufCMessage *m); /* accepts NULL */
static inline void message_freep(ProtobufCMessage **m)
{
	message_free(*m);
}
#define cleanup_message cleanup_(message_freep)

/*
 * Puts '?' in place of what is not UTF-8: a string that a peer's decoder would refuse, with all its
 * message.
 */
void message_clean_text(char *text);

#endif
