# SPDX-License-Identifier: Apache-2.0
# Memory limits.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

each_memory_within_the_limit() { # core
	run --memory-limit $((192 << 20)) -- touch touch 32
	is "$status" 0 status
	is "$(cat "$out")" 'touched 32 MiB' stdout
}

# It is killed for it, as every process is that exceeds its cgroup's limit, and not refused the memory.
each_memory_beyond_the_limit() { # core
	local events
	follow_events
	run --memory-limit $((96 << 20)) -- touch touch 512
	within 10 grep -q '/tasks/oom .*touch' "$CASE_DIR/events"
	kill "$events"
	is "$status" 137 status
	lacks "$(cat "$out")" 'touched' stdout
	has "$(cat "$CASE_DIR/events")" '/tasks/oom .*touch' events
}

# Without a limit a container has what the machine has: more than the 1 GiB that `mote run` gives by itself.
each_memory_without_a_limit() {
	run touch touch 1500
	is "$status" 0 status
	is "$(cat "$out")" 'touched 1500 MiB' stdout
}

# A limit above what the machine has is written down as it is.
test_memory_limit_of_100_gib() {
	KIND=native
	start --memory-limit $((100 << 30)) -- large loop
	local file
	for file in /sys/fs/cgroup/{memory/,}*/large/memory.{limit_in_bytes,max}; do
		[[ ! -e $file ]] || is "$(cat "$file")" $((100 << 30)) "$file"
	done
	kill_and_finish large
}

# A module of 1 GiB that does not touch it: what is not touched costs nothing.
test_memory_untouched() {
	KIND=wasm
	local IMAGE=example.com/bad:1 PROGRAM=/big-memory.wasm
	run --memory-limit $((64 << 20)) -- big
	is "$status" 0 status
}

# With runwasi there is none.
test_oom_event() {
	KIND=native
	local events
	follow_events
	# A file system in memory counts to the container's cgroup: what the guest writes there meets the limit.
	start --memory-limit $((64 << 20)) --mount 'type=tmpfs,src=tmpfs,dst=/data,options=size=1g' -- oom flood-file /data/big
	wait_state oom STOPPED 30
	within 10 grep -q '/tasks/oom .*oom' "$CASE_DIR/events"
	kill "$events"
	# The figures outlive the guest until Delete; version 2 says there how many were killed.
	ctr task metrics --format json oom >"$CASE_DIR/metrics" || fail 'ctr task metrics'
	[[ ! -e /sys/fs/cgroup/cgroup.controllers ]] || has "$(cat "$CASE_DIR/metrics")" '"oom_kill": *1\b' metrics
	finish oom 137
	has "$(cat "$CASE_DIR/events")" '/tasks/oom .*oom' events
}

# What the kernel keeps for a guest's sockets is the container's memory, though no descriptor stands for it.
test_memory_of_sockets() {
	KIND=native
	local kind
	for kind in '' datagrams; do
		run --memory-limit $((128 << 20)) --mount 'type=tmpfs,src=tmpfs,dst=/s,options=size=1m' -- \
			"hoard$kind" unix-hoard /s 300 $kind
		lacks "$(cat "$out")" wait "stdout, ${kind:-connections}"
		# Out of memory, or refused it.
		((status == 137)) || has "$status: $(cat "$err")" '^1: probe: hoarding' "the end, ${kind:-connections}"
	done
	run --memory-limit $((512 << 20)) --mount 'type=tmpfs,src=tmpfs,dst=/s,options=size=1m' -- less unix-hoard /s 100
	is "$status: $(cat "$out")" '0: 100 MiB wait' 'within the limit'
}

each_metrics() { # core
	start loop loop
	ctr task metrics loop >"$out" 2>"$err" || fail 'ctr task metrics'
	has "$(cat "$out")" 'memory' metrics
	has "$(cat "$out")" 'cpu' metrics
	kill_and_finish loop
}
