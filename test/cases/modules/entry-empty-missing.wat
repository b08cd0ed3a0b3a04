;; SPDX-License-Identifier: Apache-2.0
;; cases: mote --entry ""
(module
  (memory (export "memory") 1)
  (func (export "_start")))
