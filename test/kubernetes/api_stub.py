# SPDX-License-Identifier: Apache-2.0
"""An API server for mote-node: TLS on loopback, a token, nodes, pods and events, and the RBAC of install.yaml. Its pods
are run by CRI on a node, as a kubelet does it."""
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.parse

import yaml

TOKEN = "token-of-the-service-account"
ACCOUNT = ("mote-node", "mote-system")


def documents(path):
    with open(path, encoding="utf-8") as f:
        return [document for document in yaml.safe_load_all(f) if document]


def of_kind(objects, kind):
    return [o for o in objects if o["kind"] == kind]


def granted(objects):
    """{(verb, resource, namespace or None)} of ACCOUNT, by the bindings among these objects."""
    rights = set()
    roles = {(o["kind"], o["metadata"]["name"], o["metadata"].get("namespace")): o["rules"]
             for o in of_kind(objects, "Role") + of_kind(objects, "ClusterRole")}
    for binding in of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding"):
        if ACCOUNT not in [(s["name"], s["namespace"]) for s in binding["subjects"] if s["kind"] == "ServiceAccount"]:
            continue
        namespace = binding["metadata"].get("namespace")
        ref = binding["roleRef"]
        for rule in roles[ref["kind"], ref["name"], namespace if ref["kind"] == "Role" else None]:
            assert rule["apiGroups"] == [""] and not rule.get("resourceNames"), rule
            rights |= {(verb, resource, namespace) for verb in rule["verbs"] for resource in rule["resources"]}
    return rights


class Cluster:
    """`objects`: what install.yaml has. `fail` is a list of (method, part of the path, status or "silence", how often)."""

    def __init__(self, directory, objects, node=None):
        self.directory, self.objects, self.node = directory, objects, node
        self.rights, self.used, self.seen, self.fail = granted(objects), set(), [], []
        self.labels, self.pods, self.events, self.lock = {"n1.example": {}}, {}, [], threading.Lock()
        self.classes = {o["metadata"]["name"]: o for o in of_kind(objects, "RuntimeClass")}
        self.kubelet = self.run_pod
        [daemon] = of_kind(objects, "DaemonSet")
        template = daemon["spec"]["template"]
        self.pods["mote-system/mote-node-abcde"] = {
            "apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
            "metadata": {**template["metadata"], "name": "mote-node-abcde", "namespace": "mote-system", "uid": "1234"},
            "spec": {**template["spec"], "nodeName": "n1.example", "imagePullSecrets": [{"name": "registry"}]}}
        account = os.path.join(directory, "account")
        os.makedirs(account)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=stub", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory + "/key", "-out", account + "/ca.crt"],
                       check=True, capture_output=True)
        with open(account + "/token", "w", encoding="utf-8") as f:
            f.write(TOKEN)
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                cluster.handle(self)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(account + "/ca.crt", directory + "/key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.server.server_port),
                            "MOTE_NODE_ACCOUNT": account, "NODE_NAME": "n1.example", "POD_NAME": "mote-node-abcde",
                            "POD_NAMESPACE": "mote-system"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        url = urllib.parse.urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self.lock:
            status, answer = self.answer(request.command, url.path, urllib.parse.parse_qs(url.query), body, request.headers)
        if status == "silence":
            request.close_connection = True
            return
        text = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def answer(self, method, path, query, body, headers):
        def no(code, message):
            return code, {"kind": "Status", "status": "Failure", "code": code, "message": message}

        self.seen.append((method, path, body.decode()))
        if headers["Authorization"] != "Bearer " + TOKEN:
            return no(401, "Unauthorized")
        for i, (of_method, part, status, count) in enumerate(self.fail):
            if of_method == method and part in path and count:
                self.fail[i] = (of_method, part, status, count - 1)
                return ("silence", None) if status == "silence" else no(status, "told to fail")
        parts = path.strip("/").split("/")
        assert parts[:2] == ["api", "v1"], path
        namespace = None
        if parts[2] == "namespaces":
            namespace, parts = parts[3], parts[4:]
        else:
            parts = parts[2:]
        resource, name = parts[0], parts[1] if len(parts) > 1 else None
        verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}[method]
        if (verb, resource, namespace) not in self.rights:
            return no(403, "%s cannot %s %s in %s" % (ACCOUNT[0], verb, resource, namespace))
        self.used.add((verb, resource, namespace))
        content = headers["Content-Type"]
        assert not body or content == ("application/merge-patch+json" if verb == "patch" else "application/json"), content
        return getattr(self, verb + "_" + resource)(namespace, name, query, json.loads(body) if body else None, no)

    def patch_nodes(self, _, name, __, body, no):
        if name not in self.labels:
            return no(404, "no node " + name)
        assert set(body) == {"metadata"} and set(body["metadata"]) == {"labels"}, body
        for key, value in body["metadata"]["labels"].items():
            if value is None:
                self.labels[name].pop(key, None)
            else:
                self.labels[name][key] = value
        return 200, {"kind": "Node"}

    def get_pods(self, namespace, name, _, __, no):
        pod = self.pods.get(namespace + "/" + name)
        return (200, pod) if pod else no(404, "no pod " + name)

    def delete_pods(self, namespace, name, _, __, no):
        return (200, {}) if self.pods.pop(namespace + "/" + name, None) else no(404, "no pod " + name)

    def create_pods(self, namespace, _, __, body, no):
        key = namespace + "/" + body["metadata"]["name"]
        if key in self.pods:
            return no(409, "there is one")
        if body["spec"]["runtimeClassName"] not in self.classes:
            return no(403, "no RuntimeClass of that name")
        body["status"] = {"phase": "Pending"}
        self.pods[key] = body
        if self.kubelet == self.run_pod:
            threading.Thread(target=self.run_pod, args=(body,), daemon=True).start()
        else:
            self.kubelet(body)
        return 201, body

    def list_events(self, _, __, query, ___, ____):
        field, _, value = query["fieldSelector"][0].partition("=")
        assert field == "involvedObject.name", query
        return 200, {"items": [e for e in self.events if e["involvedObject"]["name"] == value]}

    def create_events(self, namespace, _, __, body, no):
        if body["metadata"]["namespace"] != namespace:
            return no(400, "another namespace")
        self.events.append(body)
        return 201, body

    def run_pod(self, pod):
        """What a kubelet does: its RuntimeClass's selector, then CRI."""
        [container] = pod["spec"]["containers"]
        runtime_class = self.classes[pod["spec"]["runtimeClassName"]]
        selector = runtime_class.get("scheduling", {}).get("nodeSelector", {})
        try:
            assert selector.items() <= self.labels[pod["spec"]["nodeName"]].items(), "Predicate NodeAffinity failed"
            code = self.node.run("probe-%d" % time.monotonic_ns(), runtime_class["handler"], container["image"], container["command"])
            pod["status"] = {"phase": "Failed" if code else "Succeeded",
                             "containerStatuses": [{"state": {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}}]}
        except AssertionError as e:
            pod["status"] = {"phase": "Failed", "reason": "Failed", "message": str(e)}
