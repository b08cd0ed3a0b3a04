# SPDX-License-Identifier: Apache-2.0
"""Scripts of our own in the suite's form: every load and store at every edge of two memories, before and after growth.
One script for each kind of memory: with addresses of 32 and of 64 bits, with pages of 64 KiB and of one byte.

The expected values come from a model of the memories, a few lines of Python. A store that traps must leave the bytes
before the edge alone; each is read back.
"""
import json

from wasm_bytes import F32, F64, HEADER, I32, I64, V128, body, functype, leb, section, vec

PAGE = 65536
NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128"}
RESERVED_64 = 1 << 36  # where the engine compares addresses of 64 bits, and beyond it trusts in what is reserved
OFFSETS = {I32: (0, 1, 0xFFF3, 0xFFFFFFFF),
           I64: (0, 1, 0xFFF3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, RESERVED_64, (1 << 64) - 9, (1 << 64) - 1)}
FAR = {I32: (0xFFFFFFFF,), I64: (0xFFFFFFFF, RESERVED_64 - 1, RESERVED_64, 1 << 63, (1 << 64) - 0x7FFFFFFF, (1 << 64) - 1)}
# Opcode, type of the value, bytes accessed, and how a load makes its value of them.
LOADS = [(0x28, I32, 4, "u"), (0x29, I64, 8, "u"), (0x2A, F32, 4, "u"), (0x2B, F64, 8, "u"), (0x2C, I32, 1, "s"),
         (0x2D, I32, 1, "u"), (0x2E, I32, 2, "s"), (0x2F, I32, 2, "u"), (0x30, I64, 1, "s"), (0x31, I64, 1, "u"),
         (0x32, I64, 2, "s"), (0x33, I64, 2, "u"), (0x34, I64, 4, "s"), (0x35, I64, 4, "u")]
VECTOR_LOADS = [(0, 16, "all"), (1, 8, "s1"), (2, 8, "u1"), (3, 8, "s2"), (4, 8, "u2"), (5, 8, "s4"), (6, 8, "u4"),
                (7, 1, "splat"), (8, 2, "splat"), (9, 4, "splat"), (10, 8, "splat"), (92, 4, "all"), (93, 8, "all"),
                (84, 1, "lane"), (85, 2, "lane"), (86, 4, "lane"), (87, 8, "lane")]
STORES = [(0x36, I32, 4), (0x37, I64, 8), (0x38, F32, 4), (0x39, F64, 8), (0x3A, I32, 1), (0x3B, I32, 2), (0x3C, I64, 1),
          (0x3D, I64, 2), (0x3E, I64, 4)]
VECTOR_STORES = [(11, 16), (88, 1), (89, 2), (90, 4), (91, 8)]
VALUE = bytes(range(0x81, 0x91))  # what stores write; for lanes and scalars its last bytes or first
LANE = 1


def memarg(memory, offset):
    return (b"\x40" + leb(memory) if memory else b"\0") + leb(offset)


