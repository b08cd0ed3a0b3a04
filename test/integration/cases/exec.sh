# SPDX-License-Identifier: Apache-2.0
# Processes put into a running container: `ctr task exec`.
# shellcheck shell=bash disable=SC2034,SC2154

# into ID EXEC_ID ARG...: the probe in container ID to its end; sets status, $out and $err.
into() {
	local id=$1 exec=$2
	shift 2
	status=0
	limit "${LIMIT:-60}" ctr task exec --exec-id "$exec" "$id" "${PROGRAM:-$(program)}" "$@" >"$out" 2>"$err" || status=$?
}

each_exec() { # core
	start --env GREETING=hello -- main loop
	into main first streams 'to stdout' 'to stderr'
	is "$status $(cat "$out") $(cat "$err")" '0 to stdout to stderr' streams
	into main second exit 7
	is "$status" 7 status
	into main third cat <<<'through stdin'
	is "$(cat "$out")" 'through stdin' stdin
	# An id may be used again once its process has been deleted.
	into main first env GREETING
	has "$(cat "$out")" '^GREETING=hello$' environment
	is "$(task_state main)" RUNNING 'the container'
	kill_and_finish main
}

# One root file system: what either writes the other sees.
each_exec_shares_files() {
	start main loop
	into main writer write /data/made 'by the second'
	is "$status" 0 status
	into main reader read /data/made
	is "$(cat "$out")" 'by the second' file
	kill_and_finish main
}

# Events in order; the container ends last, and takes its processes with it.
each_exec_events() { # core
	local events
	follow_events
	start main loop
	into main short exit 3
	limit "${LIMIT:-60}" ctr task exec --exec-id long main "$(program)" loop >"$CASE_DIR/long" 2>&1 &
	local long=$!
	within 10 grep -q ready "$CASE_DIR/long" || fail 'the second process does not run'
	is "$(ctr task ps main | grep -c '^[0-9]')" 2 'processes'
	ctr task kill -s KILL main
	status=0 && wait "$long" || status=$?
	is "$status" 137 'the second process'
	finish main 137
	within 10 grep -q '/tasks/delete' "$CASE_DIR/events"
	kill "$events"
	is "$(grep -o '/tasks/[a-z-]*' "$CASE_DIR/events" | tr '\n' ' ')" "/tasks/create /tasks/start $(
	)/tasks/exec-added /tasks/exec-started /tasks/exit /tasks/exec-added /tasks/exec-started /tasks/exit /tasks/exit /tasks/delete " events
	has "$(cat "$CASE_DIR/events")" '/tasks/exit .*"id":"short".*"exit_status":3'
}

# Signals reach one of them, not the other.
each_exec_kill() { # core
	start main loop
	limit "${LIMIT:-60}" ctr task exec --exec-id loop main "$(program)" loop >"$CASE_DIR/loop" 2>&1 &
	local loop=$!
	within 10 grep -q ready "$CASE_DIR/loop" || fail 'the second process does not run'
	ctr task kill --exec-id loop -s TERM main || fail 'ctr task kill --exec-id'
	status=0 && wait "$loop" || status=$?
	is "$status" 143 'the second process'
	is "$(task_state main)" RUNNING 'the container'
	kill_and_finish main
}

# In the container's cgroup and namespaces, as its user, with its rights only.
each_exec_is_confined() {
	start main loop
	limit "${LIMIT:-60}" ctr task exec --exec-id loop main "$(program)" loop >"$CASE_DIR/loop" 2>&1 &
	local loop=$! main other file name
	within 10 grep -q ready "$CASE_DIR/loop" || fail 'the second process does not run'
	main=$(task_pid main)
	other=$(ctr task ps main | awk -v main="$main" '/^[0-9]/ && $1 != main { print $1 }')
	for name in mnt net ipc uts; do
		is "$(readlink "/proc/$other/ns/$name")" "$(readlink "/proc/$main/ns/$name")" "namespace $name"
	done
	is "$(cat "/proc/$other/cgroup")" "$(cat "/proc/$main/cgroup")" cgroup
	for name in CapEff CapPrm CapBnd CapInh Seccomp NoNewPrivs Uid Gid; do
		is "$(grep "^$name:" "/proc/$other/status")" "$(grep "^$name:" "/proc/$main/status")" "$name"
	done
	has "$(cat "/proc/$other/status")" '^CapEff:[[:space:]]0+4db$'
	is "$(find "/proc/$other/fd" -lname '*/kvm' | wc -l)" 0 'descriptors of /dev/kvm'
	# Its client cleans up before the task goes.
	ctr task kill --exec-id loop -s KILL main
	wait "$loop" || true
	kill_and_finish main
}

