# SPDX-License-Identifier: Apache-2.0
# AF_UNIX sockets by path: between containers, and with the host, through volumes; and none without a volume.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

KIND=native
HERE=$(dirname -- "${BASH_SOURCE[0]}")
VOLUME=(--mount "type=bind,src=$CASE_DIR/volume,dst=/volume,options=rbind:rw")
NO_FILE='probe: connect: No such file or directory'
REFUSED='probe: connect: Connection refused'
DENIED='probe: connect: Permission denied'

# native ACTION ARG...: the guest's program as a process of the host; sets status, $out and $err.
native() {
	status=0
	limit 30 "$IMAGES/root/native/probe" "$@" >"$out" 2>"$err" </dev/null || status=$?
	((!limit_over)) || fail "'$*' on the host had not ended after 30 s"
}

# native_serve NAME ADDRESS ANSWER: a server on the host, to the case's end; what it prints goes to NAME.log. Sets server.
native_serve() {
	timeout 600 "$IMAGES/root/native/probe" unix-serve "$2" "$3" >"$CASE_DIR/$1.log" 2>&1 </dev/null &
	server=$!
	log_has "$1" ready
}

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT

# serve ID ADDRESS ANSWER [CTR_OPTION]...: a container that listens, and ends when it has answered TIMES (once).
serve() {
	start "${@:4}" -- "$1" unix-serve "$2" "$3" "${TIMES:-1}"
	log_has "$1" ready
}

# inside ID ACTION ARG...: a second process of a container; sets status, $out and $err.
inside() {
	status=0
	limit 30 ctr task exec --exec-id x "$1" /probe "${@:2}" >"$out" 2>"$err" </dev/null || status=$?
	((!limit_over)) || fail "'${*:2}' in $1 had not ended after 30 s"
}

# answered ANSWER WHAT, refused WORDS WHAT: how the last program ended.
answered() { is "$status: $(cat "$err")$(cat "$out")" "0: $1" "$2"; }
refused() { is "$status: $(cat "$out")$(cat "$err")" "1: $1" "$2"; }

# heard NAME TEXT WHAT: all that a server received.
heard() { is "$(cat "$CASE_DIR/$1.log")" "ready${2:+$'\n'$2}" "$3"; }

# as_user COMMAND...: `run` or `start`, whose program is of user 1000.
as_user() {
	ctr images import "$IMAGES/user-native.tar" >/dev/null || fail 'ctr images import'
	IMAGE=example.com/user-native:1 "$@"
}

test_unix_sockets_between_containers() { # core
	mkdir "$CASE_DIR/volume"
	serve one /volume/s 'from one' "${VOLUME[@]}"
	run "${VOLUME[@]}" -- two unix-ask /volume/s 'to and fro' 100000
	answered 'from one' 'what the client received'
	finish one 0
	{ echo ready && printf 'to and fro%.0s' {1..100000}; } >"$CASE_DIR/wanted"
	cmp "$CASE_DIR/wanted" "$CASE_DIR/one.log" || fail 'what the server received differs'
	# Its file outlives a server, as everywhere.
	run "${VOLUME[@]}" -- three unix-ask /volume/s text
	refused "$REFUSED" 'when the server has ended'
	run "${VOLUME[@]}" -- four unix-serve /volume/s text
	refused 'probe: bind: Address in use' 'bind to what is there'
	# The same volume elsewhere, by a relative path and through a link in it.
	ln -s ../elsewhere/second "$CASE_DIR/volume/link"
	serve five second 'from five' "${VOLUME[@]}" --cwd /volume
	run --mount "type=bind,src=$CASE_DIR/volume,dst=/elsewhere,options=rbind:rw" -- six unix-ask /elsewhere/link hello
	answered 'from five' 'through a link'
	finish five 0
	heard five hello 'what the second server received'
}

