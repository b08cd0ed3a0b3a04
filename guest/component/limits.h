/* SPDX-License-Identifier: Apache-2.0 */
/* All that a component can make large is bounded here by name. */
#ifndef MOTE_GUEST_COMPONENT_LIMITS_H
#define MOTE_GUEST_COMPONENT_LIMITS_H

/* Counts of one vector. Each entry takes a byte at least: the file's size bounds them, too. */
#define COMPONENT_MAX_ENTRIES 100000u /* of a section, of arguments, of exports, of declarations */
#define COMPONENT_MAX_MEMBERS 10000u  /* fields, cases, parameters */
#define COMPONENT_MAX_FLAGS   32u
#define COMPONENT_MAX_NAME    1000u /* bytes of an import's or export's name */

/* Of the whole component. */
#define COMPONENT_MAX_DEPTH      100u /* components and types within each other */
#define COMPONENT_MAX_MODULES    1000u
#define COMPONENT_MAX_RESOURCES  1000000u
#define COMPONENT_MAX_TYPE_DEPTH 100u
#define COMPONENT_ARENA_BYTES    0x20000000ull /* address space for its tables */
/*
 * Steps of comparing, substituting and naming types. Types share parts, so their written-out form
 * may be exponentially longer than the file.
 */
#define COMPONENT_MAX_WORK 20000000u

/* A value's size in memory (Canonical ABI: element size with 64-bit pointers). */
#define COMPONENT_MAX_VALUE_BYTES 0x10000000u

#endif
