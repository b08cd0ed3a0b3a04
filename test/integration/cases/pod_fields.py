# SPDX-License-Identifier: Apache-2.0
"""What a pod's author asks for: honoured as runc does next to it, or refused by name. SPECIFICATION.md's table has a row each."""
import contextlib
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pods import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import

BUSYBOX = "example.com/busybox:1"
DIR = os.environ["CASE_DIR"]
RUNTIME_DEFAULT, UNCONFINED = {1: 0}, {1: 1}


def outcome(pod, name, command, **more):
    """(exit code, lines) of a container."""
    container = pod.create(name, ["/bin/busybox", *command], image=BUSYBOX, **more)
    pod.start(container)
    code = pod.exit_code(container)
    within(10, lambda: os.path.exists(os.path.join(LOGS, name + ".log")))
    lines = log(name)
    pod.cri.call("RemoveContainer", {1: container})
    return code, lines


def as_runc(rows, **of_pod):
    """Each row, (name, command, what is given to create), does in a pod of Mote what it does in one of runc."""
    told = {}
    for handler in ("runc", HANDLER):
        with Pod("pod-" + handler, handler=handler, **of_pod) as pod:
            for name, command, more in rows:
                told[handler, name] = outcome(pod, handler + "-" + name, command, **more)
    for name, _, _ in rows:
        assert told[HANDLER, name] == told["runc", name], "%s: %s, and with runc %s" % (name, told[HANDLER, name], told["runc", name])
    return {name: told[HANDLER, name] for name, _, _ in rows}


def volume(path, where="/v", readonly=False):
    return {"mounts": [{1: where, 2: path, 3: int(readonly)}]}


def security(**fields):
    number = {"capabilities": 1, "namespaces": 3, "user": 5, "readonly": 7, "groups": 8, "no_new_privs": 11, "group": 12,
              "masked": 13, "readonly_paths": 14, "seccomp": 15, "apparmor": 16}
    return {"security": {number[k]: {1: v} if k in ("user", "group") else v for k, v in fields.items()}}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text + "\n")


def test_pod_fields_volumes():
    """hostPath, subPath, what projects files (configMap, secret, downwardAPI, projected), emptyDir in memory."""
    data, projected, memory = (os.path.join(DIR, name) for name in ("data", "projected", "memory"))
    write(data + "/sub/file", "of the host")
    write(projected + "/..2026/key", "projected")
    os.symlink("..2026", projected + "/..data")
    os.symlink("..data/key", projected + "/key")
    os.mkdir(memory)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", memory], check=True)
    try:
        told = as_runc([
            ("directory", ["cat", "/v/sub/file"], volume(data)),
            ("file", ["cat", "/one"], volume(data + "/sub/file", "/one")),
            ("sub-path", ["cat", "/v/file"], volume(data + "/sub")),
            ("missing", ["cat", "/v/none"], volume(data)),
            ("read-only", ["touch", "/v/new"], volume(data, readonly=True)),
            ("projected", ["cat", "/v/key"], volume(projected, readonly=True)),
            ("in-memory", ["sh", "-c", "echo in memory >/v/file && read x </v/file && echo $x"], volume(memory)),
            ("too-much", ["dd", "if=/dev/zero", "of=/v/big", "bs=64k", "count=32", "status=none"], volume(memory)),
        ])
        assert told["projected"] == (0, [["stdout", "projected"]]) and told["too-much"][0] == 1, told
    finally:
        subprocess.run(["umount", memory], check=True)


