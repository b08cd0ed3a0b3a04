# SPDX-License-Identifier: Apache-2.0
# Signals, faults and how a container ends.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

# With runwasi a loop does not end on SIGTERM.
each_sigterm_ends_a_loop() { # core
	start loop loop
	ctr task kill -s TERM loop || fail 'ctr task kill'
	finish loop 143
}

each_sigterm_ends_a_sleeper() { # core
	start sleep sleep
	ctr task kill -s TERM sleep || fail 'ctr task kill'
	finish sleep 143
}

each_sigkill_ends_a_loop() { # core
	start loop loop
	kill_and_finish loop
}

each_sigint() {
	start loop loop
	ctr task kill -s INT loop || fail 'ctr task kill'
	finish loop 130
}

test_sigterm_handler() { # core
	KIND=native
	start term handle-term
	ctr task kill -s TERM term || fail 'ctr task kill'
	wait_state term STOPPED
	log_has term 'terminated, leaving'
	finish term 7
}

# containerd, and CRI with it, wants "not found" for what has ended.
each_kill_after_exit() { # core
	start exit exit 3
	wait_state exit STOPPED
	! ctr task kill -s KILL exit 2>"$err" || fail 'killing what has ended succeeded'
	has "$(cat "$err")" 'not found|has ended' stderr
	finish exit 3
}

# Traps and faults: the guest's fault ends that guest only, with a code and a message of its own.
test_wasm_traps() { # core
	KIND=wasm
	local action message
	while IFS=: read -r action message; do
		run "trap-$action" "$action"
		is "$status" 134 "status of $action"
		has "$(cat "$err")" "$message" "stderr of $action"
	done <<-END
		unreachable:unreachable
		divide:integer divide by zero
		wild-write:out of bounds memory access
		recurse:call stack exhausted
		run-data:(undefined element|out of bounds table access|uninitialized element|indirect call type mismatch)
	END
	# With the name of the function, from the name section.
	run trap unreachable
	has "$(cat "$err")" 'do_unreachable' stderr
}

test_native_faults() { # core
	KIND=native
	local action code
	while IFS=: read -r action code; do
		run "fault-$action" "$action"
		is "$status" "$code" "status of $action"
	done <<-END
		unreachable:132
		divide:136
		wild-write:139
		recurse:139
		run-data:139
	END
}

test_fork_is_refused_by_name() {
	KIND=native
	run fork fork
	[[ $status != 0 ]] || fail 'fork succeeded'
	has "$(cat "$err")" fork stderr
}

# A guest's end touches no other guest.
each_others_live_on() {
	start keeper loop
	run trap unreachable
	run exit exit 9
	is "$status" 9 status
	is "$(task_state keeper)" RUNNING 'the other one'
	kill_and_finish keeper
}

# What ended the program ends mote in the same way, so that who started it can tell; SIGQUIT would leave a core file.
each_cli_dies_of_signals() {
	python3 - "$(type -P mote)" "$IMAGES/root/$KIND$(program)" >"$out" 2>"$err" <<'END'
import subprocess, sys
for signal in 2, 15, 1, 3:
    mote = subprocess.Popen([sys.argv[1], "run", sys.argv[2], "loop"], stdout=subprocess.PIPE)
    mote.stdout.readline()
    mote.send_signal(signal)
    print(signal, mote.wait(timeout=60))
END
	is "$(tr '\n' ' ' <"$out")" '2 -2 15 -15 1 -1 3 131 ' 'statuses, as wait has them'
}
