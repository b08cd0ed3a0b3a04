# SPDX-License-Identifier: Apache-2.0
"""Exec by the task service, spoken to directly: states that ctr cannot reach."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import


def process(*args, **more):
    return {"args": [PROGRAM, *args], "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}, **more}


def add(shim, exec_id, *args, spec_of=None, streams=None, **more):
    """Exec: registers a process."""
    text = json.dumps(process(*args, **more) if spec_of is None else spec_of).encode()
    shim.task("Exec", {2: exec_id, **(streams or {}), 7: {1: "types.containerd.io/opencontainers/runtime-spec/1/Process", 2: text}})


class Running:
    """A shim whose container loops."""

    def __enter__(self):
        self.shim = Shim(kind=KIND)
        self.shim.__enter__()
        self.shim.start()
        self.shim.create()
        self.shim.task("Start")
        return self.shim

    def __exit__(self, *error):
        self.shim.__exit__(*error)


def state(shim, exec_id):
    return shim.task("State", {2: exec_id})


def each_exec_life():  # core
    with Running() as shim:
        add(shim, "e", "exit", "4")
        before = state(shim, "e")
        assert (one(before, 4), one(before, 3), one(before, 11)) == (CREATED, 0, b"e"), before
        assert len(shim.task("Pids")[1]) == 1, "one that has not been started has no process"
        wait = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c", 2: "e"})
        pid = one(shim.task("Start", {2: "e"}), 1)
        assert pid > 0
        waited = shim.client.receive(wait)
        assert one(waited, 1) == 4 and one(decode(one(waited, 2)), 1) > 1600000000, waited
        after = state(shim, "e")
        assert (one(after, 4), one(after, 3), one(after, 9)) == (STOPPED, pid, 4), after
        refuses(NOT_FOUND, shim.task, "Kill", {2: "e", 3: 9})
        deleted = shim.task("Delete", {2: "e"})
        assert (one(deleted, 1), one(deleted, 2)) == (pid, 4), deleted
        refuses(NOT_FOUND, shim.task, "State", {2: "e"})
        refuses(NOT_FOUND, shim.task, "Wait", {2: "e"})
        refuses(NOT_FOUND, shim.task, "Delete", {2: "e"})
        assert shim.state() == RUNNING
        topics = shim.events.topics(5)
        assert topics == ["/tasks/create", "/tasks/start", "/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"], topics
        shim.end()


def test_exec_wrong_states():  # core
    with Shim(kind=KIND) as shim:
        shim.start()
        refuses(NOT_FOUND, add, shim, "e", "loop")
        shim.create()
        shim.task("Start")
        for bad in ("", ".", "..", "a/b", "x" * 129, "a b"):
            refuses(INVALID_ARGUMENT, add, shim, bad, "loop")
        for bad in ([], {"args": []}, {"args": [""], "cwd": "/"}, {"args": ["/probe"]}, {"args": ["/probe"], "cwd": "x"}):
            refuses(INVALID_ARGUMENT, add, shim, "e", spec_of=bad)
        refuses(INVALID_ARGUMENT, shim.task, "Exec", {2: "e"})
        add(shim, "e", "loop")
        refuses(ALREADY_EXISTS, add, shim, "e", "loop")
        refuses(FAILED_PRECONDITION, shim.task, "Kill", {2: "e", 3: 9}, contains="not been started")
        shim.task("Start", {2: "e"})
        refuses(FAILED_PRECONDITION, shim.task, "Start", {2: "e"})
        refuses(FAILED_PRECONDITION, shim.task, "Delete", {2: "e"})
        refuses(INVALID_ARGUMENT, shim.task, "Kill", {2: "e", 3: 99})
        shim.task("Kill", {2: "e", 3: int(signal.SIGTERM)})
        assert one(shim.task("Wait", {2: "e"}), 1) == 143
        refuses(FAILED_PRECONDITION, shim.task, "Start", {2: "e"})
        shim.task("Delete", {2: "e"})
        # One that never ran: it goes, and who waits for it is notified.
        add(shim, "never", "loop")
        wait = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c", 2: "never"})
        shim.task("Delete", {2: "never"})
        refuses(NOT_FOUND, shim.client.receive, wait)
        add(shim, "late", "loop")
        shim.kill()
        shim.wait()
        refuses(FAILED_PRECONDITION, shim.task, "Start", {2: "late"})
        refuses(FAILED_PRECONDITION, add, shim, "later", "loop")
        shim.end()


def each_exec_before_the_start():
    """Into a container that was created only, which is started afterwards and knows nothing of it."""
    with Shim(args=["exit", "5"], kind=KIND) as shim:
        shim.start()
        shim.create()
        add(shim, "e", "exit", "4")
        shim.task("Start", {2: "e"})
        assert one(shim.task("Wait", {2: "e"}), 1) == 4
        assert shim.state() == CREATED
        add(shim, "with", "loop")
        shim.task("Start", {2: "with"})
        wait = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c", 2: "with"})
        shim.task("Start")
        assert shim.wait() == 5
        assert one(shim.client.receive(wait), 1) == 137, "it ends with its container"
        shim.task("Delete")
        shim.task("Shutdown")


def each_exec_races_with_the_end():
    """Exec and Start while the container ends at some moment: they are done, or refused because it has ended."""
    with Shim(kind=KIND) as shim:
        for n in range(40):
            name = "c%d" % n
            shim.make_bundle(name, kind=KIND)
            if n == 0:
                shim.start(name)
            shim.create(name)
            shim.task("Start", name=name)
            texts = json.dumps(process("exit", "3")).encode()
            calls = []
            for k in range(4):
                fields = {1: name, 2: "e%d" % k}
                calls.append(shim.client.send("containerd.task.v2.Task", "Exec", {**fields, 7: {1: "", 2: texts}}))
                calls.append(shim.client.send("containerd.task.v2.Task", "Start", fields))
            time.sleep(n * 0.0007)
            shim.kill(name=name)
            for call in calls:
                try:
                    shim.client.receive(call)
                except Failure as e:
                    assert e.code == FAILED_PRECONDITION and "has ended" in e.text, "round %d: %s" % (n, e)
            while shim.state(name) != STOPPED:
                pass
            shim.task("Delete", name=name)
        shim.task("Shutdown", name="c0")
        within(5, lambda: not shim.processes())


def each_exec_stdin_closed_before_its_start():
    """CloseIO comes as soon as a client's own stdin ends, which may be before Start: what it wrote is read, then the end."""
    with Running() as shim:
        stdin, stdout = (os.path.join(shim.dir, n) for n in ("stdin", "stdout"))
        os.mkfifo(stdin)
        for exec_id, text in (("silent", b""), ("says", b"got a\n")):
            add(shim, exec_id, "reply", streams={4: stdin, 5: "file://" + stdout + exec_id})
            shim.task("CloseIO", {2: exec_id, 3: 1})
            client = None
            if text:
                client = os.open(stdin, os.O_RDWR)
                os.write(client, b"a\n")
            shim.task("Start", {2: exec_id})
            if client:
                os.close(client)
            assert one(shim.task("Wait", {2: exec_id}), 1) == 0, exec_id
            with open(stdout + exec_id, "rb") as f:
                got = f.read()
            assert got == b"ready\n" + text + b"end of stdin\n", (exec_id, got)
            shim.task("Delete", {2: exec_id})
        shim.end()


