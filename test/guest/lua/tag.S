/* SPDX-License-Identifier: Apache-2.0 */
/* The tag of longjmp, whose value is the address of a struct jump. */
	.tagtype __c_longjmp i32
	.globl __c_longjmp
__c_longjmp:
