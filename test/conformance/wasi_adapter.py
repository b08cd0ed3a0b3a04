# SPDX-License-Identifier: Apache-2.0
"""How WebAssembly/wasi-testsuite runs a test with Mote: its runtime adapter interface.

MOTE names the command to use; without it, build/release/mote of this tree.
"""
import os
import shlex
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Tuple

MOTE = shlex.split(os.getenv("MOTE", str(Path(__file__).resolve().parents[2] / "build/release/mote")))


def get_name() -> str:
    return "mote"


def get_version() -> str:
    out = subprocess.run(MOTE[0:1] + ["--version"], encoding="UTF-8", capture_output=True, check=True)
    return out.stdout.split()[-1]


def get_wasi_versions() -> List[str]:
    return ["wasm32-wasip1"]


def get_wasi_worlds() -> List[str]:
    return ["wasi:cli/command"]


def compute_argv(test_path: str,
                 args_env_root: Tuple[List[str], Dict[str, str], Optional[str]],
                 proposals: List[str],
                 wasi_world: str,
                 wasi_version: str) -> List[str]:
    args, env, root = args_env_root
    argv = MOTE + ["run"]
    for name, value in env.items():
        argv += ["--env", f"{name}={value}"]
    if root:
        argv += ["--dir", f"{root}::/"]
    return argv + [str(test_path)] + args
