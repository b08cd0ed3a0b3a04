#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the component model's test suite.

usage: test/conformance/component_spectest.py PROGRAM [PATTERN]

PROGRAM   component_check, which validates and instantiates components and calls what they export
PATTERN   only scripts whose name contains it

The suite is the directory or archive that MOTE_COMPONENT_TESTSUITE names: GROUP/NAME.json with its binaries, as
`wasm-tools json-from-wast` writes them from WebAssembly/component-model's test/. Commands that need a feature that is not
there are listed in component_out_of_scope.txt; they are run too, and must be refused by name. A call that has no instance to
call, because that one is left out, is left out as well. Of the scripts of group async all is validated; calls there need
what is not there, and are counted as not run. All is done twice, with adapters and with calls between components interpreted:
what is said must be the same. Closes with `N passed, N failed`.
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
MAKES = ("module", "module_instance", "assert_uninstantiable")
REFUSED = {"assert_invalid": ("invalid", "malformed"), "assert_malformed": ("malformed",)}
CALLS = ("assert_return", "assert_trap", "action")
CORE_TRAPS = ("unreachable", "out of bounds memory access", "integer divide by zero", "integer overflow", "indirect call type mismatch",
              "undefined element", "uninitialized element", "call stack exhausted")


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


def words(value):
    """A value as component_values.h has it."""
    kind, v = value["type"], value.get("value")
    if kind in ("record", "tuple"):
        return [w for part in v for w in words(part[1] if kind == "record" else part)]
    if kind == "list":
        return [str(len(v))] + [w for each in v for w in words(each)]
    if kind == "variant":
        return ["c" + v["case"]] + (words(v["payload"]) if v.get("payload") else [])
    if kind == "option":
        return ["1"] + words(v) if v else ["0"]
    if kind == "result":
        is_ok = "Ok" in v
        return [str(int(not is_ok))] + (words(v["Ok" if is_ok else "Err"]) if v["Ok" if is_ok else "Err"] else [])
    if kind == "flags":
        return [str(len(v)), *v]
    if kind == "string":
        return ["x" + v.encode().hex()]
    if kind == "char":
        return [str(ord(v))]
    if kind == "bool":
        return [str(int(v))]
    return ["c" + v if kind == "enum" else str(v)]


def commands(directory, pattern):
    """Script, command and what component_check is to do for it."""
    for path in sorted(directory.rglob("*.json")):
        script, defined, current = f"{path.parent.name}/{path.stem}", {}, "0"
        if pattern not in script:
            continue
        for number, command in enumerate(json.loads(path.read_text())["commands"]):
            kind, file = command["type"], path.parent / command.get("binary_filename", command.get("filename", ""))
            if kind == "module_definition":
                defined[command.get("name")] = file
            if kind in MAKES:
                name = command.get("instance", command.get("name"))
                current = f"{script}/{name or number}"
                yield script, command, f"instance {current} {defined[command['module']] if kind == 'module_instance' else file}"
            elif kind in CALLS:
                action = command["action"]
                name = f"{script}/{action['module']}" if action.get("module") else current
                values = " ".join(w for v in action.get("args", []) for w in words(v))
                yield script, command, f"invoke {name} {action['field']} {values}".rstrip()
            else:
                yield script, command, f"check {file}"


def carry_out(program, lines, *options):
    """What the program says of each."""
    done = subprocess.run([program, *options], input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, check=False,
                          errors="replace", timeout=600)
    said = done.stdout.splitlines()
    if done.returncode != 0 or len(said) != len(lines):
        where = lines[len(said)] if len(said) < len(lines) else "its end"
        sys.exit(f"component-spectest: {program} ended with {done.returncode} at {where}:\n{done.stderr[-3000:]}")
    return said


def trap_differs(text, said):
    """Whether a trap is another one than is expected: rules of the component model have no words of their own."""
    expected = text.removeprefix("wasm trap: ").removeprefix("wasm `").split("`")[0]
    core = next((t for t in CORE_TRAPS if expected.startswith(t)), None)
    return not said.startswith(f"trap {core or 'broken rule of the component model'}: ")


def verdict(command, said):
    """Why a command has failed, or None."""
    kind, said_kind = command["type"], said.split(" ", 1)[0]
    if kind in ("module", "module_instance"):
        return None if said_kind == "instance" else f"no instance: {said}"
    if kind == "module_definition":
        return None if said_kind == "valid" else f"it is refused: {said}"
    if kind in ("assert_return", "action"):
        expected = " ".join(["returned"] + [w for v in command.get("expected", []) for w in words(v)])
        return None if said.rstrip() == expected else f"{said}; expected: {expected}"
    if kind in ("assert_trap", "assert_uninstantiable"):
        return f"{said}; expected: {command['text']}" if trap_differs(command["text"], said) else None
    if said_kind in REFUSED[kind]:
        return None
    return f"{said}; expected: {kind[7:]}, {command['text']}"


def self_test(program, directory):
    """Expectations that are exchanged must be reported."""
    every = list(commands(directory, ""))
    _, valid, file = next(c for c in every if c[1]["type"] == "module_definition")
    _, invalid, other = next(c for c in every if c[1]["type"] == "assert_invalid")
    said = carry_out(program, [file, other])
    swapped = [verdict({**invalid, "type": "assert_invalid"}, said[0]), verdict({**valid, "type": "module_definition"}, said[1]),
               verdict({"type": "assert_return", "expected": [{"type": "u32", "value": "1"}]}, "returned 2 "),
               verdict({"type": "assert_trap", "text": "unreachable"}, "trap integer overflow: "),
               verdict({"type": "assert_trap", "text": "unreachable"}, "returned ")]
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
    for script, command, line in commands(directory, pattern):
        group = script.split("/")[0]
        if command.get("module_type") == "text":
            counts[group]["text"] += 1
        elif group == "async" and command["type"] in CALLS:
            counts[group]["not run"] += 1
        else:
            if group == "async" and command["type"] in MAKES:
                line = "check " + line.split(" ", 2)[2]
                command = {**command, "type": "module_definition"}
            run.append((script, command, line))
    if not run:
        sys.exit(f"component-spectest: no script named *{pattern}*")
    failures, left_out, lines = [], set(), [line for *_, line in run]
    compiled, interpreted = carry_out(program, lines), carry_out(program, lines, "--interpreted")
    for (script, command, line), said, other in zip(run, compiled, interpreted):
        group, number = script.split("/")[0], command["line"]
        feature, why, name = listed.get((script, number)), verdict(command, said), line.split(" ")[1]
        if not why and said != other:
            why = f"{said}; interpreted: {other}"
        if feature and not why:
            why = f"component_out_of_scope.txt says that it needs {feature}, and it passes: take it off the list"
        elif feature and "not supported" in said or (name in left_out and said.startswith("refused there is no ")):
            left_out.add(name)
            counts[group]["left out"] += 1
            continue
        counts[group]["failed" if why else "passed"] += 1
        if why:
            failures.append(f"FAIL {script}:{number}: {why}")
    columns = ("passed", "failed", "left out", "text", "not run")
    print(f"{'group':<14}" + "".join(f"{c:>10}" for c in columns))
    for group in sorted(counts):
        print(f"{group:<14}" + "".join(f"{counts[group][c]:>10}" for c in columns))
    print("\n".join(failures))
    if any(counts[g]["not run"] for g in counts):
        print("not run: calls of async functions")
    passed, failed = self_test(program, directory)
    passed += sum(c["passed"] for c in counts.values())
    failed += sum(c["failed"] for c in counts.values())
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
