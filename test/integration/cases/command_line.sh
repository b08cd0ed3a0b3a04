# SPDX-License-Identifier: Apache-2.0
# `mote run`: the same guests without containerd.
# shellcheck shell=bash disable=SC2034,SC2154,SC2162

# mote ARG...: sets status, $out and $err.
mote() {
	status=0
	timeout -k 5 1000 "$(type -P mote)" "$@" >"$out" 2>"$err" || status=$?
	((status != 124)) || fail "'mote $*' had not ended after 30 s"
}

file() { echo "$IMAGES/root/$KIND$(program)"; }

# one_sentence STATUS PATTERN: an error of Mote's own is one line that says what it is.
one_sentence() {
	is "$status" "$1" status
	has "$(cat "$err")" "$2" stderr
	is "$(wc -l <"$err")" 1 'lines on stderr'
}

each_cli_arguments() { # core
	mote run --env 'A=b c' "$(file)" args one '' 'two words' --env
	is "$status" 0 status
	is "$(cat "$out")" $'[one]\n[]\n[two words]\n[--env]' stdout
	mote run --env 'A=b c' "$(file)" env
	has "$(cat "$out")" '^A=b c$' stdout
}

each_cli_streams() {
	mote run "$(file)" reply <<<'a line'
	is "$(cat "$out")" $'ready\ngot a line\nend of stdin' stdout
	mote run "$(file)" streams 'to stdout' 'to stderr'
	is "$(cat "$out") $(cat "$err")" 'to stdout to stderr' streams
}

# A standard descriptor that is closed is /dev/null, and none of the files that Mote opens.
each_cli_closed_streams() {
	local closed
	echo input >"$CASE_DIR/input"
	for closed in 0 1 2 3 4 5 6 7; do
		status=0
		(
			exec <"$CASE_DIR/input" >"$out" 2>"$err"
			((closed & 1)) && exec <&-
			((closed & 2)) && exec >&-
			((closed & 4)) && exec 2>&-
			exec "$(type -P mote)" run --timeout 20s --dir "$CASE_DIR::/" "$(file)" null-streams "$closed"
		) || status=$?
		is "$status" 0 "status with $closed closed"
	done
}

# What the operator hands in as standard input keeps its mode, owner and times.
test_cli_given_device() {
	local before KIND=native
	before=$(stat -c '%f %u %g %Y %Z' /dev/null)
	mote run "$(file)" change-stdin </dev/null
	is "$status $(cat "$err")" '0 ' status
	is "$(stat -c '%f %u %g %Y %Z' /dev/null)" "$before" /dev/null
}

# The terminal is after a program as it was before; one that belongs to another job is left alone.
test_cli_terminal_restored() {
	local KIND=native
	cat >"$CASE_DIR/script" <<'END'
trap '' TTOU
set -m
before=$(stty -g)
"$@" run "$PROBE" raw-terminal || echo "status $?"
[[ $(stty -g) == "$before" ]] || echo 'not restored'
"$@" run "$PROBE" raw-terminal &
wait $! || echo "status $?"
[[ $(stty -g) != "$before" ]] || echo 'restored under another job'
stty "$before"
echo done
END
	PROBE=$(file) script -qec "bash $CASE_DIR/script $(type -P mote)" /dev/null </dev/null >"$out" 2>"$err"
	is "$(tr -d '\r' <"$out")" 'done' 'on the terminal'
}

each_cli_exit_codes() {
	local code
	for code in 0 1 125 255; do
		mote run "$(file)" exit "$code"
		is "$status" "$code" status
	done
	mote run "$(file)" exit 300
	is "$status" 44 status
}

each_cli_directory() {
	mkdir "$CASE_DIR/data" && echo text >"$CASE_DIR/data/in"
	mote run --dir "$CASE_DIR/data::/data" "$(file)" read /data/in
	is "$(cat "$out")" text stdout
	mote run --dir "$CASE_DIR/data::/data" "$(file)" write /data/new text
	is "$status $(cat "$CASE_DIR/data/new")" '0 text' 'what was written'
	mote run --dir "$CASE_DIR/data::/data" "$(file)" read /data/../../etc/hostname
	is "$status" 1 'outside of the directory'
	mote run "$(file)" read /etc/hostname
	is "$status" 1 'without any directory'
}

each_cli_interrupt() {
	local client
	timeout 1000 "$(type -P mote)" run "$(file)" loop >"$out" 2>"$err" &
	client=$!
	within 10 grep -q ready "$out" || fail 'it does not start'
	kill -INT "$(pgrep -P "$client")"
	wait "$client"
	is "$?" 130 status
}

