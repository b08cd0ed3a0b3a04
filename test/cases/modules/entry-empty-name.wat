;; SPDX-License-Identifier: Apache-2.0
;; The export of the empty name is the default command.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "") (call $exit (i32.const 7))))
