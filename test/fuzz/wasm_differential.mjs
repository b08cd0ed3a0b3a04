// SPDX-License-Identifier: Apache-2.0
// V8's side of the differential check: runs and validates the modules of a batch file (wasm_differential.c) and
// prints a line for each, in the same form: node wasm_differential.mjs BATCH-FILE FIRST-SEED
import { readFileSync } from "node:fs";

const ROUNDS = 2;
const data = readFileSync(process.argv[2]);
let seed = BigInt(process.argv[3]) - 1n;
const out = [];

const classes = [
	[/^unreachable/, "unreachable"],
	[/^memory access out of bounds|^data segment .*out of bounds/, "memory"],
	[/^divide by zero|^remainder by zero/, "zero"],
	[/^divide result unrepresentable|^float unrepresentable/, "unrepresentable"],
	[/^table (index is|access) out of bounds|^table index is out|^element segment .*out of bounds|^table or/, "table"],
	[/^null function|^function signature mismatch/, "indirect"],
	[/^Maximum call stack/, "stack"],
	[/unaligned/, "unaligned"],
	[/^rethrowing null/, "null exception"],
];

function trapClass(e) {
	if (e instanceof WebAssembly.Exception) return "exception";
	for (const [pattern, name] of classes)
		if (pattern.test(e.message)) return name;
	return `other(${e.message})`;
}

function hash(memory) {
	const words = new Int32Array(memory.buffer);
	let h = 2166136261 | 0;
	for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i], 16777619);
	return (h >>> 0).toString(16);
}

const hex = (v) => BigInt.asUintN(64, v).toString(16);

function run(bytes, functions) {
	let line = `R ${seed}`;
	let exports;
	try {
		const host = (a, b) => (Math.imul(a, 31) + (b === b ? 1 : 0)) | 0;
		exports = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { h: host } }).exports;
	} catch (e) {
		return `${line} ${e.message}`;
	}
	for (let i = 0; i < ROUNDS * functions; i++) {
		exports.reset();
		try {
			line += ` ${hex(exports[`w${i % functions}`]())}`;
		} catch (e) {
			line += ` ${trapClass(e)}`;
		}
	}
	line += ` state ${hex(exports.state())}`;
	for (const name of ["m0", "m1"]) if (exports[name]) line += ` ${hash(exports[name])}`;
	return line;
}

// The standard leaves it open whether a module may have both encodings of exceptions; V8 refuses it. It refuses
// limits that no memory or table of its own can reach, too, which the standard takes.
function refusal(bytes) {
	try {
		new WebAssembly.Module(bytes);
	} catch (e) {
		if (/mix of legacy and new exception/.test(e.message)) return "mixed";
		if (/larger than implementation limit/.test(e.message)) return "limit";
	}
	return "invalid";
}

for (let at = 0; at < data.length;) {
	const kind = String.fromCharCode(data[at]);
	const functions = data[at + 1];
	const size = data.readUInt32LE(at + 2);
	const bytes = data.subarray(at + 6, at + 6 + size);
	at += 6 + size;
	if (kind === "R") {
		seed++;
		out.push(run(bytes, functions));
	} else if (WebAssembly.validate(bytes)) {
		out.push(`V ${seed} valid`);
	} else {
		out.push(`V ${seed} ${refusal(bytes)}`);
	}
}
process.stdout.write(out.join("\n") + "\n");
