;; A reactor whose _initialize traps if it is called twice, and whose other functions do without it.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (global $initialized (mut i32) (i32.const 0))
  (global $prepared (mut i32) (i32.const 0))
  (memory (export "memory") 1)
  (func $check (if (i32.eqz (global.get $initialized)) (then unreachable)))
  (func (export "_initialize")
    (if (global.get $initialized) (then unreachable))
    (global.set $initialized (i32.const 1)))
  (func (export "prepare") (call $check) (global.set $prepared (i32.const 1)))
  (func (export "")
    (call $check)
    (call $exit (i32.add (i32.const 3) (i32.mul (i32.const 2) (global.get $prepared))))))
