# SPDX-License-Identifier: Apache-2.0
"""The shim's task service, spoken to directly: states that ctr cannot reach, and frames that no client sends."""
import fcntl
import glob
import json
import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

KIND = os.environ.get("KIND", "native")
if KIND not in ("wasm", "native"):
    KIND = "native"


def each_life():  # core
    with Shim(args=["exit", "5"], kind=KIND) as shim:
        shim.start()
        pid = shim.create()
        assert pid > 0 and alive(pid), "Create's pid %d is no process" % pid
        assert shim.state() == CREATED
        answer = shim.client.send("containerd.task.v2.Task", "Wait", {1: "c"})
        assert one(shim.task("Start"), 1) == pid
        waited = shim.client.receive(answer)
        assert one(waited, 1) == 5, waited
        assert one(decode(one(waited, 2)), 1) > 1600000000, "the time of exit"
        assert shim.state() == STOPPED
        deleted = shim.task("Delete")
        assert (one(deleted, 1), one(deleted, 2)) == (pid, 5), deleted
        refuses(NOT_FOUND, shim.task, "State")
        refuses(NOT_FOUND, shim.task, "Wait")
        topics = shim.events.topics(4)
        assert topics == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"], topics
        shim.task("Shutdown")
        within(5, lambda: not shim.processes())
        assert not os.path.exists(shim.address), "the socket is left"


def test_version_3():  # core
    """The same messages under the other name, on the same socket."""
    with Shim(args=["exit", "3"], kind=KIND) as shim:
        shim.start()
        pid = shim.create(version=3)
        assert one(shim.task("Start", version=3), 1) == pid
        assert one(shim.task("Wait", version=3), 1) == 3
        assert one(shim.task("State", version=2), 9) == 3
        shim.task("Delete", version=3)
        shim.task("Shutdown", version=3)


def each_kill_created():  # core
    """With runwasi this fails and the shim leaks."""
    with Shim(kind=KIND) as shim:
        shim.start()
        pid = shim.create()
        shim.kill()
        assert shim.wait() == 137
        assert shim.state() == STOPPED
        assert not alive(pid)
        shim.task("Delete")
        shim.task("Shutdown")
        within(5, lambda: not shim.processes())


def each_delete_created():
    """Created, never started: the client gives up, and deletes after a kill or at once."""
    with Shim(kind=KIND) as shim:
        shim.start()
        pid = shim.create()
        try:
            shim.task("Delete")
        except Failure as e:
            assert e.code == FAILED_PRECONDITION, e
            shim.end()
        within(5, lambda: not alive(pid))


def each_wrong_states():
    with Shim(kind=KIND) as shim:
        shim.start()
        refuses(NOT_FOUND, shim.task, "Start")
        refuses(NOT_FOUND, shim.kill)
        shim.create()
        refuses(ALREADY_EXISTS, shim.create)
        shim.task("Start")
        refuses(FAILED_PRECONDITION, shim.task, "Start")
        refuses(FAILED_PRECONDITION, shim.task, "Delete")
        shim.task("Shutdown")
        assert shim.state() == RUNNING, "Shutdown while a task remains is nothing"
        shim.kill()
        assert shim.wait() == 137
        refuses(NOT_FOUND, shim.kill)
        shim.end()


def each_state_tells_stdio():
    with Shim(kind=KIND) as shim:
        shim.start()
        out, err = (os.path.join(shim.dir, n) for n in ("out.log", "err.log"))
        shim.create(stdout="file://" + out, stderr="file://" + err)
        state = shim.task("State")
        assert [one(state, n, b"").decode() for n in (5, 6, 7)] == ["", "file://" + out, "file://" + err], state
        assert one(state, 8) == 0 and one(state, 2).decode() == shim.bundle, state
        shim.end()


def each_many_waiters():
    with Shim(kind=KIND) as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        waits = [shim.client.send("containerd.task.v2.Task", "Wait", {1: "c"}) for _ in range(50)]
        others = [Client(shim.address) for _ in range(5)]
        other_waits = [c.send("containerd.task.v2.Task", "Wait", {1: "c"}) for c in others]
        gone = Client(shim.address)
        gone.send("containerd.task.v2.Task", "Wait", {1: "c"})
        gone.close()
        shim.kill(signal.SIGTERM)
        assert all(one(shim.client.receive(w), 1) == 143 for w in waits)
        assert all(one(c.receive(w), 1) == 143 for c, w in zip(others, other_waits))
        for c in others:
            c.close()
        shim.end()


