# SPDX-License-Identifier: Apache-2.0
# Broken images and hostile guests: a clear error each time, nothing lost, nothing left.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

# refused PROGRAM PATTERN [LIMIT]: it does not run, and what is printed says why.
refused() {
	local IMAGE=example.com/bad:1 PROGRAM=$1
	KIND=wasm
	run "bad-$(tr -c 'a-z0-9\n' - <<<"${1##*/}")"
	[[ $status != 0 ]] || fail "$1 ran"
	has "$(cat "$err" "$out")" "$2" "message for $1"
}

test_truncated_module() { refused /truncated.wasm 'unexpected end|truncated|length out of bounds|end of'; } # core
test_garbage_module() { refused /garbage.wasm 'malformed|invalid|unexpected|section|length'; }
test_module_of_another_version() { refused /version.wasm 'version'; }
test_invalid_module() { refused /type.wasm 'type mismatch'; } # core
test_unknown_import() { refused /import.wasm 'no_such_function'; } # core
test_module_without_start() { refused /no-start.wasm '_start'; }
test_empty_file() { refused /empty.wasm 'empty.wasm'; }
test_elf_of_another_machine() { refused /aarch64 '[Aa][Aa]rch64|machine'; } # core
test_truncated_elf() { refused /truncated-elf 'truncated|ELF|end'; }
# At Create, where kubectl describe shows the reason.
test_dynamic_elf() { refused /dynamic 'create shim task: /dynamic is dynamically linked'; } # core
test_script() { refused /script 'script|#!|interpreter|format'; }
test_missing_entrypoint() { refused /no/such/entrypoint '/no/such/entrypoint'; } # core
test_not_executable() { refused /not-executable 'not-executable'; }

# One line says which, and the program goes on with an error.
test_unknown_system_call() { # core
	IMAGE=example.com/busybox:1 PROGRAM=/bin/busybox run unknown pivot_root a b
	is "$status" 1 status
	has "$(cat "$err")" '^mote: guest: system call 155 .pivot_root. is not implemented$' 'the line'
	has "$(cat "$err")" '^pivot_root: .*Function not implemented$' "the program's own error"
}

# Nobody reads its output: it waits, costs nothing that grows, and ends when told to.
each_stdout_nobody_reads() { # core
	mkfifo "$CASE_DIR/stdout" "$CASE_DIR/stderr"
	# A reader that opens and never reads.
	# shellcheck disable=SC2217
	sleep 1000 <"$CASE_DIR/stdout" &
	local reader=$!
	timeout 1000 ctr run --rm --runtime "$RUNTIME" "$(image)" flood "$(program)" flood >"$CASE_DIR/stdout" 2>"$err" &
	local client=$!
	wait_state flood RUNNING
	sleep 1
	local pid rss
	pid=$(task_pid flood)
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$(shim_pids | head -n 1)/status")
	((rss < 8192)) || fail "the shim has grown to $rss KiB"
	ctr task kill -s KILL flood || fail 'ctr task kill'
	kill "$reader"
	wait "$client"
	is "$?" 137 status
}

each_bundle_removed() {
	start loop loop
	rm -rf "$STATE/io.containerd.runtime.v2.task/default/loop/config.json" \
		"$STATE/io.containerd.runtime.v2.task/default/loop/address"
	ctr task kill -s KILL loop || fail 'ctr task kill'
	wait_state loop STOPPED
	timeout 1000 ctr task rm loop >"$out" 2>"$err"
	ctr containers rm loop || fail 'ctr containers rm'
}

# With runwasi the container runs on and its cgroup stays.
each_shim_killed() { # core
	start loop loop
	local pid shim
	pid=$(task_pid loop) shim=$(shim_pids)
	is "$(wc -l <<<"$shim")" 1 'number of shims'
	kill -KILL "$shim"
	within 10 gone "$pid" || fail 'the container outlived its shim and its clean-up'
	timeout 1000 ctr task rm -f loop >"$out" 2>"$err"
	within 10 ctr containers rm loop || fail "ctr containers rm: $(ctr containers rm loop 2>&1)"
}

# The monitor dies (an out-of-memory kill of the host, say): that is an exit.
each_monitor_killed() {
	start loop loop
	kill -KILL "$(task_pid loop)"
	finish loop 137
}
