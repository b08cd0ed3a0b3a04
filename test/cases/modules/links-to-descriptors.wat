;; SPDX-License-Identifier: Apache-2.0
;; Links to the module's own descriptors, as images have them for their logs: below a directory of its own, and below "/".
;; The numbers are errors of WASI: 0 success, 20 EXIST, 44 NOENT, 63 PERM.
;;
;; cases: mote --dir .::/
;; cases: setup ln -s /dev/stdout out; ln -s /proc/self/fd/1 self; ln -s /dev/fd/1 number; ln -s out twice; ln -s /etc/passwd away
;; cases: setup mkdir log; ln -s ../self log/access.log; ln -s log to-log; ln -s /dev dir; ln -s nothing dangling; ln -s loop loop
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\09\00\00\00")
  (data (i32.const 16) "a line of the log\n")
  (data (i32.const 64) "error    \n")
  (data (i32.const 256) "out self number twice log/access.log to-log/access.log dir/stdout dir/fd/1 dev/stdout proc/self/fd/1 away dangling loop dev/fd/77 new ")
  (data (i32.const 1024) "made")
  (global $fd (mut i32) (i32.const 3))

  ;; Writes the bytes [at, at + len) to a descriptor.
  (func $put (param $fd i32) (param $at i32) (param $len i32)
    (i32.store (i32.const 512) (local.get $at))
    (i32.store (i32.const 516) (local.get $len))
    (drop (call $write (local.get $fd) (i32.const 512) (i32.const 1) (i32.const 520))))

  ;; Says a number of two digits at most.
  (func $say (param $n i32)
    (i32.store8 (i32.const 70) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 71) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (call $put (i32.const 1) (i32.const 64) (i32.const 10)))

  ;; Each word of the list: it is opened to be appended to, made if it is not there, and looked at.
  (func $all (param $dir i32)
    (local $at i32) (local $end i32) (local $error i32)
    (local.set $at (i32.const 256))
    (loop $words
      (local.set $end (local.get $at))
      (loop $letters
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br_if $letters (i32.ne (i32.load8_u (local.get $end)) (i32.const 32))))
      (call $put (i32.const 1) (local.get $at) (i32.add (i32.sub (local.get $end) (local.get $at)) (i32.const 1)))
      (local.set $error (call $open (local.get $dir) (i32.const 1) (local.get $at) (i32.sub (local.get $end) (local.get $at))
        (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 1) (i32.const 600)))
      (if (local.get $error)
        (then (call $say (local.get $error)))
        (else (call $put (i32.load (i32.const 600)) (i32.const 16) (i32.const 18))))
      (call $say (call $stat (local.get $dir) (i32.const 1) (local.get $at) (i32.sub (local.get $end) (local.get $at))
        (i32.const 700)))
      (local.set $at (i32.add (local.get $end) (i32.const 1)))
      (br_if $words (i32.load8_u (local.get $at)))))

  (func (export "_start")
    (call $all (i32.const 3))
    (call $all (i32.const 4))))