# Signals that do nothing by default, as of a terminal with a new size, end no wait.
each_cli_ignored_signals() {
	local client signal
	mkfifo "$CASE_DIR/input"
	timeout 1000 "$(type -P mote)" run "$(file)" reply <"$CASE_DIR/input" >"$out" 2>"$err" &
	client=$!
	exec 9>"$CASE_DIR/input"
	within 10 grep -q ready "$out" || fail 'it does not start'
	for signal in WINCH CHLD CONT URG; do
		kill -s "$signal" "$(pgrep -P "$client")"
		sleep 0.1
	done
	echo typed >&9
	exec 9>&-
	wait "$client"
	is "$? $(tr '\n' ' ' <"$out")" '0 ready got typed end of stdin ' answers
}

each_cli_time_limit() {
	local began=${EPOCHREALTIME/[.,]/} spent
	mote run --timeout 1s "$(file)" loop
	fair_ms spent "$(((${EPOCHREALTIME/[.,]/} - began) / 1000))"
	is "$status" 137 status
	has "$(cat "$err")" 'time|limit' stderr
	((spent < 5000)) || fail 'the limit came late'
}

each_cli_memory() {
	mote run --memory 256M "$(file)" touch 64
	is "$status" 0 status
	mote run --memory 32M "$(file)" touch 512
	[[ $status != 0 ]] || fail 'it had 512 MiB of 32 MiB'
	lacks "$(cat "$out")" touched stdout
}

test_cli_wasm_trap() {
	KIND=wasm
	mote run "$(file)" unreachable
	is "$status" 134 status
	has "$(cat "$err")" unreachable stderr
}

test_cli_native_fault() {
	KIND=native
	mote run "$(file)" wild-write
	is "$status" 139 status
}

# A script's interpreter comes from the guest's own directories; the script may be an interpreter, too.
test_cli_scripts() {
	local root=$IMAGES/root/native
	printf '#! /probe \t args  \nrest' >"$CASE_DIR/script"
	printf '#!/scripts/script one argument\n' >"$CASE_DIR/wrapper"
	chmod 755 "$CASE_DIR/script" "$CASE_DIR/wrapper"
	mote run --dir-ro "$root::/" --dir-ro "$CASE_DIR::/scripts" "$CASE_DIR/wrapper" two
	is "$status" 0 status
	is "$(cat "$out")" "[/scripts/script]
[one argument]
[$CASE_DIR/wrapper]
[two]" stdout
	mote run "$CASE_DIR/script"
	one_sentence 126 'its interpreter "/probe" cannot be started'
}

test_cli_bad_programs() {
	local bad=$IMAGES/root/bad name
	for name in truncated.wasm garbage.wasm version.wasm type.wasm import.wasm no-start.wasm empty.wasm aarch64 \
		truncated-elf dynamic script; do
		mote run "$bad/$name"
		is "$status" 126 "status of $name"
		[[ -s $err ]] || fail "$name was refused without a word"
	done
	mote run "$bad/no-such-file"
	one_sentence 127 'no-such-file'
}

test_cli_module_larger_than_memory() {
	mote run --memory 64M "$IMAGES/root/bad/big-memory.wasm"
	[[ $status != 0 ]] || fail 'a module of 1,024 MiB ran in 64 MiB'
	has "$(cat "$err")" '[Mm]emory' stderr
}

# A relative guest path begins at the root, for both kinds; each directory has a path of its own.
each_cli_relative_directories() {
	local option
	mkdir "$CASE_DIR/one" "$CASE_DIR/two" && echo first >"$CASE_DIR/one/in" && echo second >"$CASE_DIR/two/in"
	cd "$CASE_DIR/one" || fail 'cd'
	for option in . ./ .::. .::/ .::./; do
		mote run --dir "$option" "$(file)" read in
		is "$status $(cat "$out")" '0 first' "--dir $option"
	done
	for option in two ./two /two; do
		mote run --dir . --dir "../two::$option" "$(file)" read two/in
		is "$status $(cat "$out")" '0 second' "--dir ../two::$option"
	done
	mote run --dir ../one::one --dir ../two::two "$(file)" read one/in
	is "$status $(cat "$out")" '0 first' 'the first of two'
	mote run --dir ../one::d --dir ../two::./d/ "$(file)" read d/in
	one_sentence 125 '--dir: there is another directory at the guest path ./d/'
	mote run --dir ..:: "$(file)" read in
	one_sentence 125 "--dir value: the path on the guest's side is empty"
	mote run --dir-ro ::x "$(file)" read in
	one_sentence 125 "--dir-ro value: the path on the host's side is empty"
}

