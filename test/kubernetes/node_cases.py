# SPDX-License-Identifier: Apache-2.0
"""Cases of node.test. usage: node_cases.py DIRECTORY SERIES [PATTERN]..."""
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_stub import Cluster, documents, granted, of_kind  # noqa: E402
from node_host import IMAGE, K3S, RKE2, SCRIPT, TOP, Node, Result, decode, mount, one, within  # noqa: E402

DIRECTORY, SERIES = sys.argv[1:3]
OLD = SERIES.startswith("1.")
MANIFESTS = os.path.join(TOP, "contrib/kubernetes/node")
MAIN = "/etc/containerd/config.toml"
CASES = []
USED = set()


def case(*series):
    def add(function):
        if not series or SERIES in series:
            CASES.append(function)
        return function
    return add


def plugin(version):
    return "io.containerd.grpc.v1.cri" if version == 2 else "io.containerd.cri.v1.runtime"


def tables(version):
    """What these tests need of CRI, and what can be seen of it afterwards."""
    text = '[plugins."%s"]\n  disable_apparmor = true\n  disable_hugetlb_controller = true\n  restrict_oom_score_adj = true\n' \
           '  max_container_log_line_size = 4242\n' % plugin(version)
    if version == 2:
        return text + '  sandbox_image = "example.com/pause:1"\n'
    return text + '[plugins."io.containerd.cri.v1.images".pinned_images]\n  sandbox = "example.com/pause:1"\n'


def runc(version, name="runc"):
    return '[plugins."%s".containerd.runtimes.%s]\n  runtime_type = "io.containerd.runc.v2"\n' % (plugin(version), name)


def base(version=2 if OLD else 3, top="", runtimes=True):
    return "version = %d\n%s%s%s" % (version, top, tables(version), runc(version) if runtimes else "")


def round_trip(node, pod=True, keeps=(":4242,",), handlers=("runc",)):
    """install, again, remove, with all that is to hold of them."""
    node.start()
    before = node.tree()
    node.mote("install").ok()
    assert node.restarts() == [node.unit], node.restarts()
    configuration = node.configuration()
    for text in keeps:
        assert text in configuration, "%s is lost in %s" % (text, configuration)
    assert node.has("mote", *handlers), configuration
    assert '"PodAnnotations":["io.mote.*"]' in configuration and '"privileged_without_host_devices":true' in configuration, configuration
    if pod:
        node.load(DIRECTORY)
        module = "/usr/local/share/mote/probe.wasm"
        assert node.run("pod", "mote", "example.com/mote-node:0.1.0", [module]) == 0
    after = node.tree()
    again = node.mote("install").ok()
    assert node.restarts() == [node.unit] and "changed" not in again.text, again.text
    assert node.tree() == after, difference(after, node.tree())
    node.mote("status").ok()
    node.mote("remove").ok()
    assert node.restarts() == [node.unit] * 2
    assert not node.has("mote") and node.has(*handlers), node.configuration()
    assert node.tree() == before, difference(before, node.tree())
    again = node.mote("remove").ok()
    assert node.restarts() == [node.unit] * 2, "nothing was there, and %s" % again.text


def difference(before, after):
    return {path: (before.get(path), after.get(path)) for path in set(before) | set(after) if before.get(path) != after.get(path)}


def shape(name, series=(), files=(), links=(), **more):
    """A case of its own: operators' files, {path: text}."""
    def run():
        with Node() as node:
            for path, text in dict(files).items():
                node.write(path, text)
            for path, target in dict(links).items():
                os.symlink(target, node.path(path))
            round_trip(node, **more)
    run.__name__ = "test_shape_" + name
    case(*series)(run)


V1 = ("1.6", "1.7")
V2 = ("2.1", "2.3")
SCAN = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
shape("none", pod=False, keeps=())
shape("comments", files={MAIN: "# Nothing yet.\n\n"}, pod=False, keeps=())
shape("runc", files={MAIN: base()})
shape("built_in_runc", files={MAIN: base(runtimes=False)}, pod=False)
shape("no_last_end", files={MAIN: base() + "# the end"}, pod=False)
shape("version_alone", files={MAIN: base().split("\n", maxsplit=1)[0]}, pod=False, keeps=())
shape("carriage_returns", files={MAIN: base().replace("\n", "\r\n")}, pod=False)
shape("other_default", files={MAIN: base(runtimes=False) + '[plugins."%s".containerd]\n  default_runtime_name = "other"\n' % plugin(2 if OLD else 3) +
                              runc(2 if OLD else 3, "other")}, pod=False, handlers=("other",))
