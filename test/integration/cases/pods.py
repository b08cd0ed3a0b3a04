# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' way: pods by containerd's CRI, with the runtime handler `mote`, as a kubelet makes them."""
import contextlib
import glob
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import urllib.parse

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import Clock, alive, decode, encode, main, one, within  # noqa: E402

KIND = "wasm" if os.environ.get("KIND") == "wasm" else "native"
CREATED, RUNNING, EXITED = 0, 1, 2
POD, NODE = 0, 2  # NamespaceMode: addresses by CNI, the node's network
HANDLER = os.environ["HANDLER"]
PAUSES = 0 if HANDLER == "mote-sandbox" else 1  # containers of a pod that are its pause container
LOGS = os.path.join(os.environ["CASE_DIR"], "logs")


class Cri:
    """runtime.v1 of the CRI. Messages are dicts of field numbers, as shimlib encodes them."""

    def __init__(self):
        self.channel = grpc.insecure_channel("unix://" + os.environ["CONTAINERD_ADDRESS"])

    def call(self, method, message, timeout=400, service="Runtime"):
        try:
            return decode(self.channel.unary_unary("/runtime.v1.%sService/%s" % (service, method))(encode(message), timeout=timeout))
        except grpc.RpcError as e:
            raise AssertionError("%s: %s" % (method, e.details())) from None


def removed(directory):
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True


class Pod:
    """A pod sandbox, gone with all its containers when the with block ends."""
    there = 0

    def __init__(self, name="pod", network=NODE, annotations=(), dns=None, hostname=None, pid=1, userns=None, privileged=False, handler=HANDLER):
        self.cri, self.containers = Cri(), []
        namespaces = {1: network, 2: pid, 3: NODE}
        if userns is not None:
            ids = {1: 100000, 2: 0, 3: 65536}
            namespaces[5] = {1: userns, 2: ids, 3: ids}
        self.config = {1: {1: name, 2: "uid-" + name, 3: "default"}, 2: hostname or ("" if network == NODE else name), 3: LOGS,
                       7: [{1: k, 2: v} for k, v in annotations], 8: {2: {1: namespaces, 6: int(privileged)}}}
        if dns:
            self.config[4] = dns
        self.id = one(self.cri.call("RunPodSandbox", {1: self.config, 2: handler}), 1).decode()

    def __enter__(self):
        Pod.there += 1
        return self

    def __exit__(self, *_):
        Pod.there -= 1
        self.cri.call("StopPodSandbox", {1: self.id})
        self.cri.call("RemovePodSandbox", {1: self.id})
        # The parent, which in a cluster is the kubelet's. containerd cleans up after a lost shim in its own time.
        for directory in () if Pod.there else glob.glob("/sys/fs/cgroup/k8s.io") + glob.glob("/sys/fs/cgroup/*/k8s.io"):
            within(5, lambda directory=directory: removed(directory))

    def create(self, name, command, image=None, memory=0, mounts=(), environment=(), stdin=False, security=None, oom_score=0):
        config = {1: {1: name}, 2: {1: image or "example.com/%s:1" % KIND}, 3: command, 11: name + ".log",
                  6: [{1: k, 2: v} for k, v in environment], 7: list(mounts), 12: int(stdin)}
        config[15] = {1: {4: memory, 5: oom_score}, 2: security or {}}
        made = self.cri.call("CreateContainer", {1: self.id, 2: config, 3: self.config})
        return one(made, 1).decode()

    def address(self):
        """The pod's, as the kubelet tells it."""
        status = decode(one(self.cri.call("PodSandboxStatus", {1: self.id}), 1))
        return one(decode(one(status, 5)), 1).decode()

    def ready(self):
        status = decode(one(self.cri.call("PodSandboxStatus", {1: self.id}), 1))
        return one(status, 3) == 0

    def exec_sync(self, container, command, timeout=0):
        """(exit code, stdout, stderr), as an exec probe has it."""
        done = self.cri.call("ExecSync", {1: container, 2: command, 3: timeout})
        return one(done, 3), one(done, 1, b"").decode(), one(done, 2, b"").decode()

    def exec_stream(self, container, command, tty=False):
        """`kubectl exec -i`, with -t if there is a tty."""
        url = one(self.cri.call("Exec", {1: container, 2: command, 3: int(tty), 4: 1, 5: 1, 6: int(not tty)}), 1).decode()
        return Stream(url)

    def attach(self, container):
        """`kubectl attach -i`."""
        return Stream(one(self.cri.call("Attach", {1: container, 2: 1, 4: 1, 5: 1}), 1).decode())

    def start(self, container):
        self.cri.call("StartContainer", {1: container})

    def status(self, container):
        return decode(one(self.cri.call("ContainerStatus", {1: container}), 1))

    def state(self, container):
        return one(self.status(container), 3)

    def run(self, name, command, **more):
        container = self.create(name, command, **more)
        self.start(container)
        return container

    def exit_code(self, container):
        within(20, lambda: self.state(container) == EXITED)
        return one(self.status(container), 7)


