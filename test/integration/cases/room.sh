# SPDX-License-Identifier: Apache-2.0
# The room that an intruder into a monitor would find: its descriptors, its processes, and whose rights it used.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154,SC2162

# descriptors PID: what a monitor has open, a line for each kind with its number, sorted. Streams are those of the test.
descriptors() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		readlink "$fd" || fail "descriptor $fd"
	done | sed -e 's/^socket:.*/socket/' -e 's#^/proc/[0-9]*/task/[0-9]*/net/.*#network#' -e "s#^\(/dev/null\|$CASE_DIR/.*\.log\|/run/containerd/fifo/.*\|/dev/pts/.*\)\$#stream#" |
		sort | uniq -c | awk '{ print $1, $2 }'
}

figure() { echo "$*" >>"$CASE_DIR/figure"; }

count() {
	local all=("/proc/$1/fd/"*)
	figure "${#all[@]} descriptors"
}

# SECURITY.md has this list: the streams twice, since the guest has copies; the shim's socket; the VM; the root.
ROOM=$'1 /\n1 anon_inode:kvm-vcpu:0\n1 anon_inode:kvm-vm\n1 socket\n6 stream'

# What a monitor of this kind has: that of native programs also those files of /proc/net that this kernel has.
room() {
	local name files=0
	[[ $KIND == native ]] || { echo "$ROOM" && return; }
	while read -r name; do
		[[ ! -e /proc/net/$name ]] || files=$((files + 1))
	done < <(sed -n 's/^NET_FILE(\([a-z0-9_]*\),.*/\1/p' "${BASH_SOURCE[0]%/*}/../../../api/abi/net_files.def")
	echo "${ROOM/1 socket/$files network$'\n'1 socket}"
}

each_room_descriptors() { # core
	start one sleep
	is "$(descriptors "$(task_pid one)")" "$(room)" 'a container'
	count "$(task_pid one)"
	kill_and_finish one
}

each_room_descriptors_listening() {
	mkdir "$CASE_DIR/data"
	start --mount "type=bind,src=$CASE_DIR/data,dst=/data,options=rbind:rw" \
		--annotation io.mote.listen=unix:/data/a,unix:/data/b -- two sleep
	is "$(descriptors "$(task_pid two)")" "$(room | sed "s/1 socket/3 socket/")" 'two listeners'
	count "$(task_pid two)"
	kill_and_finish two
}

has_room() { [[ $(descriptors "$(task_pid "$1")") == "$(room)" ]]; }

# It says nothing that could be waited for.
each_room_descriptors_terminal() {
	on_terminal ctr run -d -t --runtime "$RUNTIME" "$(image)" three "$(program)" sleep >"$out" 2>"$err" ||
		fail 'ctr run -d -t'
	within 10 has_room three || is "$(descriptors "$(task_pid three)")" "$(room)" 'with a terminal'
	kill_and_finish three
}

each_room_descriptors_exec() {
	local pid
	start four sleep
	timeout 1000 ctr task exec --exec-id x four "$(program)" sleep </dev/null >"$CASE_DIR/x" 2>&1 &
	within 10 grep -q ready "$CASE_DIR/x" || fail 'the second process is not there'
	pid=$(monitor_pids | grep -vx "$(task_pid four)")
	is "$(descriptors "$pid")" "$(room)" 'a process of exec'
	is "$(awk '/^NSpid:/ { print NF - 1, $NF }' "/proc/$(task_pid four)/status")" '2 1' "the container's numbers"
	has "$(awk '/^NSpid:/ { print NF - 1, $NF }' "/proc/$pid/status")" '^2 [2-9]$' "its numbers"
	is "$(readlink "/proc/$pid/ns/pid")" "$(readlink "/proc/$(task_pid four)/ns/pid")" 'PID namespace'
	[[ $(readlink "/proc/$pid/ns/pid") != "$(readlink /proc/self/ns/pid)" ]] || fail "the host's PID namespace"
	# ctr leaves the FIFOs of its exec behind if the task is deleted before it has deleted the process.
	ctr task kill -s KILL four || fail 'ctr task kill four'
	wait
	finish four 137
}

# as_user: what follows runs as user 1000, of group 1000.
as_user() {
	local name=user
	[[ $KIND == wasm ]] || name=user-native
	ctr images import "$IMAGES/$name.tar" >/dev/null
	IMAGE=example.com/$name:1
}

# An image's links to its streams lead to the container's, for root and for others.
each_room_links_to_streams() { # core
	local link who
	for who in root user; do
		[[ $who == root ]] || as_user
		for link in stream number self first relative; do
			run "$who-$link" write "/log/$link" "by $link"
			is "$status: $(<"$out")" "0: by $link" "$who"
		done
	done
}

# cannot PATTERN: the last run was refused with these words.
cannot() {
	is "$status" 1 "ctr's status"
	has "$(cat "$err")" "$1"
}

each_room_program_of_root() { # core
	cp "$IMAGES/root/$KIND$(program)" "$CASE_DIR/program" && chmod 0700 "$CASE_DIR/program"
	local mount=(--mount "type=bind,src=$CASE_DIR/program,dst=/private,options=rbind:ro")
	as_user
	PROGRAM=/private run "${mount[@]}" -- five args
	cannot 'permission denied'
	chmod 0755 "$CASE_DIR/program"
	PROGRAM=/private run "${mount[@]}" -- five args
	is "$status" 0 status
}

