#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CoreMark: iterations a second as shares of native speed.

usage: test/bench/coremark.py COREMARK-DIRECTORY

The directory is a checkout of EEMBC's CoreMark, which is not part of this project. It is compiled with clang -O2 to
WebAssembly and natively; each round runs all engines in turn (build/peers, see hack/peers; KERNEL_ENGINES names
some), and each must print the check sums that CoreMark knows. COREMARK_ROUNDS, COREMARK_ITERATIONS.
"""
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench

ROUNDS = int(os.getenv("COREMARK_ROUNDS", "5"))
ITERATIONS = os.getenv("COREMARK_ITERATIONS", "10000")
FLAGS = ["-O2", "-w", "-DPERFORMANCE_RUN=1", '-DFLAGS_STR="-O2"']


def compile_both(directory, out):
    sources = [*sorted(directory.glob("core_*.c")), directory / "posix/core_portme.c"]
    if len(sources) < 6:
        sys.exit(f"coremark: {directory} has no CoreMark: core_*.c and posix/core_portme.c")
    include = [f"-I{directory}", f"-I{directory / 'posix'}"]
    bench.run(["clang", *FLAGS, *include, *sources, "-o", out / "native"])
    bench.run(["clang", "--target=wasm32-wasi", *FLAGS, *include, *sources, "-o", out / "coremark.wasm"])
    return bench.engines(out / "coremark.wasm", [("native", out / "native")])


def iterations_a_second(command):
    said = bench.run([*command, "0", "0", "0x66", ITERATIONS, "7", "1", "2000"])
    speed = re.search(r"^Iterations/Sec\s*: ([0-9.]+)", said, re.M)
    # A run below 10 seconds is not a valid result to CoreMark; its check sums are compared all the same.
    if not speed or re.search(r"ERROR! .*crc", said):
        sys.exit(f"coremark: {command[0]}: wrong answers\n{said}")
    return float(speed.group(1))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="mote-coremark-") as scratch:
        commands = compile_both(Path(sys.argv[1]), Path(scratch))
        rounds = [{name: iterations_a_second(c) for name, c in commands.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in commands}
    shares = {name: statistics.median(r[name] / r["native"] for r in rounds) for name in commands}
    bench.table(["engine", "iterations/s", "of native"], [[n, round(medians[n]), shares[n]] for n in commands])
    bench.report(name="coremark", unit="of native", median=round(shares["mote"], 4), runs=ROUNDS,
                 means={n: round(s, 4) for n, s in shares.items()}, missing=bench.missing_peers())


if __name__ == "__main__":
    main()
