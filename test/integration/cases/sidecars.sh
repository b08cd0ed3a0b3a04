# SPDX-License-Identifier: Apache-2.0
# Ordinary Linux containers, which the node's OCI runtime runs: the shim of Mote drives runc, as MOTE_OCI_RUNTIME says.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154,SC2209
OWN=io.containerd.mote-oci.v1 REFERENCE=io.containerd.runc.v2
IMAGE=example.com/linux:1 PROGRAM=/bin/sh
[[ $RUNTIME != *.mote.* ]] || RUNTIME=$OWN

# as_runc NAME [CTR_OPTION... --] ARG...: what the shell does is what it does in a container of runc.
as_runc() {
	local name=$1 options=() runtime line
	shift
	if [[ $1 == --* ]]; then
		while [[ $1 != -- ]]; do
			options+=("$1") && shift
		done
		shift
	fi
	for runtime in "$REFERENCE" "$OWN"; do
		RUNTIME=$runtime run "${options[@]}" -- "$name" "$@" </dev/null
		line="$status $(cat "$out") $(cat "$err")"
		[[ $runtime != "$OWN" ]] || is "$line" "$wanted" "$name"
		wanted=$line
	done
}

test_sidecar_programs() { # core
	as_runc dynamic -c 'echo out; echo err >&2; exit 7'
	as_runc children -c 'ls / | while read -r name; do echo "<$name>"; done; env | head -n 3'
	as_runc user --user 1000:2000 -- -c id
	as_runc namespaces -c 'echo $$; read -r _ host </etc/hostname; ls /proc | head -n 1'
	as_runc readonly --read-only -- -c 'echo x >/file'
	as_runc capabilities --cap-drop CAP_CHOWN -- -c 'while read -r line; do case $line in Cap*) echo "$line" ;; esac; done </proc/self/status'
	as_runc signal -c 'kill -KILL $$'
	PROGRAM=/script as_runc script one 'two words'
	PROGRAM=cat as_runc path /script
}

# A program that Mote runs has a VM with this switch as without.
test_sidecar_next_to_vms() { # core
	IMAGE=example.com/busybox:1 PROGRAM=/bin/busybox run static uname -v
	is "$status" 0 status
	has "$(cat "$out")" Mote 'the kernel of a static program'
	IMAGE=example.com/wasm:1 PROGRAM=/probe.wasm run wasm args one
	has "$(cat "$out")" one 'a module'
	IMAGE=example.com/busybox:1 PROGRAM=/bin/busybox run --annotation io.mote.runtime=oci -- asked uname -v
	is "$(cat "$out")" "$(uname -v)" 'the kernel of a static program that asks for the OCI runtime'
	run --annotation io.mote.runtime=vm -- vm -c 'echo runs'
	has "$(cat "$err")" 'dynamically linked' 'a dynamic program that asks for a VM'
	run --annotation io.mote.runtime=both -- both -c 'echo runs'
	has "$(cat "$err")" 'io.mote.runtime: must be oci or vm, not both' 'a runtime that there is not'
}

# What the operator has not allowed.
test_sidecar_refused() { # core
	RUNTIME=io.containerd.mote.v1
	run dynamic -c 'echo runs'
	has "$(cat "$err")" '/bin/sh is dynamically linked' 'without the switch'
	IMAGE=example.com/busybox:1 PROGRAM=/bin/busybox run --annotation io.mote.runtime=oci -- asked true
	has "$(cat "$err")" 'io.mote.runtime: the operator .*MOTE_OCI_RUNTIME' 'asked for without the switch'
}

test_sidecar_errors() {
	run --cwd /bin/sh -- directory -c 'echo runs'
	has "$(cat "$err")" 'container directory: runc create: .*not a directory' "the OCI runtime's own words"
	start late -c 'sleep 100'
	ctr task exec --exec-id none late /no/such >"$out" 2>"$err" && fail 'what is not there was executed'
	has "$(cat "$err")" 'process none of container late: runc exec: .*/no/such' 'a program that is not there'
	kill_and_finish late
}

test_sidecar_streams() { # core
	{ echo one; within 20 is_state cat RUNNING; echo two; } | PROGRAM=/bin/cat run cat
	is "$(cat "$out")" $'one\ntwo' stdin
	head -c 3000000 /dev/urandom >"$CASE_DIR/bulk"
	PROGRAM=/bin/cat run bulk <"$CASE_DIR/bulk"
	cmp "$CASE_DIR/bulk" "$out" || fail 'the output differs from the input'
}

test_sidecar_exec() { # core
	start shell -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	log_has shell ready
	limit 60 ctr task exec --exec-id one shell /bin/sh -c 'cat; exit 3' <<<input >"$out" 2>"$err" || status=$?
	is "$status $(cat "$out")" '3 input' 'exec'
	limit 60 ctr task exec --exec-id two --user 1000 shell id >"$out" 2>"$err" || fail 'exec with a user'
	has "$(cat "$out")" 'uid=1000' 'its user'
	for i in 1 2 3 4 5 6 7 8; do
		limit 60 ctr task exec --exec-id "short-$i" shell /bin/true </dev/null >"$out" 2>"$err" || fail "exec $i"
	done
	no_exec_files shell
	ctr task kill shell || fail 'SIGTERM'
	finish shell 9
}

