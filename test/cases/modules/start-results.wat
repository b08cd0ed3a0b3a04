;; SPDX-License-Identifier: Apache-2.0
;; What a command's function returns is dropped: several values, vectors and references among them.
(module
  (memory (export "memory") 1)
  (func (export "_start") (result i32 f64 v128 funcref i64)
    (i32.const 5) (f64.const 1) (v128.const i64x2 1 2) (ref.null func) (i64.const 9)))