def test_pids_and_connect():  # core
    with Shim() as shim:
        shim.start()
        shim_pid = one(shim.client.task("Connect", {1: "unknown"}), 1)
        assert alive(shim_pid), "Connect succeeds for what is not known"
        pid = shim.create()
        connected = shim.task("Connect")
        assert (one(connected, 1), one(connected, 2)) == (shim_pid, pid), connected
        pids = [one(decode(p), 1) for p in shim.task("Pids")[1]]
        assert pid in pids, pids
        shim.task("Start")
        assert pid in [one(decode(p), 1) for p in shim.task("Pids")[1]]
        shim.end()


def test_close_io_and_resize():
    """CloseIO and ResizePty succeed where there is nothing to close or resize."""
    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        shim.task("CloseIO", {3: 1})
        shim.task("ResizePty", {3: 80, 4: 24})
        shim.end()


def each_stdin_by_fifo():
    """containerd's own way: the FIFO's writer stays open until CloseIO."""
    with Shim(args=["reply"], kind=KIND) as shim:
        shim.start()
        paths = {n: os.path.join(shim.dir, n) for n in ("stdin", "stdout")}
        for path in paths.values():
            os.mkfifo(path)
        hold = os.open(paths["stdout"], os.O_RDONLY | os.O_NONBLOCK)
        shim.create(stdin=paths["stdin"], stdout=paths["stdout"])
        write = os.open(paths["stdin"], os.O_WRONLY)
        os.set_blocking(hold, True)
        shim.task("Start")
        os.write(write, b"a line\n")
        text = b""
        while b"a line" not in text:
            text += os.read(hold, 100)
        shim.task("CloseIO", {3: 1})
        os.close(write)
        assert shim.wait() == 0
        while True:
            got = os.read(hold, 100)
            text += got
            if not got or b"end of stdin" in text:
                break
        assert text == b"ready\ngot a line\nend of stdin\n", text
        os.close(hold)
        shim.end()


def test_stats():
    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        stats = decode(one(shim.task("Stats"), 1))
        assert one(stats, 1).decode() in ("io.containerd.cgroups.v1.Metrics", "io.containerd.cgroups.v2.Metrics"), stats
        assert len(one(stats, 2, b"")) > 20, "figures"
        shim.end()


def hooked(shim_dir, **hooks):
    """A configuration whose hooks write their kind, their mount namespace and the state they are given to a file."""
    script = os.path.join(shim_dir, "hook")
    with open(script, "w") as f:
        f.write("#!/bin/sh\n{ echo \"$1 $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) $X $PWD\"; cat; echo; } >>'%s/hooks'\n"
                "[ \"$2\" != fail ] || { echo 'this hook fails'; exit 3; }\n[ \"$2\" != slow ] || sleep 60\n" % shim_dir)
    os.chmod(script, 0o755)
    entries = {kind: [{"path": script, "args": ["hook", kind, *more], "env": ["X=y", "PATH=/usr/bin:/bin"],
                       **({"timeout": 1} if "slow" in more else {})}] for kind, more in hooks.items()}
    return spec(["/probe", "exit", "4"], cgroup="/shimtest/c", annotations={"a.b": "c"}, hooks=entries)


def hooks_ran(shim_dir):
    """[(kind, mount namespace, network namespace, state)]"""
    with open(os.path.join(shim_dir, "hooks")) as f:
        lines = f.read().splitlines()
    ran = []
    for head, state in zip(lines[::2], lines[1::2]):
        kind, mnt, net, x, cwd = head.split()
        assert (x, cwd) == ("y", os.path.join(shim_dir, "bundle-c")), head
        ran.append((kind, mnt, net, json.loads(state)))
    return ran


def test_hooks():  # core
    """Each in its namespaces and at its time, with the state on stdin."""
    where = os.environ["CASE_DIR"]
    config = hooked(where, prestart=(), createRuntime=(), createContainer=(), poststart=(), poststop=())
    with Shim(config=config) as shim:
        shim.start()
        pid = shim.create()
        assert [h[0] for h in hooks_ran(where)] == ["prestart", "createRuntime", "createContainer"]
        shim.task("Start")
        assert shim.wait() == 4
        shim.task("Delete")
        ran = hooks_ran(where)
        assert [h[0] for h in ran] == ["prestart", "createRuntime", "createContainer", "poststart", "poststop"], ran
        here = os.readlink("/proc/self/ns/mnt"), os.readlink("/proc/self/ns/net")
        for kind, mnt, net, state in ran:
            inside = kind == "createContainer"
            assert ((mnt, net) == here) != inside, (kind, mnt, net, here)
            assert (state["id"], state["bundle"], state["annotations"]) == ("c", shim.bundle, {"a.b": "c"}), state
            assert state["ociVersion"] == "1.0.2", state
            told = (state["status"], state.get("pid"))
            assert told == {"poststart": ("running", pid), "poststop": ("stopped", None)}.get(kind, ("creating", pid)), state
        topics = shim.events.topics(4)
        assert topics == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"], topics
        shim.task("Shutdown")