each_exec_refused() { # core
	start main loop
	PROGRAM=/no/such/program into main missing
	[[ $status != 0 ]] || fail 'a missing program was started'
	has "$(cat "$err")" '/no/such/program: not found in the container' missing
	PROGRAM=/file.txt into main text
	has "$(cat "$err")" '/file.txt is a text file; Mote runs WebAssembly modules' 'a text file'
	ctr task pause main
	into main paused exit 0
	has "$(cat "$err")" 'paused' 'a paused container'
	ctr task resume main
	into main resumed exit 5
	is "$status" 5 'after resume'
	ctr task kill -s KILL main
	wait_state main STOPPED
	into main late exit 0
	[[ $status != 0 ]] || fail 'a process was put into a container that had ended'
	has "$(cat "$err")" 'at its end|has ended|stopped' 'an ended container'
	finish main 137
}

# Whoever dies with -9, none of them is left.
each_exec_killed_with_9() {
	local victim pid other long
	for victim in shim main second; do
		start main loop
		: >"$CASE_DIR/loop" # the last one's "ready" is not this one's
		limit "${LIMIT:-60}" ctr task exec --exec-id "$victim" main "$(program)" loop >"$CASE_DIR/loop" 2>&1 &
		long=$!
		within 10 grep -q ready "$CASE_DIR/loop" || fail 'the second process does not run'
		pid=$(task_pid main)
		other=$(ctr task ps main | awk -v main="$pid" '/^[0-9]/ && $1 != main { print $1 }')
		case $victim in
		shim) kill -KILL "$(shim_pids)" ;;
		main) kill -KILL "$pid" ;;
		second) kill -KILL "$other" ;;
		esac
		within 10 gone "$other" || fail "$victim: the second process is left"
		wait "$long" || true
		[[ $victim != second ]] || is "$(task_state main)" RUNNING 'the container'
		limit "${LIMIT:-60}" ctr task rm -f main >"$out" 2>"$err" || true
		within 10 gone "$pid" || fail "$victim: the container is left"
		within 10 ctr containers rm main || fail "ctr containers rm: $(ctr containers rm main 2>&1)"
		rm -rf /run/containerd/fifo/*
	done
}

each_exec_terminal() {
	start main loop
	on_terminal ctr task exec -t --exec-id tty main "$(program)" reply >"$out" 2>"$err" || fail 'ctr task exec -t'
	has "$(cat "$out")" 'got typed' terminal
	has "$(cat "$out")" 'end of stdin' terminal
	kill_and_finish main
}

# A static busybox, as `kubectl exec` finds one in many images.
test_exec_busybox() {
	local IMAGE=example.com/busybox:1
	limit "${LIMIT:-60}" ctr run -d --runtime "$RUNTIME" "$IMAGE" main /bin/busybox sleep 100 </dev/null >"$out" 2>"$err" || fail 'ctr run'
	PROGRAM=/bin/busybox into main sh sh -c 'cd /bin && echo in && pwd'
	is "$status $(tr '\n' ' ' <"$out")" '0 in /bin ' sh
	PROGRAM=busybox into main path true
	is "$status" 0 'a name along PATH'
	status=0
	ctr task exec --exec-id cwd --cwd /bin --user 1000:1000 main /bin/busybox pwd >"$out" 2>"$err" || status=$?
	is "$status $(cat "$out")" '0 /bin' cwd
	status=0
	ctr task exec --exec-id user --user 1000:1000 main /bin/busybox touch /owned >"$out" 2>"$err" || status=$?
	has "$(cat "$err")" 'Permission denied' user
	kill_and_finish main
}
