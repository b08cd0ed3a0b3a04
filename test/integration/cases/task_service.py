# SPDX-License-Identifier: Apache-2.0
"""The shim's task service, spoken to directly: states that ctr cannot reach, and the binary's actions."""
import glob
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import


def each_life():  # core
    with Shim(args=["exit", "5"], kind=KIND) as shim:
        shim.start()
        pid = shim.create()
        assert pid > 0 and alive(pid), "Create's pid %d is not a process" % pid
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


def test_stats():
    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        stats = decode(one(shim.task("Stats"), 1))
        assert one(stats, 1).decode() in ("io.containerd.cgroups.v1.Metrics", "io.containerd.cgroups.v2.Metrics"), stats
        assert len(one(stats, 2, b"")) > 20, "figures"
        shim.end()


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


# Bundles.

def each_config_malformed():  # core
    """Each broken config.json is refused in Create, with a reason, and leaves nothing."""
    good = spec([PROGRAM, "exit", "0"])
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


def each_delete_as_soon_as_it_has_ended():
    """State says STOPPED while processes of Exec are still ending: Delete waits for them."""
    with Shim(kind=KIND) as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        text = json.dumps({"args": [PROGRAM, "loop"], "cwd": "/"}).encode()
        for n in range(3):
            shim.task("Exec", {2: "e%d" % n, 7: {1: "", 2: text}})
            shim.task("Start", {2: "e%d" % n})
        shim.kill()
        while shim.state() != STOPPED:
            pass
        shim.task("Delete")
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
