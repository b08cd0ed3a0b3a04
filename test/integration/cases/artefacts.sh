# SPDX-License-Identifier: Apache-2.0
# Images whose program is a layer of its own, and no root file system: Wasm artefacts, and Mote's for native programs.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

# take NAME...: containerd has the image in its content store, and unpacks nothing.
take() {
	local name
	for name; do
		ctr images import --all-platforms --no-unpack "$IMAGES/$name.tar" >/dev/null || fail "ctr images import $name"
	done
}

# 1.6 makes no container of them, whatever the runtime is.
refused_by_containerd() {
	[[ $SERIES == 1.6 ]] || return 1
	take artefact
	! ctr run --rm --runtime "$RUNTIME" example.com/artefact:1 x >"$out" 2>"$err" || fail 'containerd 1.6 takes it'
	has "$(cat "$err")" 'mismatched image rootfs and manifest layers' 'what containerd 1.6 says'
}

# of IMAGE PROGRAM ARG...: runs it; the image is removed.
of() {
	local IMAGE=example.com/$1:1 PROGRAM=$2
	run artefact "${@:3}"
	ctr images rm "$IMAGE" >/dev/null
}

test_artefact_kinds() { # core
	! refused_by_containerd || return 0
	local name
	for name in artefact artefact-content artefact-component; do
		take "$name"
		of "$name" any-name streams "out of $name" err
		is "$status" 0 "$name: $(cat "$err")"
		is "$(cat "$out")" "out of $name" "$name: stdout"
	done
	take artefact-native
	of artefact-native probe exit 7
	is "$status" 7 "a native program: $(cat "$err")"
}

# A component: its arguments, streams, and how it ends.
test_artefact_component() { # core
	! refused_by_containerd || return 0
	take artefact-echo
	local IMAGE=example.com/artefact-echo:1 PROGRAM=echo.wasm
	# ctr tells of its input's end if it has its task already.
	run component < <(printf 'first\nsecond'; within 20 grep -q second "$out"; printf ', unfinished')
	is "$status" 0 "$(cat "$err")"
	is "$(cat "$out")" $'echo.wasm\nfirst\nsecond, unfinished' stdout
	rm "$out"
	run component a '' c < <(within 20 grep -q ^c$ "$out")
	is "$status" 1 "an error: $(cat "$err")"
	ctr images rm "$IMAGE" >/dev/null
}

# A component has the container's network; both ends are its own.
test_artefact_component_network() { # core
	! refused_by_containerd || return 0
	take artefact-loopback
	local IMAGE=example.com/artefact-loopback:1 PROGRAM=loopback.wasm
	run --net-host -- network </dev/null
	is "$status $(cat "$err")" '0 ' 'on the loopback device'
	ctr images rm "$IMAGE" >/dev/null
}

# The image's entrypoint and environment, as of any image.
test_artefact_config() { # core
	! refused_by_containerd || return 0
	take artefact
	limit 30 ctr run --rm --runtime "$RUNTIME" example.com/artefact:1 x probe.wasm env FROM_IMAGE >"$out" 2>"$err" || status=$?
	is "$status" 0 "$(cat "$err")"
	is "$(head -n 1 "$out")" FROM_IMAGE=yes
	ctr images rm example.com/artefact:1 >/dev/null
}

test_artefact_of_two() {
	! refused_by_containerd || return 0
	take artefact-two
	local IMAGE=example.com/artefact-two:1 PROGRAM
	for PROGRAM in probe.wasm /other.wasm; do
		run two exit 3
		is "$status" 3 "$PROGRAM: $(cat "$err")"
	done
	PROGRAM=third.wasm
	run two exit 3
	has "$(cat "$err" "$out")" 'example.com/artefact-two:1: it has 2 programs, and none is titled third.wasm' 'a third'
	ctr images rm "$IMAGE" >/dev/null
}

# artefact_refused NAME PATTERN
artefact_refused() {
	take "$1"
	of "$1" probe.wasm exit 0
	[[ $status != 0 ]] || fail "$1 ran"
	has "$(cat "$err" "$out")" "$2" "message for $1"
}

test_artefact_refused() { # core
	! refused_by_containerd || return 0
	artefact_refused artefact-amd64 'image example.com/artefact-amd64:1: its config says that it is for linux/amd64; that of its program must be wasip1/wasm'
	artefact_refused artefact-false 'is not what its media type application/wasm says'
	artefact_refused artefact-real-component 'does not export the function run of wasi:cli/run@0.2'
	artefact_refused artefact-unknown 'none of its layers is a program.*application/vnd.example.thing'
}

# What containerd has lost, and what somebody has altered.
test_artefact_lost() {
	! refused_by_containerd || return 0
	take artefact
	local blobs=$MOTE_SANDBOX/root/io.containerd.content.v1.content/blobs/sha256 layer
	layer=$(sha256sum <"$IMAGES/root/wasm/probe.wasm")
	layer=${layer%% *}
	mv "$blobs/$layer" "$CASE_DIR/layer"
	local IMAGE=example.com/artefact:1 PROGRAM=probe.wasm
	run lost exit 0
	has "$(cat "$err")" "image example.com/artefact:1: sha256:$layer is not in the content store; pull the image again"
	printf 'x' | cat "$CASE_DIR/layer" - | tail -c +2 >"$blobs/$layer"
	run altered exit 0
	has "$(cat "$err")" "sha256:$layer in the content store has other bytes than that"
	cat "$CASE_DIR/layer" >"$blobs/$layer"
	run whole exit 4
	is "$status" 4 "$(cat "$err")"
	ctr images rm "$IMAGE" >/dev/null
}

# A tag that moves while a container runs: what Exec runs is still of the container's own image.
test_artefact_exec() { # core
	! refused_by_containerd || return 0
	take artefact
	local IMAGE=example.com/artefact:1
	start_artefact loop
	is "$(ctr task exec --exec-id 1 loop probe.wasm streams again '' 2>"$err")" again "$(cat "$err")"
	! ctr task exec --exec-id 2 loop /bin/sh >"$out" 2>"$err" || fail 'there is a shell in it'
	has "$(cat "$err")" '/bin/sh: not found'
	ctr images rm "$IMAGE" >/dev/null
	take artefact-two
	ctr images tag example.com/artefact-two:1 "$IMAGE" >/dev/null
	! ctr task exec --exec-id 3 loop other.wasm exit 0 >"$out" 2>"$err" || fail 'a program of another image ran'
	has "$(cat "$err")" 'other.wasm: not found|is not in the content store'
	kill_and_finish loop
	ctr images rm "$IMAGE" example.com/artefact-two:1 >/dev/null
}

start_artefact() {
	limit 30 ctr run -d --runtime "$RUNTIME" --log-uri "file://$CASE_DIR/$1.log" "$IMAGE" "$1" probe.wasm loop \
		</dev/null >"$out" 2>"$err" || fail 'ctr run -d'
	log_has "$1" ready
}

# An ordinary image whose program is missing: what containerd says of it changes nothing.
test_artefact_none() { # core
	local IMAGE=example.com/wasm:1 PROGRAM=/no/such.wasm
	run none exit 0
	has "$(cat "$err")" 'process.args\[0\]: /no/such.wasm: not found in the container.s root file system'
	lacks "$(cat "$err")" 'artefact'
}
