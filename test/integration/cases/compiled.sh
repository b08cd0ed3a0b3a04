# SPDX-License-Identifier: Apache-2.0
# The node's directory of compiled modules.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

CACHE=$MOTE_SANDBOX/cache

# big_module FILE [TEXT]: the probe with so large a custom section that it is kept; TEXT makes it another module.
big_module() {
	local text=${2-}
	{
		cat "$IMAGES/root/wasm/probe.wasm"
		printf '\0\xe4\xa7\x12\5extra' # custom, 300,004 bytes with its name's length and name
		head -c $((299998 - ${#text})) /dev/zero
		printf %s "$text"
	} >"$1"
}

run_big() { run --mount "type=bind,src=$CASE_DIR/modules,dst=/modules,options=rbind:ro" "$@"; }
kept() { find "$CACHE" -name '*.snapshot' | wc -l; }

test_compiled_modules_are_kept() { # core
	KIND=wasm
	local PROGRAM=/modules/big.wasm IMAGE=example.com/wasm:1 file inode
	ctr images import "$IMAGES/user.tar" >"$out"
	mkdir "$CASE_DIR/modules" && big_module "$CASE_DIR/modules/big.wasm"
	run_big -- big args one two
	is "$status" 0 status
	is "$(cat "$out")" $'[one]\n[two]' stdout
	file=$(find "$CACHE" -name '*.snapshot')
	is "$(kept)" 1 'compiled modules'
	is "$(stat -c '%a %u' "$file")" '600 0' 'mode and owner'
	is "$(stat -c '%a %u' "$CACHE")" '700 0' "the directory's mode and owner"

	# The second start uses it, which renews its time; of a copy too, and as another user, with other arguments.
	touch -d 2001-01-01 "$file"
	inode=$(stat -c %i "$file")
	cp "$CASE_DIR/modules/big.wasm" "$CASE_DIR/modules/copy.wasm"
	PROGRAM=/modules/copy.wasm IMAGE=example.com/user:1
	run_big -- big args three
	is "$status" 0 status
	is "$(cat "$out")" '[three]' stdout
	is "$(kept)" 1 'compiled modules'
	is "$(stat -c %i "$file")" "$inode" inode
	[[ $(stat -c %Y "$file") -gt 1000000000 ]] || fail 'the second start did not use what was kept'

	# Another module is not taken for it, and a small one is not kept.
	big_module "$CASE_DIR/modules/other.wasm" other
	PROGRAM=/modules/other.wasm
	run_big -- big args four
	is "$(cat "$out")" '[four]' stdout
	is "$(kept)" 2 'compiled modules'
	PROGRAM=/probe.wasm
	run small args five
	is "$(cat "$out")" '[five]' stdout
	is "$(kept)" 2 'compiled modules'
	rm "$CACHE"/*/*.snapshot
	ctr images rm example.com/user:1 >"$out"
}

# What is cut or damaged is made again; what others could have written is not used; starts go on.
test_compiled_modules_that_are_no_good() {
	KIND=wasm
	local PROGRAM=/modules/big.wasm file
	mkdir "$CASE_DIR/modules" && big_module "$CASE_DIR/modules/big.wasm"
	run_big -- big args one
	file=$(find "$CACHE" -name '*.snapshot')
	truncate -s 10000 "$file"
	run_big -- big args two
	is "$(cat "$out")" '[two]' stdout
	[[ $(stat -c %s "$file") -gt 100000 ]] || fail 'it was not made again'
	chmod 666 "$file"
	run_big -- big args three
	is "$(cat "$out")" '[three]' stdout
	is "$(stat -c %a "$file")" 600 mode
	chown 1000 "$file"
	run_big -- big args four
	is "$(cat "$out")" '[four]' stdout
	is "$(stat -c %u "$file")" 0 owner
	rm "$file"
	chmod 777 "$CACHE"
	run_big -- big args five
	is "$(cat "$out")" '[five]' stdout
	is "$(kept)" 0 'compiled modules in a directory that anybody can write to'
	chmod 700 "$CACHE"
	# A container that has little memory.
	run_big --memory-limit $((64 << 20)) -- big args six
	is "$(cat "$out")" '[six]' stdout
	rm -f "$CACHE"/*/*.snapshot
	# A full disk.
	mount -t tmpfs -o size=200k,mode=700 tmpfs "$CACHE"
	run_big -- big args seven
	umount "$CACHE"
	is "$(cat "$out")" '[seven]' stdout
	rm -r "$CACHE" && : >"$CACHE"
	run_big -- big args eight
	is "$(cat "$out")" '[eight]' stdout
	rm "$CACHE"
}

# Many monitors at once, with one module that none has seen: all run, and one file is left.
test_compiled_modules_many_at_once() {
	KIND=wasm
	local i pids=()
	mkdir "$CASE_DIR/modules" && big_module "$CASE_DIR/modules/big.wasm"
	for i in 1 2 3 4 5 6; do
		timeout 1000 ctr run --rm --runtime "$RUNTIME" --mount "type=bind,src=$CASE_DIR/modules,dst=/modules,options=rbind:ro" \
			"$(image)" "many-$i" /modules/big.wasm args "$i" >"$CASE_DIR/out-$i" 2>&1 </dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in 1 2 3 4 5 6; do
		is "$(cat "$CASE_DIR/out-$i")" "[$i]" "output of $i"
	done
	is "$(kept)" 1 'compiled modules'
	is "$(find "$CACHE" -type f ! -name '*.snapshot' | wc -l)" 0 'other files'
	rm "$CACHE"/*/*.snapshot
}

# Each tenant has its own: that a module was run by another does not show.
test_compiled_modules_by_tenant() {
	KIND=wasm
	local PROGRAM=/modules/big.wasm tenant
	mkdir "$CASE_DIR/modules" && big_module "$CASE_DIR/modules/big.wasm"
	for tenant in one two one; do
		run_big --annotation "io.kubernetes.cri.sandbox-namespace=$tenant" -- big args "$tenant"
		is "$status $(cat "$out")" "0 [$tenant]" "status and stdout of $tenant"
	done
	is "$(kept)" 2 'compiled modules of two tenants'
	run_big -- big args none
	is "$(kept)" 3 'compiled modules of two tenants and one in no pod'
	is "$(stat -c '%a %u' "$CACHE"/*/ | sort -u)" '700 0' "the tenants' directories' modes and owner"
	rm "$CACHE"/*/*.snapshot
}

# What compiles holds KVM's descriptors, the new file and a pipe, while the guest runs; its end does no harm.
test_compiled_modules_child() {
	KIND=wasm
	local PROGRAM=/modules/long.wasm watcher tool
	tool=$(dirname "${BASH_SOURCE[0]}")/../../security/compiler_child.py
	mkdir "$CASE_DIR/modules" && "$tool" "$CASE_DIR/modules/long.wasm"
	"$tool" >"$CASE_DIR/held" 2>&1 &
	watcher=$!
	run_big -- long
	wait "$watcher" || fail "$(cat "$CASE_DIR/held")"
	is "$status" 0 status
	is "$(sed "s|$CACHE/[0-9a-f]*/new-.*|the new file|; s|^/new-.*|the new file|" "$CASE_DIR/held" | sort)" \
		$'anon_inode:kvm-vcpu:0\nanon_inode:kvm-vm\npipe\nthe new file' 'descriptors'
	rm -f "$CACHE"/*/*.snapshot
}

# An artefact's layer is compiled once for its digest, and each start checks the layer against it.
test_compiled_artefact() { # core
	[[ $SERIES != 1.6 ]] || return 0 # artefacts.sh
	KIND=wasm
	local IMAGE=example.com/big:1 PROGRAM=big.wasm file layer
	big_module "$CASE_DIR/big.wasm"
	"$(dirname -- "${BASH_SOURCE[0]}")/../../../hack/make-image" --artefact --name "$IMAGE" --entrypoint big.wasm \
		--output "$CASE_DIR/big.tar" "$CASE_DIR/big.wasm" || fail 'hack/make-image'
	ctr images import --all-platforms --no-unpack "$CASE_DIR/big.tar" >"$out"
	run big args one
	is "$(cat "$out")" '[one]' "stdout, and $(cat "$err")"
	is "$(kept)" 1 'compiled modules'
	file=$(find "$CACHE" -name '*.snapshot')
	touch -d 2001-01-01 "$file"
	run big args two
	is "$(cat "$out")" '[two]' stdout
	is "$(kept)" 1 'compiled modules'
	[[ $(stat -c %Y "$file") -gt 1000000000 ]] || fail 'the second start did not use what was kept'
	layer=$(sha256sum <"$CASE_DIR/big.wasm")
	printf 'x' | dd of="$MOTE_SANDBOX/root/io.containerd.content.v1.content/blobs/sha256/${layer%% *}" bs=1 seek=200000 \
		conv=notrunc status=none
	run big args three
	has "$(cat "$err")" 'in the content store has other bytes than that'
	rm "$CACHE"/*/*.snapshot
	ctr images rm "$IMAGE" >"$out"
}