each_room_listens_with_its_user_s_rights() {
	run --annotation io.mote.listen=tcp:127.0.0.1:80 -- six args
	is "$status" 0 "root's status"
	as_user
	run --annotation io.mote.listen=tcp:127.0.0.1:80 -- six args
	cannot 'tcp:127.0.0.1:80: Permission denied'
	run --annotation io.mote.listen=tcp:127.0.0.1:8080 -- six args
	is "$status" 0 status
	mkdir "$CASE_DIR/data"
	local mount=(--mount "type=bind,src=$CASE_DIR/data,dst=/data,options=rbind:rw" --annotation io.mote.listen=unix:/data/s)
	run "${mount[@]}" -- six args
	cannot 'unix:/data/s: Permission denied'
	chown 1000 "$CASE_DIR/data"
	run "${mount[@]}" -- six args
	is "$status" 0 status
	is "$(stat -c '%u:%g %a' "$CASE_DIR/data/s")" '1000:1000 755' 'the socket'
}

host_uid() { awk '/^Uid:/ { print $2 }' "/proc/$(task_pid "$1")/status"; }

# Nobody's ids where the file systems allow it (tmpfs since 6.3, which is what the test's state may lie on), else the log
# says why not; and the same owners on disk in either case.
each_room_user_namespace() { # core
	local uid
	mkdir "$CASE_DIR/data" && chmod 0777 "$CASE_DIR/data"
	local mount=(--mount "type=bind,src=$CASE_DIR/data,dst=/volume,options=rbind:rw")
	start "${mount[@]}" -- seven sleep
	uid=$(host_uid seven)
	if ((uid < 2147483648)); then
		is "$uid" 0 'the host has it as'
		grep -q 'seven: its processes have no user namespace: ' "$MOTE_SANDBOX/containerd.log" || fail 'the log does not say so'
		[[ $(printf '6.3\n%s\n' "$(uname -r)" | sort -V | head -n 1) != 6.3 ]] || fail 'this kernel has all that is needed'
		figure 'uid 0: no id-mapped mounts'
	else
		is "$((uid % 65536))" 0 'the host has it as'
		figure "uid $uid"
	fi
	kill_and_finish seven
	run "${mount[@]}" -- eight write /volume/of-root text
	is "$status" 0 status
	is "$(stat -c '%u:%g' "$CASE_DIR/data/of-root")" 0:0 "root's file"
	as_user
	run "${mount[@]}" -- nine write /volume/of-user text
	is "$status" 0 status
	is "$(stat -c '%u:%g' "$CASE_DIR/data/of-user")" 1000:1000 "the user's file"
	run "${mount[@]}" -- ten write /volume/of-root other
	is "$status" 1 "writing root's file"
	is "$(cat "$CASE_DIR/data/of-root")" text "root's file"
}

# The guest's root becomes another user: what is done for it goes by that user, on the host too, and its shim's end is
# its end as before.
# Also where the network is the host's, and the capabilities are a user namespace's.
test_room_binds_low_ports() { # core
	local network
	KIND=native
	for network in '' --net-host; do
		run $network -- "ports${network:+-host}" bind 80
		is "$status $(cat "$err")" '0 ' "root $network"
		run $network --cap-drop CAP_NET_BIND_SERVICE -- "ports${network:+-host}" bind 80
		is "$status $(cat "$err")" '1 probe: bind: Permission denied' "without the capability $network"
		run $network -- "ports${network:+-host}" become 1000 1001 /probe bind 80
		is "$status $(cat "$err")" '1 probe: bind: Permission denied' "root no more $network"
	done
}

test_room_becomes_another_user() { # core
	local pid
	KIND=native
	mkdir "$CASE_DIR/data" && chmod 0777 "$CASE_DIR/data"
	local mount=(--mount "type=bind,src=$CASE_DIR/data,dst=/volume,options=rbind:rw")
	run "${mount[@]}" -- eleven write /volume/of-root text
	is "$status" 0 status
	chmod 0600 "$CASE_DIR/data/of-root"
	run "${mount[@]}" -- twelve become 1000 1001 /probe write /volume/of-user text
	is "$status $(cat "$err")" '0 ' 'writing as another user'
	is "$(stat -c '%u:%g' "$CASE_DIR/data/of-user")" 1000:1001 "the user's file"
	run "${mount[@]}" -- thirteen become 1000 1001 /probe read /volume/of-root
	is "$status" 1 "reading root's file"
	has "$(cat "$err")" 'Permission denied'
	run "${mount[@]}" -- fourteen become 1000 1001 /probe credentials
	is "$(tr '\t\n' ' ;' <"$out")" \
		"Uid: 1000 1000 1000 1000;Groups: 7 ;CapInh: 0000000000000000;CapPrm: 0000000000000000;CapEff: $(
		)0000000000000000;CapBnd: 00000000a80425fb;CapAmb: 0000000000000000;NoNewPrivs: 1;" credentials
	run --cap-drop CAP_SETUID -- fifteen become 1000 1001 /probe credentials
	is "$status" 1 'without CAP_SETUID'
	has "$(cat "$err")" 'setuid: Operation not permitted'
	run --cap-add CAP_SYS_ADMIN --cap-add CAP_NET_ADMIN -- sixteen credentials
	has "$(cat "$out")" '^CapEff:.00000000a82435fb$'
	grep -q 'sixteen: capabilities that give its processes nothing here: CAP_NET_ADMIN CAP_SYS_ADMIN$' \
		"$MOTE_SANDBOX/containerd.log" || fail 'the log does not name them'
	start "${mount[@]}" -- seventeen become 1000 1001 /probe sleep
	pid=$(task_pid seventeen)
	is "$(($(host_uid seventeen) % 65536))" 1000 'the monitor, for the host'
	has "$(cat "/proc/$pid/status")" '^CapPrm:.0000000000000000$'
	kill -KILL "$(shim_pids)"
	within 10 gone "$pid" || fail 'it outlived its shim'
	timeout 1000 ctr task rm -f seventeen >"$out" 2>"$err"
	within 10 ctr containers rm seventeen || fail 'ctr containers rm'
}
