# SPDX-License-Identifier: Apache-2.0
# What the integration cases use: running guests, waiting, and looking at what is left. Sourced in the sandbox.

# shellcheck shell=bash disable=SC2034
# From the runner: RUNTIME, SERIES, IMAGES (directory), CASE_DIR (a fresh directory), KIND (wasm or native) in each_ cases.
# shellcheck source=hack/lib/limit.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../hack/lib/limit.sh"
: "${RUNTIME:?}" "${IMAGES:?}" "${CASE_DIR:?}" "${SERIES:?}"
STATE=$MOTE_SANDBOX/state
out=$CASE_DIR/out err=$CASE_DIR/err
status=0

# fail MESSAGE: ends the case, and shows what the last guest printed.
fail() {
	echo "failed: $*"
	[[ ! -s $out ]] || { echo "stdout:" && head -c 2000 "$out"; }
	[[ ! -s $err ]] || { echo "stderr:" && head -c 2000 "$err"; }
	exit 1
}

# is GOT WANTED [WHAT]
is() {
	[[ $1 == "$2" ]] || fail "$(printf '%s: got %q, wanted %q' "${3:-value}" "${1::400}" "${2::400}")"
}

# has TEXT PATTERN [WHAT]: an extended regular expression.
has() {
	grep -Eq -- "$2" <<<"$1" || fail "$(printf '%s: %q does not match %s' "${3:-value}" "${1::400}" "$2")"
}

# lacks TEXT PATTERN [WHAT]
lacks() {
	! grep -Eq -- "$2" <<<"$1" || fail "$(printf '%s: %q matches %s' "${3:-value}" "${1::400}" "$2")"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# follow_events: `ctr events` into $CASE_DIR/events from now on; its pid is in $events. What comes to that file first is
# an event of ours, about a label: only then is it known to listen.
follow_events() {
	ctr events >"$CASE_DIR/events" 2>&1 &
	events=$!
	within 20 label_seen || fail 'ctr events shows nothing'
}

label_seen() {
	ctr namespaces label default "follow=$EPOCHREALTIME"
	grep -q /namespaces/update "$CASE_DIR/events"
}

image() { echo "example.com/$KIND:1"; }
program() { [[ $KIND == wasm ]] && echo /probe.wasm || echo /probe; }

# split_options [WORD... --] WORD...: the words before "--" into the caller's array options, the others into words.
split_options() {
	local i
	options=() words=("$@")
	for ((i = 1; i <= $#; i++)); do
		[[ ${!i} == -- ]] || continue
		options=("${@:1:i-1}") words=("${@:i+1}")
		return
	done
}

# run [CTR_OPTION... --] ID ARG...: the probe with these arguments to its end; sets status, $out and $err. stdin is empty
# unless the caller redirects it. IMAGE and PROGRAM override what is run.
run() {
	local options words id
	split_options "$@"
	set -- "${words[@]}"
	id=$1 && shift
	status=0
	limit "${LIMIT:-30}" ctr run --rm --runtime "$RUNTIME" "${options[@]}" "${IMAGE:-$(image)}" "$id" \
		"${PROGRAM:-$(program)}" "$@" >"$out" 2>"$err" || status=$?
	((!limit_over)) || fail "'$*' had not ended after ${LIMIT:-30} s"
}

# start [CTR_OPTION... --] ID ARG...: the probe in the background; waits until it runs. Its output goes to log files.
start() {
	local options words id
	split_options "$@"
	set -- "${words[@]}"
	id=$1 && shift
	limit "${LIMIT:-30}" ctr run -d --runtime "$RUNTIME" --log-uri "file://$CASE_DIR/$id.log" "${options[@]}" \
		"${IMAGE:-$(image)}" "$id" "${PROGRAM:-$(program)}" "$@" </dev/null >"$out" 2>"$err" || fail "ctr run -d $id"
	# Printed by the guest when it is where the case wants it.
	[[ ${1-} != loop && ${1-} != sleep && ${1-} != handle-term ]] || log_has "$id" ready
}

log_has() { within 10 grep -q -- "$2" "$CASE_DIR/$1.log" || fail "container $1 did not print '$2'; it printed: $(cat "$CASE_DIR/$1.log")"; }

task_state() { ctr task ls | awk -v id="$1" '$1 == id { print $3 }'; }
task_pid() { ctr task ls | awk -v id="$1" '$1 == id { print $2 }'; }
is_state() { [[ $(task_state "$1") == "$2" ]]; }
wait_state() { within "${3:-10}" is_state "$1" "$2" || fail "task $1 is '$(task_state "$1")', not $2"; }

# finish ID [STATUS]: delete a stopped task and its container; the task's exit status is to be STATUS.
finish() {
	local code=0
	wait_state "$1" STOPPED
	limit 20 ctr task rm "$1" >"$out" 2>"$err" || code=$?
	# ctr tells the task's status in a warning, and by some versions in its own.
	[[ ! $(cat "$err") =~ 'exit with non-zero exit code '([0-9]+) ]] || code=${BASH_REMATCH[1]}
	ctr containers rm "$1" || fail "ctr containers rm $1"
	[[ -z ${2-} ]] || is "$code" "$2" "exit status of $1"
}

# kill_and_finish ID
kill_and_finish() {
	ctr task kill -s KILL "$1" || fail "ctr task kill -s KILL $1"
	finish "$1" 137
}

# shim_pids, monitor_pids: by the program's file; monitors are the shim's program run again.
shim_pids() { pgrep -f 'containerd-shim-[a-z]+-v[0-9] .*-id' || true; }
monitor_pids() { pgrep -f 'containerd-shim-mote-v1 monitor' || true; }

# on_terminal COMMAND...: on a terminal of its own, where a line and end of file are typed once it prints `ready`.
on_terminal() {
	python3 - "$@" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
sent = False
try:
    while True:
        got = os.read(fd, 4096)
        if not got:
            break
        text += got
        if b"ready" in text and not sent:
            os.write(fd, b"typed\n\x04")
            sent = True
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(text)
sys.exit(status)
END
}

# The system as a case must leave it: processes, mounts, cgroups, sockets, bundles, containers, snapshots.
snapshot_system() {
	ps -e -o ppid=,args= | awk '$2 ~ /shim|monitor|mote|runc/ { print "process", $0 }'
	awk '{ print "mount", $2, $3 }' /proc/mounts
	find /sys/fs/cgroup -mindepth 2 -type d ! -name default ! -path '*/init' -printf 'cgroup %p\n' 2>/dev/null
	find /run/containerd -mindepth 2 ! -path '*/s' ! -path '*/runc/*' -printf 'run %p\n' 2>/dev/null
	find "$STATE" -mindepth 3 -path '*task*' -printf 'bundle %p\n' 2>/dev/null
	ctr containers ls -q | sed 's/^/container /'
	ctr snapshots ls | awk '$3 == "Active" { print "snapshot", $1 }'
}