def test_pod_fields_propagation():
    """mountPropagation: what the node mounts in a volume later is seen by HostToContainer, and by None is not."""
    private, host_to_container = 0, 1
    top = os.path.join(DIR, "top")
    os.mkdir(top)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top], check=True)
    subprocess.run(["mount", "--make-shared", top], check=True)
    look = "echo >/v/ready-$1; read -r line </v/go-$1; [ -e /v/later/file ] && echo seen || echo not seen"
    told = {}
    try:
        os.mkdir(top + "/later")
        for handler in ("runc", HANDLER):
            with Pod("pod-" + handler, handler=handler) as pod:
                containers = {}
                for name, propagation in (("none", private), ("to-container", host_to_container)):
                    full = handler + "-" + name
                    os.mkfifo(top + "/go-" + full)
                    containers[name] = pod.run(full, ["/bin/busybox", "sh", "-c", look, "sh", full], image=BUSYBOX,
                                               mounts=[{1: "/v", 2: top, 5: propagation}])
                    within(20, lambda full=full: os.path.exists(top + "/ready-" + full))
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top + "/later"], check=True)
                write(top + "/later/file", "later")
                for name, container in containers.items():
                    write(top + "/go-" + handler + "-" + name, "")  # each waits for the other to open it
                    assert pod.exit_code(container) == 0
                    told[handler, name] = log(handler + "-" + name)
            subprocess.run(["umount", top + "/later"], check=True)
    finally:
        subprocess.run(["umount", "-R", top], check=True)
    for name, wanted in (("none", "not seen"), ("to-container", "seen")):
        assert told[HANDLER, name] == told["runc", name] == [["stdout", wanted]], told


def test_pod_fields_user():
    """runAsUser, runAsGroup, fsGroup and supplementalGroups, which are one list here; files are made with their ids."""
    data = os.path.join(DIR, "data")
    os.mkdir(data)
    os.chmod(data, 0o2770)
    os.chown(data, 0, 3000)
    told = as_runc([
        ("user", ["id"], security(user=1000)),
        ("group", ["id"], security(user=1000, group=2000)),
        ("groups", ["id"], security(user=1000, group=2000, groups=[3000, 4000])),
        ("fs-group", ["sh", "-c", "echo >/v/new-$$ && echo made"], {**security(user=1000, groups=[3000]), **volume(data)}),
        ("no-group", ["ls", "/v"], {**security(user=1000), **volume(data)}),
        ("status", ["grep", "-E", "^(Uid|Gid|Groups)", "/proc/self/status"], security(user=1000, group=2000, groups=[3000, 4000])),
    ])
    assert told["groups"][1] == [["stdout", "uid=1000 gid=2000 groups=2000,3000,4000"]], told
    assert {(os.stat(os.path.join(data, f)).st_uid, os.stat(os.path.join(data, f)).st_gid) for f in os.listdir(data)} == {(1000, 3000)}


def test_pod_fields_rights():
    """readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities, seccompProfile."""
    drop_all, drop_chown = {2: ["ALL"]}, {2: ["CHOWN"]}
    capabilities = ["grep", "Cap[PEB]", "/proc/self/status"]
    told = as_runc([
        ("read-only", ["touch", "/new"], security(readonly=1)),
        ("writable", ["touch", "/new"], {}),
        ("no-new-privs", ["grep", "NoNewPrivs", "/proc/self/status"], security(no_new_privs=1)),
        ("default", capabilities, {}),
        ("none", capabilities, security(capabilities=drop_all)),
        ("one", capabilities, security(capabilities={1: ["NET_BIND_SERVICE"], 2: ["ALL"]})),
        ("chown", ["chown", "1:1", "/bin"], {}),
        ("no-chown", ["chown", "1:1", "/bin"], security(capabilities=drop_chown)),
        ("runtime-default", ["echo", "runs"], security(seccomp=RUNTIME_DEFAULT)),
        ("unconfined", ["echo", "runs"], security(seccomp=UNCONFINED)),
    ])
    assert told["read-only"][0] == 1 and told["no-chown"][0] == 1 and told["chown"][0] == 0, told
    assert told["none"][1][0][1].endswith("\t0000000000000000"), told


def test_pod_fields_privileged():
    """With privileged_without_host_devices, as contrib/containerd has it: all capabilities, no device of the node."""
    with Pod("privileged", privileged=True) as pod:
        code, lines = outcome(pod, "privileged", ["ls", "/dev"], security={2: 1})
        assert code == 0 and "null" in str(lines) and "kvm" not in str(lines), lines


