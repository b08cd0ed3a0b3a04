# SPDX-License-Identifier: Apache-2.0
"""The suite's script of atomic instructions with memories that are not shared: all is the same but that waiting traps."""
import json

SHARED = b"\x05\x04\x01\x03\x01\x01"  # a memory section: one memory of 1 to 1 pages, shared
NOT_SHARED = b"\x05\x04\x01\x01\x01\x01"


def change(command):
    if command["type"] == "assert_return" and ".wait" in command["action"]["field"]:
        return {**{k: v for k, v in command.items() if k != "expected"}, "type": "assert_trap",
                "text": "expected shared memory"}
    return command


def make(directory, source):
    """Writes directory/atomic_unshared.json and its modules, from the suite's atomic.json; returns the path."""
    script = json.loads(source.read_text())
    script["commands"] = [change(c) for c in script["commands"]]
    directory.mkdir(parents=True, exist_ok=True)
    shared = 0
    for name in {c["filename"] for c in script["commands"] if "filename" in c}:
        data = (source.parent / name).read_bytes()
        shared += SHARED in data
        (directory / name).write_bytes(data.replace(SHARED, NOT_SHARED))
    if not shared:
        raise ValueError(f"{source}: no module has a shared memory")
    path = directory / "atomic_unshared.json"
    path.write_text(json.dumps(script))
    return path
