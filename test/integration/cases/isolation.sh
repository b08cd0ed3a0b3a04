# SPDX-License-Identifier: Apache-2.0
# Isolation of guest memory, by annotation and by the operator's word (MOTE_ISOLATION of containerd's environment).
# shellcheck shell=bash disable=SC2034,SC2154

# file_mappings PID: how many mappings of files there are that the process may write copies of.
file_mappings() { awk '$2 == "rw-p" && $5 != 0' "/proc/$1/maps" | wc -l; }

# own_mappings PID: how many a process of the shim's binary has without a guest.
own_mappings() { file_mappings "$(awk '/^PPid:/ { print $2 }' "/proc/$1/status")"; }

each_isolation_annotation() { # core
	local shared private
	start one sleep
	shared=$(file_mappings "$(task_pid one)")
	((shared > $(own_mappings "$(task_pid one)"))) || fail "a shared guest has $shared mappings of files"
	kill_and_finish one
	start --annotation io.mote.isolation=private -- two sleep
	private=$(task_pid two)
	is "$(file_mappings "$private")" "$(own_mappings "$private")" 'mappings of files for a private guest'
	# A process of Exec has its container's isolation.
	timeout 1000 ctr task exec --exec-id x two "$(program)" sleep </dev/null >"$CASE_DIR/x" 2>&1 &
	within 10 grep -q ready "$CASE_DIR/x" || fail 'the second process is not there'
	private=$(monitor_pids | grep -vx "$(task_pid two)")
	is "$(file_mappings "$private")" "$(own_mappings "$private")" 'mappings of files for a process of Exec'
	ctr task kill -s KILL two || fail 'ctr task kill two'
	wait
	finish two 137
	run --annotation io.mote.isolation=most -- three args
	has "$(cat "$err")" 'io.mote.isolation: must be private or shared, not most' 'what there is not'
}

# The default profile of containerd has nothing to forbid; one that forbids what a guest can do is refused.
test_seccomp_profiles() {
	KIND=native
	run --seccomp -- default touch 1
	is "$status" 0 status
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod"],"action":"SCMP_ACT_ERRNO"}]}' >"$CASE_DIR/chmod.json"
	run --seccomp --seccomp-profile "$CASE_DIR/chmod.json" -- local touch 1
	[[ $status != 0 ]] || fail 'a profile that forbids chmod was accepted'
	has "$(cat "$err")" 'linux.seccomp: does not allow chmod' stderr
	run --seccomp -- filtered read /proc/self/status
	has "$(cat "$out")" '^Seccomp:\s2$' 'with a profile'
	run free read /proc/self/status
	has "$(cat "$out")" '^Seccomp:\s0$' 'without a profile'
}
