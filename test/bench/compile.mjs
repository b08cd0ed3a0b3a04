// SPDX-License-Identifier: Apache-2.0
// Nanoseconds that V8 takes to compile a module, for benchmarks: node compile.mjs MODULE.wasm
import { readFileSync } from "node:fs";

const bytes = readFileSync(process.argv[2]);
const since = process.hrtime.bigint();
const module = new WebAssembly.Module(bytes);
if (module) console.log(String(process.hrtime.bigint() - since));
