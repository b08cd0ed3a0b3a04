;; SPDX-License-Identifier: Apache-2.0
;; A start function that traps ends the program as any other.
(module
  (memory (export "memory") 1)
  (func $main unreachable)
  (start $main))
