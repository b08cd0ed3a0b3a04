/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of structures and arrays, and its collector: lists that are deep, cycles, sizes. The
 * engine runs in this process.
 */
#include "guest/wasm/runtime/heap.h"

#include <criterion/criterion.h>
#include <string.h>

/*
 * (module
 *   (type $node (struct (field $next (mut (ref null $node))) (field $n (mut i32))))
 *   (type $bytes (array (mut i8)))
 *   (global $list (mut (ref null $node)) (ref.null $node))
 *   (func (export "grow") (param $n i32)
 *     (loop $again
 *       (global.set $list (struct.new $node (global.get $list) (local.get $n)))
 *       (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
 *   (func (export "churn") (param $n i32)
 *     (loop $again
 *       (drop (struct.new $node (ref.null $node) (local.get $n)))
 *       (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
 *   (func (export "count") (result i32) (local $at (ref null $node)) (local $n i32)
 *     (local.set $at (global.get $list))
 *     (loop $again
 *       (if (i32.eqz (ref.is_null (local.get $at)))
 *         (then
 *           (local.set $at (struct.get $node $next (local.get $at)))
 *           (local.set $n (i32.add (local.get $n) (i32.const 1)))
 *           (br $again))))
 *     (local.get $n))
 *   (func (export "tie") (local $at (ref null $node))
 *     (local.set $at (global.get $list))
 *     (block $end
 *       (loop $again
 *         (br_if $end (ref.is_null (struct.get $node $next (local.get $at))))
 *         (local.set $at (struct.get $node $next (local.get $at)))
 *         (br $again)))
 *     (struct.set $node $next (local.get $at) (global.get $list))
 *     (global.set $list (ref.null $node)))
 *   (func (export "bytes") (param $n i32) (result i32)
 *     (array.len (array.new_default $bytes (local.get $n))))
 *   (func (export "registers") (param $n i32) (result i32)
 *     (local $a (ref null $node)) (local $b (ref null $node)) (local $c (ref null $node))
 *     (local $d (ref null $node)) (local $e (ref null $node)) (local $f (ref null $node))
 *     (local $g (ref null $node)) (local $h (ref null $node)) (local $i (ref null $node))
 *     (local.set $a (struct.new $node (ref.null $node) (i32.const 1)))
 *     (local.set $b (struct.new $node (ref.null $node) (i32.const 2)))
 *     (local.set $c (struct.new $node (ref.null $node) (i32.const 4)))
 *     (local.set $d (struct.new $node (ref.null $node) (i32.const 8)))
 *     (local.set $e (struct.new $node (ref.null $node) (i32.const 16)))
 *     (local.set $f (struct.new $node (ref.null $node) (i32.const 32)))
 *     (local.set $g (struct.new $node (ref.null $node) (i32.const 64)))
 *     (local.set $h (struct.new $node (ref.null $node) (i32.const 128)))
 *     (local.set $i (struct.new $node (ref.null $node) (i32.const 256)))
 *     (loop $again
 *       (drop (struct.new $node (local.get $a) (local.get $n)))
 *       (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *     (struct.get $node $n (local.get $a))
 *     (struct.get $node $n (local.get $b)) (i32.add)
 *     (struct.get $node $n (local.get $c)) (i32.add)
 *     (struct.get $node $n (local.get $d)) (i32.add)
 *     (struct.get $node $n (local.get $e)) (i32.add)
 *     (struct.get $node $n (local.get $f)) (i32.add)
 *     (struct.get $node $n (local.get $g)) (i32.add)
 *     (struct.get $node $n (local.get $h)) (i32.add)
 *     (struct.get $node $n (local.get $i)) (i32.add)))
 */
