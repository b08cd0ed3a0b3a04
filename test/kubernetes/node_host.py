# SPDX-License-Identifier: Apache-2.0
"""A node for mote-node: a root directory of its own with the machine's programs read-only, a containerd that really runs
in it, and a service manager of a few lines."""
import glob
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

import grpc

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "integration"))
from shimlib import Clock, decode, encode, one, within  # noqa: E402

SCRIPT = os.path.join(TOP, "contrib/kubernetes/node/mote-node")
IMAGE = os.path.join(TOP, "build/release/node-image/usr/local")
K3S = "/var/lib/rancher/k3s/agent/etc/containerd"
RKE2 = "/var/lib/rancher/rke2/agent/etc/containerd"

# As systemd's, it only asks: who is asked is `init`, which answers for a unit of Type=notify when containerd listens, or
# has ended. So it works from a pod as well.
SYSTEMCTL = r"""#!/bin/sh
case $1 in
--version) echo systemd ;;
is-active) [ "$3" = "$(cat /node/unit)" ] ;;
restart)
	echo "$2" >/node/request
	read -r status </node/answer
	exit "$status"
	;;
*) exit 2 ;;
esac
"""

INIT = r"""#!/bin/sh
restart() (
	echo "$1" >>/node/restarts
	[ "$1" = "$(cat /node/unit)" ] || exit 5
	[ ! -s /node/pid ] || kill "$(cat /node/pid)" 2>/dev/null
	while [ -s /node/pid ] && kill -0 "$(cat /node/pid)" 2>/dev/null; do sleep 0.05; done
	rm -f "$(cat /node/socket)"
	if [ -e /node/fails ]; then rm /node/fails /node/pid; exit 1; fi
	[ ! -e /node/render ] || python3 /node/render || exit 1
	setsid containerd $(cat /node/arguments) >>/node/log 2>&1 </dev/null &
	echo $! >/node/pid
	until [ -S "$(cat /node/socket)" ]; do kill -0 "$(cat /node/pid)" 2>/dev/null || exit 1; sleep 0.05; done
)
while read -r unit </node/request; do
	restart "$unit" 2>>/node/log
	echo "$?" >/node/answer
done
"""

# k3s's part: config.toml from a template or, without one, from its own; the newer template wins.
RENDER = """
import os
directory = %r
base, newer = open("/node/base").read(), os.path.exists("/node/v3")
text = base
for name in ("config-v3.toml.tmpl",) * newer + ("config.toml.tmpl",):
    if os.path.exists(directory + "/" + name):
        text = open(directory + "/" + name).read().replace('{{ template "base" . }}', base)
        break
open(directory + "/config.toml", "w").write(text)
"""


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


class Result:
    """What a run of mote-node came to."""

    def __init__(self, status, text):
        self.status, self.text = status, text

    def ok(self):
        assert self.status == 0, "mote-node ended with %s:\n%s" % (self.status, self.text)
        return self

    def refused(self, *parts):
        assert self.status == 1, "mote-node ended with %s:\n%s" % (self.status, self.text)
        for part in parts:
            assert part in self.text, "%r is not in:\n%s" % (part, self.text)
        return self


