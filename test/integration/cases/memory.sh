# SPDX-License-Identifier: Apache-2.0
# Memory limits.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

each_memory_within_the_limit() { # core
	run --memory-limit $((192 << 20)) -- touch touch 32
	is "$status" 0 status
	is "$(cat "$out")" 'touched 32 MiB' stdout
}

# The guest is refused the memory or killed for it; it does not get it.
each_memory_beyond_the_limit() { # core
	run --memory-limit $((96 << 20)) -- touch touch 512
	[[ $status != 0 ]] || fail 'it had 512 MiB under a limit of 96 MiB'
	lacks "$(cat "$out")" 'touched' stdout
}

# More than the limit from the start: refused with a reason, before anything runs.
test_module_larger_than_the_limit() {
	KIND=wasm
	local IMAGE=example.com/bad:1 PROGRAM=/big-memory.wasm
	run --memory-limit $((64 << 20)) -- big
	[[ $status != 0 ]] || fail 'a module of 1,024 MiB ran under a limit of 64 MiB'
	has "$(cat "$err")" '[Mm]emory' stderr
}

# With runwasi there is none.
test_oom_event() {
	KIND=native
	ctr events >"$CASE_DIR/events" 2>&1 &
	local events=$!
	within 5 ctr version
	sleep 0.3
	# A file system in memory counts to the container's cgroup: what the guest writes there meets the limit.
	start --memory-limit $((64 << 20)) --mount 'type=tmpfs,src=tmpfs,dst=/data,options=size=1g' -- oom flood-file /data/big
	wait_state oom STOPPED 30
	sleep 0.3
	kill "$events"
	# The figures outlive the guest until Delete; version 2 says there how many were killed.
	ctr task metrics --format json oom >"$CASE_DIR/metrics" || fail 'ctr task metrics'
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || has "$(cat "$CASE_DIR/metrics")" '"oom_kill": *1\b' metrics
	finish oom 137
	has "$(cat "$CASE_DIR/events")" '/tasks/oom .*oom' events
}

each_metrics() { # core
	start loop loop
	ctr task metrics loop >"$out" 2>"$err" || fail 'ctr task metrics'
	has "$(cat "$out")" 'memory' metrics
	has "$(cat "$out")" 'cpu' metrics
	kill_and_finish loop
}