class Stream:
    """A WebSocket to containerd's streaming server, as the kubelet's is: each message has its channel's number first."""
    STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.sock = socket.create_connection((address.hostname, address.port), timeout=400)
        self.file = self.sock.makefile("rb")
        self.sock.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW90ZW1vdGVtb3RlbW90ZQ==\r\n"
                           "Origin: http://%s\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
                           % (address.path + "?" * bool(address.query) + address.query, address.netloc, address.netloc)).encode())
        assert b" 101 " in self.file.readline()
        while self.file.readline().strip():
            pass
        self.text = {channel: b"" for channel in range(5)}

    def send(self, channel, data):
        message = bytes([channel]) + data
        assert len(message) < 126
        # Masked, as a client's are; the mask of zeros leaves the bytes as they are.
        self.sock.sendall(bytes([0x82, 0x80 | len(message)]) + bytes(4) + message)

    def receive(self):
        """One message more. False at the end."""
        head = self.file.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return False
        length = head[1] & 127
        if length >= 126:
            length = int.from_bytes(self.file.read(2 if length == 126 else 8), "big")
        message = self.file.read(length)
        if head[0] & 15 < 3 and message:
            self.text[message[0]] += message[1:]
        return True

    def until(self, channel, text):
        while text not in self.text[channel]:
            assert self.receive(), self.text

    def end(self):
        """The exit code that kubectl has."""
        while self.receive():
            pass
        status = json.loads(self.text[Stream.STATUS])
        if status["status"] == "Success":
            return 0
        return int(status["details"]["causes"][0]["message"])


def refused(call, text):
    try:
        call()
    except AssertionError as e:
        assert text in str(e), e
        return
    raise AssertionError("it was not refused")


def probe(*args):
    return ["/probe.wasm" if KIND == "wasm" else "/probe", *args]


def log(name):
    """The lines of a container's log, as the kubelet reads it: time, stream, F, text."""
    with open(os.path.join(LOGS, name + ".log"), encoding="utf-8") as f:
        return [line.rstrip("\n").split(" ", 3)[1::2] for line in f]


def each_pod_container():  # core
    with Pod() as pod:
        container = pod.create("first", probe("env", "GREETING"), environment=[("GREETING", "hello")])
        assert pod.state(container) == CREATED
        pod.start(container)
        assert pod.exit_code(container) == 0
        within(5, lambda: ["stdout", "GREETING=hello"] in log("first"))
        pod.cri.call("RemoveContainer", {1: container})
        assert pod.exit_code(pod.run("second", probe("exit", "7"))) == 7


def each_pod_stop():  # core
    with Pod() as pod:
        container = pod.run("loop", probe("loop"))
        assert pod.state(container) == RUNNING
        clock = Clock()
        pod.cri.call("StopContainer", {1: container, 2: 10})
        assert clock.seconds() < 8, "SIGTERM should have ended it"
        assert pod.exit_code(container) == 143


