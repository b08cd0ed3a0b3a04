# SPDX-License-Identifier: Apache-2.0
"""What an ordinary Python program does with its system; test/conformance/wasi_programs.py compares the output."""
import hashlib
import json
import os
import pathlib
import sqlite3
import sys
import time

print(json.dumps({"a": [1, 2, 3]}), hashlib.sha256(b"x").hexdigest())
db = sqlite3.connect("/data/x.db")
db.execute("create table t(a)")
db.execute("insert into t values(42)")
db.commit()
print(db.execute("select * from t").fetchall())
db.close()
os.unlink("/data/x.db")
p = pathlib.Path("/data/py")
p.mkdir()
(p / "f.txt").write_text("x\n" * 1000)
print(sorted(os.listdir("/data/py")), (p / "f.txt").stat().st_size)
for directory, directories, files in os.walk("/data/py"):
    print(directory, directories, files)
(p / "f.txt").unlink()
p.rmdir()
for bad in ("/etc/passwd", "/data/../../etc/passwd", "/data/none"):
    try:
        open(bad)
    except OSError as e:
        print(type(e).__name__)
start = time.monotonic()
time.sleep(0.02)
assert time.monotonic() - start >= 0.02
print(len(os.urandom(16)), os.environ.get("FOO"), sys.argv)
print(sys.stdin.read().split())
sys.exit(17)
