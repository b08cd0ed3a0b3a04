;; SPDX-License-Identifier: Apache-2.0
;; cases: mote --entry ""
;; The empty name can be asked for.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (global $n (mut i32) (i32.const 0))
  (memory (export "memory") 1)
  (func (export "_initialize")
    (if (global.get $n) (then unreachable))
    (global.set $n (i32.const 1)))
  (func (export "_start") (call $exit (i32.const 3)))
  (func (export "") (call $exit (i32.add (i32.const 6) (global.get $n)))))
