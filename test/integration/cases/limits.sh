# SPDX-License-Identifier: Apache-2.0
# SIGTERM ends containers whose programs try to be where nothing ends them (test/guest/hang.c), in time.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

KILL_LATENCY=$MOTE_BUILD/test/security/kill_latency

# start_hang ID PROGRAM: with TERMINAL set on a terminal that nobody reads.
start_hang() {
	mkdir -p "$CASE_DIR/d"
	[[ -p $CASE_DIR/d/f ]] || mkfifo "$CASE_DIR/d/f"
	local options=(--memory-limit 1400000000 --mount "type=bind,src=$CASE_DIR/d,dst=/d,options=rbind:rw")
	if [[ ! ${TERMINAL-} ]]; then
		PROGRAM=/hang start "${options[@]}" -- "$1" "$2" default
		return
	fi
	on_terminal ctr run -d -t --runtime "$RUNTIME" "${options[@]}" "$(image)" "$1" /hang "$2" default >"$out" 2>"$err" ||
		fail 'ctr run -d -t'
}

# ended_after PROGRAM TRY: ms from SIGTERM to the end of the monitor of a container that runs it.
ended_after() {
	local id=$1-$2 pid ms
	start_hang "$id" "$1"
	pid=$(task_pid "$id")
	sleep "0.$((RANDOM % 200 + 150))"
	ms=$("$KILL_LATENCY" --end "$pid" 15) || fail "$1 did not end"
	finish "$id" 143
	echo "$ms"
}

# 100 ms of a machine of its own. Late once, if others have the CPUs, is measured again.
in_time() {
	local try ms share
	for try in 1 2 3; do
		ms=$(ended_after "$1" "$try") || fail "$ms"
		figure "$1: $ms ms"
		fair_ms share "${ms%.*}"
		((share >= 100)) || return 0
	done
	fail "$1: $ms ms from SIGTERM to its end"
}

figure() { echo "$*" >>"$CASE_DIR/figure"; }

test_limits_end_waits() { # core
	KIND=native
	for program in spin alarm1 alarmspin fifo_r fifo_w flock ofd watches epollcycle pollmany sp sleepbig fds stdout stdout1; do
		in_time "$program"
	done
}

test_limits_end_work() {
	KIND=native
	for program in statspin urandom urandomat zero getrandom bigwrite bigread fsync fallocate truncate fadvise mapbig \
		touchbig movebig protbig protwhole locks memfds; do
		in_time "$program"
	done
}

test_limits_end_terminals() {
	KIND=native TERMINAL=1
	for program in stdout stdout1 stdoutlines stdoutnow ttyvtime ttyvmin ttydrain; do
		in_time "$program"
	done
}
