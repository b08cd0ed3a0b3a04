;; SPDX-License-Identifier: Apache-2.0
;; Imports a function with a type that it does not have.
;; NAME.wasm is what `wasm-tools parse NAME.wat -o NAME.wasm` makes of it.
(component (import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result u32))))))
