# SPDX-License-Identifier: Apache-2.0
"""What no client of the shim sends: unknown methods, frames that are not ones, peers that do not go on."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import


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


if __name__ == "__main__":
    main(globals())
