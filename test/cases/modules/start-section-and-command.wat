;; SPDX-License-Identifier: Apache-2.0
;; The start function runs first, then _initialize, then the command.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (global $n (mut i32) (i32.const 0))
  (memory (export "memory") 1)
  (func $next (param $factor i32)
    (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 4)) (local.get $factor))))
  (func $first (call $next (i32.const 1)))
  (func (export "_initialize") (call $next (i32.const 2)))
  (func (export "_start") (call $next (i32.const 3)) (call $exit (global.get $n)))
  (start $first))
