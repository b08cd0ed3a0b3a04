# SPDX-License-Identifier: Apache-2.0
"""A stock Envoy with Mote's dynamic module, and the servers behind it, all on loopback."""
import http.client
import http.server
import json
import os
import pathlib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build/release"
PLUGINS = BUILD / "test/plugins"
PATIENCE = 120 * float(os.environ.get("MOTE_PATIENCE", "1"))


def type_of(name):
    return "type.googleapis.com/" + name


FILTER = "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter"
NETWORK_FILTER = "envoy.extensions.filters.network.dynamic_modules.v3.DynamicModuleNetworkFilter"


def filter_of(module, name, config, kind=FILTER):
    """One filter: a plugin of Mote's."""
    return {"name": "mote", "typed_config": {
        "@type": type_of(kind),
        "dynamic_module_config": {"name": module}, "filter_name": name,
        "filter_config": {"@type": type_of("google.protobuf.StringValue"), "value": config}}}


def plugin(file, /, kind=FILTER, **config):
    """A plugin of test/integration/plugins, with the name of its file. Its limits are for a machine that may stall for
    seconds, and on which cold caches make a callback of some milliseconds one of many."""
    limits = {"call_time_limit_ms": 1000, "call_wall_limit_ms": 60000}
    text = json.dumps({"module": str(PLUGINS / f"{file}.wasm"), **limits, **config})
    return filter_of("mote_envoy", config.get("name", file), text, kind)


ROUTER = {"name": "envoy.filters.http.router",
          "typed_config": {"@type": type_of("envoy.extensions.filters.http.router.v3.Router")}}


def cluster(name, port):
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
    return {"name": name, "connect_timeout": "5s", "type": "STATIC",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}


def http_listener(name, filters, route):
    return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": type_of("envoy.extensions.filters.network.http_connection_manager.v3."
                                     "HttpConnectionManager"),
                    "stat_prefix": name, "http_filters": [*filters, ROUTER],
                    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                        {"match": {"prefix": "/"}, **route}]}]}}}]}]}


def tcp_listener(name, filters, upstream):
    """Connections go through the filters to a cluster."""
    proxy = {"name": "envoy.filters.network.tcp_proxy", "typed_config": {
        "@type": type_of("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"), "stat_prefix": name,
        "cluster": upstream}}
    return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [*filters, proxy]}]}


class Lines(socketserver.BaseRequestHandler):
    """Sends back what it gets, and "end" when the peer has finished sending."""

    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
            self.request.sendall(b"end")
        except ConnectionError:
            pass  # a peer that resets is one of the cases


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it has received: headers as a list, the body as text."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.body()
        text = json.dumps({"headers": [[k.lower(), v] for k, v in self.headers.items()],
                           "path": self.path, "body": body.decode("latin-1")}).encode()
        self.send_response(self.status())
        self.send_header("content-length", str(len(text)))
        self.send_header("x-upstream", "echo")
        self.end_headers()
        self.wfile.write(text)

    def status(self):
        return 200

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def serve(handler=Echo, server_class=http.server.ThreadingHTTPServer):
    """A server on a port of its own, until the process ends."""
    server = server_class(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def serve_lines():
    return serve(Lines, socketserver.ThreadingTCPServer)


class Envoy:
    """Envoy with these listeners; `with` ends it. Its log is in .log()."""

    def __init__(self, binary, listeners, clusters=(), concurrency=1, options=(), updated=False):
        self.directory = tempfile.TemporaryDirectory(prefix="mote-envoy-")
        self.path = pathlib.Path(self.directory.name)
        config = {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
                  "static_resources": {"listeners": [] if updated else list(listeners), "clusters": list(clusters)}}
        if updated:  # by .update()
            self.update(listeners)
            config["node"] = {"id": "test", "cluster": "test"}
            config["dynamic_resources"] = {"lds_config": {"path_config_source": {"path": str(self.path / "lds.json")}}}
        (self.path / "envoy.json").write_text(json.dumps(config))
        self.log_file = open(self.path / "log", "w")
        self.process = subprocess.Popen(
            [binary, "-c", self.path / "envoy.json", "--admin-address-path", self.path / "admin",
             "--concurrency", str(concurrency), "--disable-hot-restart", "--log-level", "warning",
             "--component-log-level", "dynamic_modules:info", *options],
            stdout=self.log_file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, "ENVOY_DYNAMIC_MODULES_SEARCH_PATH": str(BUILD)})

    def update(self, listeners):
        """Other listeners from now on."""
        text = json.dumps({"resources": [{"@type": type_of("envoy.config.listener.v3.Listener"), **listener}
                                         for listener in listeners]})
        (self.path / "new").write_text(text)
        (self.path / "new").rename(self.path / "lds.json")

    def vms(self):
        """How many VMs the process has."""
        links = pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()
        return sum(os.readlink(link) == "anon_inode:kvm-vm" for link in links if link.is_symlink())

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.admin("/ready")[0] == 200:
                    self.ports = {s["name"]: s["local_address"]["socket_address"]["port_value"]
                                  for s in json.loads(self.admin("/listeners?format=json")[1])["listener_statuses"]}
                    return self
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"Envoy is not ready, status {self.process.poll()}:\n{self.log()}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"Envoy does not end:\n{self.log()}") from None
        finally:
            self.log_file.close()
            self.ended_log = self.log()
            self.directory.cleanup()

    def wait_for_end(self):
        """The status of an Envoy that refuses its configuration, and its log."""
        try:
            return self.process.wait(PATIENCE), self.log()
        finally:
            self.process.kill()
            self.log_file.close()
            self.directory.cleanup()

    def log(self):
        return (self.path / "log").read_text(errors="replace")

    def wait_log(self, text):
        end = time.monotonic() + PATIENCE
        while text not in (log := self.log()):
            assert time.monotonic() < end, f"no {text!r} in the log:\n{log}"
            time.sleep(0.02)

    def admin(self, path, method="GET"):
        host, port = (self.path / "admin").read_text().strip().rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def stats(self, pattern=""):
        """Counters and gauges whose names have the pattern: name, value."""
        lines = self.admin(f"/stats?filter={pattern}")[1].splitlines()
        return {k: int(v) for k, v in (line.rsplit(": ", 1) for line in lines) if v.isdigit()}

    def connection(self, listener="http"):
        return http.client.HTTPConnection("127.0.0.1", self.ports[listener], timeout=PATIENCE)

    def get(self, path="/", headers=None, body=None, method=None, listener="http", connection=None):
        """One request: status, headers as a dictionary, body as bytes."""
        c = connection or self.connection(listener)
        c.request(method or ("POST" if body is not None else "GET"), path, body=body, headers=headers or {})
        r = c.getresponse()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()

    def echo(self, *args, **kwargs):
        """The same through an Echo server: status, headers, what that server has received."""
        status, headers, body = self.get(*args, **kwargs)
        return status, headers, json.loads(body)

    def raw(self, listener="tcp"):
        return socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=PATIENCE)
