;; SPDX-License-Identifier: Apache-2.0
;; Of several memories, WASI's functions take their addresses in the one that is exported as "memory".
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory $first (export "first") 1)
  (memory $second (export "memory") 2)
  (data (memory $second) (i32.const 100000) "by name\n")
  (func (export "_start")
    (if (call $random (i32.const 0) (i32.const 16)) (then unreachable))
    (if (i64.ne (i64.load $first (i32.const 0)) (i64.const 0)) (then unreachable))
    (i32.store $second (i32.const 32) (i32.const 100000))
    (i32.store $second (i32.const 36) (i32.const 8))
    (if (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)) (then unreachable))))
