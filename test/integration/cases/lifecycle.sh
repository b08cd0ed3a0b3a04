# SPDX-License-Identifier: Apache-2.0
# A task's life as containerd's clients see it.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

each_real_pid() { # core
	start loop loop
	local pid
	pid=$(task_pid loop)
	[[ $pid =~ ^[1-9][0-9]*$ && -d /proc/$pid ]] || fail "the pid '$pid' is not a process"
	has "$(ctr task ps loop)" "^$pid\b" 'ctr task ps'
	has "$(cat "/proc/$pid/cgroup")" '/default/loop$' 'its cgroup'
	kill_and_finish loop
	[[ ! -d /proc/$pid ]] || fail "process $pid is still there"
}

# The capabilities that host calls need of those that ctr grants (SECURITY.md), no new privileges, a seccomp filter, namespaces of its own.
each_monitor_is_confined() {
	start loop loop
	local pid task
	pid=$(task_pid loop)
	for task in /proc/"$pid"/task/*; do
		has "$(cat "$task/status")" '^CapEff:\s0+4db$' "$task"
		has "$(cat "$task/status")" '^CapPrm:\s0+4db$' "$task"
		has "$(cat "$task/status")" '^NoNewPrivs:\s1$' "$task"
		has "$(cat "$task/status")" '^Seccomp:\s2$' "$task"
	done
	[[ $(readlink "/proc/$pid/ns/mnt") != $(readlink /proc/self/ns/mnt) ]] || fail 'the same mount namespace'
	[[ $(readlink "/proc/$pid/ns/net") != $(readlink /proc/self/ns/net) ]] || fail 'the same network namespace'
	kill_and_finish loop
}

each_events_in_order() { # core
	local events
	follow_events
	run ordered hello
	within 10 grep -q '/tasks/delete' "$CASE_DIR/events"
	kill "$events"
	is "$(grep -o '/tasks/[a-z-]*' "$CASE_DIR/events" | tr '\n' ' ')" \
		'/tasks/create /tasks/start /tasks/exit /tasks/delete ' events
}

each_delete_while_running() { # core
	start loop loop
	! ctr task rm loop >"$out" 2>"$err" || fail 'a running task was deleted'
	is "$(task_state loop)" RUNNING state
	kill_and_finish loop
}

each_forced_delete() { # core
	start loop loop
	timeout 1000 ctr task rm -f loop >"$out" 2>"$err"
	is "$(task_state loop)" '' state
	ctr containers rm loop || fail 'ctr containers rm'
}

# What is not there says so by name, and does no harm.
each_unimplemented_by_name() {
	start loop loop
	! ctr task checkpoint loop 2>"$err" || fail 'checkpoint succeeded'
	has "$(cat "$err")" '[Uu]nimplemented|not implemented|not supported' 'checkpoint'
	is "$(task_state loop)" RUNNING state
	kill_and_finish loop
}

# Two containers of one group share a shim, and neither's end touches the other.
each_group_shares_a_shim() { # core
	start --annotation io.containerd.runc.v2.group=pair -- first loop
	start --annotation io.containerd.runc.v2.group=pair -- second loop
	is "$(shim_pids | wc -l)" 1 'number of shims'
	kill_and_finish first
	is "$(task_state second)" RUNNING 'the other one'
	kill_and_finish second
}

each_terminal() {
	on_terminal ctr run --rm -t --runtime "$RUNTIME" "$(image)" tty "$(program)" reply >"$out" 2>"$err" || fail 'ctr run -t'
	has "$(cat "$out")" 'got typed' terminal
	has "$(cat "$out")" 'end of stdin' terminal
}

# containerd goes away and comes back: the container has gone on, and is still ours.
each_containerd_restart() { # core
	start loop loop
	kill -TERM "$(cat "$MOTE_SANDBOX/containerd.pid")"
	within 10 gone "$(cat "$MOTE_SANDBOX/containerd.pid")" || fail 'containerd does not stop'
	setsid containerd --config "$MOTE_SANDBOX/config.toml" >>"$MOTE_SANDBOX/containerd.log" 2>&1 </dev/null &
	echo $! >"$MOTE_SANDBOX/containerd.pid"
	within 20 ctr version || fail 'containerd does not start again'
	is "$(task_state loop)" RUNNING 'state after the restart'
	kill_and_finish loop
}

# More at once than cores; each ends as it should.
each_many_at_once() { # core
	local i pids=()
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		ctr run --rm --runtime "$RUNTIME" "$(image)" "many-$i" "$(program)" exit "$i" &
		pids[i]=$!
	done
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		status=0
		wait "${pids[i]}" || status=$?
		is "$status" "$i" "status of number $i"
	done
}

# With the shim's resident memory: at most 4 MiB for one container.
each_shim_memory() {
	start loop loop
	local kib
	kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$(shim_pids)/status")
	((kib <= 4096)) || fail "the shim has $kib KiB resident, more than 4096"
	kill_and_finish loop
}

# With runwasi runtime options are refused.
each_runtime_options() { # core
	echo '# nothing to set' >"$CASE_DIR/options.toml"
	run --runtime-config-path "$CASE_DIR/options.toml" -- options
	is "$status" 0 status
	is "$(cat "$out")" hello stdout
}
