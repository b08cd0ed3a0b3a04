# SPDX-License-Identifier: Apache-2.0
"""A script of our own in the suite's form: blocks in one another, as clang makes them of a large switch."""
import json

from wasm_bytes import HEADER, I32, body, functype, leb, section, signed_leb, vec

DEPTHS = (1, 4095, 4096, 20_000, 131_071)  # the engine's first table of blocks has 4,096, and its last 131,072


def switch(depth):
    """A function of a number: a br_table out of as many blocks, behind each of which it returns how deep it still is."""
    labels = b"\x20\0\x0e" + leb(depth - 1) + b"".join(leb(i) for i in range(depth))
    after = b"".join(b"\x0b\x41" + signed_leb(left) + b"\x0f" for left in range(depth - 1, -1, -1))
    return body(b"\x02\x40" * depth + labels + after + b"\x00")


def make(directory):
    """Writes directory/nests.json and its module; returns the path."""
    directory.mkdir(parents=True, exist_ok=True)
    exports = [leb(len(str(depth))) + str(depth).encode() + b"\0" + leb(i) for i, depth in enumerate(DEPTHS)]
    (directory / "nests.wasm").write_bytes(
        HEADER + section(1, vec([functype([I32], [I32])])) + section(3, vec([b"\0"] * len(DEPTHS)))
        + section(7, vec(exports)) + section(10, vec(switch(depth) for depth in DEPTHS)))
    commands = [{"type": "module", "line": 1, "filename": "nests.wasm"}]
    for depth in DEPTHS:
        for at in sorted({0, 1, 63, 64, depth // 2, depth - 2, depth - 1, depth} & set(range(depth + 1))):
            commands.append({"type": "assert_return", "line": len(commands) + 1,
                             "action": {"type": "invoke", "field": str(depth), "args": [{"type": "i32", "value": str(at)}]},
                             "expected": [{"type": "i32", "value": str(depth - 1 - min(at, depth - 1))}]})
    path = directory / "nests.json"
    path.write_text(json.dumps({"source_filename": "nests.wast", "commands": commands}))
    return path
