;; SPDX-License-Identifier: Apache-2.0
;; Atomic instructions on memory that is not shared: they do what they say, nobody is to be woken, and an address that is
;; not aligned traps.
(module
  (memory (export "memory") 1)
  (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
  (func (export "_start")
    (i64.atomic.store offset=8 (i32.const 8) (i64.const 0x1122334455667788))
    (atomic.fence)
    (call $must (i32.eq (i32.atomic.rmw.add (i32.const 16) (i32.const 1)) (i32.const 0x55667788)))
    (call $must (i32.eq (i32.atomic.rmw8.cmpxchg_u (i32.const 16) (i32.const 0xff89) (i32.const 0x77)) (i32.const 0x89)))
    (call $must (i64.eq (i64.atomic.load (i32.const 16)) (i64.const 0x1122334455667777)))
    (call $must (i64.eq (i64.atomic.rmw32.xchg_u (i32.const 20) (i64.const -1)) (i64.const 0x11223344)))
    (call $must (i32.eq (memory.atomic.notify (i32.const 16) (i32.const 9)) (i32.const 0)))
    (drop (i32.atomic.load16_u (i32.const 17)))))