def test_pod_fields_host():
    """hostNetwork, hostIPC, host name, sysctls: of the host, or the pod's own."""
    with open("/proc/sys/kernel/hostname") as f:
        host = f.read()
    told = as_runc([("name", ["hostname"], {}), ("file", ["cat", "/etc/hostname"], {})], network=NODE)
    assert told["name"] == (0, [["stdout", host.strip()]]), told
    told = as_runc([("own-name", ["hostname"], {}), ("own-file", ["cat", "/etc/hostname"], {})], network=POD, hostname="of-the-pod")
    assert told["own-name"] == told["own-file"] == (0, [["stdout", "of-the-pod"]]), told


def test_pod_fields_resize():
    """In-place resize: a memory limit raised and lowered under the running container, CPU shares and quota."""
    big = ["/bin/busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=48M", "count=1", "status=none"]

    def change(pod, container, **limits):
        number = {"period": 1, "quota": 2, "shares": 3, "memory": 4}
        pod.cri.call("UpdateContainerResources", {1: container, 2: {number[k]: v for k, v in limits.items()}})

    def figures(container):
        """The limits as they are in the cgroup's files."""
        found = []
        for directory, _, files in os.walk("/sys/fs/cgroup"):
            for name in {"memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max", "cpu.shares", "cpu.weight"} & set(files):
                if directory.endswith(container):
                    with open(os.path.join(directory, name)) as f:
                        found.append((name, f.read().strip()))
        return sorted(found)

    told = {}
    for handler in ("runc", HANDLER):
        with Pod("pod-" + handler, handler=handler) as pod:
            container = pod.create("resized", ["/bin/busybox", "sleep", "600"], image=BUSYBOX, memory=32 << 20)
            pod.start(container)
            seen = [pod.exec_sync(container, big)[0]]
            for limits in ({"memory": 128 << 20}, {"memory": 24 << 20}, {"period": 100000, "quota": 20000, "shares": 512}):
                change(pod, container, **limits)
                seen += [pod.exec_sync(container, big)[0], figures(container)]
            with contextlib.suppress(AssertionError):
                change(pod, container, memory=100 << 10)
                seen.append("a limit below what is in use was taken")
            told[handler] = seen + [pod.state(container)]
            pod.cri.call("StopContainer", {1: container, 2: 0})
    assert told[HANDLER] == told["runc"], told
    assert told[HANDLER][:2] == [137, 0] and told[HANDLER][-1] == RUNNING, told


def test_pod_fields_refused():
    """hostPID and hostUsers: false, by name when the pod is made; with runc the former runs."""
    wanted = [({"pid": NODE}, "hostPID")]
    if os.environ["SERIES"] != "1.6":  # whose CRI knows no user namespaces, and asks for none
        wanted.append(({"userns": 0}, "user"))
    for config, text in wanted:
        refused(lambda config=config: Pod("refused", handler=HANDLER, **config), text)
    with Pod("runc", handler="runc", pid=NODE) as pod:
        assert outcome(pod, "runc-pid", ["true"], **security(namespaces={1: NODE, 2: NODE, 3: NODE}))[0] == 0


def test_pod_fields_proc_mount():
    """procMount: Default's masked and read-only paths, and Unmasked's none of them."""
    data = os.path.join(DIR, "data")
    write(data + "/secret", "of the host")
    change = ["sh", "-c", "{ echo x >/proc/sys/kernel/hostname; } 2>/dev/null && echo written || echo refused"]
    read = ["sh", "-c", "{ read -r line </proc/keys; } 2>/dev/null && echo read || echo nothing"]
    default = security(masked=["/proc/kcore", "/proc/keys", "/proc/timer_list"], readonly_paths=["/proc/bus", "/proc/sys"])
    told = as_runc([("default", change, default), ("masked", read, default),
                    ("masked-file", ["cat", "/v/secret"], {**security(masked=["/v/secret"]), **volume(data)}),
                    ("read-only", ["touch", "/bin/new"], security(readonly_paths=["/bin"]))], network=POD)
    assert told["read-only"][0] == 1 and told["masked-file"] == (0, []) and told["default"] == (0, [["stdout", "refused"]]), told
    with Pod("unmasked") as pod:
        assert outcome(pod, "unmasked", ["echo", "runs"], **security(masked=[], readonly_paths=[])) == (0, [["stdout", "runs"]])