static const uint8_t fixture[] = {
	0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1b, 0x06, 0x5f, 0x02, 0x63, 0x00,
	0x01, 0x7f, 0x01, 0x5e, 0x78, 0x01, 0x60, 0x01, 0x7f, 0x00, 0x60, 0x00, 0x01, 0x7f, 0x60,
	0x00, 0x00, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x03, 0x07, 0x06, 0x02, 0x02, 0x03, 0x04, 0x05,
	0x05, 0x06, 0x07, 0x01, 0x63, 0x00, 0x01, 0xd0, 0x00, 0x0b, 0x07, 0x32, 0x06, 0x04, 0x67,
	0x72, 0x6f, 0x77, 0x00, 0x00, 0x05, 0x63, 0x68, 0x75, 0x72, 0x6e, 0x00, 0x01, 0x05, 0x63,
	0x6f, 0x75, 0x6e, 0x74, 0x00, 0x02, 0x03, 0x74, 0x69, 0x65, 0x00, 0x03, 0x05, 0x62, 0x79,
	0x74, 0x65, 0x73, 0x00, 0x04, 0x09, 0x72, 0x65, 0x67, 0x69, 0x73, 0x74, 0x65, 0x72, 0x73,
	0x00, 0x05, 0x0a, 0xbf, 0x02, 0x06, 0x17, 0x00, 0x03, 0x40, 0x23, 0x00, 0x20, 0x00, 0xfb,
	0x00, 0x00, 0x24, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b,
	0x16, 0x00, 0x03, 0x40, 0xd0, 0x00, 0x20, 0x00, 0xfb, 0x00, 0x00, 0x1a, 0x20, 0x00, 0x41,
	0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x28, 0x02, 0x01, 0x63, 0x00, 0x01, 0x7f,
	0x23, 0x00, 0x21, 0x00, 0x03, 0x40, 0x20, 0x00, 0xd1, 0x45, 0x04, 0x40, 0x20, 0x00, 0xfb,
	0x02, 0x00, 0x00, 0x21, 0x00, 0x20, 0x01, 0x41, 0x01, 0x6a, 0x21, 0x01, 0x0c, 0x01, 0x0b,
	0x0b, 0x20, 0x01, 0x0b, 0x2e, 0x01, 0x01, 0x63, 0x00, 0x23, 0x00, 0x21, 0x00, 0x02, 0x40,
	0x03, 0x40, 0x20, 0x00, 0xfb, 0x02, 0x00, 0x00, 0xd1, 0x0d, 0x01, 0x20, 0x00, 0xfb, 0x02,
	0x00, 0x00, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x0b, 0x20, 0x00, 0x23, 0x00, 0xfb, 0x05, 0x00,
	0x00, 0xd0, 0x00, 0x24, 0x00, 0x0b, 0x09, 0x00, 0x20, 0x00, 0xfb, 0x07, 0x01, 0xfb, 0x0f,
	0x0b, 0xab, 0x01, 0x01, 0x09, 0x63, 0x00, 0xd0, 0x00, 0x41, 0x01, 0xfb, 0x00, 0x00, 0x21,
	0x01, 0xd0, 0x00, 0x41, 0x02, 0xfb, 0x00, 0x00, 0x21, 0x02, 0xd0, 0x00, 0x41, 0x04, 0xfb,
	0x00, 0x00, 0x21, 0x03, 0xd0, 0x00, 0x41, 0x08, 0xfb, 0x00, 0x00, 0x21, 0x04, 0xd0, 0x00,
	0x41, 0x10, 0xfb, 0x00, 0x00, 0x21, 0x05, 0xd0, 0x00, 0x41, 0x20, 0xfb, 0x00, 0x00, 0x21,
	0x06, 0xd0, 0x00, 0x41, 0xc0, 0x00, 0xfb, 0x00, 0x00, 0x21, 0x07, 0xd0, 0x00, 0x41, 0x80,
	0x01, 0xfb, 0x00, 0x00, 0x21, 0x08, 0xd0, 0x00, 0x41, 0x80, 0x02, 0xfb, 0x00, 0x00, 0x21,
	0x09, 0x03, 0x40, 0x20, 0x01, 0x20, 0x00, 0xfb, 0x00, 0x00, 0x1a, 0x20, 0x00, 0x41, 0x01,
	0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0xfb, 0x02, 0x00, 0x01, 0x20, 0x02, 0xfb,
	0x02, 0x00, 0x01, 0x6a, 0x20, 0x03, 0xfb, 0x02, 0x00, 0x01, 0x6a, 0x20, 0x04, 0xfb, 0x02,
	0x00, 0x01, 0x6a, 0x20, 0x05, 0xfb, 0x02, 0x00, 0x01, 0x6a, 0x20, 0x06, 0xfb, 0x02, 0x00,
	0x01, 0x6a, 0x20, 0x07, 0xfb, 0x02, 0x00, 0x01, 0x6a, 0x20, 0x08, 0xfb, 0x02, 0x00, 0x01,
	0x6a, 0x20, 0x09, 0xfb, 0x02, 0x00, 0x01, 0x6a, 0x0b};

static struct wasm_store store;
static struct wasm_instance *instance;

static void start(void)
{
	struct wasm_module *module;
	struct wasm_error error;
	const struct wasm_options options = {
		.size = sizeof(options),
		.features = WASM_FEATURES_ALL,
		.cpu = wasm_cpu_detect(),
	};
	int rc = wasm_compile(&store, fixture, sizeof(fixture), &options, &module, &error);
	cr_assert(rc == 0, "%s at %lu", error.message, error.offset);
	rc = wasm_instantiate(module, NULL, &instance, &error, NULL);
	cr_assert(rc == 0, "%s", error.message);
}

