# SPDX-License-Identifier: Apache-2.0
"""Packs a converted script of the WebAssembly test suite (JSON and binaries) into the file that spectest.h describes."""
import json
import struct

MODULE, DEFINITION, INSTANCE, REGISTER, INVALID, MALFORMED, UNLINKABLE, UNINSTANTIABLE, MALFORMED_TEXT, ACTION, \
    RETURN, TRAP, EXHAUSTION, EXCEPTION = range(1, 15)
BITS, CANONICAL_NAN, ARITHMETIC_NAN, NON_NULL = range(4)
TYPES = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C, "v128": 0x7B, "funcref": 0x70, "externref": 0x6F, "exnref": 0x69, "anyref": 0x6E,
         "eqref": 0x6D, "i31ref": 0x6C, "structref": 0x6B, "arrayref": 0x6A}
WITH_MODULE = {"assert_invalid": INVALID, "assert_malformed": MALFORMED, "assert_unlinkable": UNLINKABLE,
               "assert_uninstantiable": UNINSTANTIABLE}
WITH_ACTION = {"action": ACTION, "assert_return": RETURN, "assert_trap": TRAP, "assert_exhaustion": EXHAUSTION,
               "assert_exception": EXCEPTION}
LANE_BYTES = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "f32": 4, "f64": 8}
NO_TYPE = 0xFF  # one that no engine's value has
ANY_REFERENCE = 0
NULLS = ("refnull", "nullref", "nullfuncref", "nullexternref", "nullexnref")


def blob(data):
    if isinstance(data, str):
        data = data.encode()
    return struct.pack("<I", len(data)) + data


def integer(text, size):
    return int(text) & ((1 << 8 * size) - 1)


def lane(text, size):
    """One lane of an expectation."""
    if text == "nan:canonical":
        return struct.pack("<BQ", CANONICAL_NAN, 0)
    if text == "nan:arithmetic":
        return struct.pack("<BQ", ARITHMETIC_NAN, 0)
    return struct.pack("<BQ", BITS, integer(text, size))


def reference(text):
    return 0 if text == "null" else int(text) + 1


def value(v):
    """An argument."""
    kind = v["type"]
    if kind == "v128":
        size = LANE_BYTES[v["lane_type"]]
        data = b"".join(integer(text, size).to_bytes(size, "little") for text in v["value"])
        return bytes([TYPES[kind]]) + data
    if kind in LANE_BYTES:
        return struct.pack("<BQQ", TYPES[kind], integer(v["value"], LANE_BYTES[kind]), 0)
    return struct.pack("<BQQ", TYPES.get(kind, NO_TYPE), reference(v.get("value", "null")), 0)


def alternative(v):
    kind = v["type"]
    if kind == "v128":
        size = LANE_BYTES[v["lane_type"]]
        return bytes([TYPES[kind], size]) + b"".join(lane(text, size) for text in v["value"])
    if kind in LANE_BYTES:
        return bytes([TYPES[kind], LANE_BYTES[kind]]) + lane(v["value"], LANE_BYTES[kind])
    if kind in NULLS:
        return bytes([ANY_REFERENCE, 0]) + struct.pack("<BQ", BITS, 0)
    code = bytes([TYPES.get(kind, NO_TYPE), 0])
    if "value" not in v:
        return code + struct.pack("<BQ", NON_NULL, 0)
    return code + struct.pack("<BQ", BITS, reference(v["value"]))


def expectation(v):
    alternatives = v["values"] if v["type"] == "either" else [v]
    return bytes([len(alternatives)]) + b"".join(map(alternative, alternatives))


def action(a):
    args = a.get("args", [])
    kind = {"invoke": 1, "get": 2}[a["type"]]
    return bytes([kind]) + blob(a.get("module", "")) + blob(a["field"]) + bytes([len(args)]) + b"".join(map(value, args))


def binary(directory, command):
    return blob((directory / command.get("binary_filename", command["filename"])).read_bytes())


def fields(directory, command):
    """Kind and fields of a command."""
    kind = command["type"]
    if kind in ("module", "module_definition"):
        code = MODULE if kind == "module" else DEFINITION
        return code, blob(command.get("name", "")) + binary(directory, command)
    if kind == "module_instance":
        return INSTANCE, blob(command.get("instance", "")) + blob(command.get("module", ""))
    if kind == "register":
        return REGISTER, blob(command.get("name", "")) + blob(command["as"])
    if kind == "assert_malformed" and command["module_type"] == "text":
        return MALFORMED_TEXT, b""
    if kind in WITH_MODULE:
        return WITH_MODULE[kind], blob(command["text"]) + binary(directory, command)
    expected = command.get("expected", []) if kind == "assert_return" else []
    return WITH_ACTION[kind], blob(command.get("text", "")) + action(command["action"]) + bytes([len(expected)]) + \
        b"".join(map(expectation, expected))


def pack(json_path, name, alter=None):
    """The packed script. With alter, a function, each command passes through it before."""
    commands = json.loads(json_path.read_text())["commands"]
    out = [b"MOTESPEC", struct.pack("<I", len(commands)), blob(name)]
    for command in commands:
        kind, data = fields(json_path.parent, alter(command) if alter else command)
        data = struct.pack("<BI", kind, command["line"]) + data
        out.append(struct.pack("<I", len(data)) + data)
    return b"".join(out)
