# SPDX-License-Identifier: Apache-2.0
"""A shim's other side without containerd: starts the shim, speaks ttrpc to it, receives its events.

Only what the cases need: a client that can also send what no proper client sends. Standard library only.
"""
import collections
import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

REQUEST, RESPONSE, DATA = 1, 2, 3
INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, RESOURCE_EXHAUSTED = 3, 5, 6, 8
FAILED_PRECONDITION, UNIMPLEMENTED = 9, 12
CREATED, RUNNING, STOPPED, PAUSED = 1, 2, 3, 4
SHIM = "containerd-shim-mote-v1"
# The kind of guest that the case is for, and its program.
KIND = "wasm" if os.environ.get("KIND") == "wasm" else "native"
PROGRAM = "/probe.wasm" if KIND == "wasm" else "/probe"


# Protocol buffers: a message is a dict of field number to value; int is a varint, str and bytes are length-delimited,
# a dict a message, a list a repeated field.

def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(message):
    out = b""
    for number, value in message.items():
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, int):
                out += varint(number << 3) + varint(v)
                continue
            if isinstance(v, dict):
                v = encode(v)
            elif isinstance(v, str):
                v = v.encode()
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def decode(data):
    """{field: [values]}, length-delimited values as bytes."""
    out, at = collections.defaultdict(list), 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7F) << shift
            if byte < 0x80:
                return n
            shift += 7

    while at < len(data):
        key = number()
        if key & 7 == 0:
            out[key >> 3].append(number())
        elif key & 7 == 2:
            length = number()
            out[key >> 3].append(data[at:at + length])
            at += length
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
            out[key >> 3].append(int.from_bytes(data[at:at + size], "little"))
            at += size
        else:
            raise ValueError("wire type %d" % (key & 7))
    return out


def one(message, field, default=0):
    return message[field][-1] if field in message else default


class Failure(Exception):
    """A call that was answered with an error."""

    def __init__(self, code, text):
        super().__init__("code %d: %s" % (code, text))
        self.code, self.text = code, text


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        got = sock.recv(min(size - len(data), 1 << 16))
        if not got:
            raise EOFError("the connection ended")
        data += got
    return data


def read_frame(sock):
    length, stream, kind, flags = struct.unpack(">IIBB", read_exactly(sock, 10))
    return stream, kind, flags, read_exactly(sock, length)


def frame(stream, kind, payload, flags=0, length=None):
    return struct.pack(">IIBB", len(payload) if length is None else length, stream, kind, flags) + payload


class Client:
    """One connection. call() waits for its answer; send() and receive() are for many at once."""

    def __init__(self, path, timeout=400):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.stream = -1
        self.answers = {}

    def close(self):
        self.sock.close()

    def send(self, service, method, payload):
        self.stream += 2
        request = {1: service, 2: method, 3: payload if isinstance(payload, bytes) else encode(payload)}
        self.sock.sendall(frame(self.stream, REQUEST, encode(request)))
        return self.stream

    def receive(self, stream):
        while stream not in self.answers:
            got, kind, _, payload = read_frame(self.sock)
            if kind != RESPONSE:
                raise ValueError("a frame of type %d" % kind)
            self.answers[got] = decode(payload)
        response = self.answers.pop(stream)
        status = decode(one(response, 1, b""))
        if one(status, 1):
            raise Failure(one(status, 1), one(status, 2, b"").decode())
        return decode(one(response, 2, b""))

    def call(self, service, method, payload):
        return self.receive(self.send(service, method, payload))

    def task(self, method, payload, version=2):
        return self.call("containerd.task.v%d.Task" % version, method, payload)


class Events:
    """containerd's side of the events service: (topic, type, fields) in the order of arrival."""

    def __init__(self, path):
        self.arrived = queue.Queue()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            while True:
                stream, _, _, payload = read_frame(sock)
                request = decode(payload)
                assert one(request, 1) == b"containerd.services.events.ttrpc.v1.Events", one(request, 1)
                assert one(request, 2) == b"Forward", one(request, 2)
                envelope = decode(one(decode(one(request, 3)), 1))
                event = decode(one(envelope, 4))
                self.arrived.put((one(envelope, 3).decode(), one(event, 1).decode(), decode(one(event, 2, b""))))
                sock.sendall(frame(stream, RESPONSE, encode({1: {}, 2: b""})))
        except (EOFError, OSError):
            sock.close()

    def next(self, timeout=200):
        return self.arrived.get(timeout=timeout)

    def topics(self, count, timeout=200):
        return [self.next(timeout)[0] for _ in range(count)]


def spec(args, memory=None, annotations=None, cgroup=None, terminal=False, mounts=(), **more):
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": terminal, "user": {"uid": 0, "gid": 0}, "args": args, "env": ["PATH=/bin"], "cwd": "/",
                    "noNewPrivileges": True},
        "root": {"path": "rootfs"},
        "mounts": list(mounts),
        "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")],
                  "cgroupsPath": cgroup or "/shimtest/" + os.path.basename(args[0] if args else "none")},
    }
    if memory:
        config["linux"]["resources"] = {"memory": {"limit": memory}}
    if annotations:
        config["annotations"] = annotations
    config.update(more)
    return config


