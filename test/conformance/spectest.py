#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the official WebAssembly test suite with Mote's engine, in micro-VMs and hosted under sanitizers.

usage: test/conformance/spectest.py [--vm PROGRAM] [--hosted PROGRAM] [--emulated] [--sample] [PATTERN]

--vm        spectest_vm, which runs packed scripts in micro-VMs on /dev/kvm
--hosted    spectest_hosted, the same runner as a program of this machine
--emulated  the micro-VMs run on the KVM of hack/kvm-emulated
--sample    only a cross-section: the scripts of every group that SAMPLE names
PATTERN     only scripts whose name contains it

The suite is the directory or archive that MOTE_SPEC_TESTSUITE names: each NAME/NAME.json with its binaries, as
`wasm-tools json-from-wast` writes them. Prints a table by group, and closes with `N passed, N failed`. Scripts that
need a feature that is not there, or the lines of their commands that do, are listed in spectest_out_of_scope.txt; they
are run too, and one of them that passes as a whole, or less than the list says, fails the run.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import spectest_edges
import spectest_nests
import spectest_pack
import spectest_unshared

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "spectest"
NAME = "wasm-testsuite-json"
TIME_LIMIT_S = 300
SHOWN = 60  # failures that are printed
COUNTS = ("commands", "text", "executed", "passed", "failed")
ALTERED = "i32"  # the script of the self-test
VECTOR = "simd_splat"  # a script that cannot run without AVX
SAMPLE = ["i32", "f64", "call_indirect", "br_table", "memory_grow", "memory_trap", "table_copy", "linking", "traps",
          "conversions", "fac", "binary", "imports", "load1", "memory_copy0", "memory_init0", "data0", "elem",
          "simd_lane", "simd_f32x4_arith", "simd_load_extend", "simd_i8x16_arith2", "simd_conversions", "simd_const",
          "simd_memory-multi", "relaxed_madd_nmadd", "i32x4_relaxed_trunc", "relaxed_dot_product", "return_call",
          "return_call_indirect", "custom", "try_table", "throw_ref", "legacy/try_catch", "own/memory_edges", "address64",
          "memory_grow64", "table_copy_mixed", "call_indirect64", "own/memory64_edges",
          "own/atomic_unshared", "own/nests"]
# Groups whose modules have what is collected.
COLLECTED = ("GC", "exceptions", "function references")
# The first group with a matching pattern.
GROUPS = [
    ("core", "i64 f64"),
    ("our own", "own/*"),
    ("proposals after 3.0", "proposals/*"),
    ("relaxed SIMD", "relaxed_* i8x16_relaxed_* i16x8_relaxed_* i32x4_relaxed_*"),
    ("multi-memory", "address0 address1 align0 binary0 data0 data1 data_drop0 exports0 float_exprs0 float_exprs1 "
     "float_memory0 imports[0-4] linking[0-3] load[0-2] memory_copy[01] memory_fill0 memory_init0 memory_size[0-3] "
     "memory_trap[01] memory-multi memory_size_import start0 store[0-2] traps0 simd_memory-multi"),
    ("SIMD", "simd_*"),
    ("tail calls", "return_call return_call_indirect"),
    ("memory64", "*64 memory64-imports table_copy_mixed binary_leb128_64"),
    ("exceptions", "tag throw throw_ref try_table legacy/*"),
    ("function references", "br_on_non_null br_on_null call_ref ref_as_non_null return_call_ref type-equivalence "
     "local_init instance ref"),
    ("GC", "array array_* binary-gc br_on_cast* extern i31 ref_cast ref_eq ref_test struct type-canon type-rec "
     "type-subtyping* table-sub"),
    ("custom sections", "custom annotations name_annot branch_hint metadata.* id custom_annot"),
]


def group_of(name):
    for group, patterns in GROUPS:
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns.split()):
            return group
    return "core"


def suite():
    """The unpacked suite's directory."""
    given = os.environ.get("MOTE_SPEC_TESTSUITE")
    default = ROOT.parent / "shared" / "data" / f"{NAME}.tar.xz"
    source = Path(given) if given else default
    if source.is_dir():
        return source
    if not source.is_file():
        sys.exit(f"spectest: there is no test suite at {source}. Set MOTE_SPEC_TESTSUITE to a directory or .tar.xz of it. "
                 "To make one from a checkout of WebAssembly/testsuite (cargo install wasm-tools), for each file:\n"
                 "  wasm-tools json-from-wast NAME.wast --wasm-dir OUT/NAME -o OUT/NAME/NAME.json")
    directory = BUILD / "suite"
    mark = directory / ".unpacked"
    state = f"{source.stat().st_size} {source.stat().st_mtime_ns}"
    if not mark.is_file() or mark.read_text() != state:
        directory.mkdir(parents=True, exist_ok=True)
        with tarfile.open(source) as archive:
            if any(m.name.startswith("/") or ".." in m.name.split("/") or not (m.isfile() or m.isdir())
                   for m in archive.getmembers()):
                sys.exit(f"spectest: {source} has members that are not plain files below it")
            archive.extractall(directory)
        mark.write_text(state)
    return directory