class Node:
    """`unit` is the service that has containerd."""

    def __init__(self, unit="containerd"):
        self.root = tempfile.mkdtemp(prefix="node.", dir="/run")
        self.unit, self.environment = unit, {}
        mount("--bind", self.root, self.root)
        for name in ("usr", "proc", "sys", "dev", "run", "tmp", "etc", "var/cache", "var/lib/containerd", "opt", "node/bin", "root"):
            os.makedirs(self.path(name))
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + name, self.path(name))
        for name in ("usr", "proc", "sys", "dev"):
            mount("--rbind", "/" + name, self.path(name))
        mount("-t", "tmpfs", "run", self.path("run"))
        mount("-t", "tmpfs", "containerd", self.path("var/lib/containerd"))
        for name in ("passwd", "group", "hosts", "ld.so.cache", "ld.so.conf"):
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, self.path("etc"))
        here = os.path.dirname(os.path.dirname(shutil.which("containerd")))
        os.mkdir(self.path("node/containerd"))
        mount("--bind", here, self.path("node/containerd"))
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.write("/node/bin/systemctl", SYSTEMCTL, 0o755)
        self.write("/node/bin/init", INIT, 0o755)
        os.mkfifo(self.path("/node/request"))
        os.mkfifo(self.path("/node/answer"))
        self.write("/node/unit", unit + "\n")
        self.write("/node/restarts", "")
        rancher = unit[:3] in ("k3s", "rke")
        self.directory = {"k3s": K3S, "rke": RKE2}.get(unit[:3], "/etc/containerd")
        self.socket = "/run/k3s/containerd/containerd.sock" if rancher else "/run/containerd/containerd.sock"
        self.write("/node/socket", self.socket + "\n")
        self.write("/node/arguments", "--config %s/config.toml --address %s\n" % (self.directory, self.socket) if rancher else "")
        if rancher:
            self.write("/node/render", RENDER % self.directory)
            self.write(self.directory + "/config.toml", "")
        self.init = subprocess.Popen(["/usr/sbin/chroot", self.root, "init"], env=self.environ(), stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.init.kill()
        self.init.wait()
        self.stop()
        for path in glob.glob("/proc/[0-9]*"):
            try:
                if os.readlink(path + "/root").startswith(self.root):
                    os.kill(int(path.split("/")[2]), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        subprocess.run(["umount", "-R", "-l", self.root + "/run", self.root + "/var/lib/containerd"], check=False)
        for name in ("usr", "proc", "sys", "dev", "node/containerd"):
            subprocess.run(["umount", "-R", "-l", self.path(name)], check=True)
        subprocess.run(["umount", "-l", self.root], check=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", newline="") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name), newline="") as f:
            return f.read()

    def log(self):
        return self.read("/node/log")[-3000:] if os.path.exists(self.path("/node/log")) else ""

    def environ(self):
        return {"PATH": "/node/bin:/node/containerd/bin:/node/containerd/sbin:/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C"}

    def chroot(self, *command, **more):
        return subprocess.run(["/usr/sbin/chroot", self.root, *command], env=self.environ(), text=True, capture_output=True, **more)

    def start(self):
        done = self.chroot("systemctl", "restart", self.unit, check=False)
        assert done.returncode == 0, "containerd does not start: %s\n%s" % (done.stderr, self.log())
        self.write("/node/restarts", "")
        return self

    def restarts(self):
        return self.read("/node/restarts").split()

    def stop(self):
        if not os.path.exists(self.path("/node/pid")):
            return
        pid = int(self.read("/node/pid"))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def arguments(self, *arguments):
        return [SCRIPT, "--host", self.root, *arguments]

    def script_environment(self):
        return {**self.environ(), "MOTE_NODE_PROGRAMS": IMAGE + "/bin", "MOTE_NODE_SHARE": IMAGE + "/share/mote", **self.environment}

    def mote(self, *arguments):
        """mote-node without a cluster."""
        done = subprocess.run(self.arguments(*arguments), env=self.script_environment(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return Result(done.returncode, done.stdout)

    def call(self, method, message, service="Runtime"):
        """CRI."""
        with grpc.insecure_channel("unix://" + self.path(self.socket)) as channel:
            try:
                return decode(channel.unary_unary("/runtime.v1.%sService/%s" % (service, method))(encode(message), timeout=400))
            except grpc.RpcError as e:
                raise AssertionError("%s: %s" % (method, e.details())) from None

    def configuration(self):
        """The CRI configuration in use, a JSON text."""
        answer = self.call("Status", {1: 1})
        return {one(decode(entry), 1): one(decode(entry), 2) for entry in answer[2]}[b"config"].decode()

    def has(self, *handlers):
        text = self.configuration()
        return all('"%s":{"runtimeType"' % handler in text for handler in handlers)

    def load(self, directory):
        """The images of a cluster."""
        for name in ("pause.tar", "node.tar", "usr.tar"):
            shutil.copy(os.path.join(directory, name), self.path("/node"))
            done = self.chroot("ctr", "-a", self.socket, "-n", "k8s.io", "images", "import", "/node/" + name, check=False)
            assert done.returncode == 0, done

    def sandbox(self, name, handler, privileged=False):
        """A pod; (its id, its configuration)."""
        config = {1: {1: name, 2: "uid-" + name, 3: "default"}, 3: "/run/pod-logs", 8: {2: {1: {1: 2, 2: 1, 3: 2}, 6: int(privileged)}}}
        return one(self.call("RunPodSandbox", {1: config, 2: handler}), 1).decode(), config

    def remove_sandbox(self, pod):
        self.call("StopPodSandbox", {1: pod})
        self.call("RemovePodSandbox", {1: pod})

    def run(self, name, handler, image, command):
        """A pod of one container, to its end; the exit code."""
        pod, config = self.sandbox(name, handler)
        try:
            made = self.call("CreateContainer", {1: pod, 2: {1: {1: "one"}, 2: {1: image}, 3: command, 11: name + ".log"}, 3: config})
            container = one(made, 1).decode()
            self.call("StartContainer", {1: container})
            clock = Clock()
            while True:
                state = decode(one(self.call("ContainerStatus", {1: container}), 1))
                if one(state, 3) == 2:
                    return one(state, 7)
                assert clock.seconds() < 60, "the pod does not end"
        finally:
            self.remove_sandbox(pod)

    def tree(self):
        """All files where mote-node may write, by path: (kind, mode, contents)."""
        found = {}
        for top in ("etc", "opt", "var/lib/rancher", "var/cache"):
            for directory, directories, files in os.walk(self.path(top)):
                for name in directories + files:
                    path = os.path.join(directory, name)
                    status = os.lstat(path)
                    contents = None
                    if stat.S_ISLNK(status.st_mode):
                        contents = os.readlink(path)
                    elif stat.S_ISREG(status.st_mode):
                        with open(path, "rb") as f:
                            contents = f.read()
                    found[path[len(self.root):]] = (oct(status.st_mode), contents)
        return found