def each_pod_two_containers():
    """A shim for each pod: two containers and the pause in it."""
    with Pod() as pod:
        loop = pod.run("loop", probe("loop"))
        assert pod.exit_code(pod.run("other", probe("exit", "3"))) == 3
        assert pod.state(loop) == RUNNING
        shims = subprocess.run(["pgrep", "-f", "containerd-shim-mote-v1 .*-id " + pod.id], capture_output=True,
                               text=True, check=True).stdout.split()
        assert len(shims) == 1, shims
        assert subprocess.run(["pgrep", "-c", "-f", "^[^ ]*containerd-shim-mote-v1 -namespace"], capture_output=True, text=True,
                              check=True).stdout == "1\n", "a shim that is not the pod's"
        stats = decode(one(pod.cri.call("ContainerStats", {1: loop}), 1))
        assert one(decode(one(decode(one(stats, 3)), 2)), 1) > 0, "memory in use"


def each_pod_killed_shim():
    """The shim dies with -9: the pod's containers are seen as ended, and all can be removed."""
    with Pod() as pod:
        container = pod.run("loop", probe("loop"))
        shim = int(subprocess.run(["pgrep", "-f", "containerd-shim-mote-v1 .*-id " + pod.id], capture_output=True,
                                  text=True, check=True).stdout)
        os.kill(shim, 9)
        within(10, lambda: not alive(shim))
        assert pod.exit_code(container) != 0


def test_pod_of_both_kinds():  # core
    """A module and a native program in one pod; one is removed, the other goes on."""
    with Pod() as pod:
        module = pod.run("module", ["/probe.wasm", "loop"], image="example.com/wasm:1")
        program = pod.run("program", ["/probe", "streams", "to stdout", "to stderr"], image="example.com/native:1")
        assert pod.exit_code(program) == 0
        within(5, lambda: sorted(log("program")) == [["stderr", "to stderr"], ["stdout", "to stdout"]])
        pod.cri.call("RemoveContainer", {1: program})
        assert pod.state(module) == RUNNING
        pod.cri.call("StopContainer", {1: module, 2: 0})
        assert pod.exit_code(module) == 137


@contextlib.contextmanager
def registry(names):
    """A registry on the loopback, which containerd takes without TLS, with these images; its address."""
    blobs, manifests = {}, {}
    for name in names:
        with tarfile.open(os.path.join(os.environ["IMAGES"], name + ".tar")) as tar:
            for member in tar:
                if member.isfile():
                    blobs["sha256:" + os.path.basename(member.name)] = tar.extractfile(member).read()
            manifests[name] = json.load(tar.extractfile("index.json"))["manifests"][0]

    class Handler(http.server.BaseHTTPRequestHandler):
        default_request_version = "HTTP/1.0"  # containerd tries TLS first; the answer must be HTTP

        def do_GET(self):
            name, kind, reference = self.path.split("?")[0].split("/")[2:5]
            kinds = {m["digest"]: m["mediaType"] for m in manifests.values()}
            digest = manifests[name]["digest"] if reference == "1" else reference
            if digest not in blobs:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kinds[digest] if kind == "manifests" else "application/octet-stream")
            self.send_header("Content-Length", str(len(blobs[digest])))
            self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(blobs[digest])

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "127.0.0.1:%d" % server.server_port
    server.shutdown()
    server.server_close()


def test_pod_artefact():  # core
    """Images without a root file system, pulled: a module by both kinds of configuration, a native program; and exec in one."""
    if os.environ["SERIES"] == "1.6":
        return  # makes no container of such images: artefacts.sh
    programs = {"artefact": "probe.wasm", "artefact-config": "probe.wasm", "artefact-native": "probe"}
    cri = Cri()
    with registry(programs) as address:
        images = {name: "%s/%s:1" % (address, name) for name in programs}
        for image in images.values():
            cri.call("PullImage", {1: {1: image}}, service="Image")
    with Pod() as pod:
        for name, program in programs.items():
            assert pod.exit_code(pod.run(name, [program, "exit", "5"], image=images[name])) == 5, name
        loop = pod.run("loop", ["probe.wasm", "loop"], image=images["artefact"])
        assert pod.exec_sync(loop, ["probe.wasm", "exit", "6"])[0] == 6
        pod.cri.call("StopContainer", {1: loop, 2: 0})
    for image in images.values():
        cri.call("RemoveImage", {1: {1: image}}, service="Image")