test_cli_working_directory() {
	local KIND=native option
	mkdir -p "$CASE_DIR/data/below" && echo text >"$CASE_DIR/data/in"
	for option in /data /data/ /data/below/.. //data/./below/../; do
		mote run --dir "$CASE_DIR/data::/data" --cwd "$option" "$(file)" read in
		is "$status $(cat "$out")" '0 text' "--cwd $option"
	done
	mote run --dir "$CASE_DIR/data::/up/data" --cwd /up "$(file)" read data/in
	is "$status $(cat "$out")" '0 text' 'a directory above one that is given'
	for option in /nowhere /data/in /data/none /dat /data/below/none; do
		mote run --dir "$CASE_DIR/data::/data" --cwd "$option" "$(file)" read in
		one_sentence 125 "--cwd $option: .*must be a directory in one that --dir gives"
	done
}

test_cli_module_working_directory() {
	local KIND=wasm option
	mkdir -p "$CASE_DIR/data/below" && echo text >"$CASE_DIR/data/in"
	for option in /data /data/ /data/below/..; do
		mote run --dir "$CASE_DIR/data::/data" --cwd "$option" "$(file)" read in
		is "$status $(cat "$out")" '0 text' "--cwd $option"
		mote run --dir "$CASE_DIR::/" --cwd "$option" "$(file)" read in
		is "$status $(cat "$out")" '0 text' "--cwd $option below the root"
	done
	mote run --dir "$CASE_DIR::/" --cwd /data --listen "unix:$CASE_DIR/s" "$(file)" read /data/in
	is "$status $(cat "$out")" '0 text' 'an absolute path, with a listener'
	mote run --dir "$CASE_DIR/data::/data" --cwd /data/below "$(file)" read in
	is "$status" 1 'a file that is not there'
	for option in /nowhere /data/in /data/none /dat; do
		mote run --dir "$CASE_DIR/data::/data" --cwd "$option" "$(file)" read in
		one_sentence 125 "--cwd $option: .*must be a directory in one that --dir gives"
	done
	mote snapshot --at stdin --dir "$CASE_DIR/data::/data" --cwd /data -o "$CASE_DIR/x" "$(file)" reply
	one_sentence 125 "a module's working directory cannot be in a snapshot"
}

# What has no effect on a kind of program is refused with the option's name, before anything runs.
test_cli_options_without_effect() {
	local KIND=native option
	for option in '--entry f' '--invoke f' --no-cache; do
		# shellcheck disable=SC2086 # two words
		mote run $option "$(file)" exit 0
		one_sentence 125 "${option% f}: a native program"
	done
	mote snapshot --after-init f -o "$CASE_DIR/x" "$(file)"
	one_sentence 125 'a native program has no exported functions'
	mote snapshot --at stdin -o "$CASE_DIR/native" "$(file)" reply
	KIND=wasm
	mote run --net "$(file)" exit 0
	one_sentence 125 '--net: a module opens no sockets'
	mote snapshot --at stdin --net -o "$CASE_DIR/x" "$(file)" reply
	one_sentence 125 '--net: a module opens no sockets'
	mote snapshot --at stdin -o "$CASE_DIR/wasm" "$(file)" reply
	for KIND in native wasm; do
		for option in '--entry f' '--invoke f' '--cwd /' '--env A=1' "--listen unix:$CASE_DIR/s"; do
			# shellcheck disable=SC2086
			mote run $option "$CASE_DIR/$KIND" </dev/null
			one_sentence 126 "the snapshot's program had its"
		done
	done
}

test_cli_numbers() {
	local KIND=native value
	for value in 64M 64MiB 64MB 64mib 65536k 67108864 67108864B 0.0625G 1T; do
		mote run --memory "$value" "$(file)" exit 0
		is "$status $(cat "$err")" '0 ' "--memory $value"
	done
	for value in 0 0M '' -1 +64M ' 64M' 64MM M . 1.2.3M 64Q 1e9 1K 7.9M 2T 99999999999999999999 0x4000000; do
		mote run --memory "$value" "$(file)" exit 0
		one_sentence 125 'invalid --memory value'
	done
	for value in 20 20.5 20s 20.5S 20000ms 20000000us 0.5m 1h .5d; do
		mote run --timeout "$value" "$(file)" exit 0
		is "$status $(cat "$err")" '0 ' "--timeout $value"
	done
	for value in 0 0s 0.0 '' -1 ' 1' 1x s 1e3 1m30s inf 9999999999999d; do
		mote run --timeout "$value" "$(file)" exit 0
		one_sentence 125 'invalid --timeout value'
	done
	mote run --timeout 0.3 "$(file)" loop
	is "$status" 137 'a part of a second'
}

each_cli_variables() {
	mote run --env A=1 --env B= --env A=2 "$(file)" env
	is "$(grep '^[AB]=' "$out" | sort | tr '\n' ' ')" 'A=2 B= ' variables
	FROM_HERE=here mote run --env FROM_HERE --env NOT_HERE "$(file)" env
	is "$(grep HERE "$out")" FROM_HERE=here 'of this process'
	mote run --env '' "$(file)" env
	one_sentence 125 "invalid --env value ''"
	mote run --env =x "$(file)" env
	one_sentence 125 "invalid --env value '=x'"
}