class Kind:
    """What memories are: the type of addresses, and the size of a page."""

    def __init__(self, address, page):
        self.address, self.page = address, page
        self.name = "memory" + "64" * (address == I64) + "_byte" * (page == 1) + "_edges"

    def memory_type(self):
        flags = 1 | 4 * (self.address == I64) | 8 * (self.page == 1)
        return bytes([flags]) + leb(PAGE // self.page) + leb(PAGE // self.page + 2) + b"\0" * (self.page == 1)

    def const(self, number):
        return (b"\x42" if self.address == I64 else b"\x41") + number


KINDS = [Kind(I32, PAGE), Kind(I64, PAGE), Kind(I32, 1), Kind(I64, 1)]


class Module:
    """Functions by name, over two memories of 64 KiB that may grow by two pages."""

    def __init__(self, kind, data):
        self.kind, self.types, self.functions, self.data = kind, [], [], data

    def add(self, name, params, results, code):
        kind = functype(params, results)
        if kind not in self.types:
            self.types.append(kind)
        self.functions.append((name, self.types.index(kind), body(code)))

    def binary(self):
        exports = [leb(len(name)) + name.encode() + b"\0" + leb(i) for i, (name, _, _) in enumerate(self.functions)]
        datas = [b"\x02" + leb(memory) + self.kind.const(b"\xe0\xff\x03") + b"\x0b" + leb(len(self.data)) + self.data
                 for memory in (0, 1)]  # at 65536 - 32
        return (HEADER + section(1, vec(self.types)) + section(3, vec(leb(t) for _, t, _ in self.functions))
                + section(5, vec([self.kind.memory_type()] * 2)) + section(7, vec(exports))
                + section(10, vec(code for _, _, code in self.functions)) + section(11, vec(datas)))


def v128(data):
    lanes = [str(int.from_bytes(data[i:i + 4], "little")) for i in range(0, 16, 4)]
    return {"type": "v128", "lane_type": "i32", "value": lanes}


def scalar(kind, number):
    return {"type": NAMES[kind], "value": str(number)}


def loaded(kind, size, how, data):
    """The value of a load, as the script says it."""
    if kind != V128:
        number = int.from_bytes(data, "little", signed=how == "s")
        return scalar(kind, number & (0xFFFFFFFF if kind in (I32, F32) else 0xFFFFFFFFFFFFFFFF))
    if how == "splat":
        return v128(data * (16 // size))
    if how == "lane":
        return v128(VALUE[:LANE * size] + data + VALUE[(LANE + 1) * size:])
    if how == "all":
        return v128(data.ljust(16, b"\0"))
    step = int(how[1])
    parts = [int.from_bytes(data[i:i + step], "little", signed=how[0] == "s") for i in range(0, size, step)]
    return v128(b"".join((p & (1 << 16 * step) - 1).to_bytes(2 * step, "little") for p in parts))


class Script:
    """Commands, and the memories as they must be after them."""

    def __init__(self, kind, emulated):
        self.kind, self.emulated = kind, emulated
        self.data = bytes((i * 37 + 139) & 0xFF for i in range(32))
        self.module = Module(kind, self.data)
        self.commands = [{"type": "module", "line": 1, "filename": f"{kind.name}.wasm"}]
        self.memories = [bytearray(PAGE - 32) + self.data for _ in range(2)]

    def command(self, field, args, expected):
        """expected: results, or None for a trap."""
        entry = {"line": len(self.commands) + 1, "action": {"type": "invoke", "field": field, "args": args}}
        if expected is None:
            entry |= {"type": "assert_trap", "text": "out of bounds memory access"}
        else:
            entry |= {"type": "assert_return", "expected": expected}
        self.commands.append(entry)

    def addresses(self, memory, size, offset):
        """Around each edge: the last that fits, the first that does not, the last byte, the end; and what would wrap."""
        for end in sorted({PAGE, len(self.memories[memory])}):
            for at in (end - size, end - size + 1, end - 1, end):
                if 0 <= at - offset:
                    yield at - offset
        yield 0
        yield from FAR[self.kind.address]

    def fits(self, memory, at, size):
        return at + size <= len(self.memories[memory])

    def load(self, name, kind, size, how, memory, offset):
        args = [v128(VALUE)] if how == "lane" else []
        for address in self.addresses(memory, size, offset):
            at = address + offset
            data = bytes(self.memories[memory][at:at + size])
            want = [loaded(kind, size, how, data)] if self.fits(memory, at, size) else None
            self.command(name, [scalar(self.kind.address, address)] + args, want)

    def store(self, name, kind, size, memory, offset, value, written):
        for address in self.addresses(memory, size, offset):
            at = address + offset
            fits = self.fits(memory, at, size)
            if not fits and size == 16 and self.emulated:
                # QEMU stores 16 bytes as twice 8: the first stay when the second fault. A CPU stores none.
                continue
            if fits:
                self.memories[memory][at:at + size] = written
            self.command(name, [scalar(self.kind.address, address), value], [] if fits else None)
            for end in sorted({PAGE, len(self.memories[memory])}):
                self.command(f"peek{memory}", [scalar(self.kind.address, end - 16)],
                             [v128(bytes(self.memories[memory][end - 16:end]))])
            if fits: # as it was: so that the next store shows
                self.memories[memory][at:at + size] = bytes(size)
                for i in range(size):
                    self.command(f"clear{memory}", [scalar(self.kind.address, at + i)], [])


def vector_op(code):
    return b"\xfd" + leb(code)


def make(directory, kind, emulated):
    """Writes the script to directory/NAME.json and its module next to it; returns the path."""
    s = Script(kind, emulated)
    address, cases = kind.address, []
    for memory in (0, 1):
        s.module.add(f"peek{memory}", [address], [V128], b"\x20\0" + vector_op(0) + memarg(memory, 0))
        s.module.add(f"clear{memory}", [address], [], b"\x20\0\x41\0\x3a" + memarg(memory, 0))
        s.module.add(f"grow{memory}", [], [address], kind.const(b"\1") + b"\x40" + leb(memory))
        for offset in OFFSETS[address]:
            place = memarg(memory, offset)
            for code, of, size, how in LOADS:
                name = f"load-{code:x}-{memory}-{offset}"
                s.module.add(name, [address], [of], b"\x20\0" + bytes([code]) + place)
                cases.append(lambda a=(name, of, size, how, memory, offset): s.load(*a))
            for code, size, how in VECTOR_LOADS:
                name = f"load-fd{code:x}-{memory}-{offset}"
                lane = how == "lane"
                s.module.add(name, [address, V128] if lane else [address], [V128],
                             b"\x20\0" + (b"\x20\1" if lane else b"") + vector_op(code) + place + bytes([LANE] * lane))
                cases.append(lambda a=(name, V128, size, how, memory, offset): s.load(*a))
            for code, of, size in STORES:
                name = f"store-{code:x}-{memory}-{offset}"
                wide = 4 if of in (I32, F32) else 8
                value = scalar(of, int.from_bytes(VALUE[:wide], "little"))
                s.module.add(name, [address, of], [], b"\x20\0\x20\1" + bytes([code]) + place)
                cases.append(lambda a=(name, of, size, memory, offset, value, VALUE[:size]): s.store(*a))
            for code, size in VECTOR_STORES:
                name = f"store-fd{code:x}-{memory}-{offset}"
                lane = code != 11
                written = VALUE[LANE * size:(LANE + 1) * size] if lane else VALUE
                s.module.add(name, [address, V128], [], b"\x20\0\x20\1" + vector_op(code) + place + bytes([LANE] * lane))
                cases.append(lambda a=(name, V128, size, memory, offset, v128(VALUE), written): s.store(*a))
    for _ in range(2):
        for case in cases:
            case()
        for memory in (0, 1):
            s.command(f"grow{memory}", [], [scalar(address, len(s.memories[memory]) // kind.page)])
            s.memories[memory] += bytes(kind.page)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{kind.name}.wasm").write_bytes(s.module.binary())
    path = directory / f"{kind.name}.json"
    path.write_text(json.dumps({"source_filename": f"{kind.name}.wast", "commands": s.commands}))
    return path