def monitors():
    """Pid: [real uid, number of PID namespaces, its PID namespace, its user namespace] of each monitor."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        pid = path.split("/")[2]
        try:
            with open(path, "rb") as f:
                if b"\0monitor\0" not in f.read():
                    continue
            with open("/proc/%s/status" % pid) as f:
                status = dict(line.split(":", 1) for line in f)
            found[int(pid)] = [int(status["Uid"].split()[0]), len(status["NSpid"].split()),
                               *(os.readlink("/proc/%s/ns/%s" % (pid, ns)) for ns in ("pid", "user"))]
        except FileNotFoundError:
            continue
    return found


def each_pod_room():
    """Each container of a pod has a PID namespace; all of them have one user namespace where the kernel maps tmpfs, too."""
    with Pod() as pod:
        pod.run("one", probe("loop"))
        pod.run("two", probe("loop"))
        here = os.readlink("/proc/self/ns/user")
        rooms = monitors().values()
        assert len(rooms) == PAUSES + 2, "the pause container and two: %s" % rooms
        assert {room[1] for room in rooms} == {2} and len({room[2] for room in rooms}) == len(rooms), rooms
        if tuple(int(n) for n in os.uname().release.split(".")[:2]) >= (6, 3):
            assert {room[0] >= 1 << 31 for room in rooms} == {True} and len({room[0] // 65536 for room in rooms}) == 1, rooms
            assert len({room[3] for room in rooms}) == 1 and here not in {room[3] for room in rooms}, rooms


def test_pod_limits():  # core
    """Limits at creation, limits changed while it runs, figures of what it uses."""
    with Pod() as pod:
        container = pod.run("loop", probe("loop"), memory=128 << 20)
        pod.cri.call("UpdateContainerResources", {1: container, 2: {1: 100000, 2: 50000, 4: 256 << 20}})
        limits = []
        for directory, _, files in os.walk("/sys/fs/cgroup"):
            for name in {"memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max"} & set(files):
                if container in directory:
                    with open(os.path.join(directory, name)) as f:
                        limits.append(f.read().split()[0])
        assert sorted(limits) == [str(256 << 20), "50000"], limits

        def figure(kind):
            stats = decode(one(pod.cri.call("ContainerStats", {1: container}), 1))
            return one(decode(one(decode(one(stats, kind)), 2)), 1)

        within(10, lambda: figure(2) > 50_000_000)  # nanoseconds of the CPU, which may be busy with others
        assert 100_000 < figure(3) < 128 << 20, "bytes of memory"


def test_pod_volumes():
    """A directory of the host, and the same read-only."""
    data = os.path.join(os.environ["CASE_DIR"], "data")
    os.mkdir(data)
    with open(os.path.join(data, "in"), "w") as f:
        f.write("of the host")
    with Pod() as pod:
        for name, readonly, code in (("rw", 0, 0), ("ro", 1, 1)):
            copy = pod.run(name, ["/bin/busybox", "cp", "/data/in", "/data/" + name], image="example.com/busybox:1",
                           mounts=[{1: "/data", 2: data, 3: readonly}])
            assert pod.exit_code(copy) == code
        within(5, lambda: "Read-only file system" in log("ro")[0][1])
    with open(os.path.join(data, "rw")) as f:
        assert f.read() == "of the host"
    assert not os.path.exists(os.path.join(data, "ro"))


def test_pod_missing_program():
    """Refused with its name where the kubelet shows it; the pod goes on."""
    with Pod() as pod:
        try:
            pod.run("missing", ["/no/such/program"])
        except AssertionError as e:
            assert "/no/such/program" in str(e), e
        else:
            raise ValueError("a program that is not there was started")
        assert pod.exit_code(pod.run("good", probe("exit", "0"))) == 0


def each_pod_exec():  # core
    """Exec probes: status and output; what takes too long is killed; what is not there is said."""
    with Pod() as pod:
        container = pod.run("loop", probe("loop"))
        assert pod.exec_sync(container, probe("exit", "0")) == (0, "", "")
        assert pod.exec_sync(container, probe("exit", "9"))[0] == 9
        answer = pod.exec_sync(container, probe("streams", "out", "err"))
        assert answer == (0, "out\n", "err"), answer
        clock = Clock()
        try:
            pod.exec_sync(container, probe("loop"), timeout=1)
        except AssertionError as e:
            assert "timeout" in str(e) and clock.seconds() < 10, e
        else:
            raise ValueError("a probe without end ended")
        try:
            pod.exec_sync(container, ["/no/such"])
        except AssertionError as e:
            assert "/no/such: not found" in str(e), e
        else:
            raise ValueError("a program that is not there was started")
        assert pod.state(container) == RUNNING
        # What a client of `kubectl exec` left open is gone with its container.
        pod.cri.call("StopContainer", {1: container, 2: 0})


def each_pod_exec_stream():
    """`kubectl exec -i` and `-it`: streams both ways, the status, a terminal and its size."""
    with Pod() as pod:
        container = pod.run("loop", probe("loop"))
        stream = pod.exec_stream(container, probe("reply"))
        stream.until(Stream.STDOUT, b"ready")
        stream.send(Stream.STDIN, b"typed\n")
        stream.until(Stream.STDOUT, b"got typed")
        assert pod.exec_stream(container, probe("exit", "9")).end() == 9
        stream.sock.close()
        terminal = pod.exec_stream(container, probe("reply"), tty=True)
        terminal.until(Stream.STDOUT, b"ready")
        terminal.send(Stream.RESIZE, b'{"Width":100,"Height":40}')
        terminal.send(Stream.STDIN, b"typed\n\x04")
        terminal.until(Stream.STDOUT, b"got typed")
        assert terminal.end() == 0
        assert b"\r\n" in terminal.text[Stream.STDOUT], "a terminal ends its lines so"


def cri_answers():
    try:
        Cri().call("ListPodSandbox", {})
    except AssertionError:  # "server is not initialized yet"
        return False
    return True


def restart_containerd(signo=signal.SIGTERM):
    sandbox = os.environ["MOTE_SANDBOX"]
    with open(os.path.join(sandbox, "containerd.pid")) as f:
        pid = int(f.read())
    os.kill(pid, signo)
    within(10, lambda: not alive(pid))
    with open(os.path.join(sandbox, "containerd.log"), "ab") as out:
        started = subprocess.Popen(["containerd", "--config", os.path.join(sandbox, "config.toml")], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, start_new_session=True)
    with open(os.path.join(sandbox, "containerd.pid"), "w") as f:
        f.write("%d\n" % started.pid)
    within(20, cri_answers)


def each_pod_reopens_its_log():
    """The kubelet's log rotation while a container writes: no line is lost or doubled, and new ones are in the new file."""
    path, renamed = os.path.join(LOGS, "lines.log"), []
    with Pod() as pod:
        container = pod.run("lines", probe("lines", "200000"))
        while pod.state(container) == RUNNING and len(renamed) < 20:
            renamed.append("%s.%d" % (path, len(renamed)))
            os.rename(path, renamed[-1])
            try:
                pod.cri.call("ReopenContainerLog", {1: container})
            except AssertionError:  # it has ended meanwhile, and the rest is in the file that was open
                assert pod.state(container) == EXITED
                break
        assert pod.exit_code(container) == 0
    text = b""
    for name in renamed + [path]:
        if os.path.exists(name):
            with open(name, "rb") as file:
                text += file.read()
    # containerd may end a line where it changes files, so that all is compared without the ends of lines.
    got = b"".join(line.split(b" ", 3)[3] for line in text.splitlines())
    assert got == b"".join(b"line %d" % i for i in range(1, 200001)), "%d bytes in %d files" % (len(got), len(renamed))