# no_exec_files NAME: what was executed in a container leaves no file in its bundle, where they would add up.
no_exec_files() {
	local files
	files=$(ls "$MOTE_SANDBOX/state/io.containerd.runtime.v2.task/default/$1/mote-oci") || fail 'no directory of the OCI runtime'
	has "$files" config.json 'the files of the container'
	lacks "$files" '(exec|console)-' 'the files of the container'
}

# The end of the container ends its other processes, and their clients know.
test_sidecar_exec_ends_with_it() {
	start shell -c 'echo ready; sleep 100'
	log_has shell ready
	limit 60 ctr task exec --exec-id long shell /bin/sh -c 'echo inside; sleep 100' </dev/null >"$CASE_DIR/x" 2>&1 &
	within 20 grep -q inside "$CASE_DIR/x" || fail 'no exec'
	ctr task kill -s KILL shell
	wait $! && fail 'exec ended with 0'
	finish shell 137
}

test_sidecar_terminal() { # core
	on_terminal ctr run --rm -t --runtime "$RUNTIME" "$IMAGE" tty /bin/sh -c 'stty -echo; echo ready; read -r line; echo "got $line on $(stty size)"; exit 5' >"$out" || status=$?
	is "$status" 5 status
	has "$(cat "$out")" 'got typed on [0-9]+ [0-9]+' 'the terminal'
	start shell -c 'sleep 100'
	status=0
	on_terminal ctr task exec -t --exec-id tty shell /bin/sh -c 'stty -echo; echo ready; cat; exit 6' >"$out" || status=$?
	is "$status" 6 'status of exec'
	has "$(cat "$out")" typed 'the terminal of exec'
	no_exec_files shell
	kill_and_finish shell
}

# no_more_output ID: nothing for 0.3 s. What was written before may be on its way for a while.
no_more_output() {
	local size
	size=$(stat -c %s "$CASE_DIR/$1.log")
	sleep 0.3
	[[ $(stat -c %s "$CASE_DIR/$1.log") == "$size" ]]
}

test_sidecar_paused() { # core
	start shell -c 'while :; do echo line; sleep 0.05; done'
	log_has shell line
	ctr task pause shell || fail pause
	is "$(task_state shell)" PAUSED state
	local size
	within 20 no_more_output shell || fail 'output while it is paused'
	size=$(stat -c %s "$CASE_DIR/shell.log")
	ctr task exec --exec-id x shell /bin/true 2>"$err" && fail 'exec while it is paused'
	has "$(cat "$err")" 'is paused' 'exec while it is paused'
	ctr task resume shell || fail resume
	within 20 test "$(stat -c %s "$CASE_DIR/shell.log")" != "$size" || fail 'it does not go on'
	ctr task pause shell || fail 'pause again'
	kill_and_finish shell
}

test_sidecar_metrics() {
	start shell -c 'echo ready; sleep 100'
	log_has shell ready
	has "$(ctr task metrics shell)" '(memory.usage_in_bytes|memory.usage) +[1-9]' metrics
	has "$(ctr task ps shell)" "$(task_pid shell)" 'task ps'
	kill_and_finish shell
}

test_sidecar_oom() {
	follow_events
	run --memory-limit 20000000 -- eater -c 'x=0123456789; while :; do x=$x$x; done'
	is "$status" 137 status
	within 20 grep -q '/tasks/oom.*eater' "$CASE_DIR/events" || fail "no OOM event: $(cat "$CASE_DIR/events")"
	kill "$events"
}

test_sidecar_events() {
	follow_events
	run one -c 'exit 4'
	within 20 grep -q '/tasks/delete.*one' "$CASE_DIR/events" || fail 'no event of Delete'
	is "$(grep -o '/tasks/[a-z-]* {"container_id":"one"' "$CASE_DIR/events" | cut -d ' ' -f 1 | paste -sd ' ')" \
		'/tasks/create /tasks/start /tasks/exit /tasks/delete' 'the events'
	kill "$events"
}

# Of what the log process is given, nothing is missing.
test_sidecar_logger() {
	cat >"$CASE_DIR/logger" <<'END'
#!/bin/bash
exec 5>&-
cat <&3 >"$(dirname "$0")/logged"
END
	chmod 755 "$CASE_DIR/logger"
	limit 60 ctr run -d --runtime "$RUNTIME" --log-uri "binary://$CASE_DIR/logger" "$IMAGE" logs \
		/bin/sh -c 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done' >"$out" 2>"$err" || fail 'ctr run'
	finish logs 0
	is "$(tail -n 1 "$CASE_DIR/logged")" 'line 1999' 'what was logged'
}

# Neither the shim's end nor its own children keep a process, a mount or a cgroup; the runner looks.
test_sidecar_killed_shim() { # core
	local pid
	start shell -c 'sleep 1000 & sleep 1001 & echo ready; wait'
	log_has shell ready
	pid=$(task_pid shell)
	kill -KILL "$(shim_pids)"
	within 20 gone "$pid" || fail 'the process of the container lives on'
	ctr task rm -f shell >/dev/null 2>&1
	within 20 ctr containers rm shell || fail 'the container stays'
}