test_unix_sockets_with_the_host() { # core
	mkdir "$CASE_DIR/volume"
	native_serve host "$CASE_DIR/volume/host" 'from the host'
	run --read-only "${VOLUME[@]}" -- one unix-ask /volume/host 'from a container'
	answered 'from the host' "the host's answer"
	heard host 'from a container' 'what the host received'
	serve two /volume/guest 'from a container' "${VOLUME[@]}"
	is "$(stat -c '%F %u:%g %a' "$CASE_DIR/volume/guest")" 'socket 0:0 755' "a container's socket"
	native unix-ask "$CASE_DIR/volume/guest" 'from the host'
	answered 'from a container' "the container's answer"
	finish two 0
	heard two 'from the host' 'what the container received'
	# A single socket as a volume; and a volume that is read-only has sockets to connect to and no room for others.
	native_serve single "$CASE_DIR/volume/single" 'from a single'
	run --mount "type=bind,src=$CASE_DIR/volume/single,dst=/run/single,options=rbind:rw" -- three unix-ask /run/single hello
	answered 'from a single' 'a socket that is a volume'
	heard single hello 'what it received'
	local read_only=(--mount "type=bind,src=$CASE_DIR/volume,dst=/volume,options=rbind:ro")
	native_serve fixed "$CASE_DIR/volume/fixed" 'from a fixed'
	run "${read_only[@]}" -- four unix-serve /volume/new text
	refused 'probe: bind: Read-only file system' 'bind'
	run "${read_only[@]}" -- five chmod /volume/fixed 777
	refused 'probe: chmod: Read-only file system' 'chmod'
	run "${read_only[@]}" -- six unlink /volume/fixed
	refused 'probe: unlink: Read-only file system' 'unlink'
	run "${read_only[@]}" -- seven unix-ask /volume/fixed hello
	answered 'from a fixed' 'connect in a read-only volume'
	heard fixed hello 'what it received there'
}

# image_with_links DIRECTORY: one whose links lead to the socket `s` in a directory of the host, which the image has too.
# Sets IMAGE and the names `ways`.
image_with_links() {
	local root=$CASE_DIR/root up=../../../../../../..
	cp -a "$IMAGES/root/native" "$root" || fail 'cp'
	mkdir -p "$root$1" || fail 'mkdir'
	ln -s "$1/s" "$root/absolute"
	ln -s "$up$1/s" "$root/dots"
	ln -s "$1" "$root/directory"
	ln -s "/proc/self/root$1/s" "$root/root"
	ln -s "/proc/self/cwd/$up$1/s" "$root/cwd"
	ways=("$1/s" "$up$1/s" "/data/$up$1/s" "/proc/self/root$1/s" absolute dots directory/s root cwd)
	IMAGE=example.com/links:1
	"$HERE/../../../hack/make-image" --name "$IMAGE" --output "$CASE_DIR/links.tar" "$root" || fail 'hack/make-image'
	ctr images import "$CASE_DIR/links.tar" >/dev/null || fail 'ctr images import'
}

# No way leads out of a container that has no volume. The host's server, which answers once, has its answer left.
test_unix_sockets_of_the_host() { # core limit=120
	local way outside=$CASE_DIR/outside
	mkdir "$outside"
	image_with_links "$outside"
	native_serve host "$outside/s" 'from the host'
	for way in "${ways[@]}"; do
		run one unix-ask "$way" hello
		refused "$NO_FILE" "connect to $way"
		run two unix-send "$way" hello
		refused "${NO_FILE/connect/sendto}" "sendto $way"
	done
	# The same ways lead to a socket of the container's own, and making it makes nothing outside.
	TIMES=1000 serve three "${ways[1]}" 'from the container'
	is "$(ls "$outside")" s 'the directory of the host'
	for way in "${ways[@]}"; do
		inside three unix-ask "$way" .
		answered 'from the container' "its own by $way"
		inside three unix-send "$way" .
		refused 'probe: sendto: Protocol wrong type for socket' "its own by $way, of another type"
	done
	kill_and_finish three
	heard three "$(printf '%.0s.' "${ways[@]}")" 'what its own received'
	heard host '' 'what the host received of containers'
	if gone "$server"; then
		status=0 && wait "$server" || status=$?
		fail "the server of the host has ended with status $status"
	fi
	native unix-ask "$outside/s" 'from the host'
	answered 'from the host' 'the server of the host'
	heard host 'from the host' 'what the host received'
	ctr images rm "$IMAGE" >/dev/null
}

