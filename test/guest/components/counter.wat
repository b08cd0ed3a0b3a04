;; SPDX-License-Identifier: Apache-2.0
;; What stays: `next` counts calls, wizer-initialize sets the count to 40, and run fails unless that was called.
;; NAME.wasm is what `wasm-tools parse NAME.wat -o NAME.wasm` makes of it.
(component
  (core module $m
    (global $count (mut i32) (i32.const 0))
    (func (export "next") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func (export "init") (global.set $count (i32.const 40)))
    (func (export "run") (result i32) (i32.ne (global.get $count) (i32.const 40))))
  (core instance $i (instantiate $m))
  (func (export "next") (result u32) (canon lift (core func $i "next")))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance (export "wasi:cli/run@0.2.0") (export "run" (func $run))))
