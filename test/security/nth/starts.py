#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mote run and mote snapshot, of which one allocation or one system call fails, in turn.

usage: starts.py BUILD STEP    BUILD: build/release; every STEPth failure is tried

Whatever failed: the command ends in time, by no signal and no assertion; it has done all it should (status 0 and the
output), or the guest has seen its own call fail (7), or it says on stderr what failed and ends with the status that is
documented for that. No process, no temporary file and no half-made file of the cache that would be trusted is left.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

if len(sys.argv) != 3:
    sys.exit(__doc__)
BUILD, STEP = os.path.abspath(sys.argv[1]), int(sys.argv[2])
TRACER, FAILING, MOTE = (f"{BUILD}/{name}" for name in
                         ("test/security/nth/syscall", "test/security/nth/mote_failing", "mote"))
SAID = b"said hello\n"
# 125: the machine, 126: the file cannot be run; 127: it is not there (the system call that opens it).
DOCUMENTED = {125, 126, 127}
# `mote snapshot` and `mote run` of a module that is not kept yet have a child that compiles.
CASES = {
    "run, native": (["run", "--dir", "{work}::/w", "{guests}/nth_program.musl"], SAID),
    "run, module, not kept": (["run", "--no-cache", "--dir", "{work}::/w", "{guests}/nth_program.wasm"], SAID),
    "run, module, first start": (["run", "--dir", "{work}::/w", "{guests}/nth_program.wasm"], SAID),
    "run, module, kept": (["run", "--dir", "{work}::/w", "{guests}/nth_program.wasm"], SAID),
    "snapshot, native": (["snapshot", "--at", "open:/w/in", "-o", "{out}", "--dir", "{work}::/w",
                          "{guests}/nth_program.musl"], b""),
}


class Room:
    """Directories for one start: the guest's, the cache, what it makes; and what is in them."""

    def __init__(self, kept):
        self.top = tempfile.mkdtemp(prefix="mote-nth-")
        self.work, self.cache, self.out = f"{self.top}/work", f"{self.top}/cache", f"{self.top}/out"
        os.mkdir(self.work)
        with open(f"{self.work}/in", "w") as f:
            f.write("hello")
        if kept:
            shutil.copytree(kept, self.cache, copy_function=shutil.copy2)
        else:
            os.mkdir(self.cache, 0o700)

    def words(self, words):
        return [w.format(work=self.work, out=self.out, guests=f"{BUILD}/test/guests") for w in words]

    def environment(self, **more):
        passed_on = {name: v for name, v in os.environ.items() if name == "PATH" or name.startswith("NTH_")}
        return {**passed_on, "XDG_CACHE_HOME": self.cache, "TMPDIR": self.top, **more}

    def left(self, unlink_failed):
        """What should not be there."""
        bad = []
        for directory, _, names in os.walk(self.cache):
            bad += [n for n in names if not n.endswith((".snapshot", ".touched")) and not unlink_failed]
        bad += [n for n in os.listdir(self.top) if n not in ("work", "cache", "out", "report")]
        return bad

    def close(self):
        shutil.rmtree(self.top)


def start(room, how, nth, words):
    """Status, output, errors and what failed ('' for nothing) of one start."""
    report = f"{room.top}/report"
    if how == "system call":
        command, environment = [TRACER, report, str(nth), MOTE], room.environment()
    else:
        command, environment = [FAILING], room.environment(FAIL_ALLOC=str(nth), FAIL_ALLOC_REPORT=report)
    try:
        p = subprocess.run(command + room.words(words), env=environment, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=400, start_new_session=True)
        result = (p.returncode, p.stdout, p.stderr)
    except subprocess.TimeoutExpired as e:
        result = (255, e.stdout or b"", e.stderr or b"")
    try:
        with open(report) as f:
            what = f.read().strip().replace("1", "malloc") if how == "allocation" else f.read().strip()
    except FileNotFoundError:
        what = "none: it did not even begin"
    return result + ("" if what.startswith(("none", "\0")) else what,)


def judge(case, room, status, output, errors, what):
    """What is wrong, or None."""
    wanted = CASES[case][1]
    if status == 255:
        return "not over in time"
    if status == 139 and b"KVM_RUN failed" in errors:
        return None  # the guest's VM cannot be run any more, as after a triple fault
    if status < 0 or status >= 128:
        return f"ended by a signal: status {status}"
    if b"Assertion" in errors or b"stack smashing" in errors or b"filter does not allow" in errors:
        return "an assertion, or a call that its filter does not allow"
    if status == 0 and output != wanted:
        return f"status 0 and {output!r}"
    if status not in DOCUMENTED | {0, 7}:
        return f"status {status}"
    if status != 0 and len(errors.strip()) < 12:
        return f"status {status} without a word"
    left = room.left(unlink_failed=what.startswith("unlink"))
    if left:
        return f"left behind: {left}"
    if case.startswith("snapshot") and status != 0 and os.path.exists(room.out) and not what.startswith("unlink"):
        return "a file of a snapshot that failed"
    return None


def next_start(room, case):
    """After whatever failed, the next start is as if nothing had been."""
    if not case.startswith("run"):
        return None
    p = subprocess.run([MOTE] + room.words(CASES[case][0]), env=room.environment(), stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=400)
    return None if p.returncode == 0 and p.stdout == SAID else f"the next start: {p.returncode} {p.stderr!r}"


def try_all(case, how, kept):
    """Every STEPth failure of one kind. Number tried and complaints."""
    tried, complaints, nth = 0, [], 1
    while len(complaints) < 10:
        room = Room(kept if case == "run, module, kept" else None)
        status, output, errors, what = start(room, how, nth, CASES[case][0])
        wrong = judge(case, room, status, output, errors, what) or next_start(room, case)
        if os.environ.get("NTH_VERBOSE"):
            print(f"{nth} {what}: {status} {errors.decode(errors='replace').strip()}", flush=True)
        if wrong:
            complaints.append(f"{how} {nth} ({what}): {wrong}: {errors.decode(errors='replace').strip()[:300]}")
        room.close()
        if not what:
            return tried, complaints
        tried += 1
        nth += STEP
    return tried, complaints


def make_kept():
    """A cache that has the module, compiled by a start in which nothing fails."""
    time.sleep(3)  # a module that has just changed is not kept
    room = Room(None)
    subprocess.run([MOTE] + room.words(CASES["run, module, first start"][0]), env=room.environment(), check=True,
                   capture_output=True)
    if not any(name.endswith(".snapshot") for _, _, names in os.walk(room.cache) for name in names):
        sys.exit("the module was not kept")
    return room


def main():
    passed = failed = 0
    keeper = make_kept()
    for case in CASES:
        for how in ("allocation", "system call"):
            tried, complaints = try_all(case, how, keeper.cache)
            good = not complaints and tried > 0
            print(f"{'ok' if good else 'FAIL'} {case}: {tried} of {tried * STEP} failing {how}s", flush=True)
            for line in complaints:
                print(f"  {line}", flush=True)
            passed, failed = passed + good, failed + (not good)
    keeper.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
