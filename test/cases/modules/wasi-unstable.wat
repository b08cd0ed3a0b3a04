;; SPDX-License-Identifier: Apache-2.0
;; cases: setup printf 12345 >f
;; WASI from before preview 1: what differs is the order of fd_seek's origins, the size of a filestat (56 bytes, with
;; 32 bits for links) and that of a clock's subscription (56 bytes, with an identifier first).
(module
  (import "wasi_unstable" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_unstable" "path_filestat_get" (func $path_stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "f")
  (func $succeeds (param $errno i32) (if (local.get $errno) (then unreachable)))
  (func $same (param i64 i64) (if (i64.ne (local.get 0) (local.get 1)) (then unreachable)))
  (func $check_stat (param $at i32)
    (call $same (i64.load8_u offset=16 (local.get $at)) (i64.const 4))
    (call $same (i64.load32_u offset=20 (local.get $at)) (i64.const 1))
    (call $same (i64.load offset=24 (local.get $at)) (i64.const 5))
    (call $same (i64.load offset=56 (local.get $at)) (i64.const 99)))
  (func $seek_to (param $fd i32) (param $by i64) (param $from i32) (param $position i64)
    (call $succeeds (call $seek (local.get $fd) (local.get $by) (local.get $from) (i32.const 64)))
    (call $same (i64.load (i32.const 64)) (local.get $position)))
  (func (export "_start") (local $fd i32)
    (call $succeeds (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
      (i64.const 0x200026) (i64.const 0) (i32.const 0) (i32.const 8)))
    (local.set $fd (i32.load (i32.const 8)))
    (i64.store (i32.const 312) (i64.const 99))
    (call $succeeds (call $stat (local.get $fd) (i32.const 256)))
    (call $check_stat (i32.const 256))
    (i64.store (i32.const 568) (i64.const 99))
    (call $succeeds (call $path_stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 512)))
    (call $check_stat (i32.const 512))
    (call $seek_to (local.get $fd) (i64.const -2) (i32.const 1) (i64.const 3)) ;; end
    (call $seek_to (local.get $fd) (i64.const 1) (i32.const 2) (i64.const 1)) ;; set
    (call $seek_to (local.get $fd) (i64.const 1) (i32.const 0) (i64.const 2)) ;; cur
    (if (i32.eqz (call $seek (local.get $fd) (i64.const 0) (i32.const 3) (i32.const 64))) (then unreachable))
    ;; A clock that has a second to go, and stdout, which is ready.
    (i64.store (i32.const 1024) (i64.const 6))
    (i64.store (i32.const 1040) (i64.const 55))
    (i32.store (i32.const 1048) (i32.const 1))
    (i64.store (i32.const 1056) (i64.const 1000000000))
    (i64.store (i32.const 1080) (i64.const 7))
    (i32.store8 (i32.const 1088) (i32.const 2))
    (i32.store (i32.const 1096) (i32.const 1))
    (call $succeeds (call $poll (i32.const 1024) (i32.const 2048) (i32.const 2) (i32.const 64)))
    (call $same (i64.load32_u (i32.const 64)) (i64.const 1))
    (call $same (i64.load (i32.const 2048)) (i64.const 7))
    ;; The clock alone.
    (i64.store (i32.const 1056) (i64.const 1000))
    (call $succeeds (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 64)))
    (call $same (i64.load (i32.const 2048)) (i64.const 6))
    (call $exit (i32.const 3))))
