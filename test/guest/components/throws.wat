;; SPDX-License-Identifier: Apache-2.0
;; Calls another component's function that throws, from a try that catches all.
;; NAME.wasm is what `wasm-tools parse NAME.wat -o NAME.wasm` makes of it.
(component
  (component $callee
    (core module $m
      (tag $t)
      (func $f (export "f") (throw $t)))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))
  (instance $c (instantiate $callee))
  (core func $f (canon lower (func $c "f")))
  (core module $main
    (import "" "f" (func $f))
    (func $run (export "run") (result i32)
      (block $caught
        (try_table (catch_all $caught) (call $f)))
      (i32.const 0)))
  (core instance $main (instantiate $main (with "" (instance (export "f" (func $f))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance (export "wasi:cli/run@0.2.0") (export "run" (func $run))))
