;; SPDX-License-Identifier: Apache-2.0
;; No export is needed where the start function has run.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\10\00\00\00\08\00\00\00started\0a")
  (func $main (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))))
  (start $main))
