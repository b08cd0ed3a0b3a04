;; SPDX-License-Identifier: Apache-2.0
;; A store across the end of the memory: the first byte that is not there.
(module
  (memory (export "memory") 1)
  (func (export "_start") (i64.store (i32.const 65533) (i64.const 1))))
