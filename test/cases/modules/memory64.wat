;; SPDX-License-Identifier: Apache-2.0
;; A memory with addresses of 64 bits, beside one of 32: grown beyond 4 GiB as far as the guest's memory lets it, copies
;; between the two, and WASI, whose addresses are of 32 bits, in it.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") i64 1 0x20000)
  (memory 1)
  (data (i64.const 16) "\20\00\00\00\06\00\00\00")
  (data (memory 1) (i32.const 0) "hello\n")
  (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
  (func (export "_start")
    (call $must (i64.eq (memory.size) (i64.const 1)))
    (call $must (i64.eq (memory.grow (i64.const 2)) (i64.const 1)))
    (call $must (i64.eq (memory.grow (i64.const -1)) (i64.const -1)))
    (call $must (i64.eq (memory.grow (i64.const 0x100000000)) (i64.const -1)))
    (call $must (i64.eq (memory.size) (i64.const 3)))
    (i64.store offset=0x20000 (i64.const 0xfff8) (i64.const -2))
    (call $must (i64.eq (i64.load (i64.const 0x2fff8)) (i64.const -2)))
    (memory.copy 0 1 (i64.const 32) (i32.const 0) (i32.const 6))
    (call $must (i32.eqz (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
    (call $must (i32.eq (i32.load (i64.const 24)) (i32.const 6)))))