static enum wasm_outcome call(const char *name, uint32_t argument, uint32_t *result,
			      struct wasm_stop *stop)
{
	struct wasm_extern e;
	union wasm_value arg = {.i32 = argument}, value = {0};
	cr_assert(wasm_instance_export(instance, name, strlen(name), &e) == 0, "%s", name);
	enum wasm_outcome how = wasm_call(e.func, &arg, &value, stop);
	if (result)
		*result = value.i32;
	return how;
}

static void run(const char *name, uint32_t argument)
{
	struct wasm_stop stop;
	enum wasm_outcome how = call(name, argument, NULL, &stop);
	cr_assert(how == WASM_RETURNED, "%s: %s", name, wasm_trap_text(stop.code));
}

static void has_nodes(uint32_t want)
{
	uint32_t n;
	cr_assert(call("count", 0, &n, NULL) == WASM_RETURNED && n == want, "%u nodes, not %u", n,
		  want);
}

static void collected(uint64_t times)
{
	cr_assert(store.heap->collections >= times, "%lu collections", store.heap->collections);
}

/* What is alive stays, however long the way to it is, and what is not makes way. */
Test(wasm_heap, a_deep_list_survives_collections, .init = start)
{
	run("grow", 1000000);
	run("churn", 10000000);
	has_nodes(1000000);
	collected(3);
	cr_assert(store.heap->committed < 2048, "%u blocks for 24 MB", store.heap->committed);
}

Test(wasm_heap, cycles_are_collected, .init = start)
{
	for (int i = 0; i < 100; i++) {
		run("grow", 100000);
		run("tie", 0);
	}
	collected(10);
	cr_assert(store.heap->committed < 512, "%u blocks", store.heap->committed);
}

Test(wasm_heap, at_each_allocation, .init = start)
{
	static const uint8_t how[] = {WASM_STRESS_COLLECT, WASM_STRESS_MARK};
	for (size_t i = 0; i < sizeof(how); i++) {
		store.stress = how[i];
		run("grow", 1000);
		run("churn", 1000);
		has_nodes(1000 * ((uint32_t)i + 1));
	}
	collected(2000);
}

/* All the registers that locals may have hold references, and nothing else does. */
Test(wasm_heap, registers_are_roots, .init = start)
{
	static const uint8_t how[] = {WASM_STRESS_COLLECT, WASM_STRESS_MARK};
	for (size_t i = 0; i < sizeof(how); i++) {
		uint32_t sum;
		store.stress = how[i];
		cr_assert(call("registers", 100, &sum, NULL) == WASM_RETURNED && sum == 0x1ff,
			  "%#x with stress %d", sum, how[i]);
	}
}

Test(wasm_heap, arrays_have_any_length, .init = start)
{
	static const uint32_t lengths[] = {0,     1,     8,     9,     120,    121,
					   32760, 32761, 65528, 65529, 1 << 24};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		uint32_t n;
		cr_assert(call("bytes", lengths[i], &n, NULL) == WASM_RETURNED && n == lengths[i],
			  "%u, not %u", n, lengths[i]);
	}
	/* More than the hosted platform gives at once. */
	struct wasm_stop stop;
	cr_assert(call("bytes", UINT32_MAX, NULL, &stop) == WASM_TRAPPED);
	cr_assert(stop.code == WASM_TRAP_HEAP_MEMORY, "%s", wasm_trap_text(stop.code));
	run("bytes", 1 << 24);
}

/* Classes follow one another, and none is for more than half as much again as the one below. */
Test(wasm_heap, classes_of_sizes)
{
	uint64_t largest[HEAP_CLASSES] = {0};
	uint32_t before = 0;
	for (uint64_t bytes = HEAP_OBJECT_MIN; bytes <= HEAP_CLASSED_MAX; bytes++) {
		uint32_t class = heap_class(bytes);
		cr_assert(class < HEAP_CLASSES && (class == before || class == before + 1),
			  "%lu bytes: class %u behind %u", bytes, class, before);
		largest[class] = bytes;
		before = class;
	}
	for (uint32_t class = 1; class < HEAP_CLASSES; class ++)
		cr_assert(largest[class] * 2 <= largest[class - 1] * 3, "class %u", class);
	cr_assert(heap_class(HEAP_CLASSED_MAX + 1) == HEAP_CLASSES);
}
