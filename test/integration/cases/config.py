# SPDX-License-Identifier: Apache-2.0
"""config.json, field by field, next to runc: what a container sees is the same, or Mote says by name what it refuses."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from shimlib import main, within  # noqa: E402

CASE = os.environ["CASE_DIR"]
CAPABILITIES = ["CAP_" + name for name in ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID",
                                           "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL",
                                           "AUDIT_WRITE")]
LINKS = {"etc/resolv.conf": "../run/resolv.conf", "etc/localtime": "/usr/share/zoneinfo/Nowhere", "conf": "/real/conf",
         "run2": "/tmp/run2", "var/run2": "/run2", "up": "../../../../data", "loop": "loop", "root": "/a/.."}
RUNTIMES = {"mote": os.environ["RUNTIME"], "runc": "io.containerd.runc.v2"}


def spec(root, args):
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": args, "env": ["PATH=/bin"], "cwd": "/",
                    "capabilities": {s: list(CAPABILITIES) for s in ("bounding", "effective", "permitted")},
                    "noNewPrivileges": True},
        "root": {"path": root},
        "hostname": "room",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                    "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")]},
    }


def make_root(root):
    """A root file system as images have them: a shell's applets, links that dangle, a user."""
    subprocess.run(["rm", "-rf", root], check=True)  # Python's own recurses too deep
    for directory in ("bin", "etc", "tmp", "data", "run", "a/b"):
        os.makedirs(os.path.join(root, directory))
    shutil.copy("/bin/busybox", os.path.join(root, "bin"))
    os.chmod(os.path.join(root, "data"), 0o751)
    for name, text in (("etc/passwd", "root:x:0:0::/root:/bin/sh\n"), ("data/file", "of the image\n")):
        with open(os.path.join(root, name), "w", encoding="ascii") as out:
            out.write(text)
    for name, target in LINKS.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        os.symlink(target, os.path.join(root, name))
    os.makedirs(os.path.join(root, "owned"))
    for name, mode in (("owned/f", 0o600), ("owned", 0o755)):
        if name == "owned/f":
            shutil.copy(os.path.join(root, "data/file"), os.path.join(root, name))
        os.chmod(os.path.join(root, name), mode)
        os.chown(os.path.join(root, name), 1000, 1000)


