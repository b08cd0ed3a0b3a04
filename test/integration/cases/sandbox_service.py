# SPDX-License-Identifier: Apache-2.0
"""The shim's sandbox service, spoken to directly: a pod without a pause container, in every state, each request twice."""
import contextlib
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

SERVICE = "containerd.runtime.sandbox.v1.Sandbox"
POD, NODE = 0, 2  # NamespaceMode
READY, NOT_READY = b"SANDBOX_READY", b"SANDBOX_NOTREADY"


class Sandbox(Shim):
    """A shim that was started for a sandbox, whose bundle has no config.json."""

    def make_bundle(self, name, *args, **more):
        if name != "pod":
            return super().make_bundle(name, *args, **more)
        bundle = os.path.join(self.dir, "bundle-pod")
        os.makedirs(os.path.join(bundle, "rootfs"))
        self.bundles.append(name)
        return bundle

    def __init__(self, **more):
        super().__init__("pod", **more)

    def call(self, method, fields=None, name="pod"):
        return self.client.call(SERVICE, method, {1: name, **(fields or {})})

    def send(self, method, fields=None, name="pod"):
        return self.client.send(SERVICE, method, {1: name, **(fields or {})})

    def make(self, hostname="pod-name", network=POD, pid=1, ipc=POD, userns=None, dns=None, parent="", sysctls=(), netns=""):
        namespaces = {1: network, 2: pid, 3: ipc}
        if userns is not None:
            namespaces[5] = {1: userns}
        config = {2: hostname, 8: {1: parent, 2: {1: namespaces}, 3: [{1: k, 2: v} for k, v in sysctls]}}
        if dns:
            config[4] = dns
        return self.call("CreateSandbox", {2: self.bundle, 4: {1: "runtime.v1.PodSandboxConfig", 2: encode(config)}, 5: netns})

    def begin(self, **more):
        """Created and started; the process id that stands for its namespaces."""
        self.start()
        self.make(**more)
        return one(self.call("StartSandbox"), 1)

    def status(self):
        return one(self.call("SandboxStatus"), 3)

    def container(self, name, args, kind="busybox", read_only=False):
        """A container of the sandbox, as the CRI makes them: its namespaces are those of the sandbox's process."""
        pid = one(self.call("SandboxStatus"), 2)
        config = spec(["/bin/busybox", *args] if kind == "busybox" else ["/probe", *args], cgroup="/shimtest/" + name,
                      annotations={"io.kubernetes.cri.sandbox-id": "pod"})
        config["linux"]["namespaces"] = [{"type": t} for t in ("pid", "mount")] + [
            {"type": t, "path": "/proc/%d/ns/%s" % (pid, f)} for t, f in (("network", "net"), ("ipc", "ipc"), ("uts", "uts"))]
        config["root"]["readonly"] = read_only
        self.make_bundle(name, kind=kind, config=config)
        self.start_in_pod(name)

    def start_in_pod(self, name):
        """`start` of a container's bundle names the sandbox's shim."""
        done = self.run("start", name)
        assert done.stdout.decode().strip() == "unix://" + self.address, done

    def output(self, name, args, **more):
        """What a container prints to its end."""
        self.container(name, args, **more)
        out = os.path.join(self.dir, name + ".out")
        self.create(name, stdout="file://" + out, stderr="file://" + out)
        self.task("Start", name=name)
        status = self.wait(name)
        self.task("Delete", name=name)
        self.task("Shutdown", name=name)
        with open(out) as f:
            text = f.read()
        assert status == 0, (status, text)
        return text

    def running(self, name):
        self.container(name, ["loop"], kind="native")
        self.create(name)
        self.task("Start", name=name)

    def finish(self):
        self.call("StopSandbox")
        self.call("ShutdownSandbox")
        within(10, lambda: not self.processes())
        assert not os.path.exists(self.address), "the socket is left"
        self.nothing_mounted()

    def nothing_mounted(self):
        with open("/proc/mounts") as f:
            assert self.bundle not in f.read(), "something is still mounted in the bundle"
        assert not os.path.exists(os.path.join(self.bundle, "mote-pod"))


def namespace(pid, name):
    return os.readlink("/proc/%d/ns/%s" % (pid, name))