def scripts(directory, pattern):
    """Name of each script to its JSON file. The name is its directory's, below the suite's top."""
    found = {}
    for path in sorted(directory.rglob("*.json")):
        parts = path.parent.relative_to(directory).parts
        name = "/".join(parts[1:] if parts and parts[0] == NAME else parts) or path.stem
        if pattern in name:
            found[name] = path
    if not found:
        sys.exit(f"spectest: no script named *{pattern}* in {directory}")
    return found


def legacy_scripts():
    """The scripts of the legacy encoding of exceptions, which wasm-tools does not write: wabt converts them. None if the
    suite's sources are not there."""
    given = os.environ.get("MOTE_SPEC_LEGACY")
    source = Path(given) if given else ROOT.parent / "shared" / "data" / "wasm-testsuite" / "legacy"
    if given and not source.is_dir():
        sys.exit(f"spectest: MOTE_SPEC_LEGACY: {source} is not a directory")
    found = {}
    for wast in sorted(source.glob("*.wast")):
        to = BUILD / "legacy" / wast.stem / f"{wast.stem}.json"
        to.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["wast2json", "--enable-exceptions", "--enable-tail-call", wast, "-o", to], check=True)
        found[f"legacy/{wast.stem}"] = to
    if not found:
        print(f"note: the legacy encoding of exceptions is not run: no scripts in {source}")
    return found


