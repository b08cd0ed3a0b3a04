/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest that owned CPL 0 leaves behind (guest/residue.c) and the next one could find: in a
 * VM that is used again, in one that is reset to a snapshot, in one made from a snapshot in a VM
 * that is used again, in one that a guest of the same snapshot has left. The host compares all that
 * KVM tells of the vCPU with a VM that had no guest before, and looks through all of the guest's
 * memory.
 */
#include "guest/residue.h"

#include "security.h"
#include "vm/kvm/open.h"
#include "vm/snapshot/recycle.h"
#include "vm/snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

SECURITY_IMAGE(residue);

enum { MSRS_MAX = 512, MEMORY_MIB = 32 };

struct state {
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_xsave xsave;
	uint32_t msr_count;
	struct kvm_msr_entry msrs[MSRS_MAX];
};

/* Those that a clock moves. */
static bool moves(uint32_t msr)
{
	return msr == 0x10 || msr == 0x3b || msr == 0x40000020 || msr == 0x40000010 ||
	       msr == 0x6e0 || msr == 0xe7 || msr == 0xe8;
}

static struct kvm_msr_list *msr_list(void)
{
	static struct kvm_msr_list *list;
	if (list)
		return list;
	struct err e = {0};
	int kvm = kvm_open(&e);
	list = calloc(1, sizeof(*list) + MSRS_MAX * sizeof(list->indices[0]));
	if (kvm < 0 || !list)
		security_die("KVM: %s", e.text);
	list->nmsrs = MSRS_MAX;
	if (ioctl(kvm, KVM_GET_MSR_INDEX_LIST, list) < 0)
		security_die("KVM_GET_MSR_INDEX_LIST: %m");
	close(kvm);
	return list;
}

static void read_msrs(struct vm *vm, struct state *s)
{
	const struct kvm_msr_list *list = msr_list();
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} one = {.head.nmsrs = 1, .entry.index = list->indices[i]};
		if (!moves(list->indices[i]) && ioctl(vm->vcpus[0].kvm.fd, KVM_GET_MSRS, &one) == 1)
			s->msrs[s->msr_count++] = one.entry;
	}
}

static struct state *read_state(struct vm *vm)
{
	struct state *s = calloc(1, sizeof(*s));
	int fd = vm->vcpus[0].kvm.fd;
	if (!s)
		security_die("out of memory");
	if (ioctl(fd, KVM_GET_SREGS, &s->sregs) < 0 ||
	    ioctl(fd, KVM_GET_DEBUGREGS, &s->debug) < 0 || ioctl(fd, KVM_GET_XCRS, &s->xcrs) < 0 ||
	    ioctl(fd, KVM_GET_VCPU_EVENTS, &s->events) < 0 ||
	    ioctl(fd, KVM_GET_XSAVE, &s->xsave) < 0 || ioctl(fd, KVM_GET_MP_STATE, &s->mp) < 0)
		security_die("reading a vCPU's state: %m");
	read_msrs(vm, s);
	return s;
}

static const char *compare_msrs(const struct state *fresh, const struct state *s)
{
	static char text[100];
	for (uint32_t i = 0; i < s->msr_count; i++)
		if (fresh->msrs[i].index != s->msrs[i].index ||
		    fresh->msrs[i].data != s->msrs[i].data) {
			snprintf(text, sizeof(text), "MSR %#x is %#llx, in a new VM %#llx",
				 s->msrs[i].index, s->msrs[i].data, fresh->msrs[i].data);
			return text;
		}
	return fresh->msr_count == s->msr_count ? NULL : "other MSRs";
}

/* x87, SSE, and what follows the header, as far as XCR0 goes. */
static const char *compare_vectors(const struct state *fresh, const struct state *s)
{
	static char text[100];
	const uint8_t *a = (const uint8_t *)&fresh->xsave, *b = (const uint8_t *)&s->xsave;
	for (unsigned i = 0; i < sizeof(s->xsave); i++)
		if (a[i] != b[i] && (i < 512 || i >= 576)) {
			snprintf(text, sizeof(text),
				 "byte %u of the extended state is %#x, in a new VM %#x", i, b[i],
				 a[i]);
			return text;
		}
	return NULL;
}

