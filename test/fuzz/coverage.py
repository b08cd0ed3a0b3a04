#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the corpus of a fuzz target reaches of its parser.

usage: coverage.py TARGET LOG EDGES

LOG is what a run printed with -print_final_stats=1, EDGES one over the corpus with -print_coverage=1 in the build that
counts; test/fuzz/targets says which functions are the parser. Prints executions and edges; fails below LEAST, and if a function
of the table is not there. With FUZZ_FUNCTIONS set, the edges of each function too.
"""
import collections
import os
import re
import sys

LEAST = 0.60
FUNCTION = re.compile(r"^(?:UN)?COVERED_FUNC: hits: \d+ edges: (\d+)/(\d+) (\S+) (\S+?):(\d+)")
EXECUTIONS = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.M)
ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def sources_of(target):
    """{file: functions, or an empty set for all of them}"""
    for line in read(os.path.join(ROOT, "test/fuzz/targets")).splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == target:
            pairs = (word.partition(":") for word in words[1:])
            return {file: set(names.split(",")) if names else set() for file, _, names in pairs}
    sys.exit(f"{target} has no line in test/fuzz/targets")


def functions_of(log, sources):
    """{(file, line, name): [edges reached, edges]} in these files; of one compiled into several objects the best."""
    found = collections.defaultdict(lambda: [0, 0])
    for line in log.splitlines():
        match = FUNCTION.match(line)
        if not match:
            continue
        reached, edges, name, path, number = match.groups()
        for file in sources:
            if os.path.realpath(path).endswith("/" + file):
                entry = found[file, int(number), name]
                entry[0] = max(entry[0], int(reached))
                entry[1] = max(entry[1], int(edges))
    return found


def main():
    target, log, edges_log = sys.argv[1:]
    sources = sources_of(target)
    functions = functions_of(read(edges_log), sources)
    for file, names in sources.items():
        missing = names - {name for at, _, name in functions if at == file}
        if missing or not any(at == file for at, _, _ in functions):
            sys.exit(f"{target}: nothing is known of {file} {' '.join(sorted(missing))}")
    chosen = {key: count for key, count in functions.items() if not sources[key[0]] or key[2] in sources[key[0]]}
    reached, edges = (sum(count[i] for count in chosen.values()) for i in (0, 1))
    if os.environ.get("FUZZ_FUNCTIONS"):
        for (file, line, name), (some, all_of) in sorted(chosen.items()):
            print(f"    {some:4} of {all_of:4}  {file}:{line} {name}")
    executions = EXECUTIONS.search(read(log))
    if not executions:
        sys.exit(f"{target}: the run did not come to its end")
    print(f"{target}: {int(executions[1]):,} executions, {reached:,} of {edges:,} edges ({reached / edges:.0%})")
    return reached < LEAST * edges


if __name__ == "__main__":
    sys.exit(main())
