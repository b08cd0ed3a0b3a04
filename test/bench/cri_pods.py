# SPDX-License-Identifier: Apache-2.0
"""Pods with each runtime handler in turn, for cri.bench. usage: cri_pods.py RUNS FILE, which gets lines `SERIES MILLISECONDS`."""
import os
import sys
import time

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from shimlib import encode, decode, one  # noqa: E402

HANDLERS = ("runc", "mote", "mote-sandbox")


def main(runs, path):
    channel = grpc.insecure_channel("unix://" + os.environ["CONTAINERD_ADDRESS"])

    def call(method, message):
        return decode(channel.unary_unary("/runtime.v1.RuntimeService/" + method)(encode(message), timeout=400))

    with open(path, "w") as out:
        for i in range(-2, runs):
            for handler in HANDLERS:
                name = "bench%d-%s" % (i + 2, handler)
                # Its network is CNI's, its PID namespace a container's own.
                config = {1: {1: name, 2: "uid-" + name, 3: "default"}, 2: name, 3: os.path.dirname(path) + "/logs",
                          8: {2: {1: {1: 0, 2: 1, 3: 0}}}}
                began = time.monotonic()
                pod = one(call("RunPodSandbox", {1: config, 2: handler}), 1)
                made = call("CreateContainer", {1: pod, 2: {1: {1: "one"}, 2: {1: "example.com/native:1"}, 3: ["/probe", "sleep", "60"],
                                                            11: name + ".log"}, 3: config})
                container = one(made, 1)
                call("StartContainer", {1: container})
                up = time.monotonic()
                call("StopContainer", {1: container, 2: 0})
                call("RemoveContainer", {1: container})
                call("StopPodSandbox", {1: pod})
                call("RemovePodSandbox", {1: pod})
                if i >= 0:
                    out.write("up-%s %.3f\nlife-%s %.3f\n" % (handler, (up - began) * 1e3, handler, (time.monotonic() - began) * 1e3))


main(int(sys.argv[1]), sys.argv[2])