class Shim:
    """A shim with one bundle to begin with. Everything it made is gone when the with block ends."""

    def __init__(self, name="c", args=("loop",), kind="native", config=None, annotations=None, prefix=()):
        self.dir = os.environ["CASE_DIR"]
        self.prefix = list(prefix)
        self.events_path = os.path.join(self.dir, "events.sock")
        self.events = Events(self.events_path)
        self.client = self.pid = None
        self.bundles = []
        self.name = name
        self.bundle = self.make_bundle(name, args, kind, config, annotations)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.client:
            self.client.close()
        ending = self.processes()
        for pid in ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A dying shim's socket still answers, also when its command line is gone: `delete` comes, as containerd's
        # does, after its end.
        clock = Clock()
        while any(map(alive, ending)) and clock.seconds() < 5:
            time.sleep(0.02)
        for name in self.bundles:
            self.run("delete", name)
        for directory, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
            if os.path.basename(directory) == "shimtest":
                os.rmdir(directory)

    def make_bundle(self, name, args=("loop",), kind="native", config=None, annotations=None):
        bundle = os.path.join(self.dir, "bundle-" + name)
        os.makedirs(bundle)
        shutil.copytree(os.path.join(os.environ["IMAGES"], "root", kind), os.path.join(bundle, "rootfs"))
        program = "/probe.wasm" if kind == "wasm" else "/probe"
        if config is None:
            config = spec([program, *args], annotations=annotations, cgroup="/shimtest/" + name)
        with open(os.path.join(bundle, "config.json"), "w") as f:
            f.write(config if isinstance(config, str) else json.dumps(config))
        self.bundles.append(name)
        return bundle

    def processes(self):
        """The pids of shim and monitors. In the sandbox's own pid namespace all of them are ours."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                with open("/proc/%s/cmdline" % entry, "rb") as f:
                    program = f.read().replace(b" ", b"\0").split(b"\0")[0]
            except OSError:
                continue
            if entry.isdigit() and os.path.basename(program) == SHIM.encode():
                found.append(int(entry))
        return found

    def run(self, action, name=None, stdin=b"", timeout=200):
        """One invocation of the binary, as containerd makes it."""
        name = name or self.name
        bundle = os.path.join(self.dir, "bundle-" + name)
        environment = dict(os.environ, TTRPC_ADDRESS=self.events_path, MAX_SHIM_VERSION="2", NAMESPACE="shimtest")
        return subprocess.run(
            [*self.prefix, SHIM, "-namespace", "shimtest", "-address", "/nonexistent/containerd.sock",
             "-publish-binary", "/bin/false", "-id", name, "-bundle", bundle, action],
            input=stdin, capture_output=True, cwd=bundle, env=environment, timeout=timeout, check=False)

    def start(self, name=None):
        """`start`, then a connection; the address."""
        done = self.run("start", name)
        assert done.returncode == 0, done
        assert done.stderr == b"", "stderr becomes part of the address: %r" % done.stderr
        address = done.stdout.decode().strip()
        assert address.startswith("unix://"), address
        self.address = address[len("unix://"):]
        self.client = Client(self.address)
        return self.address

    def create(self, name=None, stdin="", stdout="", stderr="", terminal=False, version=2):
        name = name or self.name
        bundle = os.path.join(self.dir, "bundle-" + name)
        return one(self.client.task("Create", {1: name, 2: bundle, 4: int(terminal), 5: stdin, 6: stdout, 7: stderr},
                                    version), 1)

    def task(self, method, fields=None, name=None, **more):
        return self.client.task(method, {1: name or self.name, **(fields or {})}, **more)

    def kill(self, signo=signal.SIGKILL, name=None):
        return self.task("Kill", {3: int(signo)}, name)

    def wait(self, name=None):
        return one(self.task("Wait", name=name), 1)

    def state(self, name=None):
        return one(self.task("State", name=name), 4)

    def end(self, name=None):
        """Kill what runs, delete, and let an idle shim go."""
        try:
            self.kill(name=name)
            self.wait(name)
        except Failure as e:
            assert e.code == NOT_FOUND, e
        self.task("Delete", name=name)
        self.task("Shutdown", name=name)


def refuses(code, call, *args, contains="", **named):
    """Whether the call is answered with that code."""
    try:
        call(*args, **named)
    except Failure as e:
        assert e.code == code, "wanted code %d, got %s" % (code, e)
        assert contains in e.text, "%r is not in %r" % (contains, e.text)
        return
    raise AssertionError("it was not refused")


class Clock:
    """Seconds since it was made, of a machine of its own: on a busy one it goes on by the share of a CPU that a process
    which runs gets. One thread looks at that for all of them."""
    lock = threading.Lock()
    passed, at = 0, time.monotonic()

    @classmethod
    def now(cls):
        with open("/proc/loadavg") as f:
            running = int(f.read().split()[3].split("/")[0])
        with cls.lock:
            now = time.monotonic()
            cls.passed += (now - cls.at) / max(running / os.cpu_count(), 1)
            cls.at = now
            return cls.passed

    @classmethod
    def run(cls):
        while True:
            cls.now()
            time.sleep(0.1)

    def __init__(self):
        self.began = self.now()

    def seconds(self):
        return self.now() - self.began


threading.Thread(target=Clock.run, daemon=True).start()


def within(seconds, condition):
    clock = Clock()
    while not condition():
        assert clock.seconds() < seconds, "not so after %s s" % seconds
        time.sleep(0.02)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def main(namespace):
    namespace[sys.argv[1]]()
