#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A shim's life (start, Create, Start, Exec, Delete), of which one allocation fails, in turn.

usage: shims.py BUILD STEP    BUILD: build/release; every STEPth failure is tried

The allocation is the shim's, or one of a monitor's. Whatever failed: each call is answered in time, with success or with
an error that has a text, or its connection ends, after which the next one is served. The shim ends when it has no task
left, and nothing of the container is left: no process, mount, cgroup, socket or state file.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../integration"))
import shimlib  # noqa: E402 (its directory is known only now)

if len(sys.argv) != 3:
    sys.exit(__doc__)
BUILD, STEP = os.path.abspath(sys.argv[1]), int(sys.argv[2])
SHIM = f"{BUILD}/test/security/nth/shim_failing"
PROCESS = {"args": ["/second"], "env": [], "cwd": "/", "user": {"uid": 0, "gid": 0}}
KILLED = 9
SECONDS = 30  # on a machine of its own, and many times that for an answer


class Wrong(Exception):
    """What should not have happened."""


class Life:
    """One shim with one container, in a directory of its own."""

    def __init__(self, number):
        self.id = f"nth-{os.getpid()}-{number}"
        self.dir = tempfile.mkdtemp(prefix="mote-nth-shim-")
        self.cgroup = f"/mote-nth/{self.id}"
        self.armed = f"/tmp/mote-nth.{self.id}"
        self.report = f"{self.dir}.report"
        self.address = self.client = None
        os.makedirs(f"{self.dir}/rootfs")
        shutil.copy(f"{BUILD}/test/guests/spin.musl", f"{self.dir}/rootfs/first")
        shutil.copy(f"{BUILD}/test/guests/hello.elf", f"{self.dir}/rootfs/second")
        with open(f"{self.dir}/config.json", "w") as f:
            json.dump(shimlib.spec(["/first"], cgroup=self.cgroup), f)

    def run(self, action, **environment):
        passed_on = {"PATH": os.environ["PATH"], "MOTE_CACHE": "", "NAMESPACE": "nth"}
        return subprocess.run([SHIM, "-namespace", "nth", "-address", "/nonexistent", "-publish-binary", "/bin/false", "-id",
                               self.id, "-bundle", self.dir, action], input=b"", capture_output=True, cwd=self.dir,
                              env={**passed_on, **environment}, timeout=10 * SECONDS)

    def arm(self, whose, nth):
        """The environment of the shim."""
        if whose == "shim":
            return {"FAIL_ALLOC": str(nth), "FAIL_ALLOC_REPORT": self.report}
        self.report = f"{self.armed}.report"
        with open(self.armed, "w") as f:
            f.write(str(nth))
        return {}

    def has_failed(self):
        try:
            with open(self.report, "rb") as f:
                return f.read(1) == b"1"
        except FileNotFoundError:
            return False

    def call(self, method, **fields):
        """The answer, or None if there was an error or the connection ended."""
        numbers = {"id": 1, "exec_id": 2, "bundle": 2, "signal": 3, "stdout": 6, "exec_stdout": 5, "spec": 7}
        message = {numbers[name]: value for name, value in {"id": self.id, **fields}.items()}
        try:
            if not self.client:
                self.client = shimlib.Client(self.address, timeout=10 * SECONDS)
            return self.client.task(method, message)
        except shimlib.Failure as e:
            if len(e.text) < 8:
                raise Wrong(f"{method}: an error without a text: {e}") from e
        except (EOFError, ConnectionError, FileNotFoundError):
            self.client = None  # or there is no shim any more
        except TimeoutError as e:
            raise Wrong(f"{method} is not answered") from e
        return None

    def live(self, whose, nth):
        """All calls. What could not be started is deleted all the same."""
        started = self.run("start", **self.arm(whose, nth))
        if started.returncode != 0:
            if len(started.stderr.strip()) < 12:
                raise Wrong(f"start: status {started.returncode} without a reason")
            return
        self.address = started.stdout.decode()[len("unix://"):]
        if self.call("Create", bundle=self.dir, stdout=f"file://{self.dir}/out") is not None:
            if self.call("Start") is not None:
                spec = {1: "", 2: json.dumps(PROCESS)}
                if self.call("Exec", exec_id="x", exec_stdout=f"file://{self.dir}/out", spec=spec) is not None:
                    self.call("Start", exec_id="x")
                    self.await_state((shimlib.CREATED, shimlib.STOPPED), "x")
                    self.call("Delete", exec_id="x")
        self.delete()

    def await_state(self, wanted, exec_id=None):
        """Until the process is in one of these states, or not there."""
        clock = shimlib.Clock()
        while clock.seconds() < SECONDS:
            state = self.call("State", **({"exec_id": exec_id} if exec_id else {}))
            if state is not None and shimlib.one(state, 4) in wanted:
                return
            if state is None and self.client:
                return  # it is not there
            time.sleep(0.005)
        raise Wrong(f"it does not come to one of the states {wanted}")

    def delete(self):
        for _ in range(3):
            if self.call("Kill", signal=KILLED) is not None:
                self.await_state((shimlib.STOPPED,))
                self.call("Wait")
            if self.call("Delete") is not None:
                break
        for _ in range(3):
            if self.call("Shutdown") is not None:
                break

    def processes(self):
        found = []
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if entry.isdigit() and self.id.encode() in words:
                found.append(int(entry))
        return found

    def left(self):
        """What should not be there."""
        clock = shimlib.Clock()
        while self.processes() and clock.seconds() < 10:
            time.sleep(0.01)
        bad = [f"process {pid}" for pid in self.processes()]
        with open("/proc/self/mountinfo") as f:
            bad += [f"mount {line.split()[4]}" for line in f if self.dir in line]
        for top in os.listdir("/sys/fs/cgroup") + ["."]:
            if os.path.exists(f"/sys/fs/cgroup/{top}{self.cgroup}"):
                bad.append(f"cgroup {top}{self.cgroup}")
        if self.address and os.path.exists(self.address):
            bad.append("its socket")
        bad += [name for name in os.listdir(self.dir) if name not in ("rootfs", "config.json", "out", "address", "work")]
        return bad

    def close(self):
        for pid in self.processes():
            os.kill(pid, KILLED)
        self.run("delete")
        for path in (self.armed, f"{self.armed}.report", self.report):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(self.dir)


def one(whose, nth):
    """What is wrong with the life of which the nth allocation fails, or None; and whether there was one."""
    life, wrong = Life(nth), None
    try:
        life.live(whose, nth)
        bad = life.left()
        if bad:
            wrong = f"left behind: {', '.join(bad)}"
    except Wrong as e:
        wrong = str(e)
    except subprocess.TimeoutExpired:
        wrong = "start does not end"
    failed = life.has_failed()
    life.close()
    return wrong, failed


def main():
    passed = failed = 0
    for whose in ("shim", "monitor"):
        nth, complaints = 1, []
        while True:
            wrong, there = one(whose, nth)
            if wrong:
                complaints.append(f"allocation {nth}: {wrong}")
            if not there:
                break
            nth += STEP
        good = not complaints and nth > 1
        print(f"{'ok' if good else 'FAIL'} life of a shim: {(nth - 1) // STEP} of {nth - 1} failing allocations of the {whose}",
              flush=True)
        for line in complaints[:20]:
            print(f"  {line}", flush=True)
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