def test_pod_fields_oom_score():
    """What the kubelet makes of a pod's QoS class: oom_score_adj of the process that has the container's memory."""
    told = {}
    for handler in ("runc", HANDLER):
        with Pod("pod-" + handler, handler=handler) as pod:
            container = pod.create("scored", ["/bin/busybox", "sleep", "600"], image=BUSYBOX, oom_score=789)
            pod.start(container)
            scores = set()
            for path in glob.glob("/sys/fs/cgroup/**/*%s*/cgroup.procs" % container, recursive=True):
                with open(path) as f:
                    for pid in f.read().split():
                        with open("/proc/%s/oom_score_adj" % pid) as score:
                            scores.add(int(score.read()))
            told[handler] = scores
            pod.cri.call("StopContainer", {1: container, 2: 0})
    assert told[HANDLER] == told["runc"] == {789}, told


def test_pod_fields_stop_signal():
    """The image's StopSignal is what a pod's end sends."""
    image, root = "example.com/stopped:1", os.path.join(os.environ["IMAGES"], "root/busybox")
    archive = os.path.join(DIR, "stopped.tar")
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
    subprocess.run([top + "/hack/make-image", "--name", image, "--output", archive, "--entrypoint", "/bin/busybox",
                    "--stop-signal", "SIGUSR1", root], check=True)
    subprocess.run(["ctr", "-n", "k8s.io", "images", "import", archive], check=True, stdout=subprocess.DEVNULL)
    wait = ["/bin/busybox", "sh", "-c", "trap 'echo asked; exit 9' USR1; echo ready; while :; do :; done"]
    told = {}
    for handler in ("runc", HANDLER):
        with Pod("pod-" + handler, handler=handler) as pod:
            name = handler + "-stopped"
            container = pod.run(name, wait, image=image)
            within(20, lambda name=name: os.path.exists(os.path.join(LOGS, name + ".log")) and log(name))
            pod.cri.call("StopContainer", {1: container, 2: 300})
            told[handler] = pod.exit_code(container), log(name)
    subprocess.run(["ctr", "-n", "k8s.io", "images", "rm", image], check=True, stdout=subprocess.DEVNULL)
    assert told[HANDLER] == told["runc"] == (9, [["stdout", "ready"], ["stdout", "asked"]]), told


def test_pod_fields_port_forward():
    """kubectl port-forward: bytes to a server in the pod's network, and back."""
    told = {}
    for handler in ("runc", HANDLER):
        with Pod("pod-" + handler, POD, [("io.mote.listen", "tcp:127.0.0.1:8080")], handler=handler) as pod:
            command = probe("serve") if handler == HANDLER else ["/bin/busybox", "nc", "-l", "-p", "8080", "-e", "/bin/busybox", "cat"]
            container = pod.run(handler + "-server", command, image=None if handler == HANDLER else BUSYBOX)
            within(20, lambda: listens(8080))
            url = one(pod.cri.call("PortForward", {1: pod.id, 2: [8080]}), 1).decode()
            stream = Stream(url + "?port=8080")
            stream.send(0, b"through the node")
            stream.until(0, b"through the node")
            told[handler] = stream.text[0]
            stream.sock.close()
            pod.cri.call("StopContainer", {1: container, 2: 0})
    assert told[HANDLER] == told["runc"] == (8080).to_bytes(2, "little") + b"through the node", told


def listens(port):
    """Whether somebody listens there; no connection is made, since the servers of these tests take one only."""
    here = os.readlink("/proc/self/ns/net")
    for path in glob.glob("/proc/[0-9]*/net/tcp*"):
        try:
            if os.readlink("/proc/%s/ns/net" % path.split("/")[2]) != here:
                with open(path) as f:
                    if any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "0A" for line in f.readlines()[1:]):
                        return True
        except OSError:
            continue
    return False


if __name__ == "__main__":
    main(globals())