# A program from a pipe, and what is neither that nor a file.
each_cli_piped_program() {
	mote run - exit 6 < <(cat "$(file)")
	is "$status" 6 'from standard input'
	mote run - exit 7 <"$(file)"
	is "$status" 7 'from a file as standard input'
	mote run <(cat "$(file)") exit 8
	is "$status" 8 'from a pipe'
	mkfifo "$CASE_DIR/fifo" || fail mkfifo
	cat "$(file)" >"$CASE_DIR/fifo" &
	mote run "$CASE_DIR/fifo" exit 9
	is "$status" 9 'from a FIFO'
	mote run - </dev/null
	one_sentence 126 'not a regular file or a pipe'
	mote run /dev/zero
	one_sentence 126 '/dev/zero: not a regular file or a pipe'
	mote run "$CASE_DIR"
	one_sentence 126 'is a directory'
	mote run - < <(:)
	one_sentence 126 'standard input is empty'
	mote run <(exec yes)
	one_sentence 126 'more than 256 MiB from a pipe'
	mote run --timeout 0.5 <(exec sleep 1000)
	one_sentence 137 'time limit exceeded'
}

# `mote FILE`, help and version, and what becomes of text that cannot be written.
test_cli_commands() {
	local KIND=native command
	mote "$(file)" exit 5
	is "$status" 5 'mote FILE'
	mote --dir "$CASE_DIR::/data" --env A=1 "$(file)" exit 6
	is "$status" 6 'mote OPTION FILE'
	cp "$(file)" "$CASE_DIR/program" || fail cp
	cd "$CASE_DIR" || fail cd
	mote program exit 4
	is "$status" 4 'a file of this directory'
	mote ./no-such-file
	one_sentence 127 'no-such-file'
	mote nonsense
	one_sentence 125 "'nonsense' is neither a command.*nor a file"
	mote --nonsense
	one_sentence 125 "unknown option '--nonsense'"
	mote run -it "$(file)"
	one_sentence 125 "unknown option '-i'"
	mote run --env=K=V -qv "$(file)"
	one_sentence 125 "unknown option '-q'"
	mote run --stats=1 "$(file)"
	one_sentence 125 "option '--stats' takes no value"
	mote run --env
	one_sentence 125 "option '--env' needs a value"
	mote snapshot "$(file)" -o
	one_sentence 125 'missing --output'
	mote snapshot -o
	one_sentence 125 "option '-o' needs a value"
	mote
	is "$status" 125 'without arguments'
	for command in --help -h help 'help help' 'help --help' 'run --help' 'run -h' 'snapshot --help' 'version --help' 'help version'; do
		# shellcheck disable=SC2086 # words
		mote $command
		is "$status $(cat "$err")" '0 ' "mote $command"
		has "$(head -n 1 "$out")" '^usage: mote' "mote $command"
		status=0
		# shellcheck disable=SC2086
		"$(type -P mote)" $command >/dev/full 2>"$err" || status=$?
		one_sentence 125 'standard output: No space left'
	done
	for command in version --version -V; do
		mote $command
		has "$(cat "$out")" '^mote [0-9]+\.[0-9]+\.[0-9]+$' "mote $command"
	done
	status=0
	"$(type -P mote)" version >/dev/full 2>"$err" || status=$?
	one_sentence 125 'standard output: No space left'
	for command in 'version x' 'help --nonsense' 'help run x' 'help nonsense'; do
		# shellcheck disable=SC2086
		mote $command
		one_sentence 125 'unknown (argument|command)'
	done
}

# A component, never seen and from what was kept of it, has the options of its own run.
test_cli_component() {
	local component=$IMAGES/root/echo.wasm i option
	for ((i = 0; i < 3; i++)); do
		mote run --entry f "$component" </dev/null
		one_sentence 126 'a function of a component is called with its arguments'
		mote run --invoke f "$component" </dev/null
		one_sentence 126 'exports no function'
		mote run "$component" <<<text
		is "$status" 0 "run $i: $(cat "$err")"
		is "$(cat "$out")" $'echo.wasm\ntext' "run $i"
	done
}

# The network is a component's if it is allowed, also of a snapshot's; both ends are its own.
test_cli_component_network() {
	local component=$IMAGES/root/loopback.wasm
	mote run --net "$component" </dev/null
	is "$status $(cat "$err")" '0 ' 'with the network'
	mote run "$component" </dev/null
	is "$status" 134 'without the network'
	mote snapshot -o "$CASE_DIR/s" "$component" </dev/null
	mote run --net "$CASE_DIR/s" </dev/null
	is "$status $(cat "$err")" '0 ' "a snapshot's"
}