shape("imports_without_cri", V1, {MAIN: base(top=SCAN), "/etc/containerd/conf.d/a.toml": "version = 2\n[timeouts]\n"}, pod=False)
shape("imports_with_cri", V1, {MAIN: "version = 2\n" + SCAN, "/etc/containerd/conf.d/a.toml": base(runtimes=False)}, pod=False)
shape("imports_nothing", V2, {MAIN: base(top="imports = []\n")}, pod=False)
shape("imports_lines", V2, {MAIN: base(top="imports = [ # ours\n  '/etc/containerd/a.toml',\n]\n"), "/etc/containerd/a.toml": "version = 3\n"}, pod=False)
shape("imports_scan", V2, {MAIN: base(top=SCAN), "/etc/containerd/conf.d/a.toml": "version = 3\n"})
shape("imports_relative", V2, {MAIN: base(top='imports = ["config.d/*.toml"]\n')}, pod=False)
shape("imports_runc", V2, {MAIN: base(top=SCAN, runtimes=False), "/etc/containerd/conf.d/a.toml": "version = 3\n" + runc(3)}, pod=False)
shape("version_2", V2, {MAIN: base(2)})


@case()
def test_shape_default():
    """`containerd config default`, which many nodes have."""
    with Node() as node:
        node.write(MAIN, node.chroot("containerd", "config", "default", check=True).stdout)
        round_trip(node, pod=False, keeps=())


@case()
def test_shape_links():
    """Absolute links of the node, of the file and of its directory."""
    with Node() as node:
        node.write("/opt/configuration/real.toml", base(top="" if OLD else SCAN))
        os.symlink("/opt/configuration/real.toml", node.path("/opt/configuration/config.toml"))
        os.symlink("/opt/configuration", node.path("/etc/containerd"))
        round_trip(node, pod=False)


def refused(files, *texts):
    """Nothing is changed, nothing restarted."""
    with Node() as node:
        for path, text in files.items():
            node.write(path, text)
        node.start()
        before = node.tree()
        node.mote("install").refused(*texts)
        assert node.restarts() == []
        changed = difference(before, node.tree())
        assert all(path.startswith("/opt/mote") for path in changed), changed
        node.mote("remove").ok()
        assert node.tree() == before, difference(before, node.tree())


@case("1.6", "2.1")
def test_refused_version_1():
    refused({MAIN: "[plugins.cri.containerd.runtimes.runc]\n  runtime_type = \"io.containerd.runc.v2\"\n"}, MAIN, "version 1")


@case("1.6", "2.1")
def test_refused_own_handler():
    refused({MAIN: base() + runc(2 if OLD else 3, "mote")}, MAIN, "runtime handler 'mote'")


@case("2.1")
def test_refused_own_drop_in():
    refused({MAIN: base(top=SCAN), "/etc/containerd/conf.d/mote.toml": "version = 3\n"}, "conf.d/mote.toml", "not of mote-node")


@case("1.6", "2.1")
def test_refused_read_only():
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        before = node.tree()
        mount("--bind", node.path("/etc/containerd"), node.path("/etc/containerd"))
        mount("-o", "remount,bind,ro", node.path("/etc/containerd"))
        try:
            result = node.mote("install").refused("/etc/containerd")
            assert "Read-only file system" in result.text, result.text
        finally:
            subprocess.run(["umount", node.path("/etc/containerd")], check=True)
        assert node.restarts() == [] and node.has("runc")
        node.mote("remove").ok()
        assert node.tree() == before, difference(before, node.tree())


@case()
def test_restart_fails():
    """containerd that does not come back with the handler gets its old configuration, byte for byte."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        before = node.read(MAIN)
        node.write("/node/fails", "")
        node.mote("install").refused("the configuration is what it was")
        assert node.read(MAIN) == before and not os.path.exists(node.path("/etc/containerd/conf.d/mote.toml"))
        assert node.restarts() == ["containerd"] * 2 and node.has("runc") and not node.has("mote")
        node.mote("install").ok()
        assert node.has("runc", "mote")


@case("1.6")
def test_operator_edits_meanwhile():
    """What the operator changes between install and remove stays; a begin without its end is refused."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        node.mote("install").ok()
        node.write(MAIN, node.read(MAIN).replace("4242", "4343") + "# below\n")
        node.mote("remove").ok()
        assert node.read(MAIN) == base().replace("4242", "4343") + "# below\n", node.read(MAIN)
        node.mote("install").ok()
        node.write(MAIN, node.read(MAIN).replace("# mote-node: end\n", ""))
        text = node.read(MAIN)
        node.mote("remove").refused(MAIN, "take out by hand")
        assert node.read(MAIN) == text


