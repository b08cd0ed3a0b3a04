# SPDX-License-Identifier: Apache-2.0
"""Containers that the OCI runtime runs, asked for directly: every state, a runtime that fails or hangs, kill -9 at any moment."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

DIR = os.environ["CASE_DIR"]
PROC = {"destination": "/proc", "type": "proc", "source": "proc"}
LOOP = "while :; do sleep 0.1; done"


class Sidecar(Shim):
    def __init__(self, script, runtime="runc", **more):
        os.environ["MOTE_OCI_RUNTIME"] = runtime
        config = spec(["/bin/sh", "-c", script], mounts=[PROC], cgroup="/shimtest/c", **more)
        super().__init__(kind="linux", config=config)


def forget(shim):
    """So that another may follow in the same case."""
    shutil.rmtree(shim.bundle)
    os.remove(shim.events_path)


def sleepers():
    """Processes of the containers of this case: `sleep 4321` is nobody else's."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as f:
                if f.read().startswith(b"sleep\x004321"):
                    found.append(int(entry))
        except OSError:
            pass
    return found


def cgroups():
    return [d for d, _, _ in os.walk("/sys/fs/cgroup") if d.endswith("/shimtest/c")]


def runtime(text):
    path = os.path.join(DIR, "runtime")
    with open(path, "w") as f:
        f.write("#!/bin/bash\n" + text)
    os.chmod(path, 0o755)
    return path


def test_sidecar_service_life():  # core
    with Sidecar("exit 5") as shim:
        shim.start()
        pid = shim.create()
        assert alive(pid) and shim.state() == CREATED, pid
        answer = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c"})
        assert one(shim.task("Start"), 1) == pid
        assert one(shim.client.receive(answer), 1) == 5
        assert shim.state() == STOPPED
        refuses(FAILED_PRECONDITION, shim.task, "Start")
        refuses(NOT_FOUND, shim.kill)
        deleted = shim.task("Delete")
        assert (one(deleted, 1), one(deleted, 2)) == (pid, 5), deleted
        topics = shim.events.topics(4)
        assert topics == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"], topics
        shim.task("Shutdown")
        within(20, lambda: not shim.processes())
        assert not cgroups(), cgroups()


def test_sidecar_service_states():
    with Sidecar(LOOP) as shim:
        shim.start()
        shim.create()
        refuses(FAILED_PRECONDITION, shim.task, "Pause", contains="not running")
        shim.kill(signal.SIGKILL)
        assert shim.wait() == 137
        shim.task("Delete")
        shim.create()
        shim.task("Delete")  # of one that was never started
        shim.create()
        shim.task("Start")
        refuses(FAILED_PRECONDITION, shim.task, "Start", contains="already been started")
        refuses(FAILED_PRECONDITION, shim.task, "Delete", contains="has not ended")
        process = {"args": ["/bin/sh", "-c", LOOP], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
        for name in ("x", "y"):
            shim.task("Exec", {2: name, 7: {1: "", 2: json.dumps(process).encode()}})
        refuses(ALREADY_EXISTS, shim.task, "Exec", {2: "x", 7: {1: "", 2: json.dumps(process).encode()}})
        refuses(FAILED_PRECONDITION, shim.task, "Kill", {2: "x", 3: 9}, contains="has not been started")
        pid = one(shim.task("Start", {2: "x"}), 1)
        assert alive(pid), pid
        shim.task("Kill", {2: "x", 3: int(signal.SIGTERM)})
        assert one(shim.task("Wait", {2: "x"}), 1) == 143
        shim.task("Delete", {2: "x"})
        shim.task("Delete", {2: "y"})
        shim.task("Update", {2: {1: "", 2: b'{"pids":{"limit":77}}'}})
        limits = [open(os.path.join(d, "pids.max")).read() for d in cgroups() if os.path.exists(os.path.join(d, "pids.max"))]
        assert limits and all(text == "77\n" for text in limits), limits
        shim.end()


def test_sidecar_service_runtime_fails():
    """What the error says is what the runtime has logged, else how it ended."""
    for text, wanted in (
            (None, "the OCI runtime /no/such/runtime"),
            ("exit 3", "create: exit status 3"),
            ("kill -KILL $$", "create: ended by signal 9"),
            ("exit 0", "create has made no process"),
            ("echo nonsense >\"$4\"; exit 1", "create: exit status 1"),
            ("printf '{\"level\":\"error\",\"msg\":\"of\\\\nthe log\"}\\n{\"level\":\"info\",\"msg\":\"no\"}\\n{' >\"$4\"; exit 1",
             "create: of?the log")):
        name = runtime(text) if text else "/no/such/runtime"
        with Sidecar(LOOP, name) as shim:
            shim.start()
            try:
                shim.create()
                raise AssertionError("%r: created" % text)
            except Failure as e:
                assert wanted in e.text, (wanted, e.text)
            shim.task("Shutdown")
            within(20, lambda: not shim.processes())
            assert not cgroups(), cgroups()
        forget(shim)


def test_sidecar_service_start_fails():
    real = "exec runc \"$@\""
    with Sidecar("exit 0", runtime("[[ $7 != start ]] || exit 4; " + real)) as shim:
        shim.start()
        shim.create()
        try:
            shim.task("Start")
            raise AssertionError("it was started")
        except Failure as e:
            assert "start: exit status 4" in e.text, e.text
        shim.end()
        assert not cgroups(), cgroups()


def kill_shim(shim):
    for pid in shim.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    within(20, lambda: not any(map(alive, shim.processes())))
    done = shim.run("delete")
    assert done.returncode == 0, done
    assert not sleepers() and not cgroups(), (sleepers(), cgroups())


def test_sidecar_service_killed():  # core
    """The shim is killed while the container runs, is paused, shares a PID namespace with the host: `delete` leaves nothing."""
    script = "sleep 4321 & sleep 4321 & wait"
    for state in ("running", "paused", "shared"):
        namespaces = [{"type": t} for t in ("pid", "ipc", "mount") if state != "shared" or t != "pid"]
        with Sidecar(script) as shim:
            path = os.path.join(shim.bundle, "config.json")
            with open(path) as f:
                config = json.load(f)
            config["linux"]["namespaces"] = namespaces
            with open(path, "w") as f:
                json.dump(config, f)
            shim.start()
            shim.create()
            shim.task("Start")
            within(20, lambda: len(sleepers()) == 2)
            if state == "paused":
                shim.task("Pause")
            kill_shim(shim)
        forget(shim)


def test_sidecar_service_shared_pids_end():
    """Of a container without a PID namespace of its own, the first process's end is not the others': Delete kills them."""
    with Sidecar("sleep 4321 & exit 6") as shim:
        path = os.path.join(shim.bundle, "config.json")
        with open(path) as f:
            config = json.load(f)
        config["linux"]["namespaces"] = [{"type": t} for t in ("ipc", "mount")]
        with open(path, "w") as f:
            json.dump(config, f)
        shim.start()
        shim.create()
        shim.task("Start")
        assert shim.wait() == 6
        shim.task("Delete")
        assert not sleepers() and not cgroups(), (sleepers(), cgroups())
        shim.task("Shutdown")


def test_sidecar_service_killed_in_creation():  # limit=300
    """At whatever moment: the runtime's commands end with the shim, `delete` removes what they have made."""
    for i in range(12):
        with Sidecar("sleep 4321") as shim:
            shim.start()
            shim.client.send("containerd.task.v2.Task", "Create", {1: "c", 2: shim.bundle})
            time.sleep(i * 0.02)
            kill_shim(shim)
        forget(shim)


if __name__ == "__main__":
    main(globals())