# A component's start-up, once for all runs.
test_cli_component_snapshot() {
	local component=$IMAGES/root/counter.wasm i
	mote run "$component" </dev/null
	is "$status" 1 'without what wizer-initialize does'
	mote snapshot -o "$CASE_DIR/s" "$component" </dev/null
	is "$status $(cat "$err")" '0 ' 'status of the snapshot'
	for ((i = 0; i < 2; i++)); do
		mote run "$CASE_DIR/s" </dev/null
		is "$status $(cat "$err")" '0 ' "run $i"
	done
	mote run --invoke 'next()' "$CASE_DIR/s" </dev/null
	is "$status $(cat "$out")" '0 41' 'a function of it'
	mote snapshot --after-init next -o "$CASE_DIR/s" "$component" </dev/null
	is "$status" 0 'of another function'
	mote run --invoke 'next()' "$CASE_DIR/s" </dev/null
	is "$status $(cat "$out")" '0 2' 'what it has done'
	mote run --invoke next "$component" </dev/null
	one_sentence 125 "as in --invoke 'next\(\)'"
	mote snapshot --after-init none -o "$CASE_DIR/none" "$component" </dev/null
	is "$status" 126 'of no function'
	has "$(cat "$err")" 'exports no function none' stderr
	mote snapshot --at stdin -o "$CASE_DIR/s" "$IMAGES/root/echo.wasm" </dev/null
	is "$status $(cat "$err")" '0 echo.wasm' 'before it reads'
	mote run "$CASE_DIR/s" <<<text
	is "$status $(cat "$out")" $'0 text' 'what it reads'
}

