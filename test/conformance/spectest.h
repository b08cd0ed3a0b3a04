/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner of the official WebAssembly test suite: one packed script against the engine.
 * Freestanding; built into a hosted program and into the image of a guest runtime. spectest_pack.py
 * writes what it reads:
 *
 * file      magic "MOTESPEC", u32 commands, text name of the .wast file, commands
 * command   u32 bytes of what follows, u8 enum spectest_kind, u32 line, fields by kind
 * MODULE, DEFINITION                        text name ("": none), blob module
 * INSTANCE                                  text instance name, text definition name
 * REGISTER                                  text module name ("": the last), text name to import by
 * INVALID, MALFORMED, UNLINKABLE, UNINSTANTIABLE
 *                                           text expected message, blob module
 * MALFORMED_TEXT                            nothing: there is no text parser to test
 * ACTION, RETURN, TRAP, EXHAUSTION, EXCEPTION
 *                                           text expected message, action, u8 results, expectations
 * action    u8 enum spectest_action, text module name, text export, u8 arguments, values
 * value     u8 enum wasm_type (0: none of the engine's), u64 low, u64 high; a reference: u64 0
 *           null, else value + 1
 * expectation
 *           u8 alternatives, each: u8 type (0: a reference of any type), u8 lane bytes,
 *           16 / lane bytes lanes: u8 enum spectest_match, u64 bits. Scalars and references
 *           have one lane.
 *
 * All numbers are little-endian; text and blob are a u32 length and bytes.
 */
#ifndef MOTE_TEST_SPECTEST_H
#define MOTE_TEST_SPECTEST_H

#include <stddef.h>
#include <stdint.h>

enum spectest_kind {
	SPECTEST_MODULE = 1,
	SPECTEST_DEFINITION,
	SPECTEST_INSTANCE,
	SPECTEST_REGISTER,
	SPECTEST_INVALID,
	SPECTEST_MALFORMED,
	SPECTEST_UNLINKABLE,
	SPECTEST_UNINSTANTIABLE,
	SPECTEST_MALFORMED_TEXT,
	SPECTEST_ACTION,
	SPECTEST_RETURN,
	SPECTEST_TRAP,
	SPECTEST_EXHAUSTION,
	SPECTEST_EXCEPTION,
};

enum spectest_action { SPECTEST_INVOKE = 1, SPECTEST_GET };

enum spectest_match {
	SPECTEST_BITS = 0,       /* these bits; a reference: 0 null, else value + 1 */
	SPECTEST_CANONICAL_NAN,  /* either sign */
	SPECTEST_ARITHMETIC_NAN, /* the quiet bit is set */
	SPECTEST_NON_NULL,       /* a reference */
};

/*
 * Runs a packed script. Writes through spectest_out a line `FAIL file:line: why` for each of the
 * first failures and at the end `RESULT file commands C text T executed E passed P failed F`. 0
 * when all passed.
 */
int spectest_run(const uint8_t *packed, uint64_t bytes);

/*
 * Which of the CPU's extensions (enum wasm_cpu) the engine may use; all, unless a program changes
 * it.
 */
extern uint32_t spectest_cpu;
/* When objects are collected: enum wasm_stress. */
extern uint8_t spectest_stress;

/* What the two programs give it. */
void spectest_out(const char *line, size_t bytes);
/* The module's bytes where they may stay: a copy that a sanitizer guards, or the same. */
const uint8_t *spectest_keep(const uint8_t *module, uint32_t bytes);

#endif