def each_pod_stdin():  # core
    """`stdin: true`: it outlives those who attach, and a restart of containerd."""
    with Pod() as pod:
        container = pod.run("reply", probe("reply"), stdin=True)
        for line in (b"one", b"two"):
            stream = pod.attach(container)
            stream.send(Stream.STDIN, line + b"\n")
            stream.until(Stream.STDOUT, b"got " + line)
            stream.sock.close()
        restart_containerd()
        pod.cri = Cri()
        assert pod.state(container) == RUNNING, log("reply")
        stream = pod.attach(container)
        stream.send(Stream.STDIN, b"three\n")
        stream.until(Stream.STDOUT, b"got three")
        assert pod.state(container) == RUNNING, log("reply")


def each_pod_killed_containerd():
    """containerd dies with -9 and comes back: the pod and its container go on."""
    with Pod() as pod:
        loop = pod.run("loop", probe("loop"))
        restart_containerd(signal.SIGKILL)
        pod.cri = Cri()
        assert pod.ready()
        assert pod.state(loop) == RUNNING
        assert pod.exit_code(pod.run("new", probe("exit", "4"))) == 4
        pod.cri.call("StopContainer", {1: loop, 2: 0})
        assert pod.exit_code(loop) == 137


def each_pod_twice():  # core
    """A kubelet that repeats all it asks for."""
    with Pod() as pod:
        container = pod.run("loop", probe("loop"))
        refused(lambda: pod.cri.call("RunPodSandbox", {1: pod.config, 2: HANDLER}), "reserve")
        refused(lambda: pod.create("loop", probe("loop")), "reserve")
        refused(lambda: pod.start(container), "RUNNING")
        assert pod.ready() and pod.state(container) == RUNNING
        for _ in range(2):
            pod.cri.call("StopContainer", {1: container, 2: 0})
        for _ in range(2):
            pod.cri.call("RemoveContainer", {1: container})
        for _ in range(2):
            pod.cri.call("StopPodSandbox", {1: pod.id})
            assert not pod.ready()
        refused(lambda: pod.run("late", probe("exit", "0")), "")


