;; SPDX-License-Identifier: Apache-2.0
;; A trap is no exception: catch_all does not take it.
(module
  (memory (export "memory") 1)
  (func $traps (unreachable))
  (func (export "_start") (try (do (call $traps)) (catch_all))))
