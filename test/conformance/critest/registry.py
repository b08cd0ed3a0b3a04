# SPDX-License-Identifier: Apache-2.0
"""usage: registry.py DIRECTORY PORT: a registry on the loopback with the images of a directory's tarballs."""
import http.server
import json
import os
import sys
import tarfile

directory, port = sys.argv[1:]
BLOBS, TAGS, KINDS = {}, {}, {}
for file in os.listdir(directory):
    with tarfile.open(os.path.join(directory, file)) as tar:
        for member in tar:
            if member.isfile() and member.name.startswith("blobs/sha256/"):
                BLOBS["sha256:" + os.path.basename(member.name)] = tar.extractfile(member).read()
        for manifest in json.load(tar.extractfile("index.json"))["manifests"]:
            name = manifest["annotations"]["io.containerd.image.name"]
            TAGS[tuple(name.split("/", 1)[1].rsplit(":", 1))] = manifest["digest"]
            KINDS[manifest["digest"]] = manifest["mediaType"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, body=b"", kind="application/octet-stream", digest=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["v2"]:
            self.answer(200, b"{}")
            return
        name, kind, reference = "/".join(parts[1:-2]), parts[-2], parts[-1]
        digest = reference if reference.startswith("sha256:") else TAGS.get((name, reference))
        if digest not in BLOBS:
            self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', "application/json")
        else:
            self.answer(200, BLOBS[digest], KINDS.get(digest) if kind == "manifests" else "application/octet-stream", digest)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