static const char *compare_control(const struct kvm_sregs *x, const struct kvm_sregs *y)
{
	static char text[160];
	const uint64_t own = 1 << 3; /* DE, by which the host has KVM drop translations */
	if (x->cr0 == y->cr0 && x->cr2 == y->cr2 && x->cr3 == y->cr3 &&
	    (x->cr4 | own) == (y->cr4 | own) && x->cr8 == y->cr8 && x->efer == y->efer &&
	    x->apic_base == y->apic_base)
		return NULL;
	snprintf(text, sizeof(text),
		 "CR0 %#llx CR2 %#llx CR3 %#llx CR4 %#llx CR8 %#llx EFER %#llx, in a new VM %#llx "
		 "%#llx %#llx %#llx %#llx %#llx",
		 y->cr0, y->cr2, y->cr3, y->cr4, y->cr8, y->efer, x->cr0, x->cr2, x->cr3, x->cr4,
		 x->cr8, x->efer);
	return text;
}

static const char *compare(const struct state *fresh, const struct state *s)
{
	const struct kvm_sregs *x = &fresh->sregs, *y = &s->sregs;
	const char *wrong = compare_control(x, y);
	if (!wrong && (x->gdt.base != y->gdt.base || x->gdt.limit != y->gdt.limit ||
		       x->idt.base != y->idt.base || x->idt.limit != y->idt.limit ||
		       x->tr.base != y->tr.base || x->tr.limit != y->tr.limit))
		wrong = "a descriptor table is elsewhere";
	if (!wrong && (x->fs.base != y->fs.base || x->gs.base != y->gs.base ||
		       x->cs.selector != y->cs.selector))
		wrong = "a segment is another";
	if (!wrong && memcmp(&fresh->debug, &s->debug, sizeof(s->debug)) != 0)
		wrong = "debug registers differ";
	if (!wrong && (fresh->xcrs.nr_xcrs != s->xcrs.nr_xcrs ||
		       fresh->xcrs.xcrs[0].value != s->xcrs.xcrs[0].value))
		wrong = "XCR0 differs";
	if (!wrong && memcmp(&fresh->events, &s->events, sizeof(s->events)) != 0)
		wrong = "events differ";
	if (!wrong && fresh->mp.mp_state != s->mp.mp_state)
		wrong = "the vCPU's state differs";
	if (!wrong)
		wrong = compare_vectors(fresh, s);
	return wrong ? wrong : compare_msrs(fresh, s);
}

/* Anywhere in memory that the vCPU can reach. */
static const char *look_through(struct vm *vm)
{
	static char text[100];
	const uint64_t pattern = residue_pattern(),
		       *at = (const uint64_t *)(const void *)vm->memory.hva;
	uint64_t found = 0, first = 0;
	for (uint64_t i = 0; i < vm->memory.slot_end / 8; i++)
		if (at[i] == pattern || (uint32_t)at[i] == (uint32_t)pattern) {
			first = found++ ? first : i * 8;
		}
	if (!found)
		return NULL;
	snprintf(text, sizeof(text), "the pattern is in %lu words of memory, first at %#lx", found,
		 first);
	return text;
}

/* --- guests --- */

static enum vm_end run(struct vm *vm, const char *answer, int *code)
{
	const struct vm_limits limits = {.wall_ns = 60 * NS};
	struct vm_outcome out = {0};
	struct err e = {0};
	if (answer && vm_reply(vm, answer, 1, &e) < 0)
		security_die("answering the guest: %s", e.text);
	vm_begin(vm, &limits);
	if (vm_resume(vm, &out, &e) < 0)
		security_die("running the guest: %s", e.text);
	vm_finish(vm);
	*code = out.code;
	return out.end;
}

enum who { USER, OWNER, TIDY };
static const char *const who_names[] = {"user", "owner", "tidy"};

static struct vm *make(const char *what, enum who who)
{
	char *argv[] = {(char *)what, (char *)who_names[who], NULL};
	struct vm *vm = security_vm(SECURITY_IMAGE_OF(residue), argv, MEMORY_MIB, 0);
	vm_offer_calls(vm, 4096, false);
	if (who != USER)
		security_start_at_cpl0(vm);
	return vm;
}