def test_sandbox_life():  # core
    with Sandbox() as pod:
        pid = pod.begin()
        assert alive(pid) and pid not in os.listdir("/proc"), "%d should be a thread of the shim" % pid
        status = pod.call("SandboxStatus", {2: 1})
        assert one(status, 1) == b"pod" and one(status, 2) == pid and one(status, 3) == READY, status
        assert one(decode(one(status, 5)), 1) > 1600000000, "when it was made"
        assert decode(status[4][0])[1] == [b"info"] and 6 not in status, status
        platform = decode(one(pod.call("Platform"), 1))
        assert one(platform, 1) == b"linux" and one(platform, 2) in (b"amd64", b"arm64"), platform
        pod.call("PingSandbox")
        waiting = pod.send("WaitSandbox")
        for kind in ("net", "ipc", "uts"):
            assert namespace(pid, kind) != namespace(os.getpid(), kind), kind
        pod.call("StopSandbox")
        waited = pod.client.receive(waiting)
        assert one(waited, 1) == 0 and one(decode(one(waited, 2)), 1) > 1600000000, waited
        status = pod.call("SandboxStatus")
        assert one(status, 2) == 0 and one(status, 3) == NOT_READY and 6 in status, status
        assert not os.path.exists("/proc/%d" % pid), "the namespaces are given up"
        pod.finish()


def test_sandbox_containers():  # core
    """What a pod's containers share, though no pause container has it: name, files, /dev/shm, network."""
    dns = {1: ["10.88.0.53", "10.88.0.54"], 2: ["a.local", "b.local"], 3: ["ndots:5"]}
    with Sandbox() as pod:
        pod.begin(dns=dns, sysctls=[("net.ipv4.ip_unprivileged_port_start", "80"), ("kernel.shm_rmid_forced", "1")])
        assert pod.output("name", ["hostname"]) == "pod-name\n"
        assert pod.output("file", ["cat", "/etc/hostname"]) == "pod-name\n"
        assert pod.output("dns", ["cat", "/etc/resolv.conf"]) == (
            "search a.local b.local\nnameserver 10.88.0.53\nnameserver 10.88.0.54\noptions ndots:5\n")
        with open("/etc/hosts") as f:
            assert pod.output("hosts", ["cat", "/etc/hosts"]) == f.read()
        assert pod.output("write", ["sh", "-c", "echo shared >/dev/shm/file; echo more >>/etc/hosts"]) == ""
        assert pod.output("shm", ["cat", "/dev/shm/file"]) == "shared\n"
        assert pod.output("hosts-again", ["tail", "-n", "1", "/etc/hosts"]) == "more\n"
        text = pod.output("read-only", ["sh", "-c", "echo >>/etc/hosts || echo >/dev/shm/can && echo end"], read_only=True)
        assert text.endswith("end\n") and "Read-only file system" in text, text
        pid = one(pod.call("SandboxStatus"), 2)
        for name, value in (("net/ipv4/ip_unprivileged_port_start", "80"), ("kernel/shm_rmid_forced", "1")):
            done = subprocess.run(["nsenter", "--net=/proc/%d/ns/net" % pid, "--ipc=/proc/%d/ns/ipc" % pid, "cat", "/proc/sys/" + name],
                                  capture_output=True, text=True, check=True)
            assert done.stdout == value + "\n", (name, done.stdout)
        pod.finish()


def test_sandbox_of_a_namespace():
    """A network namespace that was made for it; and the host's."""
    path = os.path.join(os.environ["CASE_DIR"], "netns")
    with open(path, "w"):
        pass
    subprocess.run(["unshare", "--net", "mount", "--bind", "/proc/self/ns/net", path], check=True)
    try:
        with Sandbox() as pod:
            pid = pod.begin(netns=path)
            assert os.stat(path).st_ino == os.stat("/proc/%d/ns/net" % pid).st_ino
            pod.finish()
    finally:
        subprocess.run(["umount", path], check=True)


def test_sandbox_of_the_host():
    with Sandbox() as pod:
        pid = pod.begin(network=NODE, ipc=NODE)
        for kind in ("net", "ipc", "uts"):
            assert namespace(pid, kind) == namespace(os.getpid(), kind), kind
        pod.finish()


