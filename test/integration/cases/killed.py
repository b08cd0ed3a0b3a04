# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a shim or a monitor at thirty moments of a container's life, $KILL_ROUNDS (default 1) times each.

Afterwards containerd does what it always does: it calls `delete` for a shim that is gone, and Delete for a task that has
stopped. Then nothing is left (process, mount, cgroup, socket), and the same container is made again in the same bundle.
"""
import glob
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

# Which request is under way, and how many milliseconds after it was sent. The start of a wasm guest takes longest.
PHASES = ("Create", "Start", "running", "Kill", "Delete")
DELAYS_MS = (0, 1, 2, 4, 8, 16)
POINTS = [(phase, delay) for phase in PHASES for delay in DELAYS_MS]
assert len(POINTS) == 30


class Life:
    """One life of the shim's container, in which `target` (shim or monitor) is killed at a point."""

    def __init__(self, shim, target, point):
        self.shim, self.target, self.point = shim, target, point
        self.killed = False

    def kill(self):
        others = set(self.shim.processes())
        monitors = others - {self.server}
        victims = {self.server} if self.target == "shim" else monitors
        for pid in victims & others:
            os.kill(pid, signal.SIGKILL)
            self.killed = True

    def request(self, method, fields):
        """Sends it; if this is the point, kills, and waits for no answer of a shim that is gone."""
        client = self.shim.client
        stream = client.send("containerd.task.v2.Task", method, {1: self.shim.name, **fields})
        if self.point[0] == method:
            time.sleep(self.point[1] / 1000)
            self.kill()
        try:
            return client.receive(stream)
        except (EOFError, OSError):
            assert self.killed and self.target == "shim", "the shim has closed its connection"
        except Failure as e:
            # A monitor that is gone is an error of the request that it was for, or an exit.
            assert self.killed, e
        return None

    def shim_gone(self):
        return self.killed and self.target == "shim"

    def live(self):
        self.shim.start()
        self.server, = self.shim.processes()
        steps = [("Create", {2: self.shim.bundle}), ("Start", {}), ("running", {}), ("Kill", {3: int(signal.SIGKILL)})]
        for method, fields in steps:
            if method == "running":
                if self.point[0] == method:
                    time.sleep(self.point[1] / 1000)
                    self.kill()
            else:
                self.request(method, fields)
            if self.killed:
                break
        self.end()

    def delete_if_there(self):
        try:
            self.shim.task("Delete")
        except Failure as e:
            assert e.code == NOT_FOUND, e

    def end(self):
        """As containerd: Delete of what there is, if the shim is, else `delete`."""
        if not self.shim_gone():
            try:
                if self.shim.state() == CREATED:
                    self.shim.kill()
                # A monitor that was killed is an exit like others.
                within(10, lambda: self.shim.state() == STOPPED)
                self.request("Delete", {})
            except Failure as e:
                # It was never made, or has ended by now.
                assert e.code == NOT_FOUND and self.killed, e
                self.delete_if_there()
            except (EOFError, OSError):
                assert self.shim_gone()
        self.shim.client.close()
        if self.shim_gone():
            within(5, lambda: not alive(self.server))  # until then its socket may answer
            done = self.shim.run("delete")
            assert done.returncode == 0, done
        else:
            client = Client(self.shim.address)
            client.task("Shutdown", {1: self.shim.name})
            client.close()


def left(shim):
    """What there should not be any more."""
    there = ["process %d" % pid for pid in shim.processes()]
    with open("/proc/mounts") as f:
        there += ["mount " + line.split()[1] for line in f if shim.bundle in line]
    there += [path for pattern in ("/sys/fs/cgroup/*/shimtest/c", "/sys/fs/cgroup/shimtest/c") for path in glob.glob(pattern)]
    there += [path for path in (shim.address, shim.address + ".lock") if os.path.exists(path)]
    return there


def each_killed_with_9_anywhere():  # limit=14000
    rounds, killed, lives = int(os.environ.get("KILL_ROUNDS", "1")), 0, 0
    with Shim(kind=KIND) as shim:
        for turn in range(rounds):
            for i, point in enumerate(POINTS):
                life = Life(shim, ("shim", "monitor")[(turn + i) % 2], point)
                try:
                    life.live()
                    within(10, lambda: not left(shim))
                except AssertionError as e:
                    raise AssertionError("%s killed in %s after %d ms: %s; left: %s" %
                                         (life.target, *point, e, left(shim))) from e
                lives += 1
                killed += life.killed
        assert killed * 2 > lives, "only %d of %d were killed" % (killed, lives)
        # And an undisturbed one.
        Life(shim, "shim", ("never", 0)).live()
        within(10, lambda: not left(shim))
    with open(os.path.join(os.environ["CASE_DIR"], "figure"), "w") as f:
        f.write("%d of %d lives" % (killed, lives))


if __name__ == "__main__":
    main(globals())
