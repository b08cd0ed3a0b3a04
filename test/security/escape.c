/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries of CPL 3 code to get more (guest/escape.def), each in a VM of its own. A try is contained
 * if the guest says so or was ended for it, no port but the two of Mote was reached, and the host
 * finds everything that belongs to CPL 0 as it was.
 */
#include "guest/guest.h"
#include "security.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

SECURITY_IMAGE(escape);

enum ends { CONTAINED, DIES, LIMIT };

static const struct {
	const char *name;
	enum ends ends;
} tries[] = {
#define INSTRUCTION(name, may, ...) {#name, CONTAINED},
#define TRY(name, ends)             {#name, ends},
#include "guest/escape.def"
#undef INSTRUCTION
#undef TRY
};
enum { TRIES = sizeof(tries) / sizeof(tries[0]) };

/* The last exit, as KVM tells it: how CPL 0 shows, whatever the guest's memory says. */
static const char *exit_of_cpl_0(const struct vm *vm, const struct vm_outcome *out)
{
	const struct kvm_run *run = vm->vcpus[0].kvm.run;
	struct kvm_sregs s;
	if (run->exit_reason != KVM_EXIT_IO)
		return NULL;
	if (run->io.port != MOTE_PORT_CALL && run->io.port != MOTE_PORT_FAULT)
		return "a port was reached that only CPL 0 can reach";
	if (out->end != VM_EXITED || run->io.port != MOTE_PORT_CALL)
		return NULL;
	if (ioctl(vm->vcpus[0].kvm.fd, KVM_GET_SREGS, &s) < 0)
		security_die("KVM_GET_SREGS: %m");
	return (s.cs.selector & 3) == 3 ? NULL : "a host call came from CPL 0";
}

static bool ended_well(const struct vm_outcome *out, enum ends ends)
{
	if (out->end == VM_EXITED)
		return out->code == 0;
	if (out->end == VM_FAULTED)
		return ends != CONTAINED;
	return out->end == VM_TIMED_OUT && ends == LIMIT;
}

static const char *end_name(const struct vm_outcome *out)
{
	switch (out->end) {
	case VM_EXITED:
		return "contained";
	case VM_FAULTED:
		return "contained, the guest was ended";
	case VM_TIMED_OUT:
		return "contained, until its time limit";
	case VM_SIGNALLED:
	case VM_INTERRUPTED:
	case VM_WAITING:
		break;
	}
	return "an end that was not to be";
}

static void try_one(unsigned n)
{
	char number[16], *argv[] = {number, (char *)(security_options.whole ? "long" : "short"),
				    (char *)(security_native() ? "native" : "hardware"), NULL};
	snprintf(number, sizeof(number), "%u", n);
	uint64_t limit =
		tries[n].ends == LIMIT ? NS / 2 : (security_options.whole ? 1200 : 120) * NS;
	struct vm *vm = security_vm(SECURITY_IMAGE_OF(escape), argv, 64, limit);
	struct security_evidence *before = security_note(vm);
	struct vm_outcome out = {0};
	struct err e = {0};
	uint64_t began = security_now_ns();
	if (vm_run(vm, &out, &e) < 0)
		security_die("%s: %s", tries[n].name, e.text);
	uint64_t ms = (security_now_ns() - began) / 1000000;
	const char *wrong = exit_of_cpl_0(vm, &out), *changed = security_compare(vm, before);
	if (!wrong)
		wrong = changed;
	if (!wrong && !ended_well(&out, tries[n].ends))
		wrong = out.end == VM_EXITED ? "more than CPL 3 may have" : end_name(&out);
	if (wrong)
		security_report(false, tries[n].name, "%s (end %d, code %d); %s", wrong, out.end,
				out.code, security_log);
	else
		security_report(true, tries[n].name, "%s; %s; %lu ms", end_name(&out), security_log,
				ms);
	vm_destroy(vm);
}

int main(int argc, char **argv)
{
	security_begin(argc, argv);
	for (unsigned n = 0; n < TRIES; n++)
		if (security_chosen(tries[n].name))
			try_one(n);
	return security_end();
}