# What modules and components are; each line that is expected.
test_cli_inspect() {
	local line use i module=$CASE_DIR/module.wasm
	mote inspect "$IMAGES/root/echo.wasm" </dev/null
	is "$status $(cat "$err")" '0 ' component
	# shellcheck disable=SC2016 # backquotes are meant
	for line in 'kind: component' 'size: 1743 bytes' 'features: WebAssembly 2.0' 'core modules: 2' \
		'use: command: `mote run` calls run of wasi:cli/run@0.2.0' '  import wasi:io/error@0.2.0: interface {' \
		'    use wasi:io/error@0.2.0.{error}' '    variant stream-error { last-operation-failed(own<error>), closed }' \
		'  export wasi:cli/run@0.2.0: interface {' '    run: func() -> result'; do
		grep -qxF -- "$line" "$out" || fail "no line '$line' in: $(cat "$out")"
	done
	grep -q 'not there' "$out" && fail 'something is not there'
	wat2wasm --enable-all - -o "$module" <<'END'
(module
  (import "env" "bad\1b[31m\0a\c2\9b" (func (param i32 f64) (result i64)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 2) (table (export "t") 1 5 funcref) (global (export "g") (mut i32) (i32.const 1))
  (tag (export "e") (param i32))
  (func (export "v") (result v128) v128.const i32x4 1 2 3 4)
  (func (export "_start") (param i32) (result i32 i32) local.get 0 local.get 0)
  (func $r (export "r") (param externref) return_call $s) (func $s))
END
	mote inspect - <"$module"
	is "$status" 0 module
	is "$(sed /^size/d "$out")" 'kind: module
features: WebAssembly 2.0, SIMD, tail calls, exception handling
use: none, since it imports what is not there
not there:
  env.bad\1b[31m\0a\c2\9b: only functions of wasi_snapshot_preview1 are supported
imports:
  env.bad\1b[31m\0a\c2\9b: func(i32, f64) -> i64
  wasi_snapshot_preview1.fd_write: func(i32, i32, i32, i32) -> i32
exports:
  memory: memory of 1 to 2 pages
  t: table of 1 to 5 of funcref
  g: mutable global i32
  e: tag(i32)
  v: func() -> v128
  _start: func(i32) -> (i32, i32)
  r: func(externref)' module
	# What `mote run` would do.
	while IFS='|' read -r line use; do
		wat2wasm - -o "$module" <<<"(module $line)"
		mote inspect "$module" </dev/null
		is "$status $(sed -n 's/^use: //p' "$out")" "0 $use" "$line"
	done <<'END'
(func (export "_start"))|command: `mote run` calls its _start, or the export of no name
(func (export "_start") (param i32))|none, since its _start is not a function without parameters
(func (export "_initialize"))|reactor: `mote run` calls its _initialize, and with --invoke 'f()' a function of it then
(func $f) (start $f)|`mote run` carries out its start function
(func (export "f"))|library: `mote run --invoke 'f()'` calls a function of it
(memory (export "m") 1)|none, since it exports no functions
END
	# More text than is shown.
	{ echo '(module' && for ((i = 0; i < 9000; i++)); do printf '(func (export "%0120d"))' "$i"; done && echo ')'; } |
		wat2wasm - -o "$module"
	mote inspect "$module" </dev/null
	is "$status $(tail -n 1 "$out")" '0 ... and more' 'a long text'
	[[ $(stat -c %s "$out") -le 1048576 ]] || fail 'more than a megabyte'
}

test_cli_inspect_bad() {
	local at size=1743 file=$CASE_DIR/bad.wasm
	for at in 0 4 8 9 40 500 900 1742; do
		head -c "$at" "$IMAGES/root/echo.wasm" >"$file"
		mote inspect "$file" </dev/null
		if ((at == 8)); then # a component of nothing
			is "$status" 0 'status of an empty one'
			continue
		fi
		one_sentence 126 'mote: '
		is "$(cat "$out")" '' "stdout at $at"
	done
	# A byte that is another: refused, or described.
	for ((at = 8; at < size; at += 61)); do
		cp "$IMAGES/root/echo.wasm" "$file"
		printf '\377' | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
		mote inspect "$file" </dev/null
		if ((status)); then
			one_sentence 126 '^mote: bad.wasm: '
		else
			has "$(cat "$out")" '^kind: component' "stdout at $at"
		fi
	done
	mote inspect "$IMAGES/root/native/probe" </dev/null
	one_sentence 126 'neither a WebAssembly module nor a component'
	mote inspect "$CASE_DIR" </dev/null
	one_sentence 126 'is a directory'
	mote inspect /no/such/file
	one_sentence 127 'No such file'
	mote inspect
	one_sentence 125 'missing FILE'
	mote inspect "$file" argument
	one_sentence 125 "unexpected argument 'argument'"
	mote inspect --dir / "$file"
	one_sentence 125 "unknown option '--dir'"
	mote inspect --timeout 1ns "$IMAGES/root/echo.wasm" </dev/null
	one_sentence 126 'time limit exceeded'
	mote help inspect
	has "$(cat "$out")" 'usage: mote inspect' help
}

# One function by its name: arguments by their types, the result as other runtimes print it.
test_cli_invoke() {
	local KIND=native functions=$IMAGES/root/functions/functions.wasm line
	while read -r line; do
		# shellcheck disable=SC2086 # FUNCTION ARGUMENT... RESULT
		set -- $line
		mote run --invoke "$1" "$functions" "${@:2:$#-2}" </dev/null
		is "$status $(cat "$out")" "0 ${*: -1}" "$line"
	done <<'END'
add 1 2.5 3.5
i32 -1 -1
i32 4294967295 -1
i32 0x7fffffff 2147483647
i64 -9223372036854775808 -9223372036854775808
i64 0xffffffffffffffff -1
f32 0.1 0.1
f32 16777217 16777216
f32 1e10 10000000000
f64 0.1 0.1
f64 1e21 1000000000000000000000
f64 1e-7 0.0000001
f64 -0 -0
f64 nan NaN
f64 -inf -inf
f64 123456789.25 123456789.25
END
	for line in 'i32 4294967296' 'i32 -2147483649' 'i32 x' 'i32 1.5' 'i32 ' 'i64 18446744073709551616' 'f64 1x' 'f32 x' \
		'i32 0x' 'add 1' 'none 1'; do
		mote run --invoke "${line%% *}" "$functions" "${line#* }"
		one_sentence 125 "--invoke ${line%% *}: (argument 1, .* is not of type|it takes [0-9] arguments)"
	done
	mote run --invoke two "$functions" 7 0.5
	is "$status $(cat "$out")" $'0 0.5\n7' 'two results'
	mote run --invoke all "$functions"
	is "$status $(cat "$out")" $'0 -1\n-2\n0.5\n1.25' 'results of all types'
	mote run --invoke nowhere "$functions"
	one_sentence 126 '--invoke nowhere: the guest exports no function nowhere'
	for line in vector takes-vector; do
		mote run --invoke $line "$functions"
		one_sentence 126 "--invoke $line: .* cannot be called: it has a parameter or result of type v128"
	done
	mote run --invoke reference "$functions"
	one_sentence 126 'cannot be called: it has a parameter or result of a reference type'
	mote run --invoke wide "$functions"
	one_sentence 126 'cannot be called: it has more than 32 parameters or results'
	mote run --invoke trap "$functions"
	is "$status" 134 'a trap'
	mote run --invoke exit "$functions" 42
	is "$status" 42 'its own exit status'
	mote run --timeout 0.3 --invoke loop "$functions"
	is "$status" 137 'a time limit'
	mote run --invoke f "$(file)"
	one_sentence 125 '--invoke: a native program has no exported functions'
	mote run --entry f "$(file)"
	one_sentence 125 '--entry: a native program has no exported functions'
	mote run --entry f --invoke f "$functions"
	one_sentence 125 'only one of --invoke and --entry'
	status=0
	"$(type -P mote)" run --invoke i32 "$functions" 1 >/dev/full 2>"$err" || status=$?
	one_sentence 125 'standard output: No space left'
}

# How many of an option there may be, and values of the others.
test_cli_option_limits() {
	local KIND=native i dirs=() variables=() listeners=()
	mkdir "$CASE_DIR/d" || fail mkdir
	for i in {1..64}; do dirs+=(--dir "$CASE_DIR/d::/d$i"); done
	for i in {1..4097}; do variables+=(--env "A$i=1"); done
	for i in {1..17}; do listeners+=(--listen "unix:$CASE_DIR/s$i"); done
	mote run "${dirs[@]:0:126}" "$(file)" exit 0
	is "$status $(cat "$err")" '0 ' '63 directories'
	mote run "${dirs[@]}" "$(file)" exit 0
	one_sentence 125 'too many --dir options'
	mote run "${variables[@]}" "$(file)" exit 0
	one_sentence 125 'too many --env options'
	mote run "${listeners[@]}" "$(file)" exit 0
	one_sentence 125 'too many --listen options'
	[[ ! -e $CASE_DIR/s1 ]] || fail 'a socket is left'
	mote run --listen nonsense "$(file)" exit 0
	one_sentence 125 '--listen: '
	for i in shared private; do
		mote run --isolation "$i" "$(file)" exit 0
		is "$status $(cat "$err")" '0 ' "--isolation $i"
	done
	mote run --stats "$(file)" exit 0
	is "$status" 0 '--stats'
	grep -qxE 'mote: [0-9]+ VM exits, [1-9][0-9]* host calls, [0-9]+ of them polled' "$err" || fail "--stats said $(cat "$err")"
	grep -qx 'mote: exit: 1 by exit, 0 polled' "$err" || fail "--stats said $(cat "$err")"
	mote run --no-polling "$(file)" exit 0
	is "$status $(cat "$err")" '0 ' 'without poller'
	mote run --dir
	one_sentence 125 "option '--dir' needs a value"
	mote snapshot --after-init "$(printf '%0300d' 0)" -o "$CASE_DIR/x" "$(file)"
	one_sentence 125 'the name is too long'
	KIND=wasm
	(unset HOME XDG_CACHE_HOME && mote run "$(file)" exit 3 && is "$status" 3 'without a home') || exit
	HOME=$CASE_DIR XDG_CACHE_HOME='' mote run "$(file)" exit 3
	is "$status" 3 'with a home of its own'
	[[ -d $CASE_DIR/.cache/mote ]] || fail 'nothing is kept'
}

test_cli_usage() {
	KIND=wasm
	mote run --no-such-option "$(file)"
	is "$status" 125 status
	has "$(cat "$err")" 'no-such-option' stderr
	mote run
	is "$status" 125 status
	mote run --memory 12X "$(file)"
	one_sentence 125 '12X'
	mote run --dir /no/such/directory::/data "$(file)"
	one_sentence 125 '/no/such/directory'
	mote run --cwd data "$(file)"
	one_sentence 125 "invalid --cwd value 'data': must be an absolute path"
	mote run --timeout 0 "$(file)"
	one_sentence 125 'more than 0'
	mote nonsense
	is "$status" 125 status
	mote --version
	has "$(cat "$out")" '[0-9]+\.[0-9]+\.[0-9]+' version
	mote help run
	has "$(cat "$out")" '--memory' help
}

each_cli_snapshot() { # core
	local snapshot=$CASE_DIR/probe.snapshot
	mkdir "$CASE_DIR/data" "$CASE_DIR/other" && echo text >"$CASE_DIR/data/in" && echo 'other text' >"$CASE_DIR/other/in"
	mote snapshot --at stdin -o "$snapshot" "$(file)" reply
	is "$status" 0 status
	is "$(cat "$out")" '' stdout
	is "$(stat -c %a "$snapshot")" 600 mode
	local line
	for line in one two; do
		mote run "$snapshot" <<<"$line"
		is "$status" 0 status
		has "$(cat "$out")" "^got $line\$" stdout
	done
	mote run "$snapshot" argument
	one_sentence 126 'had its arguments when the snapshot was taken'
	mote run --dir "$CASE_DIR/data::/data" "$snapshot"
	one_sentence 126 'has 0 directories, not 1'
	# At a file, which each run has in a directory of its own.
	mote snapshot --at open:/data/in --dir "$CASE_DIR/data::/data" -o "$snapshot" "$(file)" read /data/in
	is "$status" 0 status
	mote run --dir "$CASE_DIR/other::/data" "$snapshot"
	is "$status $(cat "$out")" '0 other text' 'what it read'
	mote run "$snapshot"
	one_sentence 126 'needs a directory at /data'
	truncate -s $(($(stat -c %s "$snapshot") - 4096)) "$snapshot"
	mote run --dir "$CASE_DIR/other::/data" "$snapshot"
	one_sentence 126 'it has been cut or has grown'
	# What does not reach its snapshot point leaves the file alone.
	mote snapshot --at stdin -o "$snapshot" "$(file)" exit 3
	one_sentence 126 'ended with status 3 before it reached the snapshot point'
	mote run --dir "$CASE_DIR/other::/data" "$snapshot"
	one_sentence 126 'it has been cut or has grown'
}

test_cli_snapshot_usage() {
	KIND=wasm
	mote snapshot "$(file)"
	one_sentence 125 'missing --output'
	mote snapshot -o "$CASE_DIR/s"
	one_sentence 125 'missing FILE'
	mote snapshot --at stdin --after-init f -o "$CASE_DIR/s" "$(file)"
	one_sentence 125 'only one --at or --after-init'
	mote snapshot --at noon -o "$CASE_DIR/s" "$(file)"
	one_sentence 125 "invalid --at value 'noon'"
	mote snapshot --at open:relative -o "$CASE_DIR/s" "$(file)"
	one_sentence 125 "invalid --at value 'open:relative'"
	mote snapshot --listen tcp:127.0.0.1:1 -o "$CASE_DIR/s" "$(file)"
	one_sentence 125 "unknown option '--listen'"
	mote snapshot --at stdin -o "$CASE_DIR/s" "$CASE_DIR/none"
	one_sentence 127 'none'
	mote snapshot --at stdin -o "$CASE_DIR/s" "$IMAGES/root/bad/script"
	is "$status" 126 'status of a script'
	has "$(cat "$err")" 'its interpreter' stderr
	mote snapshot --at stdin -o /no/such/directory/s "$(file)"
	one_sentence 126 'no/such/directory'
	mote snapshot -o "$CASE_DIR/s" "$(file)"
	is "$status" 126 status
	has "$(cat "$err")" 'exports no function wizer.initialize' stderr
	mote help snapshot
	has "$(cat "$out")" '--after-init' help
	[[ ! -e $CASE_DIR/s ]] || fail 'there is a file'
}

test_cli_no_kvm() {
	KIND=native
	status=0
	timeout 1000 unshare --mount sh -c 'mount -t tmpfs dev /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' \
		sh "$(type -P mote)" run "$(file)" >"$out" 2>"$err" </dev/null || status=$?
	one_sentence 125 '/dev/kvm'
}

test_cli_no_permission() {
	KIND=native
	# Where another user can reach them.
	mkdir -m 755 /run/mote-cli && cp "$(type -P mote)" "$(file)" /run/mote-cli/
	status=0
	timeout 1000 setpriv --reuid 65534 --regid 65534 --clear-groups /run/mote-cli/mote run /run/mote-cli/probe \
		>"$out" 2>"$err" </dev/null || status=$?
	rm -r /run/mote-cli
	one_sentence 125 '/dev/kvm.*([Pp]ermission|group|access)'
}

# More than any program may have (4 GiB); a sparse file, so that only its size is big.
test_cli_oversized_program() {
	head -c 8 "$IMAGES/root/wasm/probe.wasm" >"$CASE_DIR/big.wasm"
	truncate -s 5G "$CASE_DIR/big.wasm"
	mote run "$CASE_DIR/big.wasm"
	one_sentence 126 'big.wasm.*(large|big|4 GiB|size|bytes)'
}

# A socket's file goes with the program, however that ends; the process that removes it cannot be ended before.
each_cli_socket_is_removed() {
	local signal client
	for signal in TERM KILL; do
		rm -f "$out"
		timeout 1000 "$(type -P mote)" run --listen "unix:$CASE_DIR/socket" "$(file)" loop >"$out" 2>"$err" &
		client=$!
		within 10 grep -qs ready "$out" || fail "it does not run: $(cat "$err")"
		[[ -S $CASE_DIR/socket ]] || fail 'there is no socket'
		kill -s "$signal" "$(pgrep -P "$client")"
		within 5 [ ! -e "$CASE_DIR/socket" ] || fail "the socket is there after SIG$signal"
		wait "$client" || true
	done
	mote run --listen "unix:$CASE_DIR/socket" "$(file)" exit 3
	is "$status" 3 status
	[[ ! -e $CASE_DIR/socket ]] || fail 'the socket is there after the end'
}

test_cli_verbose() {
	KIND=native
	mote run --verbose "$(file)" exit 0
	has "$(cat "$err")" '^mote: files are (confined by Landlock, version [0-9]|not confined: this kernel offers no Landlock)' stderr
	has "$(cat "$err")" '^mote: speculative store bypass is' stderr
	mote run --isolation most "$(file)" exit 0
	one_sentence 125 "invalid --isolation value 'most'"
}