# In each state, what each request is answered with: 0, or a code.
BUSY, EXISTS = FAILED_PRECONDITION, ALREADY_EXISTS
WRONG = {
    "none": {"StartSandbox": NOT_FOUND, "StopSandbox": NOT_FOUND, "SandboxStatus": NOT_FOUND, "PingSandbox": NOT_FOUND,
             "Platform": NOT_FOUND, "WaitSandbox": NOT_FOUND, "SandboxMetrics": NOT_FOUND},
    "created": {"create": EXISTS, "add": BUSY, "PingSandbox": BUSY, "SandboxStatus": 0, "Platform": 0, "SandboxMetrics": NOT_FOUND},
    "ready": {"create": EXISTS, "add": 0, "StartSandbox": 0, "PingSandbox": 0, "SandboxStatus": 0, "Platform": 0},
    "stopped": {"create": EXISTS, "add": BUSY, "StartSandbox": BUSY, "StopSandbox": 0, "PingSandbox": BUSY, "SandboxStatus": 0,
                "Platform": 0, "WaitSandbox": 0, "SandboxMetrics": NOT_FOUND},
}


def answer_code(call, *args):
    try:
        call(*args)
    except Failure as e:
        return e.code
    return 0


def check_state(pod, state):
    for method, code in WRONG[state].items():
        for attempt in range(2):
            if method == "create":
                got = answer_code(pod.make)
            elif method == "add":
                got = answer_code(pod.create, "c%d" % attempt)
            else:
                got = answer_code(pod.call, method)
            assert got == code, "%s, attempt %d, in state %s: code %d instead of %d" % (method, attempt, state, got, code)
    others = ("StartSandbox", "StopSandbox", "SandboxStatus", "PingSandbox", "Platform", "WaitSandbox", "ShutdownSandbox")
    for method in others if state != "none" else ():
        refuses(NOT_FOUND, pod.call, method, name="other", contains="sandbox other: not found")


def test_sandbox_states():  # core
    """Every request in every state, each twice: answered again, or refused with the code that containerd expects."""
    with Sandbox() as pod:
        pod.start()
        check_state(pod, "none")
        pod.make()
        assert pod.status() == NOT_READY
        for name in ("c0", "c1"):
            pod.make_bundle(name, args=["loop"])
        check_state(pod, "created")
        first = pod.call("StartSandbox")
        check_state(pod, "ready")
        assert pod.call("StartSandbox") == first, "the same process, the same time"
        for name in ("c0", "c1"):
            pod.end(name)
        assert pod.status() == READY, "the last container's Shutdown does not end the sandbox"
        pod.call("StopSandbox")
        check_state(pod, "stopped")
        pod.finish()


def test_sandbox_stop_ends_containers():
    with Sandbox() as pod:
        pod.begin()
        pod.running("one")
        pod.container("two", ["loop"], kind="native")
        pod.create("two")
        waiting = pod.client.send("containerd.task.v2.Task", "Wait", {1: "one"})
        pod.call("StopSandbox")
        assert one(pod.client.receive(waiting), 1) == 137
        assert pod.state("one") == STOPPED and pod.state("two") == STOPPED
        for name in ("one", "two"):
            pod.task("Delete", name=name)
        assert pod.status() == NOT_READY
        pod.finish()


def test_sandbox_stop_with_a_timeout():
    """SIGTERM, which one container follows and one does not; the timeout's end, a Stop without one, a Shutdown kill."""
    for how in ("timeout", "stop", "shutdown", "polite"):
        with Sandbox() as pod:
            pod.begin()
            pod.running("one")
            ignored = "" if how == "polite" else "trap '' TERM;"
            pod.container("two", ["sh", "-c", ignored + "echo >/ready; while :; do :; done"])
            pod.create("two")
            pod.task("Start", name="two")
            within(20, lambda: os.path.exists(os.path.join(pod.dir, "bundle-two/rootfs/ready")))
            waiting = pod.client.send("containerd.task.v2.Task", "Wait", {1: "one"})
            stopping = pod.send("StopSandbox", {2: 2 if how == "timeout" else 100000})
            assert one(pod.client.receive(waiting), 1) != 137, how
            if how in ("stop", "shutdown"):
                assert pod.state("two") == RUNNING, how
                again = pod.send("StopSandbox", {2: 1})  # the first one's timeout counts
                pod.call("StopSandbox" if how == "stop" else "ShutdownSandbox")
                pod.client.receive(again)
            pod.client.receive(stopping)
            if how != "shutdown":
                assert one(pod.task("Wait", name="two"), 1) == (143 if how == "polite" else 137), how
                for name in ("one", "two"):
                    pod.task("Delete", name=name)
                pod.call("ShutdownSandbox")
            within(20, lambda: not pod.processes())
        shutil.rmtree(pod.dir)
        os.mkdir(pod.dir)


