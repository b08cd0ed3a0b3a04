#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PolyBench/C 4.2.1: the time of each kernel as a share of native speed.

usage: test/bench/polybench.py POLYBENCH-DIRECTORY [KERNEL…]

The directory is a checkout of PolyBench/C, which is not part of this project. Each of its kernels is compiled with
clang -O2 to WebAssembly and natively; the arrays that it computes on the small data set must be the same in all
engines (build/peers, see hack/peers; KERNEL_ENGINES names some); then all measure it in turn, least times. POLYBENCH_DATASET is
MEDIUM, unless it says SMALL or LARGE; POLYBENCH_ROUNDS.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench

ROUNDS = int(os.getenv("POLYBENCH_ROUNDS", "3"))
DATASET = os.getenv("POLYBENCH_DATASET", "MEDIUM")
WASI = ["--target=wasm32-wasi", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-lwasi-emulated-process-clocks"]


def compile_both(directory, source, out, flags):
    common = ["clang", "-O2", "-w", "-ffp-contract=off", *flags, f"-I{directory / 'utilities'}", f"-I{source.parent}", source,
              directory / "utilities/polybench.c"]
    bench.run([*common, "-lm", "-o", out / "native"])
    bench.run([*common, *WASI, "-lm", "-o", out / "kernel.wasm"])
    return bench.engines(out / "kernel.wasm", [("native", out / "native")])


def check_answers(directory, source, out):
    answers = {}
    for name, command in compile_both(directory, source, out, ["-DSMALL_DATASET", "-DPOLYBENCH_DUMP_ARRAYS"]).items():
        done = subprocess.run(command, capture_output=True, text=True, timeout=bench.TIME_LIMIT_S, check=False)
        if done.returncode or "DUMP_ARRAYS" not in done.stderr:
            sys.exit(f"polybench: {source.stem}: {name}: status {done.returncode} {done.stderr[-500:]}")
        answers[name] = done.stderr
        if done.stderr != answers["native"]:
            sys.exit(f"polybench: {source.stem}: {name} does not compute what the native program does")


def measure(directory, source, out):
    check_answers(directory, source, out)
    commands = compile_both(directory, source, out, [f"-D{DATASET}_DATASET", "-DPOLYBENCH_TIME"])
    rounds = [{name: float(bench.run(c)) for name, c in commands.items()} for _ in range(ROUNDS)]
    best = {n: max(min(r[n] for r in rounds), 1e-6) for n in commands}
    shares = {n: best["native"] / best[n] for n in commands}
    return best["native"], shares


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    directory, only = Path(sys.argv[1]), sys.argv[2:]
    kernels = [directory / line for line in (directory / "utilities/benchmark_list").read_text().split()]
    kernels = [k for k in kernels if not only or k.stem in only]
    if not kernels:
        sys.exit(f"polybench: no kernel is called {' '.join(only)}")
    rows, by_kernel = [], {}
    with tempfile.TemporaryDirectory(prefix="mote-polybench-") as scratch:
        for source in kernels:
            seconds, by_kernel[source.stem] = measure(directory, source, Path(scratch))
            rows.append([source.stem, f"{seconds * 1000:.2f}", *list(by_kernel[source.stem].values())[1:]])
            bench.say(f"{source.stem}: {by_kernel[source.stem]['mote']:.3f}")
    names = list(next(iter(by_kernel.values())))
    means = {n: bench.geometric_mean([s[n] for s in by_kernel.values()]) for n in names}
    bench.table(["kernel", "native ms", *names[1:]], rows + [["geometric mean", "", *list(means.values())[1:]]])
    bench.report(name="polybench", unit="of native", dataset=DATASET, median=round(means["mote"], 4), runs=ROUNDS,
                 means={n: round(m, 4) for n, m in means.items()}, missing=bench.missing_peers(),
                 kernels={k: {n: round(v, 4) for n, v in s.items()} for k, s in by_kernel.items()})


if __name__ == "__main__":
    main()
