;; SPDX-License-Identifier: Apache-2.0
;; A reactor's _initialize traps if it is called twice.
(module
  (global $n (mut i32) (i32.const 0))
  (memory (export "memory") 1)
  (func (export "_initialize")
    (if (global.get $n) (then unreachable))
    (global.set $n (i32.const 1))))