def out_of_scope(known):
    """Scripts that do not pass as a whole: the feature they need, and how many of their commands pass or, where only
    some commands are out of scope, their lines as pairs."""
    whole, partly = {}, {}
    for number, line in enumerate((HERE / "spectest_out_of_scope.txt").read_text().splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        entry = re.fullmatch(r"([^\s:[]+)(?:\[([\d,-]+)\]: |: (\d+), )(\S.*)", line)
        if not entry:
            sys.exit(f"spectest_out_of_scope.txt:{number}: not 'NAME: COMMANDS THAT PASS, FEATURE' or 'NAME[LINES]: FEATURE'")
        if entry[1] not in known:
            sys.exit(f"spectest_out_of_scope.txt:{number}: there is no script {entry[1]}")
        if entry[2]:
            pairs = [span.split("-") for span in entry[2].split(",")]
            partly[entry[1]] = ([(int(p[0]), int(p[-1])) for p in pairs], entry[4])
        else:
            whole[entry[1]] = (int(entry[3]), entry[4])
    return whole, partly


def pack_all(found):
    """Packed file of each script."""
    packed = {}
    for name, path in found.items():
        to = BUILD / "packed" / (name.replace("/", "-") + ".spec")
        to.parent.mkdir(parents=True, exist_ok=True)
        data = spectest_pack.pack(path, name + ".wast")
        if not to.is_file() or to.read_bytes() != data:
            to.write_bytes(data)
        packed[name] = to
    return packed


class Result:
    """What one run of one script said."""

    def __init__(self):
        self.counts = None
        self.problems = []

    def read(self, line):
        if line.startswith("RESULT "):
            self.counts = dict(zip(COUNTS, map(int, re.findall(r" (?:commands|text|executed|passed|failed) (\d+)", line))))
        else:
            self.problems.append(line)

    def close(self, name, path, ended):
        """A script without its closing line has failed as a whole."""
        if self.counts is None or len(self.counts) != len(COUNTS):
            commands = int.from_bytes(path.read_bytes()[8:12], "little")
            self.counts = {"commands": commands, "text": 0, "executed": 0, "passed": 0, "failed": commands}
            self.problems.append(f"FAIL {name}: it did not come to its end: {ended}")
        elif self.counts["failed"] == 0 and ended not in ("exit status 0", "0"):
            self.counts["failed"] = 1
            self.problems.append(f"FAIL {name}: all passed, and yet it ended with {ended}")


def leave_out(name, result, lines, path):
    """Takes the commands of these lines out of a script's result. All of them must have failed."""
    def listed(line):
        return any(first <= line <= last for first, last in lines)
    commands = sum(listed(c["line"]) for c in json.loads(path.read_text())["commands"])
    place = re.compile(rf"FAIL {re.escape(name)}\.wast:(\d+):")
    kept = [p for p in result.problems if not (place.match(p) and listed(int(place.match(p)[1])))]
    out = len(result.problems) - len(kept)
    result.problems = kept
    result.counts["failed"] -= out
    result.counts["left out"] = out
    result.counts["executed"] = min(result.counts["executed"], result.counts["commands"] - result.counts["text"] - out)
    if out != commands:
        result.counts["failed"] += 1
        result.problems.append(f"FAIL {name}: {commands - out} of its commands that spectest_out_of_scope.txt lists pass")


def run_hosted(program, packed, *options):
    def one(item):
        name, path = item
        result = Result()
        try:
            done = subprocess.run([program, *options, path], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
                                  errors="replace", env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"})
            ended, output = str(done.returncode), done.stdout.splitlines() + done.stderr.splitlines()[:15]
        except subprocess.TimeoutExpired:
            ended, output = "time limit", []
        for line in output:
            result.read(line)
        result.close(name, path, ended)
        return name, result
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(pool.map(one, packed.items()))


def run_vm(program, packed, emulated):
    """All in one process, one micro-VM each; the guest's lines come before the END line of its script."""
    paths = [str(path.relative_to(ROOT)) for path in packed.values()]
    command = [program, *paths]
    if emulated:
        directory = str((BUILD / "packed").relative_to(ROOT))
        command = ["hack/kvm-emulated", "--timeout", "3000", "--memory", "2048", "--file", directory, "--", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, errors="replace")
    names = {path: name for path, name in zip(paths, packed)}
    results, current = {}, Result()
    for line in done.stdout.splitlines():
        if not line.startswith("END "):
            current.read(line)
            continue
        _, path, ended = line.split(" ", 2)
        current.close(names[path], packed[names[path]], ended)
        results[names[path]] = current
        current = Result()
    for name in packed:
        if name not in results:
            lost = results.setdefault(name, Result())
            lost.close(name, packed[name], f"the runner ended with {done.returncode}: {done.stderr[-300:]}")
    return results


def table(title, results, hidden):
    """Prints the sums by group; returns how many commands passed and failed."""
    groups = {}
    columns = ("files", "commands", "text", "left out", "executed", "passed", "failed")
    for name, result in results.items():
        if name in hidden:
            continue
        row = groups.setdefault(group_of(name), dict.fromkeys(columns, 0))
        row["files"] += 1
        for key in columns[1:]:
            row[key] += result.counts.get(key, 0)
    print(f"\n{title}\n{'group':<22}" + "".join(f"{c:>10}" for c in columns))
    total = dict.fromkeys(columns, 0)
    for group in sorted(groups):
        print(f"{group:<22}" + "".join(f"{groups[group][c]:>10}" for c in columns))
        for c in columns:
            total[c] += groups[group][c]
    print(f"{'all':<22}" + "".join(f"{total[c]:>10}" for c in columns))
    problems = [p for name, r in results.items() if name not in hidden for p in r.problems]
    for line in problems[:SHOWN]:
        print(line)
    if len(problems) > SHOWN:
        print(f"... and {len(problems) - SHOWN} lines more")
    return total["passed"], total["failed"]


def self_test(hosted, vm, emulated, path):
    """With one expectation altered the runner must fail just that command."""
    altered = []

    def alter(command):
        if command["type"] != "assert_return" or altered or not command["expected"]:
            return command
        altered.append(command["line"])
        first = command["expected"][0]
        return {**command, "expected": [{**first, "value": str(int(first["value"]) + 1)}]}
    to = BUILD / "packed" / "self-test.spec"
    to.write_bytes(spectest_pack.pack(path, "self-test.wast", alter))
    failed = 0
    runs = ([run_hosted(hosted, {"self-test": to})] if hosted else []) + \
        ([run_vm(vm, {"self-test": to}, emulated)] if vm else [])
    for run in runs:
        result = run["self-test"]
        want = f"FAIL self-test.wast:{altered[0]}:"
        if result.counts["failed"] != 1 or not any(p.startswith(want) for p in result.problems):
            print(f"FAIL self-test: line {altered[0]} was altered, and the runner said {result.counts}")
            failed += 1
    return len(runs) - failed, failed


def check_refusal(hosted, packed):
    """Without AVX a module with vector instructions is refused, and the refusal says why."""
    result = run_hosted(hosted, {VECTOR: packed}, "--v2")[VECTOR]
    if any("SIMD needs a CPU with AVX" in problem for problem in result.problems):
        return 1, 0
    print(f"FAIL {VECTOR} without AVX: {result.problems[:3]}")
    return 0, 1


def check_scope(results, listed):
    """A listed script that passes is to be moved in, and none may pass less than the list says."""
    failed = 0
    for name, (floor, feature) in listed.items():
        counts = results[name].counts if name in results else None
        if counts and counts["failed"] == 0:
            print(f"FAIL {name}: spectest_out_of_scope.txt says that it needs {feature}, and it passes: take it off the list")
            failed += 1
        elif counts and counts["passed"] < floor:
            print(f"FAIL {name}: {counts['passed']} of its commands pass, and {floor} did: it needs {feature}")
            for problem in results[name].problems:
                print(f"  {problem}")
            failed += 1
        elif counts and any("it does not compile" in p and "not supported" not in p for p in results[name].problems):
            print(f"FAIL {name}: a refusal names no feature; it needs {feature}: {results[name].problems}")
            failed += 1
        elif counts and counts["passed"] > floor:
            print(f"note: {name}: {counts['passed']} of its commands pass now; spectest_out_of_scope.txt has {floor}")
    return failed


def print_scope(results, listed, partly):
    """What is out of scope, with the feature that each script needs."""
    for name, (lines, feature) in partly.items():
        if name in results:
            print(f"left out of {name}: {results[name].counts.get('left out', 0)} commands, which need {feature}")
    rows = [(name, results[name].counts, feature) for name, (_, feature) in listed.items() if name in results]
    if rows:
        print(f"\n{'out of scope':<48}{'commands':>10}{'passed':>10}  needs")
    for name, counts, feature in rows:
        print(f"{name:<48}{counts['commands']:>10}{counts['passed']:>10}  {feature}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--vm")
    parser.add_argument("--hosted")
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("pattern", nargs="?", default="")
    options = parser.parse_args()
    if not (options.vm or options.hosted):
        parser.error("--vm, --hosted or both")
    BUILD.mkdir(parents=True, exist_ok=True)
    known = scripts(suite(), "")
    known.update(legacy_scripts())
    for kind in spectest_edges.KINDS:
        known[f"own/{kind.name}"] = spectest_edges.make(BUILD / "own", kind, options.emulated)
    known["own/nests"] = spectest_nests.make(BUILD / "own")
    if "proposals/threads/atomic" in known:
        known["own/atomic_unshared"] = spectest_unshared.make(BUILD / "own" / "atomic", known["proposals/threads/atomic"])
    listed, partly = out_of_scope(known)
    chosen = {name: path for name, path in known.items() if options.pattern in name and
              (not options.sample or name in SAMPLE)}
    if not chosen:
        sys.exit(f"spectest: no script named *{options.pattern}*")
    packed = pack_all(chosen)
    passed = failed = 0
    runs = []
    if options.hosted:
        runs.append(("hosted, with sanitizers", run_hosted(options.hosted, packed)))
        vectors = {name: path for name, path in packed.items() if "SIMD" in group_of(name)}
        if vectors:
            runs.append(("hosted, with sanitizers, on a CPU with AVX and nothing later",
                         run_hosted(options.hosted, vectors, "--avx")))
        objects = {name: path for name, path in packed.items() if group_of(name) in COLLECTED}
        for option, how in (("--collect", "collected at each allocation"), ("--mark", "marked in steps")):
            if objects:
                runs.append((f"hosted, with sanitizers, garbage {how}", run_hosted(options.hosted, objects, option)))
    if options.vm:
        title = "in micro-VMs on " + ("the emulated machine's KVM" if options.emulated else "/dev/kvm")
        runs.append((title, run_vm(options.vm, packed, options.emulated)))
    for title, results in runs:
        for name in results.keys() & partly.keys():
            leave_out(name, results[name], partly[name][0], chosen[name])
        p, f = table(title, results, listed)
        passed, failed = passed + p, failed + f + check_scope(results, listed)
    print_scope(runs[0][1], listed, partly)
    if ALTERED in known:
        p, f = self_test(options.hosted, options.vm, options.emulated, known[ALTERED])
        passed, failed = passed + p, failed + f
    if options.hosted and VECTOR in packed:
        p, f = check_refusal(options.hosted, packed[VECTOR])
        passed, failed = passed + p, failed + f
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
