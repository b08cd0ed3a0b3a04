# SPDX-License-Identifier: Apache-2.0
"""Standard streams of a task, by the shim's task service: FIFOs, files, terminals and log processes."""
import fcntl
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import


def each_state_tells_stdio():
    with Shim(kind=KIND) as shim:
        shim.start()
        out, err = (os.path.join(shim.dir, n) for n in ("out.log", "err.log"))
        shim.create(stdout="file://" + out, stderr="file://" + err)
        state = shim.task("State")
        assert [one(state, n, b"").decode() for n in (5, 6, 7)] == ["", "file://" + out, "file://" + err], state
        assert one(state, 8) == 0 and one(state, 2).decode() == shim.bundle, state
        shim.end()


def test_close_io_and_resize():
    """CloseIO and ResizePty succeed if there is nothing to close or resize."""
    with Shim() as shim:
        shim.start()
        shim.create()
        shim.task("Start")
        shim.task("CloseIO", {3: 1})
        shim.task("ResizePty", {3: 80, 4: 24})
        shim.end()


def fifos(shim, *names):
    paths = [os.path.join(shim.dir, n) for n in names]
    for path in paths:
        os.mkfifo(path)
    return paths


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
        text = json.dumps({"args": [PROGRAM, "loop"], "cwd": "/"}).encode()
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


if __name__ == "__main__":
    main(globals())
