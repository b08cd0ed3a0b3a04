#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the preview 1 tests of WebAssembly/wasi-testsuite (branch prod/testsuite-base) with Mote.

usage: test/conformance/wasi.py SUITE [PATTERN]

SUITE is a checkout of the suite, which is never changed: a test that has a root directory gets a copy.
With PATTERN only tests whose name contains it are run. Tests listed in wasi_skip.txt, each with its
reason, are not run and are counted as skipped. Ends with `N passed, N failed, N skipped`.
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import wasi_adapter

TIME_LIMIT_S = 600
HERE = Path(__file__).resolve().parent


def skips():
    """Names to skip, from lines of `NAME: reason`."""
    found = {}
    for number, line in enumerate((HERE / "wasi_skip.txt").read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, reason = line.partition(":")
        if not colon or not reason.strip():
            sys.exit(f"wasi_skip.txt:{number}: a test without a reason")
        found[name.strip()] = reason.strip()
    return found


def specification(wasm):
    """A test's expectations; what is not given has the suite's defaults."""
    path = wasm.with_suffix(".json")
    given = json.loads(path.read_text()) if path.exists() else {}
    known = {"args", "root", "env", "exit_code", "stdout", "stderr"}
    if not set(given) <= known:
        raise ValueError(f"its specification has members unknown here: {sorted(set(given) - known)}")
    return given


def run(wasm, scratch):
    """None if the test passed, else what was wrong."""
    spec = specification(wasm)
    root = None
    if spec.get("root"):
        root = scratch / "root"
        shutil.copytree(wasm.parent / spec["root"], root, symlinks=True,
                        ignore=shutil.ignore_patterns("*.cleanup"))
    argv = wasi_adapter.compute_argv(str(wasm), (spec.get("args", []), spec.get("env", {}), root and str(root)),
                                     [], "wasi:cli/command", "wasm32-wasip1")
    try:
        got = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    wrong = []
    if got.returncode != spec.get("exit_code", 0):
        wrong.append(f"exit status {got.returncode}, not {spec.get('exit_code', 0)}")
    for name, stream in (("stdout", got.stdout), ("stderr", got.stderr)):
        if name in spec and stream.decode(errors="replace") != spec[name]:
            wrong.append(f"{name} is not {spec[name]!r}")
    if wrong:
        return "; ".join(wrong) + "\n" + got.stdout.decode(errors="replace") + got.stderr.decode(errors="replace")
    return None


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    suite, pattern = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else ""
    tests = sorted(suite.glob("tests/*/testsuite/wasm32-wasip1/*.wasm"))
    if not tests:
        sys.exit(f"{suite}: no tests there (tests/*/testsuite/wasm32-wasip1/*.wasm)")
    skip, passed, failed, skipped = skips(), 0, 0, 0
    for wasm in tests:
        name = f"{wasm.parts[-4]}/{wasm.stem}"
        if pattern not in name:
            continue
        if name in skip:
            skipped += 1
            print(f"skip {name}: {skip[name]}")
            continue
        with tempfile.TemporaryDirectory(prefix="mote-wasi-") as scratch:
            wrong = run(wasm, Path(scratch))
        if wrong:
            failed += 1
            print(f"FAIL {name}: {wrong.rstrip()}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
