// SPDX-License-Identifier: Apache-2.0
// V8's side of the comparison on wasm-tools' modules: node wasm_smith.mjs BATCH-FILE CALLS-FILE (see wasm_smith.c)
import { readFileSync } from "node:fs";

const data = readFileSync(process.argv[2]);
const calls = readFileSync(process.argv[3], "utf8").split("\n");
const ints = [0, 1, -1, 5, 65535, -2147483648, 64];
const floats = [0, 1.5, -2.25, 1e10, 3];
const word = new DataView(new ArrayBuffer(8));

function argument(type, n) {
	if (type === "I") return BigInt(ints[n % 7]);
	return type === "i" ? ints[n % 7] : floats[n % 5];
}

function text(type, value) {
	if (type === "i") return `,${(value >>> 0).toString(16)}`;
	if (type === "I") return `,${BigInt.asUintN(64, value).toString(16)}`;
	if (Number.isNaN(value)) return ",nan";
	word.setFloat64(0, value);
	return `,${word.getBigUint64(0).toString(16)}`;
}

// V8's arrays are smaller than a module may ask for.
function tooLarge(e) {
	return e instanceof WebAssembly.RuntimeError && e.message.includes("array is too large");
}

function run(bytes, list) {
	let module, instance;
	try {
		module = new WebAssembly.Module(bytes);
	} catch (e) {
		return `does not compile: ${e.message}`;
	}
	try {
		instance = new WebAssembly.Instance(module, {});
	} catch (e) {
		return tooLarge(e) ? "limit" : "no instance";
	}
	const names = WebAssembly.Module.exports(module).map((e) => e.name);
	let line = "";
	for (const call of list.trim().split(" ").filter(Boolean)) {
		const [n, params, results] = call.split(":");
		line += ` ${n}=`;
		try {
			const args = [...params].map((type, i) => argument(type, Number(n) + i));
			const value = instance.exports[names[n]](...args);
			const values = results.length === 1 ? [value] : results.length ? value : [];
			line += values.map((v, i) => text(results[i], v)).join("");
		} catch (e) {
			if (tooLarge(e)) return `${line}limit`;
			line += e instanceof WebAssembly.Exception ? "exception" : "trap";
		}
	}
	return line;
}

const out = [];
for (let at = 0, n = 0; at < data.length; n++) {
	const size = data.readUInt32LE(at);
	out.push(run(data.subarray(at + 4, at + 4 + size), calls[n]));
	at += 4 + size;
}
process.stdout.write(out.join("\n") + "\n");
