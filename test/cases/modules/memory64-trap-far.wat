;; SPDX-License-Identifier: Apache-2.0
;; A load that no memory has an address for.
(module
  (memory (export "memory") i64 2)
  (func (export "_start") (drop (i64.load offset=16 (i64.const -8)))))
