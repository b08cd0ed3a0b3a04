# SPDX-License-Identifier: Apache-2.0
# Results of a shell suite: `ok - name`, `not ok - name`, and the closing line. Sourced.

# shellcheck shell=bash
tap_passed=0 tap_failed=0 tap_skipped=0

# ok NAME COMMAND...: a test that passes when COMMAND succeeds; what it printed is shown when it does not.
ok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if ((status == 0)); then
		tap_passed=$((tap_passed + 1))
		echo "ok - $name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok - $name (status $status)"
		[[ -z $output ]] || printf '%s\n' "$output" | tail -n 40 | sed 's/^/  | /'
	fi
}

# skip NAME WHY: a test that cannot be run here, which the closing line counts.
skip() {
	tap_skipped=$((tap_skipped + 1))
	echo "skip - $1: $2"
}

# is GOT WANTED: whether two texts are equal; says how not.
is() {
	[[ $1 == "$2" ]] || {
		printf 'got    %q\nwanted %q\n' "$1" "$2"
		return 1
	}
}

# tap_end: the closing line; its status is the suite's.
tap_end() {
	echo "$tap_passed passed, $tap_failed failed$( ((tap_skipped == 0)) || echo ", $tap_skipped skipped")"
	((tap_failed == 0 && tap_passed > 0))
}
