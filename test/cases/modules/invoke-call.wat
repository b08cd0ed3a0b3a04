;; SPDX-License-Identifier: Apache-2.0
;; cases: mote --invoke "add(-1, 4, 0.1, -2.5e3)"
;; A call with its values; results are printed each on a line.
(module
  (func (export "add") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
    (i32.add (local.get 0) (i32.const -2147483647))
    (local.get 1) (local.get 2) (local.get 3)))
