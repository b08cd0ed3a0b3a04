// SPDX-License-Identifier: Apache-2.0
// Runs a WASI program with V8, for benchmarks: node wasi.mjs PROGRAM.wasm [ARGUMENT]…
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [program, ...args], env: {}, returnOnExit: true });
const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(program)), wasi.getImportObject());
process.exitCode = wasi.start(instance);