@case("2.1")
def test_update_of_the_shim():
    """A new shim is put there as a whole, and needs no restart."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        node.mote("install").ok()
        shim = node.path("/opt/mote/bin/containerd-shim-mote-v1")
        inode = os.stat(shim).st_ino
        with open(shim, "ab") as f:
            f.write(b"older")
        node.mote("install").ok()
        assert os.stat(shim).st_ino != inode and node.restarts() == ["containerd"]
        with open(shim, "rb") as f, open(IMAGE + "/bin/containerd-shim-mote-v1", "rb") as g:
            assert f.read() == g.read()


def rancher(unit, version, top="", newer=True):
    """A node of k3s's or RKE2's, whose own template is this one's base."""
    node = Node(unit)
    node.write("/node/base", "# Made by the distribution.\n" + base(version, top))
    if newer:
        node.write("/node/v3", "")
    node.start()
    return node


@case("1.7")
def test_k3s_template_of_version_2():
    with rancher("k3s", 2, newer=False) as node:
        round_trip_rancher(node, "/config.toml.tmpl")


@case("2.1")
def test_k3s_template():
    with rancher("k3s-agent", 3) as node:
        round_trip_rancher(node, "/config-v3.toml.tmpl")


@case("2.1")
def test_k3s_template_of_its_operator():
    with rancher("k3s", 3) as node:
        node.write(K3S + "/config-v3.toml.tmpl", '{{ template "base" . }}\n[timeouts]\n  "io.containerd.timeout.shim.load" = "7s"')
        round_trip_rancher(node, "/config-v3.toml.tmpl")


@case("2.1")
def test_k3s_drop_in():
    with rancher("k3s", 3, 'imports = ["%s/config-v3.toml.d/*.toml"]\n' % K3S) as node:
        round_trip_rancher(node, "/config-v3.toml.d/mote.toml")


@case("2.1")
def test_rke2_drop_in():
    with rancher("rke2-server", 3, 'imports = ["%s/config-v3.toml.d/*.toml"]\n' % RKE2) as node:
        round_trip_rancher(node, "/config-v3.toml.d/mote.toml")


@case("2.1")
def test_rke2_template():
    with rancher("rke2-agent", 3) as node:
        round_trip_rancher(node, "/config-v3.toml.tmpl")


def round_trip_rancher(node, path):
    node.start()  # makes config.toml, which is not mote-node's to change
    generated = node.read(node.directory + "/config.toml")
    round_trip(node, pod=False)
    assert node.read(node.directory + "/config.toml") == generated
    node.mote("install").ok()
    assert os.path.exists(node.path(node.directory + path)), os.listdir(node.path(node.directory))


# --- What the node is checked for ---

