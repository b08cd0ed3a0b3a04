;; SPDX-License-Identifier: Apache-2.0
;; Functions that call each other in tail position, directly and through a table. One takes two arguments, in
;; registers; the other takes thirteen, most of them on the stack, a vector among them. Two million such calls would
;; not fit the stack if it grew with them, and a return that popped another function's arguments would not come back.
(module
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $few)
  (type $two (func (param i32 i64) (result i64)))
  (func $few (type $two) (param i32 i64) (result i64)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $many (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 1))
      (i64.const 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9)
      (v128.const i64x2 5 6)))
  (func $many (param i32 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 v128) (result i64)
    (if (i32.eqz (local.get 0)) (then (return (i64.add (local.get 1) (local.get 11)))))
    (return_call_indirect (type $two)
      (i32.sub (local.get 0) (i32.const 1))
      ;; 9 and 6 are the last of its arguments
      (i64.add (local.get 1)
        (i64.sub (i64.add (local.get 11) (i64x2.extract_lane 1 (local.get 12))) (i64.const 14)))
      (i32.const 0)))
  (func (export "_start")
    (if (i64.ne (call $few (i32.const 2000000) (i64.const 0)) (i64.const 2000000)) (then unreachable))
    (if (i64.ne (call $few (i32.const 1999999) (i64.const 0)) (i64.const 2000008)) (then unreachable))))