def run(kind, name, args, change, how="--rm"):
    """(status, stdout, stderr) of a container."""
    root = os.path.join(CASE, "root")
    make_root(root)
    config = spec(root, ["/bin/busybox"] + args)
    config["linux"]["cgroupsPath"] = "/default/" + name
    change(config)
    path = os.path.join(CASE, "config.json")
    with open(path, "w", encoding="ascii") as out:
        json.dump(config, out)
    command = ["ctr", "run", how, "--runtime", RUNTIMES[kind], "--config", path, "%s-%s" % (name, kind)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if kind == "runc" and os.path.isdir("/run/containerd/runc/default"):  # runc's, which stays
        os.rmdir("/run/containerd/runc/default")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def both(name, args, change):
    """The same status and output, and if runc refuses it, Mote does. ctr loses output of runc's now and then."""
    want, got = run("runc", name, args, change), run("mote", name, args, change)
    for _ in range(3):
        if want[0] == 0 and want[1] != got[1]:
            want = run("runc", name, args, change)
    refused = ("OCI runtime create failed" in want[2], "create shim task" in got[2])
    assert got[:2] == want[:2] and refused[0] == refused[1], "%s: runc %r\nmote %r" % (name, want, got)


def refuses(name, field, change, args=("true",)):
    """Mote refuses it by name."""
    status, _, error = run("mote", name, list(args), change)
    assert status != 0 and re.search(field, error), "%s: %d %s does not match %s" % (name, status, error, field)


def member(path, value):
    """A change: config[a][b] = value for "a.b"."""
    def change(config):
        *parents, last = path.split(".")
        for parent in parents:
            config = config.setdefault(parent, {})
        config[last] = value
    return change


def mounts(*more):
    """A change: more mounts, each (destination, type, source, option...)."""
    def change(config):
        for destination, kind, source, *options in more:
            config["mounts"].append({"destination": destination, "type": kind, "source": source, "options": options})
    return change


def host(name, text=None):
    """A directory, or with a text a file, outside of the root; its path."""
    path = os.path.join(CASE, name)
    os.makedirs(os.path.dirname(path) if text is not None else path, exist_ok=True)
    if text is not None:
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
    return path


def sh(text):
    return ["sh", "-c", text]


def test_config_process():
    """What the process is."""
    both("args", ["echo", "a b", "", "c"], lambda c: None)
    both("env", ["env"], member("process.env", ["PATH=/bin", "A=1", "B=x=y", "C="]))
    both("env-names-nothing", ["env"], member("process.env", ["PATH=/bin", "x"]))
    both("env-twice", ["env"], member("process.env", ["A=1", "PATH=/bin", "A=2"]))
    both("cwd", ["pwd"], member("process.cwd", "/data"))
    both("cwd-made", sh("pwd; exec busybox stat -c '%a %u:%g' ."), member("process.cwd", "/new/directory"))
    both("cwd-normal", ["pwd"], member("process.cwd", "/a//./b"))
    both("user", ["id"], member("process.user", {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}))
    both("umask", sh("umask; exec busybox touch /tmp/x"), member("process.user.umask", 0o27))
    both("umask-0", sh("umask"), member("process.user.umask", 0))
    both("umask-0-file", ["touch", "/tmp/x"], member("process.user.umask", 0))
    both("groups-twice", ["id", "-G"], member("process.user", {"uid": 0, "gid": 0, "additionalGids": [0, 7, 0, 7]}))
    both("exit", sh("exit 300"), lambda c: None)
    both("not-there", [], member("process.args", ["/bin/none"]))
    both("no-args", [], member("process.args", []))
    both("directory", [], member("process.args", ["/bin"]))
    both("relative-cwd", ["pwd"], member("process.cwd", "data"))
    both("cwd-is-a-file", ["pwd"], member("process.cwd", "/data/file"))


    change = member("process.oomScoreAdj", 321)
    both("oom-score", ["true"], change)
    run("mote", "oom", ["sleep", "1000"], change, "--detach")
    tasks = subprocess.run(["ctr", "task", "ls"], stdout=subprocess.PIPE, check=True).stdout.decode()
    with open("/proc/%s/oom_score_adj" % re.search(r"^oom-mote +([0-9]+)", tasks, re.M)[1], encoding="ascii") as score:
        assert score.read() == "321\n"
    subprocess.run(["ctr", "task", "rm", "-f", "oom-mote"], check=False)
    subprocess.run(["ctr", "container", "rm", "oom-mote"], check=True)


def test_config_limits_and_rights():
    """rlimits, capabilities, no_new_privs."""
    limits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_FSIZE", "soft": 4096, "hard": 8192},
              {"type": "RLIMIT_STACK", "soft": 1 << 20, "hard": 1 << 21}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    both("rlimits", ["grep", "-E", "open files|file size|stack size|core", "/proc/self/limits"],
         member("process.rlimits", limits))
    both("rlimit-cpu", sh("while :; do :; done"), member("process.rlimits", [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]))
    both("rlimit-unknown", ["true"], member("process.rlimits", [{"type": "RLIMIT_NONE", "soft": 1, "hard": 1}]))
    both("rlimit-soft-above-hard", ["true"], member("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]))
    for user in (0, 1000):
        for new in (True, False):
            def change(config, user=user, new=new):
                config["process"].update(user={"uid": user, "gid": 0}, noNewPrivileges=new)
            both("status-%d-%d" % (user, new), ["grep", "-E", "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Umask|Seccomp):",
                                                "/proc/self/status"], change)
    both("capabilities-none", ["grep", "^Cap", "/proc/self/status"], member("process.capabilities", {}))
    chown = {s: ["CAP_CHOWN"] for s in ("bounding", "effective", "permitted", "ambient")}
    both("ambient-not-inheritable", ["chown", "7", "/data/file"],
         lambda c: c["process"].update(user={"uid": 1000, "gid": 0}, capabilities=chown))
    both("effective-not-permitted", ["true"],
         member("process.capabilities", {"bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]}))
    both("permitted-not-bounding", ["grep", "^Cap", "/proc/self/status"],
         member("process.capabilities", {"effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]}))
    sets = {s: ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"] for s in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    both("ambient", ["grep", "^Cap", "/proc/self/status"],
         lambda c: c["process"].update(user={"uid": 7, "gid": 0}, capabilities=sets))


def test_config_owners():
    """Whose the files are, and the streams."""
    for user in (0, 1000, 1001):
        change = member("process.user", {"uid": user, "gid": user})
        for what in (["cat", "/owned/f"], ["touch", "/owned/new"], ["chmod", "644", "/owned/f"], ["rm", "/owned/f"],
                     ["chown", "7:7", "/data/file"], ["mkfifo", "/data/fifo"],
                     ["stat", "-L", "-c", "%u:%g", "/dev/stdout", "/dev/stderr"]):
            both("owner-%d-%s" % (user, what[0]), what, change)


def test_config_mounts():
    """Where mounts go and what their options do."""
    data = host("volume")
    host("volume/inner/file", "of the host\n")
    one = host("one", "a file\n")
    both("bind", ["cat", "/v/inner/file"], mounts(("/v", "bind", data, "rbind")))
    both("bind-ro", sh("echo x >/v/new; echo $?"), mounts(("/v", "bind", data, "bind", "ro")))
    both("bind-file", ["cat", "/etc/one"], mounts(("/etc/one", "bind", one, "bind")))
    both("bind-deep", ["cat", "/x/y/z/one"], mounts(("/x/y/z/one", "bind", one, "bind")))
    both("dangling-link", ["cat", "/etc/resolv.conf"], mounts(("/etc/resolv.conf", "bind", one, "bind")))
    both("link-inside", ["cat", "/real/conf/v/inner/file"], mounts(("/conf/v", "bind", data, "rbind")))
    both("links-in-a-row", ["cat", "/tmp/run2/v/inner/file"], mounts(("/var/run2/v", "bind", data, "rbind")))
    both("dangling-deep", ["cat", "/usr/share/zoneinfo/Nowhere"], mounts(("/etc/localtime", "bind", one, "bind")))
    both("link-up", ["cat", "/data/v/inner/file"], mounts(("/up/v", "bind", data, "rbind")))
    both("link-loop", ["true"], mounts(("/loop", "bind", data, "rbind")))
    both("relative", ["cat", "/rel/v/inner/file"], mounts(("rel/v", "bind", data, "rbind")))
    both("dotdot", ["cat", "/data/one"], mounts(("/a/../data/one", "bind", one, "bind")))
    both("dotdot-out", ["cat", "/data/one"], mounts(("/../../data/one", "bind", one, "bind")))
    both("slashes", ["cat", "/data/one"], mounts(("//data///one", "bind", one, "bind")))
    both("trailing", ["cat", "/v/inner/file"], mounts(("/v/", "bind", data, "rbind")))
    both("over-another", ["ls", "/data"], mounts(("/data", "tmpfs", "tmpfs"), ("/data/v", "bind", data, "rbind")))
    both("file-over-directory", ["ls", "/data"], mounts(("/data", "bind", one, "bind")))
    both("directory-over-file", ["ls", "/data"], mounts(("/data/file", "bind", data, "bind")))
    both("no-source", ["ls", "/v"], mounts(("/v", "bind", CASE + "/none", "bind")))
    deep = "/" + "/".join("d" * 2000)
    both("deep", ["ls", deep], mounts((deep, "bind", data, "bind")))
    both("tmpfs", ["stat", "-c", "%a %u:%g", "/t"],
         mounts(("/t", "tmpfs", "tmpfs", "mode=1750", "uid=5", "gid=6", "size=64k")))
    both("tmpfs-size", sh("exec busybox dd if=/dev/zero of=/t/x bs=1k count=100 2>/dev/null"),
         mounts(("/t", "tmpfs", "tmpfs", "size=64k")))
    both("tmpfs-ro", sh("echo x >/t/x; echo $?"), mounts(("/t", "tmpfs", "tmpfs", "ro")))
    both("tmpfs-option", ["true"], mounts(("/t", "tmpfs", "tmpfs", "nonsense=1")))
    both("copy-up", ["cat", "/data/file"], mounts(("/data", "tmpfs", "tmpfs", "tmpcopyup")))
    both("copy-up-ro", ["cat", "/data/file"], mounts(("/data", "tmpfs", "tmpfs", "tmpcopyup", "ro")))
    both("copy-up-ro-kept", ["touch", "/data/new"], mounts(("/data", "tmpfs", "tmpfs", "tmpcopyup", "ro")))
    both("copy-up-too-large", ["true"], mounts(("/bin", "tmpfs", "tmpfs", "tmpcopyup", "size=64k")))
    for destination in ("/", "/.", "a/..", "/root"):
        refuses("on-the-root", "the container's root, which root.path names", mounts((destination, "bind", data, "rbind")))
    for propagation in ("rprivate", "rslave", "rshared", "runbindable"):
        both(propagation, ["cat", "/v/inner/file"], mounts(("/v", "bind", data, "rbind", propagation)))
    both("type-none", ["ls", "/v"], mounts(("/v", "none", data, "bind")))
    both("unknown-type", ["ls", "/v"], mounts(("/v", "nonsense", "x")))


def test_config_root():
    """Paths that are hidden, cannot be written, or are read-only as a whole."""
    both("readonly", sh("echo x >/data/new; echo $?"), member("root.readonly", True))
    both("readonly-paths", sh("echo x >/data/new; echo $?; echo y >/tmp/new; echo $?"),
         member("linux.readonlyPaths", ["/data", "/none"]))
    both("masked-file", sh("exec busybox cat /data/file"), member("linux.maskedPaths", ["/data/file", "/none"]))
    both("masked-directory", ["ls", "-a", "/data"], member("linux.maskedPaths", ["/data"]))
    both("no-root", ["true"], member("root.path", CASE + "/none"))
    both("hostname", ["uname", "-n"], lambda c: None)
    both("domainname", ["cat", "/proc/sys/kernel/hostname"], member("domainname", "example"))
    run("mote", "label", ["true"], member("linux.mountLabel", "system_u:object_r:container_file_t:s0"))
    with open(os.path.join(os.environ["MOTE_SANDBOX"], "containerd.log"), encoding="utf-8", errors="replace") as log:
        assert "label-mote: linux.mountLabel is ignored" in log.read()
    both("propagation", ["true"], member("linux.rootfsPropagation", "rslave"))
    both("propagation-unknown", ["true"], member("linux.rootfsPropagation", "nonsense"))


def executed(name, args, change, *execs):
    """What processes of Exec say in a container: (status, stdout) of each."""
    run("mote", name, args, change, "--detach")
    task = name + "-mote"
    said = []
    for i, command in enumerate(execs):
        done = subprocess.run(["ctr", "task", "exec", "--exec-id", "e%d" % i, task] + command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        said.append((done.returncode, done.stdout.decode()))
    subprocess.run(["ctr", "task", "rm", "-f", task], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["ctr", "container", "rm", task], check=True)
    return said


def test_config_proc():
    """Paths of /proc and /sys, which are the guest's own: masked, read-only, mounted."""
    def masked(*paths):
        return member("linux.maskedPaths", list(paths))
    read = ["cat", "/proc/version"]
    show = ["stat", "-c", "%F %s", "/proc/version"]
    both("mask-file", read, masked("/proc/version"))
    both("mask-file-stat", show, masked("/proc/version"))
    both("mask-file-written", sh("echo x >/proc/version; echo $?"), masked("/proc/version"))
    both("mask-directory", ["ls", "-a", "/proc/sys/kernel"], masked("/proc/sys/kernel", "/proc/none"))
    both("mask-below", ["cat", "/proc/sys/kernel/hostname"], masked("/proc/sys/kernel"))
    both("mask-sibling", ["cat", "/proc/sys/kernel/hostname"], masked("/proc/sys/vm"))
    both("mask-in-directory", ["cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/ostype"],
         masked("/proc/sys/kernel/hostname"))
    both("mask-own", ["cat", "/proc/self/status"], masked("/proc/self/status"))
    both("mask-removed", ["rm", "-f", "/proc/version"], masked("/proc/version"))
    both("read-only", sh("echo x 2>&1 >/proc/sys/kernel/hostname; echo $?"), member("linux.readonlyPaths", ["/proc/sys"]))
    both("read-only-change", ["chmod", "777", "/proc/sys/kernel/hostname"], member("linux.readonlyPaths", ["/proc/sys"]))
    one, data = host("one", "a file\n"), host("volume")
    host("volume/inner/file", "of the host\n")
    both("proc-file", sh("cd /proc; exec busybox cat /proc/uptime uptime ../proc/./uptime /data/../proc/uptime"),
         mounts(("/proc/uptime", "bind", one, "bind", "ro")))
    both("proc-file-ro", sh("echo x >/proc/uptime; echo $?"), mounts(("/proc/uptime", "bind", one, "bind", "ro")))
    both("sys-directory", ["cat", "/sys/kernel/v/inner/file"], mounts(("/sys/kernel/v", "bind", data, "rbind")))
    both("sys-tmpfs", ["ls", "-a", "/sys/fs/x"], mounts(("/sys/fs/x", "tmpfs", "tmpfs")))
    both("sys-written", sh("echo x >/sys/fs/x/y; exec busybox cat /sys/fs/x/y"), mounts(("/sys/fs/x", "tmpfs", "tmpfs")))
    both("sys-relative", sh("cd /sys/kernel/v/inner; pwd; exec busybox cat file ../../v/inner/file"),
         mounts(("/sys/kernel/v", "bind", data, "rbind")))
    acpi = mounts(("/proc/acpi", "tmpfs", "tmpfs", "ro"))  # which runc refuses
    assert run("mote", "acpi", ["ls", "-a", "/proc/acpi"], acpi)[:2] == (0, ".\n..\n")
    assert "acpi" in run("mote", "acpi-listed", ["ls", "/proc"], acpi)[1].split()
    both("mask-and-mount", ["ls", "/sys/fs/x"],
         lambda c: (mounts(("/sys/fs/x", "bind", data, "rbind"))(c), masked("/sys/fs/x")(c)))
    for place in ("/proc", "/proc/self/fd", "/proc/1/x"):
        refuses("own-proc", "a guest has its own /proc", mounts((place, "bind", data, "rbind")))
    for kind, place in (("sysfs", "/mnt/sys"), ("proc", "/data"), ("cgroup2", "/cg"), ("mqueue", "/mq"), ("devpts", "/pts")):
        refuses("elsewhere", "mount on %s: a guest has a file system %s" % (place, kind), mounts((place, kind, kind)))

    def change(config):
        masked("/proc/version")(config)
        mounts(("/proc/uptime", "bind", one, "bind"))(config)
        member("linux.readonlyPaths", ["/proc/sys"])(config)
    said = executed("proc-exec", ["sleep", "1000"], change, ["/bin/busybox", "cat", "/proc/version", "/proc/uptime"],
                    ["/bin/busybox", "rm", "/proc/version"], ["/bin/busybox", "stat", "-c", "%F", "/dev/null"],
                    ["/bin/busybox", "sh", "-c", "echo x 2>&1 >/proc/sys/kernel/hostname"])
    assert said == [(0, "a file\n"), (1, ""), (0, "character special file\n"), (1, "sh: can't create /proc/sys/kernel/hostname: Read-only file system\n")], said


def profile(*rules, default="SCMP_ACT_ALLOW", **more):
    """A change: a seccomp profile."""
    return member("linux.seccomp", {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64"],
                                    "syscalls": list(rules), **more})


def test_config_seccomp():
    """What a profile says of calls that the guest runtime answers; others are refused by name."""
    def rule(name, action="SCMP_ACT_ERRNO", **more):
        return {"names": [name], "action": action, **more}
    root = sh("exec busybox chroot / /bin/busybox echo in 2>&1")
    both("chroot", root, profile())
    both("chroot-refused", root, profile(rule("chroot")))
    both("chroot-errno", root, profile(rule("chroot", errnoRet=38)))
    is_zero = [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]
    same = sh("exec busybox linux64 /bin/busybox echo in 2>&1")
    both("personality", same, profile())
    both("personality-refused", same, profile(rule("personality", errnoRet=13)))
    refuses("by-value", "seccomp: says of personality", profile(rule("personality", args=is_zero)))
    refuses("killed", "seccomp: says of chroot", profile(rule("chroot", "SCMP_ACT_KILL")))
    said = executed("chroot-exec", ["sleep", "1000"], profile(rule("chroot", errnoRet=38)),
                    ["/bin/busybox", "sh", "-c", "exec busybox chroot / /bin/busybox echo in 2>&1"])
    assert said == [(1, "chroot: can't change root directory to '/': Function not implemented\n")], said


def test_config_resources():
    """Limits, of which those of processes are the guest's: a monitor has threads of its own."""
    def resources(name, **more):
        both(name, ["echo", "ok"], member("linux.resources", more))
    for limit in (-1, 0, 1, 2, 1 << 22, 1 << 23):
        resources("pids", pids={"limit": limit})
    resources("weight", blockIO={"weight": 500})
    resources("quota", cpu={"quota": 50000, "period": 100000})
    resources("quota-too-small", cpu={"quota": 1, "period": 100000})
    resources("period-too-small", cpu={"quota": 50000, "period": 1})
    resources("cpus", cpu={"cpus": "0"})
    resources("cpus-not-there", cpu={"cpus": "999"})
    resources("memory", memory={"limit": 64 << 20, "swap": 64 << 20, "reservation": 32 << 20})
    resources("swap-below-memory", memory={"limit": 64 << 20, "swap": 32 << 20})
    resources("memory-without-limit", memory={"limit": -1})


def test_config_sysctls():
    """Named with dots or slashes, of namespaces that the container has."""
    for name, value in (("net/ipv4/ip_forward", "1"), ("net.ipv4.ip_forward", "1"), ("kernel.shm_rmid_forced", "1"),
                        ("fs.mqueue.msg_max", "20"), ("kernel.hostname", "x"), ("kernel.pid_max", "9999"),
                        ("net.ipv4.nonsense", "1"), ("net/../kernel/pid_max", "99999")):
        both("sysctl", ["true"], member("linux.sysctl", {name: value}))
    both("sysctl-domainname", ["cat", "/proc/sys/kernel/hostname"], member("linux.sysctl", {"kernel.domainname": "d"}))


def hooks(kind, text):
    """A change: a hook of that kind that runs a shell's text."""
    return member("hooks", {kind: [{"path": "/bin/sh", "args": ["sh", "-c", text]}]})


def test_config_hooks():
    """Each kind of hook runs, reads the state, and fails the container or not as with runc."""
    for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop"):
        seen = {}
        for runtime in RUNTIMES:
            log = os.path.join(CASE, "hook")
            open(log, "w", encoding="ascii").close()
            os.chmod(log, 0o666)
            status, out, error = run(runtime, "hook-" + kind, ["echo", "ran"], hooks(kind, "cat >%s" % log))
            within(20, lambda: os.path.getsize(log))
            with open(log, encoding="ascii") as file:
                state = json.load(file)
            # What runc says at poststart is "created", at a time when the specification has "running".
            at = "running" if (runtime, kind) == ("runc", "poststart") else state["status"]
            seen[runtime] = (status, out, at, sorted(state), error)
        assert seen["mote"][:4] == seen["runc"][:4], "%s: %r" % (kind, seen)
        if kind == "poststart":  # by the specification a warning, of which runc makes an error
            assert run("mote", "fails-poststart", ["echo", "ran"], hooks(kind, "exit 3"))[:2] == (0, "ran\n")
        else:
            both("fails-" + kind, ["echo", "ran"], hooks(kind, "exit 3"))
    refuses("startContainer", "hooks.startContainer", hooks("startContainer", "true"))


def test_config_namespaces():
    both("twice", ["true"], lambda c: c["linux"]["namespaces"].append({"type": "uts"}))
    both("no-uts", ["true"], lambda c: c["linux"]["namespaces"].pop(2))
    both("no-ipc", ["true"], lambda c: c["linux"]["namespaces"].pop(1))
    both("no-network", ["true"], lambda c: c["linux"]["namespaces"].pop(4))
    both("no-profile", ["true"], member("linux.seccomp", {}))
    both("unknown", ["true"], lambda c: c["linux"]["namespaces"].append({"type": "nonsense"}))
    both("wrong-path", ["true"], lambda c: c["linux"]["namespaces"].append({"type": "cgroup", "path": "/none"}))
    refuses("no-pid", "hostPID", lambda c: c["linux"]["namespaces"].pop(0))


if __name__ == "__main__":
    main(globals())