def mote_elsewhere(node, setup, text):
    """install in a mount namespace where `setup` has been done."""
    command = "%s && exec \"$@\"" % setup
    done = subprocess.run(["unshare", "--mount", "sh", "-c", command, "sh", *node.arguments("install")], env=node.script_environment(),
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    Result(done.returncode, done.stdout).refused(text)
    assert not os.path.exists(node.path("/opt/mote"))


@case("1.6")
def test_node_without_kvm():
    with Node() as node:
        mote_elsewhere(node, "mount -t tmpfs none /dev", "no /dev/kvm on this node")
        mote_elsewhere(node, "mount --bind /dev/null /dev/kvm", "a micro-VM does not run on this node")


@case("1.6")
def test_node_of_another_architecture():
    with Node() as node:
        fake = tempfile.mkdtemp()
        with open(fake + "/uname", "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\necho aarch64\n")
        os.chmod(fake + "/uname", 0o755)
        node.environment["PATH"] = fake + ":" + node.environ()["PATH"]
        node.mote("install").refused("architecture is aarch64")
        assert not os.path.exists(node.path("/opt/mote"))


@case("1.6")
def test_usage():
    for arguments, status, text in ((["--help"], 0, "usage: mote-node"), ([], 2, "which command"), (["install", "remove"], 2, "one command"),
                                    (["--config"], 2, "needs a value"), (["--seconds", "x", "status"], 2, "not a number"), (["up"], 2, "unknown")):
        done = subprocess.run([SCRIPT, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == status and text in done.stdout, (arguments, done)


@case("1.6")
def test_containerd_is_not_there():
    with Node() as node:
        node.write(MAIN, base())
        before = node.tree()
        node.mote("install", "--seconds", "1").refused("containerd does not answer at /run/containerd/containerd.sock")
        assert node.tree() == before, difference(before, node.tree())
        node.mote("status").refused("containerd does not answer")


@case("2.1")
def test_no_service_manager():
    """Nothing is begun that could not be ended. The machine's own systemctl, if it has one, is none."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        before = node.tree()
        node.environment["PATH"] = "/usr/sbin:/usr/bin"
        hidden = [path for path in map(node.path, ("/usr/bin/systemctl", "/usr/sbin/rc-service")) if os.path.exists(path)]
        for path in hidden:
            mount("--bind", "/dev/null", path)
        try:
            node.mote("install").refused("neither systemctl nor rc-service")
        finally:
            for path in hidden:
                subprocess.run(["umount", path], check=True)
        assert node.tree() == before and node.restarts() == []


@case("2.1")
def test_open_rc():
    """The node's service manager is OpenRC, as with k3s on Alpine."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        os.rename(node.path("/node/bin/systemctl"), node.path("/node/bin/asks"))
        node.write("/node/bin/systemctl", "#!/bin/sh\nexit 1\n", 0o755)
        node.write("/node/bin/rc-service", "#!/bin/sh\ncase $1:$2 in\n--version:) ;;\n*:status) exec asks is-active --quiet \"$1\" ;;\n"
                                           "*:restart) exec asks restart \"$1\" ;;\nesac\n", 0o755)
        node.mote("install").ok()
        assert node.has("mote") and node.restarts() == ["containerd"]
        node.mote("remove").ok()
        assert not node.has("mote")


# --- In a cluster ---

class Daemon:
    """mote-node as in a pod of the DaemonSet's: it stays."""

    def __init__(self, node, cluster, *arguments):
        self.log = os.path.join(node.root, "daemon.log")
        if os.path.exists("/run/mote-node/ready"):
            os.remove("/run/mote-node/ready")
        with open(self.log, "w", encoding="utf-8") as f:
            self.process = subprocess.Popen(node.arguments(*arguments), env={**node.script_environment(), **cluster.environment},
                                            stdin=subprocess.DEVNULL, stdout=f, stderr=f)

    def text(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def ended(self):
        return self.process.poll() is not None

    def ready(self):
        within(200, lambda: self.ended() or os.path.exists("/run/mote-node/ready"))
        assert not self.ended(), self.text()
        return self

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=400) == 0, self.text()
        assert not subprocess.run(["pgrep", "-f", "mote-node --host"], capture_output=True, check=False).stdout, "it left a child"

    def result(self):
        within(200, self.ended)
        return Result(self.process.returncode, self.text())


class Trial:
    """A node with the handler's images, in a cluster of its own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp()

    def __enter__(self):
        self.node = Node()
        self.node.write(MAIN, base())
        self.node.start().load(DIRECTORY)
        self.cluster = Cluster(self.directory, documents(MANIFESTS + "/install.yaml"), self.node)
        return self.node, self.cluster

    def __exit__(self, *_):
        self.cluster.__exit__()
        self.node.__exit__()
        USED.update(self.cluster.used)


def labelled(cluster):
    return cluster.labels["n1.example"].get("mote.io/kvm")


def ended_pod(**status):
    """A kubelet whose pod comes to that."""
    def kubelet(pod):
        pod["status"] = status
    return kubelet


@case()
def test_cluster():
    """From nothing to a labelled node, an update of the DaemonSet, a pod in use, and back."""
    with Trial() as (node, cluster):
        before = node.tree()
        daemon = Daemon(node, cluster, "install").ready()
        assert labelled(cluster) == "true" and list(cluster.pods) == ["mote-system/mote-node-abcde"], cluster.pods
        calls = [(method, path.split("/")[-1]) for method, path, _ in cluster.seen]
        probe = "mote-node-abcde-probe"
        assert calls[:3] == [("GET", "mote-node-abcde"), ("DELETE", probe), ("POST", "pods")], calls
        assert calls[-2:] == [("DELETE", probe), ("PATCH", "n1.example")], "the label comes last: %s" % calls
        pod = json.loads(cluster.seen[2][2])
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        assert pod["metadata"]["ownerReferences"][0]["uid"] == "1234" and spec["nodeName"] == "n1.example", pod
        assert container["image"] == "example.com/mote-node:0.1.0" and spec["imagePullSecrets"] == [{"name": "registry"}], pod
        assert spec["automountServiceAccountToken"] is False and container["securityContext"]["runAsNonRoot"] is True, pod
        daemon.end()
        assert node.has("mote") and labelled(cluster) == "true", "the end of the pod takes nothing away"
        Daemon(node, cluster, "install").ready().end()
        assert node.restarts() == ["containerd"]
        sandbox, _ = node.sandbox("in-use", "mote")
        within(20, lambda: "running: pod default/in-use" in node.mote("status").text)
        refusal = Daemon(node, cluster, "remove").result().refused("default/in-use")
        assert "remove them first" in refusal.text and labelled(cluster) == "true" and node.has("mote")
        node.remove_sandbox(sandbox)
        within(60, lambda: "running" not in node.mote("status").text)
        Daemon(node, cluster, "remove").ready().end()
        assert labelled(cluster) is None and not node.has("mote")
        assert node.tree() == before, difference(before, node.tree())
        assert [e["message"] for e in cluster.events] == [refusal.text.strip().split("mote-node: ", 1)[1]], cluster.events


@case("2.1")
def test_cluster_retries():
    """A server that restarts, is busy or does not answer; a probe pod of an earlier try."""
    with Trial() as (node, cluster):
        cluster.pods["mote-system/mote-node-abcde-probe"] = {}
        cluster.fail = [("GET", "/pods/mote-node-abcde", "silence", 1), ("DELETE", "probe", 503, 1), ("POST", "/pods", 500, 1),
                        ("PATCH", "/nodes/", 429, 1)]
        Daemon(node, cluster, "install").ready().end()
        assert labelled(cluster) == "true"
        assert all(count == 0 for _, _, _, count in cluster.fail), cluster.fail


@case("2.1")
def test_cluster_refuses():
    """What the server refuses is said with verb, path and its message."""
    with Trial() as (node, cluster):
        for failing, text in ((("PATCH", "/nodes/", 403, 1), "PATCH /api/v1/nodes/n1.example: the API server answers 403: told to fail"),
                              (("POST", "/pods", 403, 1), "POST /api/v1/namespaces/mote-system/pods: the API server answers 403"),
                              (("POST", "/pods", 409, 1), "answers 409"),
                              (("GET", "/pods/mote-node-abcde", 404, 1), "answers 404")):
            cluster.fail = [failing]
            Daemon(node, cluster, "install").result().refused(text)
            assert labelled(cluster) is None and text in cluster.events[-1]["message"], cluster.events
            assert cluster.events[-1]["involvedObject"]["name"] == "n1.example", cluster.events
        cluster.fail = [("GET", "", "silence", 99)]
        Daemon(node, cluster, "install", "--seconds", "1").result().refused("no answer")
        with open(cluster.environment["MOTE_NODE_ACCOUNT"] + "/token", "w", encoding="utf-8") as f:
            f.write("an old token")
        cluster.fail = []
        Daemon(node, cluster, "install").result().refused("answers 401: Unauthorized")


@case("2.1")
def test_cluster_probe_fails():
    """A pod that fails, one that never starts: no label, also if there was one, and the reason in log and event."""
    with Trial() as (node, cluster):
        event = {"type": "Warning", "reason": "FailedCreatePodSandBox", "message": "no handler", "involvedObject": {"name": "mote-node-abcde-probe"}}
        failed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
        waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling"}}
        for kubelet, seconds, events, texts in (
                (ended_pod(phase="Failed", reason="Evicted", message="disk", containerStatuses=[{"state": failed}]), 60, [],
                 ("is Failed", "Evicted: disk: OOMKilled: exit code 137")),
                (ended_pod(phase="Pending", containerStatuses=[{"state": waiting}]), 2, [event],
                 ("is Pending", "ImagePullBackOff: Back-off pulling", "FailedCreatePodSandBox: no handler")),
                (ended_pod(phase="Pending"), 1, [], ("is Pending", "nothing says why"))):
            cluster.labels["n1.example"]["mote.io/kvm"] = "true"
            cluster.kubelet, cluster.events = kubelet, list(events)
            Daemon(node, cluster, "install", "--seconds", str(seconds)).result().refused(*texts)
            assert labelled(cluster) is None and texts[-1] in cluster.events[-1]["message"], cluster.events
            assert list(cluster.pods) == ["mote-system/mote-node-abcde"], cluster.pods
        assert node.has("mote"), "the handler stays, for those who look into it"


@case("2.1")
def test_cluster_ends_in_the_middle():
    """SIGTERM while the probe pod does not start: the label is not there, and nothing is taken away."""
    with Trial() as (node, cluster):
        cluster.kubelet = ended_pod(phase="Pending")
        daemon = Daemon(node, cluster, "install")
        within(100, lambda: any(method == "POST" for method, _, _ in cluster.seen))
        began = time.monotonic()
        daemon.process.terminate()
        assert daemon.process.wait(timeout=400) == 143, daemon.text()
        assert labelled(cluster) is None and node.has("mote"), time.monotonic() - began


@case("1.7", "2.1")
def test_from_a_pod():
    """The DaemonSet's container as the manifests have it, in a pod of runc: privileged, its root read-only, the node's root at
    /host. Its programs are the machine's, whose /usr it gets as a volume."""
    with Node() as node:
        node.write(MAIN, base())
        node.start().load(DIRECTORY)
        before = node.tree()
        for command in ("install", "status", "remove"):
            environment = {"PATH": "/node/bin:/usr/sbin:/usr/bin", "TMPDIR": "/run/mote-node", "MOTE_NODE_PROGRAMS": "/mote/bin",
                           "MOTE_NODE_SHARE": "/mote/share"}
            code, log = pod_of_runc(node, ["/mote/bin/mote-node", command], environment)
            assert code == 0, log
            assert node.has("mote") == (command != "remove"), log
        assert node.tree() == before, difference(before, node.tree())


def pod_of_runc(node, command, environment):
    """(exit code, log) of a container as in install.yaml, without a cluster."""
    [daemon] = of_kind(documents(MANIFESTS + "/install.yaml"), "DaemonSet")
    security = daemon["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    name = "daemon-" + command[1]
    os.makedirs(node.path("/node/run-" + name))
    subprocess.run(["cp", "-aT", IMAGE, node.path("/node/mote")], check=True)
    subprocess.run(["cp", "-aT", IMAGE + "/share/mote", node.path("/node/mote/share")], check=True)
    pod, config = node.sandbox(name, "runc", security["privileged"])
    volumes = [{1: "/host", 2: "/"}, {1: "/run/mote-node", 2: "/node/run-" + name}, {1: "/usr", 2: "/usr", 3: 1}, {1: "/mote", 2: "/node/mote", 3: 1}]
    made = node.call("CreateContainer", {1: pod, 3: config, 2: {
        1: {1: "mote-node"}, 2: {1: "example.com/usr:1"}, 3: command, 6: [{1: k, 2: v} for k, v in environment.items()], 7: volumes,
        11: name + ".log", 15: {2: {2: int(security["privileged"]), 7: int(security["readOnlyRootFilesystem"])}}}})
    container = one(made, 1).decode()
    node.call("StartContainer", {1: container})

    def status():
        return decode(one(node.call("ContainerStatus", {1: container}), 1))

    def ended():
        try:
            return one(status(), 3) == 2
        except AssertionError:  # containerd restarts
            return False

    within(100, ended)
    code = one(status(), 7)
    log = node.read("/run/pod-logs/%s.log" % name)
    node.remove_sandbox(pod)
    return code, log


# --- The manifests ---

@case("1.6")
def test_manifests():
    """What the script needs of them, and what they say of each other."""
    install = documents(MANIFESTS + "/install.yaml")
    [daemon], [remover] = of_kind(install, "DaemonSet"), documents(MANIFESTS + "/remove.yaml")
    for d, command in ((daemon, "install"), (remover, "remove")):
        template = d["spec"]["template"]
        assert d["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        spec = template["spec"]
        [container] = spec["containers"]
        assert container["command"] == ["/usr/local/bin/mote-node", command]
        environment = {e["name"]: e for e in container["env"]}
        for name, field in (("NODE_NAME", "spec.nodeName"), ("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace")):
            assert environment[name]["valueFrom"]["fieldRef"]["fieldPath"] == field
        mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
        assert mounts == {"host": "/host", "run": "/run/mote-node"} and environment["TMPDIR"]["value"] == mounts["run"]
        volumes = {v["name"]: v for v in spec["volumes"]}
        assert volumes["host"]["hostPath"]["path"] == "/" and set(volumes) == set(mounts)
        assert container["readinessProbe"]["exec"]["command"][-1] == "/run/mote-node/ready"
        assert spec["nodeSelector"]["kubernetes.io/arch"] == "amd64" and spec["automountServiceAccountToken"] is True
        for namespaces in ("hostPID", "hostNetwork", "hostIPC"):
            assert namespaces not in spec
    a, b = daemon["spec"]["template"]["spec"], remover["spec"]["template"]["spec"]
    for key in ("image", "env", "securityContext", "resources", "volumeMounts"):
        assert a["containers"][0][key] == b["containers"][0][key], key
    assert a["volumes"] == b["volumes"] and a["nodeSelector"] == b["nodeSelector"] and a["serviceAccountName"] == b["serviceAccountName"]
    namespaces = {n["metadata"]["name"] for n in of_kind(install, "Namespace")}
    assert daemon["metadata"]["namespace"] in namespaces and remover["metadata"]["namespace"] in namespaces
    assert (a["serviceAccountName"], "mote-system") == ("mote-node", of_kind(install, "ServiceAccount")[0]["metadata"]["namespace"])
    classes = {c["metadata"]["name"]: c for c in of_kind(install, "RuntimeClass")}
    assert [classes["mote"]] == documents(TOP + "/contrib/kubernetes/runtime-class.yaml")
    assert classes["mote"]["scheduling"]["nodeSelector"] == {"mote.io/kvm": "true"} and "scheduling" not in classes["mote-node-probe"]


@case()
def test_zz_rights():
    """Last: the cases before have used each right of install.yaml's, and the stub has refused all others."""
    if SERIES == "2.1" and not sys.argv[3:]:
        rights = granted(documents(MANIFESTS + "/install.yaml"))
        assert USED == rights, "not used: %s; not granted: %s" % (rights - USED, USED - rights)


@case()
def test_overhead():
    """The runtime class's overhead: what a pod has besides its containers, a pause container in a VM and the shim."""
    with Node() as node:
        node.write(MAIN, base())
        node.start()
        node.mote("install").ok()
        node.load(DIRECTORY)
        pod, _ = node.sandbox("idle", "mote")
        found = subprocess.run(["pgrep", "-f", "containerd-shim-mote-v1"], capture_output=True, text=True, check=True).stdout.split()
        total = 0
        for pid in found:
            with open("/proc/%s/smaps_rollup" % pid, encoding="utf-8") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        charged = 0
        for directory, _, files in os.walk("/sys/fs/cgroup"):
            for name in {"memory.usage_in_bytes", "memory.current"} & set(files):
                if directory.endswith(pod):
                    with open(os.path.join(directory, name), encoding="utf-8") as f:
                        charged += int(f.read()) >> 10
        print("# a pod's own processes have %d KiB (PSS), and its pause container's cgroup %d KiB" % (total, charged))
        assert charged
        total = max(total, charged)
        node.remove_sandbox(pod)
        [runtime_class] = documents(TOP + "/contrib/kubernetes/runtime-class.yaml")
        allowed = runtime_class["overhead"]["podFixed"]["memory"]
        assert allowed.endswith("Mi") and total <= int(allowed[:-2]) << 10, "%d KiB, and podFixed is %s" % (total, allowed)


def main():
    passed = failed = 0
    for function in CASES:
        name = function.__name__.removeprefix("test_").replace("_", "-")
        if sys.argv[3:] and not any(fnmatch.fnmatch(name, pattern) for pattern in sys.argv[3:]):
            continue
        began = time.monotonic()
        try:
            function()
            passed += 1
            print("ok - %s %s: %.1f s" % (SERIES, name, time.monotonic() - began), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print("not ok - %s %s" % (SERIES, name))
            print("".join("  | %s\n" % line for line in traceback.format_exc().splitlines()), end="", flush=True)
    print("%d passed, %d failed" % (passed, failed))


main()
