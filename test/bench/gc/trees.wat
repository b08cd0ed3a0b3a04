;; SPDX-License-Identifier: Apache-2.0
;; Binary trees: one lives throughout, 0x0badf00d others are made, counted and dropped.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (type $node (struct (field $left (ref null $node)) (field $right (ref null $node))))
  (memory (export "memory") 1)
  (func $make (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (i32.eqz (local.get $depth))
      (then (struct.new $node (ref.null $node) (ref.null $node)))
      (else (struct.new $node
        (call $make (i32.sub (local.get $depth) (i32.const 1)))
        (call $make (i32.sub (local.get $depth) (i32.const 1)))))))
  (func $count (param $t (ref null $node)) (result i32)
    (if (result i32) (ref.is_null (local.get $t))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (i32.add
        (call $count (struct.get $node $left (local.get $t)))
        (call $count (struct.get $node $right (local.get $t))))))))
  (func (export "_start") (local $long (ref null $node)) (local $i i32) (local $sum i32)
    (local.set $long (call $make (i32.const 18)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $count (call $make (i32.const 12)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 0x0badf00d))))
    (if (i32.or (i32.ne (local.get $sum) (i32.mul (i32.const 8191) (i32.const 0x0badf00d)))
                (i32.ne (call $count (local.get $long)) (i32.const 524287)))
      (then (call $exit (i32.const 1))))))