static void wait_ready(void)
{
	for (int i = 0; i < 4000 && recycle_ready() < 1; i++)
		usleep(5000);
	if (recycle_ready() < 1)
		security_die("no VM became ready for its next guest");
}

/*
 * Runs the guest that leaves the pattern, until its end; its VM waits for the next guest then, or
 * is the caller's.
 */
static struct vm *filled(enum who who)
{
	int code;
	struct vm *vm = make("fill", who);
	enum vm_end end = run(vm, NULL, &code);
	if (end != VM_EXITED || code != 0)
		security_die("the guest that leaves the pattern: end %d, code %d; %s", end, code,
			     security_log);
	return vm;
}

static const char *looked(struct vm *vm, const char *answer, const struct state *fresh)
{
	int code;
	enum vm_end end = run(vm, answer, &code);
	if (end != VM_EXITED || code != 0)
		return security_log[0] ? security_log : "the guest that looks did not end well";
	struct state *s = read_state(vm);
	const char *wrong = compare(fresh, s);
	free(s);
	return wrong ? wrong : look_through(vm);
}

static int rounds(void)
{
	return security_options.whole ? 1000 : 10;
}

static void report(const char *name, const char *wrong, int done)
{
	if (wrong)
		security_report(false, name, "round %d: %s", done, wrong);
	else
		security_report(true, name, "%d rounds, nothing found", done);
}

/* A VM with no guest before; what is in it must be what the others are compared with. */
static struct state *reference(const char *what, const char *answer)
{
	int code;
	struct vm *vm = make(what, USER);
	if (answer)
		(void)run(vm, NULL, &code);
	if (run(vm, answer, &code) != VM_EXITED || code != 0 || look_through(vm))
		security_die("a new VM has the pattern; %s", security_log);
	struct state *s = read_state(vm);
	vm_destroy(vm);
	return s;
}

static void used_again(enum who who, const char *name)
{
	struct state *fresh = reference("look", NULL);
	const char *wrong = NULL;
	int n = 0;
	if (recycle_keep(1) < 0)
		security_die("keeping VMs");
	for (; n < rounds() && !wrong; n++) {
		vm_destroy(filled(who));
		/*
		 * A VM whose page tables or kernel pages are other than the host has made them gets
		 * no other guest.
		 */
		if (who != OWNER)
			wait_ready();
		else
			usleep(100000);
		wrong = who == OWNER && recycle_ready() ? "the VM is to be used again" : NULL;
		struct vm *vm = make("look", USER);
		if (!wrong)
			wrong = recycle_ready() ? "the VM was not used again"
						: looked(vm, NULL, fresh);
		vm_destroy(vm);
		wait_ready();
		(void)!recycle_keep(0);
		(void)!recycle_keep(1);
	}
	(void)!recycle_keep(0);
	free(fresh);
	report(name, wrong, n);
}

/* A guest that has become the owner of CPL 0 after it was frozen: the test starts it there. */
static struct vm_snapshot *frozen(struct vm **out, enum who who)
{
	struct vm_snapshot *s = NULL;
	struct err e = {0};
	int code;
	*out = make("serve", who);
	if (run(*out, NULL, &code) != VM_WAITING)
		security_die("the guest that is to be frozen ended; %s", security_log);
	if (vm_snapshot_take(*out, &s, &e) < 0)
		security_die("freezing: %s", e.text);
	return s;
}

static struct vm *made_from(struct vm_snapshot *s)
{
	struct vm *vm;
	if (security_vm_from(s, MEMORY_MIB, &vm) < 0)
		security_die("a VM from a snapshot");
	return vm;
}

static struct state *reference_of(struct vm_snapshot *s)
{
	struct vm *vm = made_from(s);
	int code;
	if (run(vm, "l", &code) != VM_EXITED || code != 0 || look_through(vm))
		security_die("a VM from a snapshot has the pattern; %s", security_log);
	struct state *fresh = read_state(vm);
	vm_destroy(vm);
	return fresh;
}

/*
 * A reset guest is at CPL 3, whatever it was; the test makes it the owner again where its first
 * instructions, which load its vector registers, are not interpreted.
 */
