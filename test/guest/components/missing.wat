;; SPDX-License-Identifier: Apache-2.0
;; Imports an interface and a function that are not there.
;; NAME.wasm is what `wasm-tools parse NAME.wat -o NAME.wasm` makes of it.
(component
  (import "wasi:http/types@0.2.12" (instance (export "fields" (type (sub resource)))))
  (import "wasi:cli/exit@0.2.0" (instance (export "leave" (func)))))
