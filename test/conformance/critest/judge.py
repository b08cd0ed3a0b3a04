# SPDX-License-Identifier: Apache-2.0
"""usage: judge.py REPORT FAILING: the tests of critest's report, judged by the list of those that fail."""
import sys
import xml.etree.ElementTree

report, failing = sys.argv[1:]
with open(failing, encoding="utf-8") as lines:
    known = dict(line.rstrip("\n").split("\t") for line in lines if not line.startswith("#"))
passed = failed = expected = 0
for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
    name, status = case.get("name").removeprefix("[It] "), case.get("status")
    if status in ("skipped", "pending") or not case.get("name").startswith("[It] "):
        continue
    if (status == "passed") != (name in known) or known.get(name, "").startswith("at times: "):
        passed += 1
        expected += status != "passed"
        continue
    failed += 1
    print("not ok - %s: %s" % (name, "passes, and is on the list of those that fail" if status == "passed" else status))
print("# %d of them fail, as test/conformance/critest/failing says" % expected)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0 or passed == 0)