def test_exec_that_cannot_start():
    """Start tells why; those that wait, and Kill, hear that it has ended: so containerd cleans up."""
    with Running() as shim:
        for exec_id, args, status, text in (("missing", ["/no/such"], 127, "/no/such: not found"),
                                            ("text", ["/file.txt"], 126, "/file.txt is a text file; Mote runs")):
            add(shim, exec_id, spec_of={**process(), "args": args})
            wait = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c", 2: exec_id})
            refuses(INVALID_ARGUMENT, shim.task, "Start", {2: exec_id}, contains=text)
            assert one(shim.client.receive(wait), 1) == status
            refuses(NOT_FOUND, shim.task, "Kill", {2: exec_id, 3: 9})
            shim.task("Delete", {2: exec_id})
        add(shim, "fifo", "loop", streams={5: "/no/such/fifo"})
        refuses(INVALID_ARGUMENT, shim.task, "Start", {2: "fifo"}, contains="/no/such/fifo")
        shim.task("Delete", {2: "fifo"})
        assert shim.state() == RUNNING
        shim.end()


def test_exec_ends_with_its_container():
    """Kill and Delete of the container while processes run, are registered, and are being started."""
    with Running() as shim:
        for n in range(4):
            add(shim, "run%d" % n, "loop")
            shim.task("Start", {2: "run%d" % n})
        add(shim, "idle", "loop")
        add(shim, "starting", "loop")
        assert len(shim.task("Pids")[1]) == 5
        waits = [shim.client.send("containerd.task.v2.Task", "Wait", {1: "c", 2: "run%d" % n}) for n in range(4)]
        start = shim.client.send("containerd.task.v2.Task", "Start", {1: "c", 2: "starting"})
        shim.kill()
        assert all(one(shim.client.receive(w), 1) == 137 for w in waits)
        try:
            shim.client.receive(start)
        except Failure as e:
            assert e.code in (FAILED_PRECONDITION, NOT_FOUND), e
        assert shim.wait() == 137
        shim.task("Delete")
        refuses(NOT_FOUND, shim.task, "State", {2: "idle"})
        shim.task("Shutdown")
        within(5, lambda: not shim.processes())


def test_exec_below_a_chroot():
    """Where Mote itself has another root than its mount namespace: a process finds the container's, not that."""
    root = os.path.join(os.environ["CASE_DIR"], "root")
    os.mkdir(root)
    prefix = ["unshare", "-m", "sh", "-c",
              'mount --make-rprivate / && mount --rbind / "$0" && exec chroot "$0" sh -c \'cd "$0" && exec "$@"\' "$PWD" "$@"', root]
    with Shim(kind="native", prefix=prefix) as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        add(shim, "e", spec_of={**process("read", "/file.txt"), "args": ["/probe", "read", "/file.txt"]})
        shim.task("Start", {2: "e"})
        assert one(shim.task("Wait", {2: "e"}), 1) == 0
        shim.task("Delete", {2: "e"})
        shim.end()


def test_exec_many():
    """A hundred, one after another and eight at a time, leave descriptors and processes as they were."""
    with Running() as shim:
        pid = [p for p in shim.processes() if b"-id" in open("/proc/%d/cmdline" % p, "rb").read()][0]

        def round_of(n):
            for k in range(n):
                add(shim, "e%d" % k, "exit", str(k))
            starts = [shim.client.send("containerd.task.v2.Task", "Start", {1: "c", 2: "e%d" % k}) for k in range(n)]
            for s in starts:
                shim.client.receive(s)
            for k in range(n):
                assert one(shim.task("Wait", {2: "e%d" % k}), 1) == k
                shim.task("Delete", {2: "e%d" % k})

        round_of(8)
        descriptors = len(os.listdir("/proc/%d/fd" % pid))
        for _ in range(12):
            round_of(8)
        assert len(os.listdir("/proc/%d/fd" % pid)) == descriptors
        assert len(shim.processes()) == 2, shim.processes()
        shim.end()


if __name__ == "__main__":
    main(globals())
