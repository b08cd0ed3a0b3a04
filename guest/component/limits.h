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

/* While it runs. */
#define COMPONENT_MAX_INSTANCES     10000u        /* core ones and those of components, each */
#define COMPONENT_MAX_INSTANTIATING 100u          /* within each other */
#define COMPONENT_MAX_STEPS         10000000u     /* definitions carried out */
#define COMPONENT_MAX_ADAPTERS      1000u         /* compiled calls; others are interpreted */
#define COMPONENT_ADAPTERS_BYTES    0x10000000ull /* address space for their modules */
#define COMPONENT_MAX_HANDLES       0x10000000u
#define COMPONENT_HANDLES_BYTES     0x180000000ull /* address space for an instance's */
#define COMPONENT_LOANS_BYTES       0x80000000ull
#define COMPONENT_HOST_BYTES        256u /* of parameters, or a result, of a function of the host */
#define COMPONENT_MAX_PASSED_BYTES  0xfffffffu /* of a string or list that is passed */

/* A value's size in memory (Canonical ABI: element size with 64-bit pointers). */
#define COMPONENT_MAX_VALUE_BYTES 0x10000000u

#endif
