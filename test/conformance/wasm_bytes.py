# SPDX-License-Identifier: Apache-2.0
"""The pieces of a module's binary form, for tests that make modules."""

HEADER = b"\0asm\1\0\0\0"
I32, I64, F32, F64, V128, FUNCREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70
END = b"\x0b"


def leb(n):
    """An unsigned number."""
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def signed_leb(n):
    """A signed number that is not negative."""
    data = bytearray(leb(n))
    if data[-1] & 0x40:
        data[-1] |= 0x80
        data.append(0)
    return bytes(data)


def read_leb(data, at):
    """The unsigned number at that place, and the place behind it."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def vec(items):
    items = list(items)
    return leb(len(items)) + b"".join(items)


def section(kind, payload):
    return bytes([kind]) + leb(len(payload)) + payload


def functype(params=(), results=()):
    return b"\x60" + leb(len(params)) + bytes(params) + leb(len(results)) + bytes(results)


def body(code, local_groups=()):
    """A function body; local_groups are (count, type)."""
    inside = vec(leb(n) + bytes([t]) for n, t in local_groups) + code + END
    return leb(len(inside)) + inside
