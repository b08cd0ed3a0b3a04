;; SPDX-License-Identifier: Apache-2.0
;; The refusal of a shared memory names the feature that it belongs to.
(module
  (memory (export "memory") 1 2 shared)
  (func (export "_start")))
