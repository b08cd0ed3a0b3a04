;; SPDX-License-Identifier: Apache-2.0
;; A load beyond the memory: at which address, and how much there is.
(module
  (memory (export "memory") 2)
  (func (export "_start") (drop (i64.load offset=16 (i32.const 0xfffffff0)))))
