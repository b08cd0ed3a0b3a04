# SPDX-License-Identifier: Apache-2.0
# Many containers, one after another: 300, or MOTE_TEST_LIVES.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

descriptors() { find "/proc/$(cat "$MOTE_SANDBOX/containerd.pid")/fd" -type l 2>/dev/null | wc -l; }

no_shim() { [[ -z $(shim_pids) ]]; }
left() { comm -13 "$CASE_DIR/before" <(snapshot_system | sort); }
nothing_left() { [[ -z $(left) ]]; }
few_descriptors() { (($(descriptors) <= $1 + 8)); }

test_many_in_a_row() { # limit=600
	KIND=wasm
	local i fds
	for i in 1 2 3 4 5; do
		ctr run --rm --runtime "$RUNTIME" "$(image)" "warm-$i" "$(program)" >"$out" 2>"$err" || fail "warm-up $i"
	done
	within 10 no_shim || fail 'a shim is left after the warm-up'
	snapshot_system | sort >"$CASE_DIR/before"
	fds=$(descriptors)
	for ((i = 1; i <= ${MOTE_TEST_LIVES:-300}; i++)); do
		ctr run --rm --runtime "$RUNTIME" "$(image)" "row-$i" "$(program)" >"$out" 2>"$err" || fail "number $i ended with $?"
		is "$(cat "$out")" hello "stdout of number $i"
	done
	within 10 nothing_left || is "$(left)" '' 'what is left'
	within 10 few_descriptors "$fds" || fail "containerd's descriptors grew from $fds to $(descriptors)"
}
