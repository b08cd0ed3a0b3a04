# SPDX-License-Identifier: Apache-2.0
# The main job: what a program in a container is given, and what comes out of it.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

each_hello() { # core
	run hello
	is "$status" 0 status
	is "$(cat "$out")" hello stdout
	is "$(cat "$err")" '' stderr
}

each_arguments() { # core
	run args args one 'two words' '' $'tab\there' 'ünïcode' '--flag=x'
	is "$status" 0 status
	is "$(cat "$out")" $'[one]\n[two words]\n[]\n[tab\there]\n[ünïcode]\n[--flag=x]' stdout
}

each_environment() { # core
	run --env 'GREETING=hello world' --env EMPTY= -- env env
	has "$(cat "$out")" '^GREETING=hello world$'
	has "$(cat "$out")" '^EMPTY=$'
	has "$(cat "$out")" '^FROM_IMAGE=yes$' "the image's own variable"
}

# ctr that has its task calls CloseIO when its own stdin ends.
each_stdin() { # core
	run cat cat < <(echo one; within 20 is_state cat RUNNING; echo two)
	is "$status" 0 status
	is "$(cat "$out")" $'one\ntwo' stdout
}

# The end of stdin must reach the guest: with runwasi it never does. ctr calls CloseIO if it has its task already.
each_stdin_end() { # core
	run reply reply < <(within 20 grep -q ready "$out")
	is "$status" 0 status
	is "$(cat "$out")" $'ready\nend of stdin' stdout
	rm "$out"
	run reply2 reply < <(echo a; within 20 grep -q got "$out")
	is "$status" 0 status
	is "$(cat "$out")" $'ready\ngot a\nend of stdin' stdout
}

# Much more than a pipe holds, byte for byte.
each_stdin_bulk() {
	head -c 3000000 /dev/urandom >"$CASE_DIR/bulk"
	run cat cat <"$CASE_DIR/bulk"
	is "$status" 0 status
	cmp "$CASE_DIR/bulk" "$out" || fail 'the output differs from the input'
}

each_streams() { # core
	run streams streams 'to stdout' 'to stderr'
	is "$(cat "$out")" 'to stdout' stdout
	is "$(cat "$err")" 'to stderr' stderr
}

each_output_in_order() {
	run lines lines 20000
	is "$(wc -l <"$out")" 20000 lines
	is "$(tail -n 1 "$out")" 'line 20000' 'last line'
	is "$(sha256sum <"$out")" "$(seq -f 'line %.0f' 20000 | sha256sum)" digest
}

each_bind_mount() { # core
	mkdir "$CASE_DIR/data" && echo 'from the host' >"$CASE_DIR/data/in"
	local mount="type=bind,src=$CASE_DIR/data,dst=/data,options=rbind:rw"
	run --mount "$mount" -- read read /data/in
	is "$(cat "$out")" 'from the host' stdout
	run --mount "$mount" -- write write /data/out 'from the guest'
	is "$status" 0 status
	is "$(cat "$CASE_DIR/data/out")" 'from the guest' 'the file on the host'
}

# With runwasi such a write says "I/O error".
each_read_only_mount() { # core
	mkdir "$CASE_DIR/data" && echo 'from the host' >"$CASE_DIR/data/in"
	local mount="type=bind,src=$CASE_DIR/data,dst=/data,options=rbind:ro"
	run --mount "$mount" -- read read /data/in
	is "$(cat "$out")" 'from the host' stdout
	run --mount "$mount" -- write write /data/out text
	is "$status" 1 status
	has "$(cat "$err")" 'Read-only file system' stderr
	[[ ! -e $CASE_DIR/data/out ]] || fail 'a file was made on a read-only mount'
}

each_read_only_root() {
	run --read-only -- write write /new text
	is "$status" 1 status
	has "$(cat "$err")" 'Read-only file system' stderr
}

# The guest sees its image and nothing of the host.
each_root_is_the_image() { # core
	run list list /
	has "$(cat "$out")" "^$(basename "$(program)")$"
	lacks "$(cat "$out")" '^(home|usr|boot|root|srv)$' "the container's /"
	run read read /file.txt
	is "$(cat "$out")" 'of the image' stdout
	run escape read ../../../../etc/hostname
	is "$status" 1 'reading outside of the root'
}