def each_pod_network():  # core
    """CNI: the pod has an address of its own, at which its container is reached; names are what the kubelet says."""
    annotations = [("io.mote.listen", "tcp:0.0.0.0:8080"), ("io.mote.listen.second", "tcp:0.0.0.0:8081")]
    dns = {1: ["10.88.0.53"], 2: ["default.svc.cluster.local"], 3: ["ndots:5"]}
    with Pod("web", POD, annotations, dns) as pod:
        address = pod.address()
        assert address.startswith("10.88.0."), address
        for name, port in (("first", 8080), ("second", 8081)):
            container = pod.run(name, probe("serve"))
            with socket.create_connection((address, port), timeout=400) as s:
                s.sendall(b"to the pod")
                assert s.recv(100) == b"to the pod"
            assert pod.exit_code(container) == 0
        busybox = "example.com/busybox:1"
        for name, command in (("names", ["cat", "/etc/resolv.conf", "/etc/hostname"]), ("uname", ["hostname"])):
            assert pod.exit_code(pod.run(name, ["/bin/busybox", *command], image=busybox)) == 0
        within(5, lambda: [line for _, line in log("names")] == [
            "search default.svc.cluster.local", "nameserver 10.88.0.53", "options ndots:5", "web"])
        within(5, lambda: log("uname") == [["stdout", "web"]])


def test_pod_network_of_two():
    """Two containers of a pod reach each other at 127.0.0.1, and another pod at its address."""
    listen = [("io.mote.listen.server", "tcp:0.0.0.0:8080")]
    with Pod("one", POD, listen) as one_pod, Pod("two", POD) as other:
        for client, address in ((one_pod, "127.0.0.1"), (other, one_pod.address())):
            server = one_pod.run("server", probe("serve"))
            shell = ["/bin/busybox", "nc", address, "8080"]
            talk = client.create("client", shell, image="example.com/busybox:1")
            client.start(talk)
            assert client.exit_code(talk) == 0
            assert one_pod.exit_code(server) != 0, "it was sent nothing: the connection was made, and ended"
            one_pod.cri.call("RemoveContainer", {1: server})
            client.cri.call("RemoveContainer", {1: talk})


if __name__ == "__main__":
    main(globals())