def test_sandbox_shutdown_ends_all():
    """In any state, also with containers that nobody has deleted."""
    for state in ("none", "created", "ready", "running"):
        with Sandbox() as pod:
            pod.start()
            if state != "none":
                pod.make()
            if state in ("ready", "running"):
                pod.call("StartSandbox")
            if state == "running":
                pod.running("one")
            pod.call("ShutdownSandbox")
            within(10, lambda: not pod.processes())
            pod.nothing_mounted()
            for name in pod.bundles:
                assert pod.run("delete", name).returncode == 0
        pod.events.listener.close()
        os.unlink(pod.events_path)
        subprocess.run(["rm", "-rf", *(os.path.join(pod.dir, "bundle-" + name) for name in pod.bundles)], check=True)


def test_sandbox_killed_shim():
    """-9: the namespaces end with the shim, and `delete` of each bundle removes the rest, also when it comes twice."""
    with Sandbox() as pod:
        pid = pod.begin()
        pod.running("one")
        ending = pod.processes()
        for process in ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        # One that is ending has no command line any more, and still is there.
        within(10, lambda: not any(map(alive, ending)) and not os.path.exists("/proc/%d/ns/net" % pid))
        for name in ("one", "pod", "one", "pod"):
            done = pod.run("delete", name)
            assert done.returncode == 0, done
        pod.nothing_mounted()


def test_sandbox_refusals():
    """What a pod may ask for and does not get is refused by name, and can be tried again."""
    with Sandbox() as pod:
        pod.start()
        for config, text in (({"pid": NODE}, "hostPID"), ({"userns": POD}, "hostUsers"), ({"network": 1}, "network namespace"),
                             ({"ipc": 3}, "IPC namespace"), ({"hostname": "n" * 65}, "hostname"),
                             ({"sysctls": [("kernel.panic", "1")]}, "kernel.panic"),
                             ({"network": NODE, "sysctls": [("net.core.somaxconn", "1")]}, "net.core.somaxconn"),
                             ({"ipc": NODE, "sysctls": [("kernel.shmall", "1")]}, "kernel.shmall")):
            refuses(INVALID_ARGUMENT, pod.make, contains=text, **config)
            pod.nothing_mounted()
        refuses(INVALID_ARGUMENT, pod.call, "CreateSandbox", {2: "relative"}, contains="relative")
        refuses(INVALID_ARGUMENT, pod.call, "CreateSandbox", {2: pod.bundle}, name="../pod", contains="id")
        refuses(INVALID_ARGUMENT, pod.call, "CreateSandbox", {2: pod.bundle, 3: {1: "bind"}}, contains="root file system")
        refuses(INVALID_ARGUMENT, pod.call, "CreateSandbox", {2: pod.bundle, 4: {1: "other.Options", 2: b"x"}}, contains="other.Options")
        refuses(INVALID_ARGUMENT, pod.call, "CreateSandbox", {2: pod.bundle, 4: {1: "runtime.v1.PodSandboxConfig", 2: b"\xff"}},
                contains="malformed")
        pod.make(netns="/nonexistent")
        refuses(INVALID_ARGUMENT, pod.call, "StartSandbox", contains="/nonexistent")
        assert pod.status() == NOT_READY
        pod.finish()


def test_sandbox_netns_that_is_none():
    """A path of no network namespace is refused, also one whose opening would wait: the shim goes on."""
    fifo = os.path.join(os.environ["CASE_DIR"], "fifo")
    os.mkfifo(fifo)
    with Sandbox() as pod:
        pod.start()
        pod.make(netns=fifo)
        refuses(INVALID_ARGUMENT, pod.call, "StartSandbox", contains=f"{fifo} is not a namespace")
        assert pod.status() == NOT_READY
        pod.finish()


if __name__ == "__main__":
    main(globals())