def test_hooks_that_fail():
    """Those of the creation refuse the container, with their words; those of the end run all the same."""
    for name, hooks, words in (("a", {"createRuntime": ("fail",)}, "this hook fails"), ("b", {"createContainer": ("slow",)}, "longer than 1 s"),
                               ("c", {"createContainer": ("fail",)}, "status 3")):
        where = os.path.join(os.environ["CASE_DIR"], name)
        os.mkdir(where)
        os.environ["CASE_DIR"], before = where, os.environ["CASE_DIR"]
        with Shim(config=hooked(where, poststop=(), **hooks)) as shim:
            shim.start()
            refuses(INVALID_ARGUMENT, shim.create, contains=words)
            assert [h[0] for h in hooks_ran(where)] == [*hooks, "poststop"], hooks_ran(where)
            refuses(NOT_FOUND, shim.task, "State")
            shim.task("Shutdown")
        os.environ["CASE_DIR"] = before


def test_hooks_of_the_start_may_fail():
    where = os.environ["CASE_DIR"]
    with Shim(config=hooked(where, poststart=("fail",), poststop=("fail",))) as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        assert shim.wait() == 4
        shim.task("Delete")
        shim.task("Shutdown")


def test_hooks_after_a_killed_shim():
    """`delete` runs those of the end, once."""
    where = os.environ["CASE_DIR"]
    with Shim(config=hooked(where, poststop=())) as shim:
        shim.start()
        pid = shim.create()
        for process in shim.processes():
            if process != pid:
                os.kill(process, signal.SIGKILL)
        within(5, lambda: not shim.processes())
        assert shim.run("delete").returncode == 0 and shim.run("delete").returncode == 0
        assert [h[0] for h in hooks_ran(where)] == ["poststop"], hooks_ran(where)


def control(*names):
    """The first of these control files, of either version, in the container's cgroup."""
    for name in names:
        found = glob.glob("/sys/fs/cgroup/*/shimtest/c/" + name) + glob.glob("/sys/fs/cgroup/shimtest/c/" + name)
        if found:
            with open(found[0]) as f:
                return f.read().strip()
    raise AssertionError("no control file of %s" % (names,))