# What one container writes in its root, the next of the same image does not see.
each_root_is_fresh() {
	run write write /new text
	is "$status" 0 status
	run read read /new
	is "$status" 1 status
	has "$(cat "$err")" 'No such file' stderr
}

each_exit_codes() { # core
	local code
	for code in 0 1 42 127 128 137 254; do
		run "exit-$code" exit "$code"
		is "$status" "$code" status
	done
}

# With runwasi it becomes 137.
each_exit_255() { # core
	run exit exit 255
	is "$status" 255 status
}

# Linux keeps the low eight bits.
each_exit_300() {
	run exit exit 300
	is "$status" 44 status
}

test_identity() {
	KIND=native
	run identity identity
	has "$(cat "$out")" '^uid 0 gid 0 host .+ tty 0$' stdout
}

# A module's working directory, with relative and absolute paths and by PWD.
test_module_cwd() {
	KIND=wasm
	local mount="type=bind,src=$CASE_DIR/data,dst=/work/data,options=rbind:rw"
	mkdir -p "$CASE_DIR/data" && echo here >"$CASE_DIR/data/in"
	run --cwd /work/data --mount "$mount" -- relative read in
	is "$status $(cat "$out")" '0 here' relative
	run --cwd /work --mount "$mount" -- deeper read data/in
	is "$status $(cat "$out")" '0 here' 'one directory above'
	run --cwd /work/data --mount "$mount" -- absolute read /work/data/in
	is "$status $(cat "$out")" '0 here' absolute
	run --cwd /work/data --mount "$mount" -- variable env
	has "$(cat "$out")" '^PWD=/work/data$' environment
}

# Debian's busybox, unmodified: the same output as on the host.
test_busybox() { # core
	local IMAGE=example.com/busybox:1 PROGRAM=/bin/busybox mount
	mkdir -p "$CASE_DIR/data/sub" && seq 2000 | sort -R >"$CASE_DIR/data/numbers"
	printf 'b 2\na 1\n' >"$CASE_DIR/data/sub/pairs"
	mount="type=bind,src=$CASE_DIR/data,dst=$CASE_DIR/data,options=rbind:rw"
	cd "$CASE_DIR/data" || fail cd
	local n=0 words
	while read -r words; do
		# shellcheck disable=SC2086 # words of a command
		run --cwd "$CASE_DIR/data" --mount "$mount" -- "busybox-$((n++))" $words
		is "$status" 0 "status of $words"
		# shellcheck disable=SC2086
		is "$(cat "$out")" "$(/bin/busybox $words)" "busybox $words"
	done <<-END
		echo a  b
		cat sub/pairs
		sort -n numbers
		sha256sum numbers sub/pairs
		wc -l numbers
		find . -type f -name p*
		ls -l sub
		awk {s+=\$1}END{print(s)} numbers
		sed s/^a/A/ sub/pairs
		grep -c 7 numbers
		head -n 3 numbers
	END
	run --cwd "$CASE_DIR/data" --mount "$mount" -- gzip gzip -k numbers
	is "$(gzip -dc numbers.gz | sha256sum)" "$(sha256sum <numbers)" 'what gzip packed'
	run --cwd "$CASE_DIR/data" --mount "$mount" -- tar tar cf all.tar numbers sub
	is "$(tar tf all.tar | sort | tr '\n' ' ')" 'numbers sub/ sub/pairs ' 'what tar packed'
}

# A listener of the annotation, through a socket in a bind mount that the host sees too.
each_listen_annotation() { # core
	mkdir "$CASE_DIR/data"
	start --mount "type=bind,src=$CASE_DIR/data,dst=/data,options=rbind:rw" --annotation io.mote.listen=unix:/data/socket \
		-- serve serve
	python3 - "$CASE_DIR/data/socket" >"$out" 2>"$err" <<'END' || fail 'the client'
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(400)
    s.connect(sys.argv[1])
    s.sendall(b"to and fro")
    print(s.recv(100).decode())
END
	is "$(cat "$out")" 'to and fro' answer
	finish serve 0
}
