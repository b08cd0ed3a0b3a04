#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modules made to be slow to compile, and the check that none is: time is linear in size, and memory bounded.

usage: test/conformance/adversarial.py COMPILE-HOSTED C-PROGRAM [NAME…]

Compiles each module with test/bench/compile_hosted, and a C program for scale. A module fails when a byte of it takes
more than BOUND times the CPU time of a byte of the C program's code, when it does not compile, or when the compiler
needs more than MEMORY_A_BYTE bytes of memory a byte. The bound is generous, since machines are noisy; what is not
linear is beyond it by far at these sizes. `make bench BENCH=compile-adversarial` has the figures. Ends with `N passed, N failed`.
"""
import collections
import functools
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from wasm_bytes import (END, F64, FUNCREF, HEADER, I32, I64, V128, body, functype, leb, read_leb, section, signed_leb,
                        vec)

BOUND = 10
MEMORY_A_BYTE = 400
MEMORY_FREE = 64 << 20  # whatever the size
TIME_LIMIT_S = 600

TRY, CATCH, CATCH_ALL, TRY_TABLE = b"\x06", b"\x07", b"\x19", b"\x1f"
UNREACHABLE, BLOCK, LOOP, IF, ELSE, BR_IF, BR_TABLE, CALL = (
    b"\x00", b"\x02", b"\x03", b"\x04", b"\x05", b"\x0d", b"\x0e", b"\x10")
DROP, GET, SET, TEE, CONST, ADD, VOID = b"\x1a", b"\x20", b"\x21", b"\x22", b"\x41", b"\x6a", b"\x40"
MAX_BODY = 7_600_000


def code_section_bytes(module):
    at = 8
    while at < len(module):
        kind = module[at]
        size, at = read_leb(module, at + 1)
        if kind == 10:
            return size
        at += size
    return 0


def module(types=(functype(),), funcs=(0,), bodies=(), before_funcs=b"", before_code=b"", after=b""):
    """A module; before_funcs are its import section, before_code the sections 4 to 9."""
    return (HEADER + section(1, vec(types)) + before_funcs + section(3, vec(map(leb, funcs))) + before_code
            + section(10, vec(bodies)) + after)


def one(code, local_groups=(), **more):
    return module(bodies=[body(code, local_groups)], **more)


def several(code_of, size, each, local_groups=(), types=(functype(),), **more):
    """A module of functions that code_of(n) fills, each of about `each` bytes: as large as the engine's caps allow."""
    n = max(size // each, 1)
    return module(types=types, funcs=[0] * n, bodies=[body(code_of(each), local_groups)] * n, **more)


# Each takes a size, about the module's bytes, and returns a module. Functions stay within the engine's caps: 131,072
# blocks in one another, 65,535 operands, 256 operands in a constant expression.

def nested_blocks(size):
    return several(lambda n: (BLOCK + VOID) * (n // 3) + END * (n // 3), size, 390_000)


def nested_loops(size):
    """Each with a local of its own that is used at the bottom."""
    def code(each):
        n = each // 14
        use = b"".join(GET + leb(i % 100) + SET + leb((i + 1) % 100) for i in range(n))
        return (LOOP + VOID + GET + b"\0" + DROP) * n + use + (GET + b"\0" + BR_IF + b"\0" + END) * n
    return several(code, size, 200_000, [(100, I32)])


def nested_ifs(size):
    return several(lambda n: (GET + b"\0" + IF + VOID) * (n // 7) + (ELSE + b"\x01" + END) * (n // 7), size, 910_000,
                   [(1, I32)])


def nested_results(size):
    """Blocks in blocks, each of which passes 20 values on."""
    return several(lambda n: (CONST + b"\0") * 20 + (BLOCK + b"\x01") * (n // 3) + END * (n // 3) + DROP * 20, size, 48_000,
                   types=[functype(), functype([I32] * 20, [I32] * 20)])


def wide_results(size):
    """Blocks in blocks of 1,000 results; as many bytes again are plain code, which the results are spread over."""
    n = size // 1000
    return one((CONST + b"\0") * 1000 + ((BLOCK + b"\x01" + DROP + CONST + b"\0")) * n
               + (GET + b"\0" + DROP) * (size // 4) + END * n + DROP * 1000, [(1, I32)],
               types=[functype(), functype([I32] * 1000, [I32] * 1000)])


def many_locals(size):
    """50,000 locals, each read and written in turn."""
    n = size // 8
    code = b"".join(GET + leb(i * 7919 % 50000) + SET + leb(i * 104729 % 50000) for i in range(n))
    return one(code, [(50000, I32)])


def many_locals_blocks(size):
    """50,000 locals and a branch after each access: what is known of locals meets at thousands of labels."""
    n = size // 14
    code = b"".join(BLOCK + VOID + GET + leb(i * 7919 % 50000) + BR_IF + b"\0" + CONST + b"\1"
                    + SET + leb(i * 104729 % 50000) + END for i in range(n))
    return one(code, [(50000, I32)])


def many_locals_loops(size):
    n = size // 16
    code = b"".join(LOOP + VOID + GET + leb(i * 7919 % 50000) + SET + leb(i * 104729 % 50000) + GET
                    + leb(i * 7919 % 50000) + BR_IF + b"\0" + END for i in range(n))
    return one(code, [(50000, I32)])


def functions_of_locals(size):
    """Small functions with 1,000 locals each: a few bytes that ask for much to be zeroed."""
    n = size // 12
    return module(funcs=[0] * n, bodies=[body(GET + b"\x07" + DROP, [(1000, I64)])] * n)


def functions_of_50000_locals(size):
    """Functions of 2 KB with 50,000 locals each."""
    return several(lambda n: (GET + b"\x07" + DROP) * (n // 3), size, 2000, [(50000, I64)])


def wide_calls(size):
    """Calls that take and return 1,000 values, in as much plain code."""
    wide = functype([I64] * 1000, [I64] * 1000)
    n = max(size // 100_000, 1)
    code = (GET + b"\0") * 1000 + (CALL + b"\0" + (GET + b"\0" + DROP) * 600) * 55
    return module(types=[wide], funcs=[0] * n, bodies=[body(code)] * n)


def table_of_branches(size):
    """br_table of a million entries, to ten labels."""
    n = min(size, 1_000_000)
    targets = b"".join(leb(i % 10) for i in range(n))
    return one((BLOCK + VOID) * 10 + GET + b"\0" + BR_TABLE + leb(n) + targets + b"\0" + END * 10, [(1, I32)])


def tables_of_branches(size):
    """Many small ones, out of deep nests."""
    n = size // 12
    nest = (BLOCK + VOID) * 100
    return one(nest + (BLOCK + VOID + GET + b"\0" + BR_TABLE + b"\x03\x00\x32\x63\x01" + END) * n + END * 100, [(1, I32)])


def tiny_functions(size):
    n = min(size // 4, 999_000)
    return module(funcs=[0] * n, bodies=[body(b"")] * n)


def constant_chain(size):
    """One constant expression of additions (extended constants)."""
    n = min(size // 3, MAX_BODY // 3)
    expression = CONST + b"\0" + (CONST + b"\1" + ADD) * n + END
    return one(b"", before_code=section(6, leb(1) + bytes([I32, 0]) + expression))


def constant_tower(size):
    """The same with all operands first: a deep stack."""
    n = size // 760
    expression = (CONST + b"\1") * 250 + ADD * 249 + END
    return one(b"", before_code=section(6, leb(n) + (bytes([I32, 0]) + expression) * n))


def deep_stack(size):
    return several(lambda n: (CONST + b"\1") * (n // 3) + DROP * (n // 3), size, 180_000)


def deep_stack_blocks(size):
    """Labels above tens of thousands of operands that are still in registers or constants."""
    return several(lambda n: (GET + b"\0") * 60_000 + (BLOCK + VOID + GET + b"\0" + BR_IF + b"\0" + END) * (n // 7)
                   + DROP * 60_000, size, 1_000_000, [(1, I32)])


def deep_stack_calls(size):
    return several(lambda n: (GET + b"\0") * 60_000 + (CALL + b"\0") * (n // 2) + DROP * 60_000, size, 1_000_000, [(1, I32)])


def deep_stack_sets(size):
    """Operands that are reads of a local, which is then written."""
    return several(lambda n: (GET + b"\0") * 60_000 + (GET + b"\1" + SET + b"\0" + GET + b"\0" + DROP) * (n // 7)
                   + DROP * 60_000, size, 1_000_000, [(2, I32)])


def unreachable_code(size):
    return one(UNREACHABLE + (ADD + DROP) * (size // 2))


WIDE = [functype([I32] * 1000, [I32] * 1000), functype([], [I32] * 1000)]


def wide_unreachable_blocks(size):
    """Blocks of 1,000 results, whose values are nowhere."""
    return one((BLOCK + b"\x02" + UNREACHABLE + END + UNREACHABLE) * (size // 5), types=[functype(), *WIDE])


def wide_unreachable_branches(size):
    """A label's 1,000 values, made to be there by each branch."""
    return one(BLOCK + b"\x02" + UNREACHABLE + (BR_IF + b"\0") * (size // 2) + END + UNREACHABLE, types=[functype(), *WIDE])


def wide_unreachable_tables(size):
    """The same by each entry of a table of branches."""
    n = min(size // 2, 1_000_000)
    table = BR_TABLE + leb(n) + b"".join(leb(i % 2) for i in range(n)) + b"\0"
    return one((BLOCK + b"\x02") * 2 + UNREACHABLE + table + END + UNREACHABLE + END + UNREACHABLE, types=[functype(), *WIDE])


def wide_branches(size):
    """Where the values are there."""
    return one(BLOCK + b"\x02" + (CONST + b"\0") * 1000 + (GET + b"\0" + BR_IF + b"\0") * (size // 4) + END + DROP * 1000,
               [(1, I32)], types=[functype(), *WIDE])


def wide_moving_branches(size):
    """The same, and each moves them."""
    n = 190_000
    code = BLOCK + b"\x02" + (CONST + b"\0") * 1001 + (GET + b"\0" + BR_IF + b"\0") * (n // 4) + UNREACHABLE + END + DROP * 1000
    return module(types=[functype(), *WIDE], funcs=[0] * (size // n), bodies=[body(code, [(1, I32)])] * (size // n))


def wide_calls_alone(size):
    """Calls that pass 1,000 values on."""
    n = 190_000
    code = (GET + b"\0") * 1000 + (CALL + b"\0") * (n // 2)
    return module(types=[WIDE[0]], funcs=[0] * (size // n), bodies=[body(code)] * (size // n))


def wide_unreachable_calls(size):
    return module(types=[functype(), *WIDE], funcs=[0, 1], bodies=[body(UNREACHABLE + (CALL + b"\1") * (size // 2)), body(UNREACHABLE)])


def forward_branches(size):
    """All to one label."""
    return one(BLOCK + VOID + (GET + b"\0" + BR_IF + b"\0") * (size // 4) + END, [(1, I32)])


def long_sum(size):
    return one(GET + b"\0" + (GET + b"\0" + ADD) * (size // 3) + DROP, [(1, I32)])


def many_loops(size):
    """One after another, each using 30 locals."""
    n = size // 130
    use = b"".join(GET + leb(i) + SET + leb(i + 1) for i in range(30))
    return one((LOOP + VOID + use + GET + b"\0" + BR_IF + b"\0" + END) * n, [(31, I32)])


def many_types(size):
    """Types that differ late, each declared twice."""
    n = size // 30
    types = [functype([I32] * 8 + [(I32, I64, F64)[i // 3 ** k % 3] for k in range(11)]) for i in range(n // 2)]
    return one(b"", types=[functype()] + types + types)


def alike_types(size):
    """Types of pairs of references, both of which may be null or not: to FNV all of these are the same."""
    pairs, n = 17, min(size // 71, 100_000)
    null, not_null = b"\x63\x70", b"\x64\x70"
    types = (b"\x60" + vec((null, not_null)[i >> k // 2 & 1] for k in range(2 * pairs)) + b"\0" for i in range(n))
    return HEADER + section(1, vec(types))


# Two blocks each that lead FNV-1a of 32 bits from the state before to the same one.
ALIKE = """
1d18d/d7038 4a0f5/bec20 198eb/52938 19f8a/89aa0 0789b/489c8 289db/67828 19f8a/89aa0 0789b/489c8 289db/67828
19f8a/89aa0 0789b/489c8 289db/67828 19f8a/89aa0 0789b/489c8 289db/67828 19f8a/89aa0 0789b/489c8
"""


def alike_names(count):
    """Names that are the same to FNV-1a of 32 bits."""
    blocks = [pair.encode().split(b"/") for pair in ALIKE.split()]
    names = [b"".join(block[i >> k & 1] for k, block in enumerate(blocks)) for i in range(min(count, 1 << len(blocks)))]
    if len({functools.reduce(lambda h, byte: (h ^ byte) * 16777619 & 0xffffffff, name, 2166136261) for name in names[:99]}) != 1:
        sys.exit("alike_names: they differ")
    return names


def alike_exports(size):
    names = alike_names(min(size // 90, 99_000))
    return one(b"", before_code=section(7, vec(leb(len(name)) + name + b"\0\0" for name in names)))


def many_exports(size):
    n = min(size // 12, 99_000)
    return one(b"", before_code=section(7, vec(leb(8) + b"%08d" % i + b"\0\0" for i in range(n))))


def many_globals(size):
    n = min(size // 5, 990_000)
    return one(b"", before_code=section(6, leb(n) + (bytes([I32, 1]) + CONST + b"\0" + END) * n))


def many_elements(size):
    """A table filled with references to functions."""
    n = size // 2
    table = section(4, leb(1) + bytes([FUNCREF, 0]) + leb(n))
    return one(b"", before_code=table + section(9, leb(1) + b"\0" + CONST + b"\0" + END + leb(n) + b"\0" * n))


def many_segments(size):
    n = min(size // 7, 99_000)
    memory = section(5, b"\1\0\1")
    segment = b"\0" + CONST + b"\0" + END + b"\1x"
    return one(b"", before_code=memory, after=section(11, leb(n) + segment * n))


def many_names(size):
    """A name section for functions that are there."""
    n = min(size // 14, 300_000)
    names = section(1, leb(n) + b"".join(leb(i) + leb(4) + b"f%03d" % (i % 1000) for i in range(n)))
    return module(funcs=[0] * n, bodies=[body(b"")] * n, after=section(0, leb(4) + b"name" + names))


def many_tries(size):
    return several(lambda n: (TRY_TABLE + VOID + b"\1\2\0" + END) * (n // 6), size, 200_000)


def nested_tries(size):
    return several(lambda n: (TRY_TABLE + VOID + b"\1\2\0") * (n // 6) + END * (n // 6), size, 780_000)


def nested_legacy_tries(size):
    return several(lambda n: (TRY + VOID) * (n // 4) + (CATCH_ALL + END) * (n // 4), size, 260_000)


def catches(size, tags, clauses):
    """try_tables of these clauses, whose label takes the 1,000 values that each of the tags has."""
    types = [functype(), functype([I32] * 1000), functype([], [I32] * 1000)]
    table = TRY_TABLE + VOID + vec(b"\0" + leb(tag) + b"\0" for tag in clauses) + END
    code = BLOCK + b"\2" + table * max(200_000 // len(table), 1) + UNREACHABLE + END + DROP * 1000
    n = max(size // len(code), 1)
    return module(types=types, funcs=[0] * n, bodies=[body(code)] * n, before_code=section(13, vec([b"\0\1"] * tags)))


def matching_catches(size):
    """The label's types are others than the tag's, and match them."""
    types = [functype(), b"\x60" + vec([b"\x64\x70"] * 1000) + b"\0", functype([], [FUNCREF] * 1000)]
    code = BLOCK + b"\2" + TRY_TABLE + VOID + vec([b"\0\0\0"] * 60_000) + END + UNREACHABLE + END + DROP * 1000
    n = max(size // len(code), 1)
    return module(types=types, funcs=[0] * n, bodies=[body(code)] * n, before_code=section(13, vec([b"\0\1"])))


def ref_type(nullable, index):
    return (b"\x63" if nullable else b"\x64") + leb(index)


# A type, and two of its subtypes.
SUBTYPES = [b"\x50\0" + functype(), b"\x50\1\0" + functype(), b"\x4f\1\0" + functype()]


def lists_of_refs(kinds):
    """As many lists of 1,000 references, and of others that each of these can stand for."""
    def lists(ref):
        return [vec(ref(i >> j % 8 & 1) for j in range(1000)) for i in range(kinds)]
    return lists(lambda bit: ref_type(False, 1 + bit)), lists(lambda bit: ref_type(bit, 0))


def catches_of_pairs(size, kinds):
    """Tags with these lists, each caught by each of as many labels, which take the others."""
    narrow, wide = lists_of_refs(kinds)
    types = [*SUBTYPES, functype(), *(b"\x60" + t + b"\0" for t in narrow), *(b"\x60\0" + t for t in wide)]
    table = TRY_TABLE + VOID + vec(b"\0" + leb(tag) + leb(label) for label in range(kinds) for tag in range(kinds)) + END
    code = (b"".join(BLOCK + signed_leb(4 + kinds + i) for i in range(kinds)) + table * max(size // 2 // len(table), 1)
            + (UNREACHABLE + END) * kinds + DROP * 1000)
    return module(types=types, funcs=[3], bodies=[body(code)], before_code=section(13, vec(b"\0" + leb(4 + i) for i in range(kinds))))


def pairs_of_catches(size):
    """The same pairs of lists again and again."""
    return catches_of_pairs(size, 16)


def all_pairs_of_catches(size):
    """More of them than are noted."""
    return catches_of_pairs(size, 256)


def pairs_of_tail_calls(size):
    """Results of functions, likewise."""
    kinds = 16
    narrow, wide = lists_of_refs(kinds)
    types = [*SUBTYPES, functype(), *(b"\x60\0" + t for t in narrow + wide)]
    calls = b"".join(b"\x12" + leb(f) for f in range(kinds))
    code = calls * max(size // 4 // kinds // len(calls), 1)
    return module(types=types, funcs=[4 + i for i in range(2 * kinds)],
                  bodies=[body(UNREACHABLE)] * kinds + [body(code)] * kinds)


def wide_catches(size):
    """Of one tag: only the first of a try_table is ever reached."""
    return catches(size, 1, [0] * 10_000)


def wide_catches_of_tags(size):
    """Each of a tag of its own: all are reached."""
    return catches(size, 128, range(128))


def wide_tags(size):
    """As many tags as there are clauses."""
    n = size // 6
    return catches(0, n, range(n))


def legacy_catches(size):
    return several(lambda n: TRY + VOID + (CATCH + b"\0") * (n // 2) + END, size, 48_000,
                   before_code=section(13, vec([b"\0\0"])))


def legacy_wide_catches(size):
    """Of a tag with 1,000 values; which are dropped one by one."""
    code = TRY + VOID + (CATCH + b"\0" + DROP * 1000) * 45 + END
    n = size // len(code)
    return module(types=[functype(), functype([I32] * 1000)], funcs=[0] * n, bodies=[body(code)] * n,
                  before_code=section(13, vec([b"\0\1"])))


SUB, REC, STRUCT, REF_NULL, REF_NULL_FUNC = b"\x50", b"\x4e", b"\x5f", b"\x63", b"\x63\x70"
TEST, CAST, ON_CAST = b"\xfb\x15", b"\xfb\x17", b"\xfb\x18"  # of types that include null


def rec_group(size):
    """One group, as large as may be, whose types refer to each other."""
    n = min(size // 7, 1_000_000)
    types = (STRUCT + b"\1" + REF_NULL + signed_leb(1 + i * 7919 % (n - 1)) + b"\0" for i in range(1, n))
    return HEADER + section(1, vec([REC + vec([functype(), *types])]))


def rec_group_of_a_million(_size):
    """As many types as a group may have, the least of each."""
    return HEADER + section(1, vec([REC + vec([STRUCT + b"\0"] * 1_000_000)]))


def rec_groups(size):
    """The same group of a hundred types over and over."""
    group = REC + vec([STRUCT + b"\1" + REF_NULL + leb(1) + b"\1"] * 100)
    n = min(size // len(group), 9_999)
    return HEADER + section(1, vec([functype(), STRUCT + b"\0"] + [group] * n))


def subtype_chains(size):
    """Chains of as many supertypes as may be."""
    types, n = [], min(size // 7, 1_000_000)
    for i in range(n):
        parent = vec([leb(i - 1)]) if i % 64 else b"\0"
        types.append(SUB + parent + STRUCT + b"\0")
    return HEADER + section(1, vec([REC + vec(types)]))


def casts(size):
    """Loops of nothing but casts of a local: to the end and the middle of a chain of 60 types, and to no type's own."""
    chain = [SUB + (vec([leb(i - 1)]) if i > 1 else b"\0") + STRUCT + b"\0" for i in range(1, 61)]
    take = GET + b"\0"
    tests = b"".join(take + TEST + kind + DROP + take + CAST + kind + DROP for kind in (leb(60), leb(30), b"\x6c", b"\x6b"))
    branch = (BLOCK + REF_NULL + leb(60) + take + ON_CAST + b"\3\0\x6e" + leb(60) + DROP + b"\xd0" + leb(60) + END
              + SET + b"\0")
    loop = LOOP + VOID + (tests + branch) * 10 + CONST + b"\1" + BR_IF + b"\0" + END
    return several(lambda n: loop * (n // len(loop)), size, 390_000, [(1, 0x6E)], types=[functype(), *chain])


def long_block_types(size):
    """Reference types of several bytes in blocks alone, the first in the last function: all is compiled again."""
    plain, code = body((GET + b"\0" + DROP) * 100, [(1, I32)]), b"\xd0\x70" + DROP
    last = body(BLOCK + REF_NULL_FUNC + b"\xd0\x70" + END + DROP + code)
    n = size // len(plain)
    return module(funcs=[0] * (n + 1), bodies=[plain] * n + [last])


def unset_locals(size):
    """Locals without a default, which each block sets and each end forgets."""
    inner = b"".join(b"\xd2\0" + SET + leb(i) for i in range(1000))
    code = (BLOCK + VOID + inner + END) * 12
    ref_func = b"\x64\0"
    inside = leb(1) + leb(1000) + ref_func + code + END
    one_body = leb(len(inside)) + inside
    n = size // len(one_body)
    declared = section(9, vec([b"\3\0" + vec([b"\0"])]))
    return module(funcs=[0] * n, bodies=[one_body] * n, before_code=declared)


def vectors(size):
    n = size // 5
    add = b"\xfd\xae\x01"
    return one(b"\xfd\x0c" + bytes(16) + SET + b"\0" + GET + b"\0" + (GET + b"\0" + add) * n + DROP, [(1, V128)])


MODULES = [nested_blocks, nested_loops, nested_ifs, nested_results, wide_results, many_locals, many_locals_blocks,
           many_locals_loops, functions_of_locals, functions_of_50000_locals, wide_calls, table_of_branches,
           tables_of_branches, tiny_functions, constant_chain, constant_tower, deep_stack, deep_stack_blocks, deep_stack_calls, deep_stack_sets, unreachable_code,
           wide_unreachable_blocks, wide_unreachable_branches, wide_unreachable_tables, wide_unreachable_calls,
           wide_branches, wide_moving_branches, wide_calls_alone,
           forward_branches, long_sum, many_loops, many_types, alike_types, alike_exports, many_exports, many_globals, many_elements, many_segments,
           many_names, many_tries, nested_tries, nested_legacy_tries, matching_catches, pairs_of_catches,
           all_pairs_of_catches, pairs_of_tail_calls, wide_catches,
           wide_catches_of_tags, wide_tags, legacy_catches, legacy_wide_catches, rec_group,
           rec_group_of_a_million, rec_groups, subtype_chains, casts, long_block_types, unset_locals, vectors]
SIZE = 3_000_000

Row = collections.namedtuple("Row", "name bytes ns_a_byte peak_mb wrong")
# Those that are over a limit of the engine's, and by which: their time is that of the whole process.
REFUSED = {"all_pairs_of_catches": "too many long lists of types are compared"} | dict.fromkeys(
    ("wide_unreachable_blocks", "wide_unreachable_branches", "wide_unreachable_tables", "wide_unreachable_calls",
     "wide_branches", "wide_calls_alone"), "too many operands of long lists of types") | {
         "wide_moving_branches": "machine code is too large"}


def children_ns():
    return time_of(resource.getrusage(resource.RUSAGE_CHILDREN))


def time_of(usage):
    return round((usage.ru_utime + usage.ru_stime) * 1e9)


def compile_once(program, path, refused=None):
    """Nanoseconds of a process that compiles a module once, its peak memory, and None or what is wrong."""
    before = children_ns()
    try:
        done = subprocess.run([program, path, "1"], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return TIME_LIMIT_S * 10**9, 0, f"more than {TIME_LIMIT_S} s"
    lines = done.stdout.splitlines()
    if refused:
        said = done.stdout + done.stderr
        return children_ns() - before, 0, None if done.returncode and refused in said else f"not refused: {said}"
    if done.returncode or len(lines) != 2:
        return 0, 0, f"status {done.returncode} {done.stdout.strip()} {done.stderr.strip()}"
    return int(lines[0].split()[0]), int(lines[1].split()[1]), None


def compile_file(program, path, rounds, refused=None):
    runs = [compile_once(program, path, refused) for _ in range(rounds)]
    return min(r[0] for r in runs), max(r[1] for r in runs), runs[0][2]


def measure(program, c_program, rounds=2, names=()):
    """The C program's nanoseconds a byte and a Row for each module."""
    size = code_section_bytes(Path(c_program).read_bytes())  # of its other sections most are skipped
    usual = compile_file(program, c_program, 5 * rounds)[0] / size
    rows = []
    with tempfile.TemporaryDirectory(prefix="mote-adversarial-") as directory:
        for make in MODULES:
            if names and make.__name__ not in names:
                continue
            path = Path(directory) / "module.wasm"
            path.write_bytes(make(SIZE))
            size = path.stat().st_size
            ns, peak, wrong = compile_file(program, path, rounds, REFUSED.get(make.__name__))
            rows.append(Row(make.__name__, size, ns / size, peak / 1e6, wrong))
    return usual, rows


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    usual, rows = measure(sys.argv[1], sys.argv[2], names=sys.argv[3:])
    failed = 0
    print(f"the C program: {usual:.1f} ns a byte")
    for row in rows:
        allowed = (MEMORY_FREE + MEMORY_A_BYTE * row.bytes) / 1e6
        wrong = row.wrong
        if not wrong and row.ns_a_byte > BOUND * usual:
            wrong = f"more than {BOUND} times the usual time"
        if not wrong and row.peak_mb > allowed:
            wrong = f"more than {allowed:.0f} MB of memory"
        failed += wrong is not None
        print(f"{'FAIL' if wrong else 'pass'} {row.name}: {row.bytes} bytes, {row.ns_a_byte:.1f} ns a byte, "
              f"{row.ns_a_byte / usual:.2f} of usual, {row.peak_mb:.0f} MB{': ' + wrong if wrong else ''}")
    print(f"{len(rows) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not rows else 0)


if __name__ == "__main__":
    main()
