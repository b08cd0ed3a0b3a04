# SPDX-License-Identifier: Apache-2.0
"""Hooks of config.json, by the shim's task service: when each runs, in which namespaces, and what follows if it fails."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import


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


if __name__ == "__main__":
    main(globals())
