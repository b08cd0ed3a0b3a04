# SPDX-License-Identifier: Apache-2.0
# A thousand containers, one after another.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

descriptors() { find "/proc/$(cat "$MOTE_SANDBOX/containerd.pid")/fd" -type l 2>/dev/null | wc -l; }

test_thousand_in_a_row() { # limit=600
	KIND=wasm
	local i fds
	for i in 1 2 3 4 5; do
		ctr run --rm --runtime "$RUNTIME" "$(image)" "warm-$i" "$(program)" >"$out" 2>"$err" || fail "warm-up $i"
	done
	sleep 0.5
	snapshot_system | sort >"$CASE_DIR/before"
	fds=$(descriptors)
	for ((i = 1; i <= 1000; i++)); do
		ctr run --rm --runtime "$RUNTIME" "$(image)" "row-$i" "$(program)" >"$out" 2>"$err" || fail "number $i ended with $?"
		is "$(cat "$out")" hello "stdout of number $i"
	done
	sleep 1
	snapshot_system | sort >"$CASE_DIR/after"
	is "$(comm -13 "$CASE_DIR/before" "$CASE_DIR/after")" '' 'what is left'
	(($(descriptors) <= fds + 8)) || fail "containerd's descriptors grew from $fds to $(descriptors)"
}
