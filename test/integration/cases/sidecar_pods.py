# SPDX-License-Identifier: Apache-2.0
"""A pod whose containers are a guest in a VM and an ordinary Linux program, which runc runs, side by side."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pods import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

LINUX, BUSYBOX = "example.com/linux:1", "example.com/busybox:1"
HANDLER = "mote-oci" if HANDLER.startswith("mote") else HANDLER  # noqa: F405


def shell(pod, name, script, **more):
    return pod.run(name, ["/bin/sh", "-c", script], image=LINUX, **more)


def test_sidecar_pod_network():  # core
    """Both have the pod's network, host name and volumes; one is in a VM, the other is not."""
    shared = os.path.join(os.environ["CASE_DIR"], "shared")
    os.mkdir(shared)
    volume = [{1: "/shared", 2: shared}]
    with Pod("sidecars", network=POD, hostname="of-the-pod", handler=HANDLER, annotations=[("io.mote.runtime.server", "oci")]) as pod:
        server = pod.run("server", ["/bin/busybox", "nc", "-l", "-p", "8080", "-e", "/bin/busybox", "uname", "-rn"], image=BUSYBOX)
        within(20, lambda: pod.exec_sync(server, ["/bin/busybox", "grep", "-q", ":1F90 ", "/proc/net/tcp", "/proc/net/tcp6"])[0] == 0)
        client = pod.run("client", ["/bin/busybox", "nc", "127.0.0.1", "8080"], image=BUSYBOX)
        assert pod.exit_code(client) == 0, log("client")
        of_node = subprocess.run(["uname", "-r"], capture_output=True, check=True, text=True).stdout.strip()
        assert log("client") == [["stdout", "of-the-pod " + of_node]], log("client")
        guest = pod.run("guest", ["/bin/busybox", "uname", "-rn"], image=BUSYBOX, mounts=volume)
        assert pod.exit_code(guest) == 0 and log("guest")[0][1].endswith("-mote"), log("guest")
        assert pod.exit_code(server) == 0
        writer = shell(pod, "writer", "echo from the side-car >/shared/file; cat /etc/hostname", mounts=volume)
        assert pod.exit_code(writer) == 0 and log("writer") == [["stdout", "of-the-pod"]], log("writer")
        with open(os.path.join(shared, "file")) as f:
            assert f.read() == "from the side-car\n"


def test_sidecar_pod_kubelet():  # core
    """What a kubelet does with it: probes, exec, attach, statistics, a new limit, the end by SIGTERM and by SIGKILL."""
    with Pod("sidecars", handler=HANDLER) as pod:
        polite = shell(pod, "polite", 'trap "echo bye; exit 8" TERM; echo ready; while :; do sleep 0.1; done')
        deaf = shell(pod, "deaf", 'trap "" TERM; echo ready; while read -r line; do echo "got $line"; done', stdin=True)
        guest = pod.run("guest", probe("loop"))
        assert pod.exec_sync(polite, ["/bin/sh", "-c", "echo probed; echo err >&2; exit 4"]) == (4, "probed\n", "err\n")
        stream = pod.exec_stream(polite, ["/bin/sh", "-c", "stty -echo; echo ready; read -r line; echo $line; exit 3"], tty=True)
        stream.until(Stream.STDOUT, b"ready")
        stream.send(Stream.STDIN, b"typed\n")
        assert stream.end() == 3 and b"typed" in stream.text[Stream.STDOUT], stream.text
        stream = pod.attach(deaf)
        stream.send(Stream.STDIN, b"line\n")
        stream.until(Stream.STDOUT, b"got line")
        stats = decode(one(pod.cri.call("ContainerStats", {1: polite}), 1))
        assert one(decode(one(one_message(stats, 3), 2)), 1) > 0, stats
        pod.cri.call("UpdateContainerResources", {1: polite, 2: {4: 64 << 20}})
        pod.cri.call("StopContainer", {1: polite, 2: 30})
        assert pod.exit_code(polite) == 8 and log("polite")[-1] == ["stdout", "bye"], log("polite")
        pod.cri.call("StopContainer", {1: deaf, 2: 1})
        assert pod.exit_code(deaf) == 137
        pod.cri.call("StopContainer", {1: guest, 2: 0})
        for container in (polite, deaf, guest):
            pod.cri.call("RemoveContainer", {1: container})


def one_message(fields, number):
    return decode(one(fields, number))


def test_sidecar_pod_shared_processes():
    """A pod's shareProcessNamespace, which a guest does not have, side-cars have with each other."""
    with Pod("sidecars", pid=POD, handler=HANDLER) as pod:
        in_pod = {"security": {3: {2: POD}}}
        first = shell(pod, "first", "sleep 4321 & sleep 4321 & wait", **in_pod)
        second = shell(pod, "second", "for p in /proc/[0-9]*; do read -r line <$p/cmdline; echo $line; done; true", **in_pod)
        assert pod.exit_code(second) == 0
        assert any("sleep" in text for _, text in log("second")), log("second")
        # Its children, which have its output open, end with it, though the PID namespace goes on.
        pod.cri.call("StopContainer", {1: first, 2: 0})
        assert pod.exit_code(first) == 137
        within(30, lambda: subprocess.run(["pgrep", "-f", "sleep 4321"], stdout=subprocess.DEVNULL, check=False).returncode == 1)
        third = shell(pod, "third", "sleep 4321 & exit 6", **in_pod)
        assert pod.exit_code(third) == 6


def test_sidecar_pod_killed_shim():
    """The pod's only shim is killed: no process, mount or cgroup of any container stays."""
    with Pod("sidecars", handler=HANDLER) as pod:
        container = shell(pod, "one", "sleep 4321")
        guest = pod.run("guest", probe("loop"))
        for pid in shims():
            os.kill(pid, signal.SIGKILL)
        within(30, lambda: pod.state(container) == EXITED and pod.state(guest) == EXITED)
        within(30, lambda: subprocess.run(["pgrep", "-f", "sleep 4321"], stdout=subprocess.DEVNULL, check=False).returncode == 1)


def shims():
    found = subprocess.run(["pgrep", "-f", "containerd-shim-[a-z]+-v[0-9] .*-id"], capture_output=True, check=False, text=True).stdout
    return [int(pid) for pid in found.split()]


if __name__ == "__main__":
    main(globals())
