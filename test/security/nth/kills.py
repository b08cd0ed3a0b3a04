#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mote run and mote snapshot, killed with -9 in the middle.

usage: kills.py BUILD ROUNDS    BUILD: build/release; 30 points of each kind of start, ROUNDS times

A point is a system call of the command or its children. Whatever had been done before it: its children end by themselves,
and the next start is as if nothing had been. A module that was being compiled may be in the cache, under the name of an
unfinished one: it is not believed, and the next that makes such a file removes it once it is old.
"""
import os
import sys

import starts

POINTS = 30


def unfinished(room):
    """Files that are there and may not be: believed, or outside the cache; and those that only wait for their end."""
    bad, waiting = [], []
    for directory, _, names in os.walk(room.top):
        for name in names:
            path = os.path.join(directory, name)
            if directory.startswith(room.cache) and name.startswith("new-"):
                waiting.append(path)
            elif directory not in (room.work, room.cache) and not directory.startswith(room.cache) and name not in ("report", "out"):
                bad.append(path)
    return bad, waiting


def one(case, nth, kept):
    """One life that ends at its nth system call: what is wrong, or None; and whether it came there."""
    room = starts.Room(kept if case == "run, module, kept" else None)
    status, _, errors, what = starts.start(room, "system call", nth, starts.CASES[case][0])
    wrong = None
    if what and status != 137:
        wrong = f"status {status} after its end: {errors!r}" if status != 255 else "a child outlived it"
    bad, waiting = unfinished(room)
    if bad:
        wrong = wrong or f"left behind: {bad}"
    for path in waiting:
        os.utime(path, (1, 1))
    wrong = wrong or starts.next_start(room, case)
    if case == "run, module, first start" and not wrong:
        left = [path for path in waiting if os.path.exists(path)]
        if left:
            wrong = f"the next start, which compiles the module, has not removed {left}"
    if os.environ.get("NTH_VERBOSE") and waiting:
        print(case, nth, what, waiting)
    room.close()
    return wrong, bool(what)


def main():
    rounds = int(sys.argv[2])
    os.environ["NTH_SYSCALL_KILLS"] = "1"
    passed = failed = 0
    keeper = starts.make_kept()
    for case in starts.CASES:
        total = 1
        while one(case, total * 2, keeper.cache)[1]:
            total *= 2
        lives, wrong = 0, []
        for i in range(rounds):
            for point in range(POINTS):
                nth = 1 + (point * total * 2 + i) // POINTS
                bad, there = one(case, nth, keeper.cache)
                lives += there
                if bad:
                    wrong.append(f"system call {nth}: {bad}")
        good = not wrong and lives > 0
        print(f"{'ok' if good else 'FAIL'} {case}: killed {lives} times", flush=True)
        for line in wrong[:10]:
            print(f"  {line}", flush=True)
        passed, failed = passed + good, failed + (not good)
    keeper.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