def test_update():
    """New limits reach the cgroup of a running and of a paused container; what is not named stays."""
    def update(resources):
        text = resources if isinstance(resources, bytes) else json.dumps(resources).encode()
        return shim.task("Update", {2: {1: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources", 2: text}})

    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        memory = ("memory.limit_in_bytes", "memory.max")
        for megabytes in (256, 512, 128):  # up and down, with swap's limit on its heels
            size = megabytes << 20
            update({"memory": {"limit": size, "swap": size}, "cpu": {"quota": 50000, "period": 100000}})
            assert control(*memory) == str(size), control(*memory)
        update({"cpu": {"quota": 20000}, "pids": {"limit": 50}})
        assert control(*memory) == str(128 << 20), "what is not named stays"
        assert control("cpu.cfs_quota_us", "cpu.max").split()[0] == "20000"
        assert control("cpu.cfs_period_us", "cpu.max").split()[-1] == "100000"
        assert control("pids.max") == "800"  # tasks, 16 for each process
        shim.task("Pause")
        update({"pids": {"limit": -1}})
        assert control("pids.max") == "max" and shim.state() == PAUSED
        shim.task("Resume")
        for bad in (b"", b"[]", b"{", {"memory": {"limit": "1"}}):
            refuses(INVALID_ARGUMENT, update, bad)
        refuses(INVALID_ARGUMENT, update, {"blockIO": {"leafWeight": 10}}, contains="blockIO.leafWeight")
        disk = None
        for path in glob.glob("/sys/class/block/*/queue"):  # a device with a queue, which no part of one has
            major, minor = open(os.path.dirname(path) + "/dev").read().strip().split(":")
            if int(major) not in (1, 7):
                disk = (int(major), int(minor))
        update({"blockIO": {"throttleReadBpsDevice": [{"major": disk[0], "minor": disk[1], "rate": 1 << 20}]}})
        text = control("blkio.throttle.read_bps_device", "io.max")
        assert "%d:%d" % disk in text and str(1 << 20) in text, text
        refuses(INVALID_ARGUMENT, shim.task, "Update")
        shim.kill()
        shim.wait()
        refuses(FAILED_PRECONDITION, update, {"pids": {"limit": 5}})
        shim.end()


def test_update_grows_the_guest():
    """A limit that was raised is there for the guest; the first one would end it."""
    config = spec(["/probe", "touch", "100"], memory=64 << 20, cgroup="/shimtest/c")
    with Shim(config=config) as shim:
        shim.start()
        shim.create()
        text = json.dumps({"memory": {"limit": 256 << 20}}).encode()
        shim.task("Update", {2: {1: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources", 2: text}})
        shim.task("Start")
        assert shim.wait() == 0
        shim.end()


def test_unimplemented_by_name():
    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        task = "containerd.task.v2.Task"
        for method in ("Checkpoint", "NoSuchMethod"):
            refuses(UNIMPLEMENTED, shim.client.call, task, method, {1: "c"}, contains=method)
        refuses(UNIMPLEMENTED, shim.client.call, "no.such.Service", "State", {1: "c"}, contains="no.such.Service")
        assert shim.state() == RUNNING
        shim.end()


# Frames.

def test_frame_too_long():  # core
    """5 MiB: refused on its stream; the connection goes on."""
    with Shim() as shim:
        shim.start()
        shim.create()
        size = 5 << 20
        shim.client.stream += 2
        stream = shim.client.stream
        shim.client.sock.sendall(frame(stream, REQUEST, bytes(size)))
        refuses(RESOURCE_EXHAUSTED, shim.client.receive, stream)
        assert shim.state() == CREATED
        shim.end()


def test_frame_truncated():  # core
    """A connection that ends inside a frame, or a header, ends alone."""
    with Shim() as shim:
        shim.start()
        shim.create()
        for cut in (struct.pack(">IIBB", 100, 1, REQUEST, 0) + b"abc", b"\0\0\0", struct.pack(">IIBB", 5 << 20, 1, 1, 0)):
            bad = Client(shim.address)
            bad.sock.sendall(cut)
            bad.close()
        assert shim.state() == CREATED
        shim.end()


def test_frame_nonsense():
    """Bytes that are not a message, unknown frame types, streams out of order: an error or silence, never an end."""
    with Shim() as shim:
        shim.start()
        shim.create()
        nonsense = [
            frame(1, REQUEST, b"\xff" * 64),
            frame(3, 77, b"what is this"),
            frame(2, REQUEST, encode({1: "containerd.task.v2.Task", 2: "State", 3: {1: "c"}})),
            frame(5, REQUEST, b""),
            frame(7, DATA, b"no such stream"),
            frame(9, REQUEST, encode({1: "containerd.task.v2.Task", 2: "State", 3: b"\x0a\xff\xff\xff\xff\x0f"})),
            os.urandom(4096),
        ]
        for data in nonsense:
            bad = Client(shim.address)
            bad.sock.sendall(data)
            bad.sock.settimeout(0.2)
            try:
                while bad.sock.recv(4096):
                    pass
            except OSError:
                pass
            bad.close()
            assert shim.state() == CREATED, "after %r" % data[:40]
        refuses(INVALID_ARGUMENT, shim.client.call, "containerd.task.v2.Task", "State", b"\x0a\xff\xff\xff\xff\x0f")
        shim.end()


def test_slow_and_silent_peers():
    """Many connections that send a byte and wait hold up nobody."""
    with Shim() as shim:
        shim.start()
        shim.create()
        slow = [Client(shim.address) for _ in range(100)]
        for s in slow:
            s.sock.sendall(b"\0")
        clock = Clock()
        for _ in range(20):
            assert shim.state() == CREATED
        assert clock.seconds() < 2, "the shim waits for others"
        for s in slow:
            s.close()
        shim.end()


# Bundles.

def each_config_malformed():  # core
    """Each broken config.json is refused in Create, with a reason, and leaves nothing."""
    good = spec(["/probe.wasm" if KIND == "wasm" else "/probe", "exit", "0"])
    broken = {
        "no-json": "this is not JSON",
        "empty": "",
        "truncated": json.dumps(good)[:-20],
        "deep": "[" * 100000,
        "array": "[]",
        "no-process": {k: v for k, v in good.items() if k != "process"},
        "no-args": {**good, "process": {**good["process"], "args": []}},
        "args-type": {**good, "process": {**good["process"], "args": "sh"}},
        "relative-cwd": {**good, "process": {**good["process"], "cwd": "relative"}},
        "nul": json.dumps(good).replace("exit", "ex\\u0000it"),
    }
    for name, config in broken.items():
        with Shim(name=name, kind=KIND, config=config) as shim:
            # A configuration that cannot be read at all may be refused by `start` already.
            done = shim.run("start")
            if done.returncode != 0:
                assert done.stderr, "%s: refused without a word" % name
                os.unlink(shim.events_path)
                continue
            shim.client = Client(done.stdout.decode().strip()[len("unix://"):])
            try:
                shim.create()
            except Failure as e:
                assert e.text, name
            else:
                raise AssertionError("%s was accepted" % name)
            refuses(NOT_FOUND, shim.task, "State")
            shim.task("Shutdown")
            within(5, lambda: not shim.processes())
            os.unlink(shim.events_path)


def test_no_config():
    with Shim() as shim:
        os.unlink(os.path.join(shim.bundle, "config.json"))
        done = shim.run("start")
        if done.returncode != 0:
            assert b"config.json" in done.stderr, done
            return
        shim.client = Client(done.stdout.decode().strip()[len("unix://"):])
        try:
            shim.create()
        except Failure as e:
            assert "config.json" in e.text, e
        else:
            raise AssertionError("a bundle without config.json was accepted")
        shim.task("Shutdown")


def test_no_kvm():  # core
    """Without /dev/kvm: one sentence that names it, from Create or Start, and nothing left."""
    hide = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs dev /dev && mknod -m 666 /dev/null c 1 3 && "
            "mknod -m 666 /dev/urandom c 1 9 && exec \"$@\"", "sh"]
    with Shim(prefix=hide) as shim:
        shim.start()
        try:
            shim.create()
            shim.task("Start")
        except Failure as e:
            assert "/dev/kvm" in e.text, e
        else:
            raise AssertionError("a container started without /dev/kvm")
        finally:
            try:
                shim.end()
            except Failure as e:
                assert e.code == NOT_FOUND, e
                shim.task("Shutdown")


def test_output_to_file_and_logger():
    """file:// appends; binary:// runs a logger with stdout on fd 3, stderr on fd 4, and fd 5 to say it is ready."""
    with Shim(args=["streams", "to stdout", "to stderr"]) as shim:
        log = os.path.join(shim.dir, "both.log")
        with open(log, "w") as f:
            f.write("before\n")
        shim.start()
        shim.create(stdout="file://" + log, stderr="file://" + log)
        shim.task("Start")
        assert shim.wait() == 0
        shim.task("Delete")
        with open(log) as f:
            text = f.read()
        assert text.startswith("before\n") and "to stdout\n" in text and "to stderr" in text, text
        shim.task("Shutdown")


def logger_of(shim, name, script):
    path = os.path.join(shim.dir, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(path, 0o755)
    return "binary://" + path


def quick(seconds, call, *args, **named):
    """The call's result, which comes within that time."""
    clock = Clock()
    result = call(*args, **named)
    took = clock.seconds()
    assert took < seconds, "%s took %.1f s" % (call, took)
    return result


def test_one_that_is_stuck_in_delete():
    """A log process that does not end, and a terminal that nobody reads, hold up no other container of the pod."""
    group = {"io.containerd.runc.v2.group": "pod"}
    with Shim(name="one", args=["exit", "3"], annotations=group) as shim:
        shim.make_bundle("two", annotations=group)
        shim.make_bundle("three", args=["streams", "to stdout", "x" * 6144], annotations=group)
        shim.start("one")
        shim.create("one", stdout=logger_of(shim, "deaf", "trap '' TERM; exec 5>&-; exec 3<&- 4<&-; while :; do sleep 1; done\n"))
        shim.task("Start", name="one")
        assert shim.wait("one") == 3
        clock = Clock()
        stuck = [shim.client.send("containerd.task.v2.Task", "Delete", {1: "one"}) for _ in range(2)]
        assert quick(1, shim.create, "two") > 0
        quick(1, shim.task, "Start", name="two")
        assert quick(1, shim.state, "two") == RUNNING and quick(1, shim.state, "one") == STOPPED
        out = os.path.join(shim.dir, "terminal")
        os.mkfifo(out)
        hold = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
        # Of what the program writes, the pipe takes a part and the terminal itself has room for the rest.
        fcntl.fcntl(hold, fcntl.F_SETPIPE_SZ, 4096)
        quick(1, shim.create, "three", stdout=out, terminal=True)
        quick(1, shim.task, "Start", name="three")
        within(5, lambda: shim.state("three") == STOPPED)
        unread = shim.client.send("containerd.task.v2.Task", "Delete", {1: "three"})
        quick(1, shim.kill, name="two")
        assert quick(1, shim.wait, "two") == 137
        quick(1, shim.task, "Delete", name="two")
        assert clock.seconds() < 9, "none of this is to wait for what is stuck"
        assert [one(shim.client.receive(s), 2) for s in stuck] == [3, 3], "both who asked are answered"
        assert one(shim.client.receive(unread), 2) == 0
        os.close(hold)
        refuses(NOT_FOUND, shim.state, "one")
        shim.task("Shutdown", name="one")


def test_one_that_is_stuck_in_create():
    """A log process that does not get ready: its container is refused when its time is up; others do not notice."""
    group = {"io.containerd.runc.v2.group": "pod"}
    with Shim(name="one", annotations=group) as shim:
        shim.make_bundle("two", annotations=group)
        shim.start("one")
        bundle = os.path.join(shim.dir, "bundle-one")
        uri = logger_of(shim, "never", "while :; do sleep 1; done\n")
        clock = Clock()
        stuck = shim.client.send("containerd.task.v2.Task", "Create", {1: "one", 2: bundle, 6: uri, 7: uri})
        quick(1, shim.create, "two")
        quick(1, shim.task, "Start", name="two")
        assert quick(1, shim.state, "two") == RUNNING
        methods = ("State", "Start", "Kill", "Delete", "Wait", "Pids")
        asked = [shim.client.send("containerd.task.v2.Task", method, {1: "one"}) for method in methods]
        refuses(ALREADY_EXISTS, shim.create, "one")
        quick(1, shim.end, name="two")
        assert clock.seconds() < 8
        refuses(INVALID_ARGUMENT, shim.client.receive, stuck, contains="log process")
        for call in asked:
            refuses(NOT_FOUND, shim.client.receive, call, contains="container one: not found")
        refuses(NOT_FOUND, shim.state, "one")
        assert len(shim.processes()) == 1, "the monitor of what was refused is left"
        shim.task("Shutdown", name="one")


def each_asked_while_it_is_created():
    """As the log process of `nerdctl run -d` does: what it asks for is answered when the container is there."""
    with Shim(args=["exit", "5"], kind=KIND) as shim:
        shim.start()
        go = os.path.join(shim.dir, "go")
        uri = logger_of(shim, "late", "while ! [ -e '%s' ]; do sleep 0.01; done; exec 5>&-; cat <&3 & cat <&4\n" % go)
        create, state, wait, kill = [shim.client.send("containerd.task.v2.Task", method, fields) for method, fields in (
            ("Create", {1: "c", 2: shim.bundle, 6: uri, 7: uri}), ("State", {1: "c"}), ("Wait", {1: "c"}),
            ("Kill", {1: "c", 3: 0}))]
        time.sleep(0.3)
        assert not shim.client.answers
        with open(go, "w"):
            pass
        assert one(shim.client.receive(create), 1) > 0
        assert one(shim.client.receive(state), 4) == CREATED
        shim.client.receive(kill)
        shim.task("Start")
        assert one(shim.client.receive(wait), 1) == 5
        shim.task("Delete")
        shim.task("Shutdown")


def test_create_that_is_given_up():
    """By the client, as containerd does it: Delete, of which it does not await the end, and Shutdown. All of it goes."""
    with Shim() as shim:
        shim.start()
        go = os.path.join(shim.dir, "go")
        uri = logger_of(shim, "late", "while ! [ -e '%s' ]; do sleep 0.01; done; exec 5>&-; cat <&3 & cat <&4\n" % go)
        for method, fields in (("Create", {1: "c", 2: shim.bundle, 6: uri, 7: uri}), ("Delete", {1: "c"})):
            shim.client.send("containerd.task.v2.Task", method, fields)
        shim.task("Shutdown")
        shim.client.close()
        shim.client = None
        assert shim.processes()
        with open(go, "w"):
            pass
        within(10, lambda: not shim.processes())
        assert not os.path.exists(shim.address), "the socket is left"


def each_delete_as_soon_as_it_has_ended():
    """State says STOPPED while processes of Exec are still ending: Delete waits for them."""
    with Shim(kind=KIND) as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        text = json.dumps({"args": ["/probe.wasm" if KIND == "wasm" else "/probe", "loop"], "cwd": "/"}).encode()
        for n in range(3):
            shim.task("Exec", {2: "e%d" % n, 7: {1: "", 2: text}})
            shim.task("Start", {2: "e%d" % n})
        shim.kill()
        while shim.state() != STOPPED:
            pass
        shim.task("Delete")
        shim.task("Shutdown")


def fifos(shim, *names):
    paths = [os.path.join(shim.dir, n) for n in names]
    for path in paths:
        os.mkfifo(path)
    return paths


def each_stdin_outlives_its_client():
    """A client goes, as containerd does when it is restarted, and another comes: stdin ends at CloseIO."""
    with Shim(args=["reply"], kind=KIND) as shim:
        shim.start()
        stdin, stdout = fifos(shim, "stdin", "stdout")
        hold = os.open(stdout, os.O_RDONLY | os.O_NONBLOCK)
        shim.create(stdin=stdin, stdout=stdout)
        os.set_blocking(hold, True)
        shim.task("Start")
        text = b""
        for n in range(3):
            with open(stdin, "wb") as f:
                f.write(b"line %d\n" % n)
            while b"got line %d\n" % n not in text:
                text += os.read(hold, 100)
        time.sleep(0.5)
        assert shim.state() == RUNNING, text
        shim.task("CloseIO", {3: 1})
        assert shim.wait() == 0
        text += os.read(hold, 100)
        assert text == b"ready\ngot line 0\ngot line 1\ngot line 2\nend of stdin\n", text
        os.close(hold)
        shim.end()


def each_terminal_hangs_up():
    """CloseIO on a terminal, as with runc: its program finds it closed; SIGHUP is for processes of Exec alone."""
    with Shim(args=["reply"], kind=KIND) as shim:
        shim.start()
        stdin, stdout = fifos(shim, "stdin", "stdout")
        hold = os.open(stdout, os.O_RDONLY | os.O_NONBLOCK)
        shim.create(stdin=stdin, stdout=stdout, terminal=True)
        shim.task("Start")
        client = os.open(stdin, os.O_WRONLY)
        shim.task("CloseIO", {3: 1})
        time.sleep(0.2)
        assert shim.state() == RUNNING, "its client is still there"
        os.close(client)
        assert shim.wait() == 0
        os.close(hold)
        shim.end()


def each_terminal_of_exec_hangs_up():
    with Shim(kind=KIND) as shim:
        shim.start()
        stdin, stdout = fifos(shim, "stdin", "stdout")
        hold = os.open(stdout, os.O_RDONLY | os.O_NONBLOCK)
        shim.create()
        shim.task("Start")
        text = json.dumps({"args": ["/probe.wasm" if KIND == "wasm" else "/probe", "loop"], "cwd": "/"}).encode()
        shim.task("Exec", {2: "e", 3: 1, 4: stdin, 5: stdout, 7: {1: "", 2: text}})
        shim.task("Start", {2: "e"})
        shim.task("CloseIO", {2: "e", 3: 1})
        assert one(shim.task("Wait", {2: "e"}), 1) == 129
        os.close(hold)
        shim.end()


def each_terminal_with_a_logger_process():
    """As `nerdctl run -dt` has it."""
    with Shim(args=["streams", "to stdout", "to stderr"], kind=KIND) as shim:
        shim.start()
        uri = logger_of(shim, "logger", "exec 5>&-; cat <&3 >'%s/logged'; cat <&4 >&2\n" % shim.dir)
        shim.create(stdout=uri, terminal=True)
        shim.task("Start")
        assert shim.wait() == 0
        shim.task("Delete")
        with open(os.path.join(shim.dir, "logged"), "rb") as f:
            text = f.read()
        assert text == b"to stdout\r\nto stderr", text
        shim.task("Shutdown")


def test_logger_process():
    with Shim(args=["streams", "to stdout", "to stderr"]) as shim:
        logger = os.path.join(shim.dir, "logger")
        with open(logger, "w") as f:
            f.write("#!/bin/sh\nexec 5>&-\n{ echo \"$CONTAINER_ID $CONTAINER_NAMESPACE $*\"; cat <&3; cat <&4; } >'%s/logged'\n"
                    % shim.dir)
        os.chmod(logger, 0o755)
        shim.start()
        shim.create(stdout="binary://%s?key=value" % logger, stderr="binary://%s?key=value" % logger)
        shim.task("Start")
        assert shim.wait() == 0
        shim.task("Delete")
        with open(os.path.join(shim.dir, "logged")) as f:
            text = f.read()
        assert "c shimtest" in text and "key value" in text, text
        assert "to stdout\n" in text and "to stderr" in text, text
        shim.task("Shutdown")


# The binary's actions.

def test_start_twice():
    """A second `start` of the same container or group finds the first's socket."""
    with Shim() as shim:
        first = shim.start()
        assert shim.start() == first
        shim.create()
        shim.end()


def test_start_after_a_dead_shim():
    """A socket that nobody listens on any more is taken over."""
    with Shim() as shim:
        first = shim.start()
        shim_pid = one(shim.task("Connect"), 1)
        os.kill(shim_pid, signal.SIGKILL)
        within(5, lambda: not alive(shim_pid))
        assert shim.start() == first
        shim.create()
        shim.end()


def test_delete_is_idempotent():  # core
    with Shim() as shim:
        shim.start()
        pid = shim.create()
        shim.task("Start")
        shim_pid = one(shim.task("Connect"), 1)
        os.kill(shim_pid, signal.SIGKILL)
        for _ in range(2):
            clock = Clock()
            done = shim.run("delete")
            assert done.returncode == 0 and clock.seconds() < 5, done
            assert one(decode(done.stdout), 2) == 137, decode(done.stdout)
            assert not alive(pid)
        assert not os.path.exists(shim.address), "the socket is left"


def test_delete_of_one_leaves_the_pod():
    """`delete` runs at every Delete of a pod's container; the pod's shared shim is not its to end."""
    group = {"io.kubernetes.cri.sandbox-id": "pod"}
    with Shim(name="one", annotations=group) as shim:
        shim.start()
        shim.make_bundle("two", annotations=group)
        assert shim.run("start", "two").stdout.decode().strip() == "unix://" + shim.address
        assert os.path.exists(os.path.join(shim.dir, "bundle-two", "address")), "an address file in every bundle"
        shim.create("one")
        shim.create("two")
        shim.task("Start", name="one")
        shim.task("Start", name="two")
        shim.kill(name="one")
        assert shim.wait("one") == 137
        shim.task("Delete", name="one")
        assert shim.run("delete", "one").returncode == 0
        assert shim.state("two") == RUNNING
        shim.end("two")


def test_version_and_info():
    shown = subprocess.run([SHIM, "-v"], capture_output=True, check=True)
    assert b"Version" in shown.stdout, shown
    shown = subprocess.run([SHIM, "-info"], input=b"", capture_output=True, check=True)
    told = decode(shown.stdout)
    assert one(told, 1) == b"io.containerd.mote.v1", shown
    assert one(decode(one(told, 5)), 1) == b"io.mote.user-namespaces" and one(decode(one(told, 5)), 2) == b"yes", shown
    features = decode(one(told, 4))
    assert one(features, 1) == b"types.containerd.io/opencontainers/runtime-spec/1/features/Features", features
    features = json.loads(one(features, 2))
    for key, has, lacks in (("hooks", {"prestart", "createRuntime", "poststop"}, {"startContainer"}),
                            ("mountOptions", {"ro", "rro", "rbind", "rprivate", "noatime"}, {"rsync", "idmap", "remount"})):
        assert has <= set(features[key]) and not lacks & set(features[key]), (key, features[key])
    assert {"pid", "mount"} <= set(features["linux"]["namespaces"]) and "user" not in features["linux"]["namespaces"], features
    assert "CAP_NET_BIND_SERVICE" in features["linux"]["capabilities"], features
    for key, value in (("seccomp", False), ("apparmor", True), ("selinux", True)):
        assert features["linux"][key]["enabled"] is value, (key, features)
    assert features["linux"]["mountExtensions"]["idmap"]["enabled"] is False, features
    bad = subprocess.run([SHIM, "nonsense"], capture_output=True, check=False)
    assert bad.returncode != 0 and bad.stderr, bad


def test_descriptors_do_not_grow():
    """A hundred containers through one shim: no descriptor, process or memory more than after the first few."""
    group = {"io.containerd.runc.v2.group": "grow"}
    with Shim(name="keep", annotations=group) as shim:
        shim.start()
        shim.create("keep")
        shim_pid = one(shim.task("Connect", name="keep"), 1)
        shim.make_bundle("x", args=["exit", "1"], annotations=group)

        def count():
            with open("/proc/%d/statm" % shim_pid) as f:
                return len(os.listdir("/proc/%d/fd" % shim_pid)), int(f.read().split()[1])

        for i in range(110):
            shim.create("x")
            shim.task("Start", name="x")
            assert shim.wait("x") == 1
            shim.task("Delete", name="x")
            if i == 9:
                before = count()
        after = count()
        assert after[0] <= before[0], "descriptors grew from %d to %d" % (before[0], after[0])
        assert after[1] <= before[1] + 32, "resident pages grew from %d to %d" % (before[1], after[1])
        shim.end("keep")


if __name__ == "__main__":
    main(globals())
