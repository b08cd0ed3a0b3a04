#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validates the components of the component model's test suite.

usage: test/conformance/component_spectest.py PROGRAM [PATTERN]

PROGRAM   component_check, which says of files whether they are valid components
PATTERN   only scripts whose name contains it

The suite is the directory or archive that MOTE_COMPONENT_TESTSUITE names: GROUP/NAME.json with its binaries, as
`wasm-tools json-from-wast` writes them from WebAssembly/component-model's test/. What only needs validation is run; commands
that call functions are counted by kind as not run: components cannot be instantiated yet. Commands that need a feature that is not
there are listed in component_out_of_scope.txt; they are run too, and must be refused by name. Closes with `N passed, N
failed`.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEFAULT = ROOT.parent / "shared" / "data" / "component-testsuite-json.tar.xz"
VALID = ("module", "module_definition", "assert_uninstantiable")
REFUSED = {"assert_invalid": ("invalid", "malformed"), "assert_malformed": ("malformed",)}


def suite():
    """The unpacked suite's directory."""
    source = Path(os.environ.get("MOTE_COMPONENT_TESTSUITE", DEFAULT))
    if source.is_dir():
        return source
    if not source.is_file():
        sys.exit(f"component-spectest: there is no test suite at {source}. Set MOTE_COMPONENT_TESTSUITE to a directory or .tar.xz "
                 "of it. To make one from a checkout of WebAssembly/component-model, for each file of test/:\n"
                 "  wasm-tools json-from-wast GROUP/NAME.wast --wasm-dir OUT/GROUP -o OUT/GROUP/NAME.json")
    directory = ROOT / "build" / "component-spectest"
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(source) as archive:
        if any(m.name.startswith("/") or ".." in m.name.split("/") or not (m.isfile() or m.isdir())
               for m in archive.getmembers()):
            sys.exit(f"component-spectest: {source} has members that are not plain files below it")
        archive.extractall(directory)
    return directory


def out_of_scope():
    """(script, line) to the feature that the command needs."""
    listed = {}
    for number, line in enumerate((HERE / "component_out_of_scope.txt").read_text().splitlines(), 1):
        line = line.partition("#")[0].strip()
        entry = re.fullmatch(r"(\S+):(\d+): (\S.*)", line)
        if line and not entry:
            sys.exit(f"component_out_of_scope.txt:{number}: not 'GROUP/NAME:LINE: FEATURE'")
        if entry:
            listed[entry[1], int(entry[2])] = entry[3]
    return listed


def commands(directory, pattern):
    """Script, command and binary of each command."""
    for path in sorted(directory.rglob("*.json")):
        script = f"{path.parent.name}/{path.stem}"
        if pattern in script:
            for command in json.loads(path.read_text())["commands"]:
                yield script, command, path.parent / command.get("binary_filename", command.get("filename", ""))


def check(program, files):
    """What the program says of each file."""
    done = subprocess.run([program], input="".join(f"{f}\n" for f in files), capture_output=True, text=True, check=False,
                          errors="replace", timeout=600)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(files):
        where = files[len(lines)] if len(lines) < len(files) else "its end"
        sys.exit(f"component-spectest: {program} ended with {done.returncode} at {where}:\n{done.stderr[-3000:]}")
    return lines


def verdict(command, said):
    """Why a command has failed, or None."""
    kind = said.split(" ", 1)[0]
    if command["type"] in VALID:
        return None if kind == "valid" else f"it is refused: {said}"
    if kind in REFUSED[command["type"]]:
        return None
    return f"{said}; expected: {command['type'][7:]}, {command['text']}"


def self_test(program, directory):
    """A valid component that is expected to be invalid must be reported, and the other way round."""
    _, valid, file = next(c for c in commands(directory, "") if c[1]["type"] == "module")
    _, invalid, other = next(c for c in commands(directory, "") if c[1]["type"] == "assert_invalid")
    said = check(program, [file, other])
    swapped = [verdict({**invalid, "type": "assert_invalid"}, said[0]), verdict({**valid, "type": "module"}, said[1])]
    if all(swapped):
        return 1, 0
    print(f"FAIL self-test: with expectations exchanged the runner said {swapped}")
    return 0, 1


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    program, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else ""
    directory, listed = suite(), out_of_scope()
    run, counts = [], collections.defaultdict(collections.Counter)
    for script, command, file in commands(directory, pattern):
        group = script.split("/")[0]
        if command["type"] not in VALID and command["type"] not in REFUSED:
            counts[group]["not run"] += 1
        elif command.get("module_type") == "text":
            counts[group]["text"] += 1
        else:
            run.append((script, command, file))
    if not run:
        sys.exit(f"component-spectest: no script named *{pattern}*")
    failures = []
    for (script, command, _), said in zip(run, check(program, [file for *_, file in run])):
        group, line = script.split("/")[0], command["line"]
        feature, why = listed.get((script, line)), verdict(command, said)
        if feature and not why:
            why = f"component_out_of_scope.txt says that it needs {feature}, and it passes: take it off the list"
        elif feature and said.startswith("unsupported "):
            counts[group]["left out"] += 1
            continue
        counts[group]["failed" if why else "passed"] += 1
        if why:
            failures.append(f"FAIL {script}:{line}: {why}")
    columns = ("passed", "failed", "left out", "text", "not run")
    print(f"{'group':<14}" + "".join(f"{c:>10}" for c in columns))
    for group in sorted(counts):
        print(f"{group:<14}" + "".join(f"{counts[group][c]:>10}" for c in columns))
    print("\n".join(failures))
    if any(counts[g]["not run"] for g in counts):
        print("not run: commands that call functions (assert_return, assert_trap, action) or make instances (module_instance)")
    passed, failed = self_test(program, directory)
    passed += sum(c["passed"] for c in counts.values())
    failed += sum(c["failed"] for c in counts.values())
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
