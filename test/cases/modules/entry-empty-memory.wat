;; SPDX-License-Identifier: Apache-2.0
;; The empty name stands for something else than a function, so _start is the command.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") (export "") 1)
  (func (export "_start") (call $exit (i32.const 4))))
