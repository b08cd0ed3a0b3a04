;; SPDX-License-Identifier: Apache-2.0
;; What nothing catches is a trap that names the tag, with the frames of the throw; a handler of another tag on the way
;; changes nothing.
(module $named
  (memory (export "memory") 1)
  (tag $oops (export "oops") (param i32))
  (tag $other)
  (func $thrower (throw $oops (i32.const 7)))
  (func $passes (try (do (call $thrower)) (catch $other)))
  (func (export "_start") (call $passes)))
