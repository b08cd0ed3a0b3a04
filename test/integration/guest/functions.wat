;; SPDX-License-Identifier: Apache-2.0
;; Exported functions for `mote run --invoke`.
(module
	(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
	(memory (export "memory") 1)
	(func (export "_start") unreachable)
	(func (export "add") (param i32 f64) (result f64) local.get 0 f64.convert_i32_s local.get 1 f64.add)
	(func (export "i32") (param i32) (result i32) local.get 0)
	(func (export "i64") (param i64) (result i64) local.get 0)
	(func (export "f32") (param f32) (result f32) local.get 0)
	(func (export "f64") (param f64) (result f64) local.get 0)
	(func (export "none"))
	(func (export "two") (result i32 i32) i32.const 1 i32.const 2)
	(func (export "trap") unreachable)
	(func (export "exit") (param i32) local.get 0 call $exit)
	(func (export "loop") (loop br 0)))
