;; SPDX-License-Identifier: Apache-2.0
;; Imports an interface of a version that is not there.
;; NAME.wasm is what `wasm-tools parse NAME.wat -o NAME.wasm` makes of it.
(component (import "wasi:cli/stdout@0.3.0" (instance)))
