;; SPDX-License-Identifier: Apache-2.0
;; A store beyond a memory with addresses of 64 bits: at which address, and how much there is.
(module
  (memory (export "memory") i64 2)
  (func (export "_start") (i32.store offset=16 (i64.const 0x1_0000_0000) (i32.const 1))))
