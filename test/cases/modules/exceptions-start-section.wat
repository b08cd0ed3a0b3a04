;; SPDX-License-Identifier: Apache-2.0
;; An exception that leaves the start function ends the program before its first line.
(module
  (memory (export "memory") 1)
  (tag (export "early"))
  (func $init (throw 0))
  (start $init)
  (func (export "_start")))
