#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines reached by directory, of what llvm-cov exports as lcov. Run by hack/coverage.

usage: coverage.py [--floors] [--files] LCOV"""
import collections
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# Directories of the table, each with its floor in per cent of lines; guest code has one only if it runs hosted.
FLOORS = {"base": 90, "vm": 90, "api": 90, "api/cli": 88, "oci": 90, "runtime": 88, "shim": 90,
          "guest/component": None, "guest/lib": None, "guest/linux": None, "guest/wasi": None, "guest/wasm": None}


def read(path):
    """{source file: {line: reached}}. A file that is compiled in several places or found by several paths is one."""
    lines = collections.defaultdict(dict)
    current, found = None, {}
    with open(path, encoding="utf-8") as file:
        for row in file:
            kind, _, rest = row.rstrip().partition(":")
            if kind == "SF":
                if rest not in found:
                    found[rest] = os.path.relpath(os.path.realpath(os.path.join(ROOT, rest)), ROOT)
                current = lines[found[rest]]
            elif kind == "DA":
                number, count = rest.split(",")[:2]
                current[int(number)] = current.get(int(number), False) or int(count) > 0
    return lines


def directory_of(path):
    return max((d for d in FLOORS if path.startswith(d + "/")), key=len, default=None)


def ranges(numbers):
    """The numbers as text: 3-7 9."""
    out = []
    for number in sorted(numbers):
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def main(arguments):
    lines = read(arguments[-1])
    status = 0
    for directory, floor in FLOORS.items():
        files = {path: reached for path, reached in sorted(lines.items()) if directory_of(path) == directory}
        total = sum(len(reached) for reached in files.values())
        if not total:
            continue
        share = 100 * sum(sum(reached.values()) for reached in files.values()) / total
        text = f"{directory:12} {share:5.1f} % of {total:5} lines"
        if floor is not None and "--floors" in arguments:
            text += f", floor {floor} %"
            if share < floor:
                text += ": below its floor"
                status = 1
        print(text)
        if "--files" in arguments:
            for path, reached in files.items():
                missing = [line for line, hit in reached.items() if not hit]
                print(f"  {path:44} {100 * (len(reached) - len(missing)) / len(reached):5.1f} %  {ranges(missing)}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