# An abstract name is a container's own, with a network namespace of its own and with the host's.
test_unix_sockets_abstract() { # core
	local name=@mote-test-$BASHPID network options
	native_serve host "$name" 'from the host'
	for network in own host; do
		options=()
		[[ $network == own ]] || options=(--net-host)
		run "${options[@]}" -- one unix-ask "$name" hello
		refused "$REFUSED" "connect, $network network"
		run "${options[@]}" -- two unix-send "$name" hello
		refused "${REFUSED/connect/sendto}" "sendto, $network network"
		TIMES=1000 serve "in-$network" "$name" 'from a container' "${options[@]}"
		run "${options[@]}" -- three unix-ask "$name" hello
		refused "$REFUSED" "another container, $network network"
		inside "in-$network" unix-ask "$name" hello
		answered 'from a container' "the container's own, $network network"
		kill_and_finish "in-$network"
		heard "in-$network" hello "what its own received, $network network"
	done
	native unix-ask "$name" 'from the host'
	answered 'from the host' 'the server of the host'
	heard host 'from the host' 'what the host received'
}

# Rights to a socket are those of its file, and a guest changes and removes it as any file.
test_unix_sockets_files() { # core
	mkdir "$CASE_DIR/volume"
	serve one /volume/s 'from one' "${VOLUME[@]}"
	as_user run "${VOLUME[@]}" -- two unix-ask /volume/s hello
	refused "$DENIED" 'another user, mode 755'
	as_user run "${VOLUME[@]}" -- three chmod /volume/s 777
	refused 'probe: chmod: Operation not permitted' 'chmod by another user'
	as_user run "${VOLUME[@]}" -- four unlink /volume/s
	refused 'probe: unlink: Permission denied' 'unlink by another user'
	as_user run "${VOLUME[@]}" -- five unix-serve /volume/new text
	refused 'probe: bind: Permission denied' 'bind by another user'
	run "${VOLUME[@]}" -- six chmod /volume/s 766
	answered 140766 'chmod'
	is "$(stat -c '%F %a' "$CASE_DIR/volume/s")" 'socket 766' 'what the host sees'
	as_user run "${VOLUME[@]}" -- seven unix-ask /volume/s hello
	answered 'from one' 'another user, mode 766'
	finish one 0
	heard one hello 'what the server received'
	run "${VOLUME[@]}" -- eight unlink /volume/s
	answered '' 'unlink'
	is "$(ls "$CASE_DIR/volume")" '' 'the volume'
	serve nine /volume/s 'from nine' "${VOLUME[@]}"
	run "${VOLUME[@]}" -- ten unlink /volume/s
	answered '' "unlink of a listener's"
	run "${VOLUME[@]}" -- eleven unix-ask /volume/s hello
	refused "$NO_FILE" 'what has no name'
	serve twelve /volume/s 'from twelve' "${VOLUME[@]}"
	run "${VOLUME[@]}" -- thirteen unix-ask /volume/s hello
	answered 'from twelve' 'the next of that name'
	finish twelve 0
	heard twelve hello 'what the next received'
	kill_and_finish nine
	heard nine '' 'what the one without a name received'
	# The host's file too, in a volume that may be written.
	native_serve host "$CASE_DIR/volume/host" text
	run "${VOLUME[@]}" -- fourteen chmod /volume/host 600
	answered 140600 "chmod of the host's"
	is "$(stat -c '%F %a' "$CASE_DIR/volume/host")" 'socket 600' "the host's own"
	run "${VOLUME[@]}" -- fifteen unlink /volume/host
	answered '' "unlink of the host's"
	native unix-ask "$CASE_DIR/volume/host" text
	refused "$NO_FILE" 'for the host'
}
