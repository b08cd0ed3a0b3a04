#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command and note the CPU time of all that it starts.
usage: cpu_time.py FILE COMMAND [ARG]...
Writes its seconds of user and system time, without a fraction, to FILE. Orphans are counted as well, as they become
children of this process; what outlives the command is not."""
import ctypes
import os
import resource
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36


def run(command):
    """The exit status of command. Its orphans that have ended are reaped, too."""
    # Python ignores these two, and what is ignored stays so for the command.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    child = os.spawnvp(os.P_NOWAIT, command[0], command)
    pid = 0
    while pid != child:
        pid, status = os.wait()
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main():
    file, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("cpu_time.py: prctl(PR_SET_CHILD_SUBREAPER) failed")
    # `timeout` signals the whole process group: this process notes what was spent once the command has ended by it.
    # These are handled and not ignored, as the command would inherit that.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    status = run(command)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(file, "w", encoding="ascii") as out:
        print(round(usage.ru_utime + usage.ru_stime), file=out)
    sys.exit(status)


main()
