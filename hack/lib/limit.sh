# SPDX-License-Identifier: Apache-2.0
# Time limits that do not depend on what else the machine does. Sourced.
# A limit is for a machine of its own. If more processes want a CPU than there are CPUs, each gets a share only, and the
# limit's clock goes on by that share of the time that passes. MOTE_PATIENCE says how many times slower a machine may be
# for reasons that it does not see, as the emulated one is.

# shellcheck shell=bash
# How many times its length a limit lasts at most, however busy the machine is.
LIMIT_STRETCH=20
limit_cpus=$(nproc)

# fair_ms RESULT MILLISECONDS: sets the variable RESULT to what of that time a process that runs has had.
fair_ms() {
	local running fair
	IFS=' /' read -r _ _ _ running _ </proc/loadavg
	fair=$(($2 * limit_cpus / (running > limit_cpus ? running : limit_cpus)))
	((fair * LIMIT_STRETCH >= $2)) || fair=$(($2 / LIMIT_STRETCH))
	printf -v "$1" %d "$((fair / ${MOTE_PATIENCE:-1}))"
}

# fair_sleep SECONDS: until a process that runs has had so much time.
fair_sleep() {
	local left=$(($1 * 1000)) spent
	while ((left > 0)); do
		sleep 0.5
		fair_ms spent 500
		left=$((left - spent))
	done
}

# within SECONDS COMMAND...: until COMMAND succeeds. The seconds are those of a machine of its own.
within() {
	local left=$(($1 * 1000000)) at=${EPOCHREALTIME/[.,]/} now spent
	shift
	until "$@" >/dev/null 2>&1; do
		((left > 0)) || return 1
		sleep 0.05
		now=${EPOCHREALTIME/[.,]/}
		fair_ms spent "$((now - at))" # of microseconds, here
		left=$((left - spent)) at=$now
	done
}

# limit SECONDS COMMAND...: as `timeout -k 5`: status 124 if COMMAND has not ended in time. limit_over says whether it
# has, for commands that may have that status themselves.
limit() {
	local seconds=$1 command clock status=0
	shift
	timeout -k 5 "$((seconds * LIMIT_STRETCH * ${MOTE_PATIENCE:-1}))" "$@" <&0 &
	command=$!
	{ fair_sleep "$seconds" && kill -ALRM "$command" 2>/dev/null; } </dev/null >/dev/null 2>&1 &
	clock=$!
	wait "$command" || status=$?
	# Its clock ends with success if it has ended the command. For who sources this:
	# shellcheck disable=SC2034
	{
		limit_over=0
		kill "$clock" 2>/dev/null || true
		! wait "$clock" 2>/dev/null || limit_over=1
	}
	return "$status"
}
