;; SPDX-License-Identifier: Apache-2.0
;; Names of Rust (both kinds) and of C++ as their sources have them, in a module with a name of its own.
;; What is not such a name, or only nearly, stays as it is.
(module $named
  (memory (export "memory") 1)
  (func $_ZN4core9panicking5panic17h0123456789abcdefE unreachable)
  (func $_RNvNtCs1234_7mycrate3foo3bar (call 0))
  (func $_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3new (call 1))
  (func $_ZN9Container3getISt6vectorIiSaIiEEEERT_i (call 2))
  (func $_ZNSt6vectorIiSaIiEE9push_backERKi (call 3))
  (func $_Z5plaini.constprop.0 (call 4))
  (func $_ZN4core9panicking (call 5))
  (func $_Z (call 6))
  (func $plain (call 7))
  (func (export "_start") (call 8)))
