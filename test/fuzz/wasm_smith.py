#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Mote's engine with V8 on the modules of another generator, wasm-tools' smith: what exported functions return.

usage: test/fuzz/wasm_smith.py PROGRAM MODULES [FIRST-SEED]

PROGRAM is wasm_smith. wasm-tools comes from PyPI, of a pinned version, once, into build/differential; V8 as for
wasm_differential.py. Modules import nothing and end by fuel, and have all of WebAssembly 3.0 but relaxed SIMD; all of
them are valid, so that one that Mote refuses is a failure. Ends with `N passed, N failed`; a mismatch is printed with its seed and stays in build/differential.
"""
import random
import subprocess
import sys

from wasm_differential import BUILD, HERE, arguments, in_batches, lines_of, show, wasm_tools

BATCH = 100
SHOWN = 20
OPTIONS = {"min-funcs": 4, "max-funcs": 12, "max-imports": 0, "max-memories": 3, "max-tables": 3, "export-everything": "true",
           "canonicalize-nans": "true", "memory-max-size-required": "true", "table-max-size-required": "true",
           "max-memory32-bytes": 1 << 20, "max-memory64-bytes": 1 << 20, "max-table-elements": 1000,
           "max-instructions": 400, "memory64-enabled": "true", "exceptions-enabled": "true", "tail-call-enabled": "true",
           "simd-enabled": "true", "extended-const-enabled": "true", "reference-types-enabled": "true",
           "relaxed-simd-enabled": "false", "gc-enabled": "true", "threads-enabled": "false",
           "wide-arithmetic-enabled": "false", "custom-page-sizes-enabled": "false",
           "shared-everything-threads-enabled": "false", "custom-descriptors-enabled": "false",
           "compact-imports-enabled": "false"}


def make(seed):
    """A module, or None if smith finds none in the seed's bytes."""
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    done = subprocess.run([wasm_tools(), "smith", "--ensure-termination", "--fuel=500", *options],
                          input=random.Random(seed).randbytes(20_000), capture_output=True, check=False)
    return done.stdout if done.returncode == 0 and done.stdout else None


def agree(mine, other):
    """Whether two lines do, as far as V8 went before it met a limit of its own."""
    return mine.startswith(other.removesuffix("limit")) if other.endswith("limit") else mine == other


def batch(program, v8, first, count):
    """How many modules agree, and the mismatches."""
    path, calls = BUILD / f"smith-{first}", BUILD / f"smith-{first}.calls"
    made = {seed: module for seed in range(first, first + count) if (module := make(seed))}
    path.write_bytes(b"".join(len(m).to_bytes(4, "little") + m for m in made.values()))
    ours, ended = lines_of([program, str(path), str(calls)])
    bad = []
    if ended:
        bad.append(f"Mote's engine ended in the module of seed {list(made)[len(ours)]}: {ended}")
    theirs, ended = lines_of([v8, str(HERE / "wasm_smith.mjs"), str(path), str(calls)])
    if ended and not bad:
        bad.append(f"Node.js ended on the batch of seed {first}: {ended}")
    for seed, mine, other in zip(made, ours, theirs):
        if not agree(mine, other):
            (BUILD / f"smith-{seed}.wasm").write_bytes(made[seed])
            bad.append(f"seed {seed}: {mine[:400]}\n    V8: {other[:400]}")
    agreed = sum(agree(mine, other) for mine, other in zip(ours, theirs))
    called = sum(line.count("=") for line in ours)
    path.unlink()
    calls.unlink(missing_ok=True)
    return agreed, called, bad


def main():
    program, modules, first = arguments(__doc__)
    BUILD.mkdir(parents=True, exist_ok=True)
    wasm_tools()
    agreed, called, bad = in_batches(batch, BATCH, program, first, modules)
    show(bad, SHOWN)
    print(f"{called} calls in modules from seed {first}")
    print(f"{agreed} passed, {len(bad)} failed")
    return 1 if bad or agreed < modules // 2 or not called else 0


if __name__ == "__main__":
    sys.exit(main())
