/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's log, and what a guest has cost. */
#include "vm/internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOG_LINES_MAX = 1000 }; /* of one guest */

void vm_log(struct vm *vm, const char *fmt, ...)
{
	if (!vm->log || vm->log_lines > LOG_LINES_MAX)
		return;
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (vm->log_lines++ == LOG_LINES_MAX)
		snprintf(line, sizeof(line), "further messages of this guest are dropped");
	vm->log(vm->log_arg, line);
}

void vm_count(const struct vm *vm, struct vm_counters *out)
{
	const struct vcpu *vcpu = &vm->vcpus[0];
	*out = vcpu->counters;
}

int vm_count_call(const struct vm *vm, size_t index, struct vm_call_counters *out)
{
	static const struct {
		unsigned nr;
		const char *name;
	} rows[] = {
#define CALL(number, name, guests, thread, arguments) {number, #name},
#include "abi/calls.def"
#undef CALL
	};
	const struct vcpu *vcpu = &vm->vcpus[0];
	if (index >= sizeof(rows) / sizeof(rows[0]))
		return -ENOENT;
	const unsigned nr = rows[index].nr;
	*out = (struct vm_call_counters){
		.name = rows[index].name,
		.by_exit = vcpu->call_counters[nr].by_exit,
		.polled = vcpu->call_counters[nr].polled,
	};
	return 0;
}
