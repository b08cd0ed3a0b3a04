/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding with an allocator that counts. */
#include "shim/message.h"

#include "base/counted_alloc.h"

ProtobufCMessage *message_decode_counted(const ProtobufCMessageDescriptor *type, const void *bytes,
					 size_t len, size_t *memory)
{
	size_t left = MESSAGE_MEMORY_MAX;
	ProtobufCAllocator allocator = {
		.alloc = counted_alloc,
		.free = counted_free,
		.allocator_data = &left,
	};
	ProtobufCMessage *m = protobuf_c_message_unpack(type, &allocator, len, bytes);
	*memory = MESSAGE_MEMORY_MAX - left;
	return m;
}

ProtobufCMessage *message_decode(const ProtobufCMessageDescriptor *type, const void *bytes,
				 size_t len)
{
	size_t memory;
	return message_decode_counted(type, bytes, len, &memory);
}

ProtobufCMessage *message_copy(const ProtobufCMessage *m)
{
	size_t bytes = protobuf_c_message_get_packed_size(m);
	cleanup_free uint8_t *packed = malloc(bytes + 1);
	if (!packed)
		return NULL;
	return message_decode(m->descriptor, packed, protobuf_c_message_pack(m, packed));
}

void message_free(ProtobufCMessage *m)
{
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
}

/* Bytes of the well-formed sequence at s (Unicode 15, table 3-7), or 0. */
static size_t utf8_sequence(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = 2;
	if (s[0] >= 0xe0)
		len = s[0] >= 0xf0 ? 4 : 3;
	unsigned char low = 0x80, high = 0xbf;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

void message_clean_text(char *text)
{
	while (*text) {
		size_t len = utf8_sequence((const unsigned char *)text);
		if (len == 0) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
}