static bool leave(struct vm *vm, enum who who, bool maps)
{
	bool owner = who != USER && !security_native();
	const char *what = maps ? "u" : "n";
	int code;
	if (owner)
		what = maps ? "f" : "o";
	if (owner)
		security_start_at_cpl0(vm);
	return run(vm, what, &code) == VM_EXITED && code == 0;
}

static bool leave_again(struct vm *vm, struct vm_snapshot *s, enum who who)
{
	struct err e = {0};
	return vm_restore(vm, s, &e) == 0 && leave(vm, who, true);
}

static void reset(enum who who, const char *name)
{
	struct vm *vm;
	struct vm_snapshot *s = frozen(&vm, who);
	struct state *fresh = reference_of(s);
	struct err e = {0};
	const char *wrong = NULL;
	int code, n = 0;
	for (; n < rounds() && !wrong; n++) {
		if (n == 0 && (run(vm, "f", &code) != VM_EXITED || code != 0))
			security_die("the frozen guest: code %d; %s", code, security_log);
		security_log[0] = '\0';
		wrong = vm_restore(vm, s, &e) < 0 ? "it could not be reset"
						  : looked(vm, "l", fresh);
		if (!wrong && !leave_again(vm, s, who))
			wrong = "the guest could not leave the pattern again";
	}
	free(fresh);
	vm_destroy(vm);
	vm_snapshot_drop(s);
	report(name, wrong, n);
}

static void made_from_snapshot(enum who who, const char *name)
{
	struct vm *vm;
	struct vm_snapshot *s = frozen(&vm, USER);
	struct state *fresh = reference_of(s);
	const char *wrong = NULL;
	int n = 0;
	vm_destroy(vm);
	if (recycle_keep(1) < 0)
		security_die("keeping VMs");
	for (; n < rounds() && !wrong; n++) {
		vm_destroy(filled(who));
		if (who != OWNER)
			wait_ready();
		vm = made_from(s);
		wrong = looked(vm, "l", fresh);
		vm_destroy(vm);
		wait_ready();
	}
	(void)!recycle_keep(0);
	free(fresh);
	vm_snapshot_drop(s);
	report(name, wrong, n);
}

/* The VM of a guest that owned CPL 0 and left its tables changed is closed: another one is made. */
static void made_again(enum who who, const char *name)
{
	struct vm *vm;
	struct vm_snapshot *s = frozen(&vm, who);
	struct state *fresh = reference_of(s);
	const char *wrong = NULL;
	int n = 0, was_reset = 0;
	vm_destroy(vm);
	if (recycle_keep(1) < 0)
		security_die("keeping VMs");
	for (; n < rounds() && !wrong; n++) {
		vm = made_from(s);
		if (!leave(vm, who, n % 2))
			wrong = "the guest could not leave the pattern";
		vm_destroy(vm);
		if (who != OWNER)
			wait_ready();
		else
			usleep(100000);
		vm = made_from(s);
		was_reset += vm->memory.dirty.count > 0;
		if (!wrong)
			wrong = looked(vm, "l", fresh);
		vm_destroy(vm);
		wait_ready();
	}
	if (!wrong && who != OWNER && was_reset < n / 2)
		wrong = "not each VM that could be was reset";
	(void)!recycle_keep(0);
	free(fresh);
	vm_snapshot_drop(s);
	report(name, wrong, n);
}

int main(int argc, char **argv)
{
	security_begin(argc, argv);
	used_again(USER, "residue-used-again");
	used_again(TIDY, "residue-used-again-registers");
	used_again(OWNER, "residue-not-used-again");
	reset(USER, "residue-reset");
	reset(TIDY, "residue-reset-registers");
	reset(OWNER, "residue-reset-cpl0");
	made_from_snapshot(USER, "residue-from-snapshot");
	made_from_snapshot(TIDY, "residue-from-snapshot-registers");
	made_from_snapshot(OWNER, "residue-from-snapshot-cpl0");
	made_again(USER, "residue-made-again");
	made_again(TIDY, "residue-made-again-registers");
	made_again(OWNER, "residue-made-again-cpl0");
	return security_end();
}
