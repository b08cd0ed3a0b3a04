/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal frames on the program's stack, as x86-64 Linux lays them out: struct rt_sigframe, and
 * above it the registers that the runtime itself does not use, as XSAVE writes them (Linux's
 * <asm/sigcontext.h>; Intel SDM volume 1, 13.4).
 */
#include "guest/linux/arch/arch.h"
#include "guest/linux/task/alt_stack.h"
#include "guest/linux/task/signal.h"
#include "guest/linux/user.h"

#include <asm/processor-flags.h>
#include <linux/signal.h>
/* After <linux/signal.h>. */
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

enum { RED_ZONE = 128, MXCSR_MASK_DEFAULT = 0xffbf, MXCSR_DEFAULT = 0x1f80 };

struct frame {
	uint64_t restorer;
	struct ucontext uc;
	siginfo_t info;
};
_Static_assert(sizeof(struct frame) + 64 + RED_ZONE <= SIGNAL_FRAME_MAX - SIGNAL_REGISTERS_MAX,
	       "the rest of a frame");

/* --- the extended state --- */

static uint64_t features; /* XCR0 */
static uint32_t xsave_bytes;

static void find_features(void)
{
	uint32_t a, b, c = 0, d;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	features = a | (uint64_t)d << 32;
	a = 0xd;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (b > SIGNAL_REGISTERS_MAX - FP_XSTATE_MAGIC2_SIZE)
		lib_panic("registers of %u bytes", b);
	xsave_bytes = b;
}

static struct _xstate *xstate(void)
{
	if (!xsave_bytes)
		find_features();
	return (void *)this_thread()->scratch->registers;
}

/* The registers into scratch memory, as a frame has them: their bytes. */
static uint32_t save_registers(void)
{
	struct _xstate *x = xstate();
	const uint32_t magic2 = FP_XSTATE_MAGIC2;
	memset(&x->xstate_hdr, 0, sizeof(x->xstate_hdr));
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(x), "a"((uint32_t)features), "d"((uint32_t)(features >> 32))
			 : "memory");
	memset(x->fpstate.reserved3, 0, sizeof(x->fpstate.reserved3));
	x->fpstate.sw_reserved = (struct _fpx_sw_bytes){
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = xsave_bytes + FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = features,
		.xstate_size = xsave_bytes,
	};
	memcpy((uint8_t *)x + xsave_bytes, &magic2, sizeof(magic2));
	return xsave_bytes + FP_XSTATE_MAGIC2_SIZE;
}

/*
 * Reads what follows the legacy part of a frame's registers. False if the frame does not have all
 * of it.
 */
static bool read_extended(const struct _xstate *x, uint64_t from)
{
	const struct _fpx_sw_bytes *sw = &x->fpstate.sw_reserved;
	const uint64_t legacy = sizeof(x->fpstate);
	uint32_t magic2;
	if (sw->magic1 != FP_XSTATE_MAGIC1 || sw->xstate_size != xsave_bytes ||
	    sw->extended_size != xsave_bytes + FP_XSTATE_MAGIC2_SIZE)
		return false;
	if (get_user(&magic2, from + xsave_bytes, sizeof(magic2)) < 0 || magic2 != FP_XSTATE_MAGIC2)
		return false;
	return get_user((uint8_t *)x + legacy, from + legacy, xsave_bytes - legacy) == 0;
}

static uint32_t mxcsr_mask(const struct _xstate *x)
{
	__asm__ volatile("fxsave64 (%0)" : : "r"(x) : "memory");
	if (x->fpstate.mxcsr_mask == 0)
		return MXCSR_MASK_DEFAULT;
	return x->fpstate.mxcsr_mask;
}

/*
 * The registers from the program's memory, which may hold anything: what XRSTOR would refuse does
 * not reach it.
 */
static int64_t restore_registers(uint64_t from)
{
	struct _xstate *x = xstate();
	const uint32_t mask = mxcsr_mask(x);
	uint64_t used = 3; /* x87 and SSE */
	if (get_user(x, from, sizeof(x->fpstate)) < 0)
		return -EFAULT;
	if (read_extended(x, from))
		used = x->xstate_hdr.xfeatures;
	if (x->fpstate.mxcsr & ~mask)
		return -EFAULT;
	memset(&x->xstate_hdr, 0, sizeof(x->xstate_hdr));
	x->xstate_hdr.xfeatures = used & features;
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(x), "a"((uint32_t)features), "d"((uint32_t)(features >> 32))
			 : "memory");
	return 0;
}

/*
 * As a program and each of its handlers finds them: a handler's first floating-point instruction
 * must not raise what the signal was about once more.
 */
static void initial_registers(void)
{
	struct _xstate *x = xstate();
	memset(x, 0, sizeof(*x));
	x->fpstate.mxcsr = MXCSR_DEFAULT;
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(x), "a"((uint32_t)features), "d"((uint32_t)(features >> 32))
			 : "memory");
}

void registers_reset(void)
{
	initial_registers();
	__asm__ volatile("wrfsbase %0" : : "r"(0UL));
	this_thread()->program_gs = 0;
}

/* --- general registers --- */

static void save_context(const struct mote_context *c, struct sigcontext *s)
{
	*s = (struct sigcontext){
		.r8 = c->r8,
		.r9 = c->r9,
		.r10 = c->r10,
		.r11 = c->r11,
		.r12 = c->r12,
		.r13 = c->r13,
		.r14 = c->r14,
		.r15 = c->r15,
		.rdi = c->rdi,
		.rsi = c->rsi,
		.rbp = c->rbp,
		.rbx = c->rbx,
		.rdx = c->rdx,
		.rax = c->rax,
		.rcx = c->rcx,
		.rsp = c->rsp,
		.rip = c->rip,
		.eflags = c->rflags,
		.cs = MOTE_USER_CS,
		.ss = MOTE_USER_DS,
	};
}

static void restore_context(const struct sigcontext *s, struct mote_context *c)
{
	const uint64_t flags = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |
			       X86_EFLAGS_SF | X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_TF |
			       X86_EFLAGS_AC | X86_EFLAGS_RF;
	*c = (struct mote_context){
		.r8 = s->r8,
		.r9 = s->r9,
		.r10 = s->r10,
		.r11 = s->r11,
		.r12 = s->r12,
		.r13 = s->r13,
		.r14 = s->r14,
		.r15 = s->r15,
		.rdi = s->rdi,
		.rsi = s->rsi,
		.rbp = s->rbp,
		.rbx = s->rbx,
		.rdx = s->rdx,
		.rax = s->rax,
		.rcx = s->rcx,
		.rsp = s->rsp,
		.rip = s->rip,
		.rflags = (s->eflags & flags) | X86_EFLAGS_IF | X86_EFLAGS_FIXED,
	};
}

/* --- frames --- */

static struct frame make_frame(const struct mote_context *c, const struct signal_action *a,
			       const struct signal_delivery *d)
{
	struct frame f = {.restorer = a->restorer};
	f.info.si_signo = d->signo;
	f.info.si_code = d->code;
	f.info.si_errno = d->error_number;
	f.info.si_addr = (void *)d->address; /* where si_pid and si_uid are, too */
	f.info.si_ptr = (void *)d->value;
	f.uc.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.uc.uc_stack.ss_sp = (void *)d->alt_stack.sp;
	f.uc.uc_stack.ss_size = d->alt_stack.bytes;
	f.uc.uc_stack.ss_flags = d->alt_stack.flags;
	f.uc.uc_sigmask = d->mask;
	save_context(c, &f.uc.uc_mcontext);
	f.uc.uc_mcontext.err = d->error;
	f.uc.uc_mcontext.trapno = d->trap;
	f.uc.uc_mcontext.oldmask = d->mask;
	if (d->trap)
		f.uc.uc_mcontext.cr2 = d->address;
	return f;
}

/* Where the frame ends. *alternate: it must lie on the alternate stack as a whole. */
static uint64_t frame_top(const struct mote_context *c, const struct signal_action *a,
			  const struct signal_delivery *d, bool *alternate)
{
	const struct alt_stack *s = &d->alt_stack;
	const uint64_t top = c->rsp - RED_ZONE;
	*alternate = alt_stack_used(s, c->rsp);
	if (!(a->flags & SA_ONSTACK) || !s->bytes || alt_stack_used(s, top))
		return top;
	*alternate = true;
	return s->sp + s->bytes;
}

bool signal_frame_push(struct mote_context *c, const struct signal_action *a,
		       const struct signal_delivery *d)
{
	uint32_t bytes = save_registers();
	bool alternate;
	uint64_t registers_at = (frame_top(c, a, d, &alternate) - bytes) & ~63UL;
	uint64_t at = ((registers_at - sizeof(struct frame)) & ~15UL) - 8; /* as after a call */
	struct frame f = make_frame(c, a, d);
	f.uc.uc_mcontext.fpstate = (void *)registers_at;
	if (alternate && !alt_stack_holds(&d->alt_stack, at))
		return false;
	if (put_user(registers_at, this_thread()->scratch->registers, bytes) < 0 ||
	    put_user(at, &f, sizeof(f)) < 0)
		return false;
	initial_registers();
	c->rip = a->handler;
	c->rsp = at;
	c->rdi = (uint64_t)d->signo;
	c->rsi = at + offsetof(struct frame, info);
	c->rdx = at + offsetof(struct frame, uc);
	c->rax = 0;
	c->rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED;
	return true;
}

int64_t signal_frame_pop(struct mote_context *c, uint64_t *mask, struct alt_stack *stack)
{
	struct frame f;
	uint64_t at = c->rsp - sizeof(f.restorer); /* the handler's RET took it */
	if (get_user(&f, at, sizeof(f)) < 0)
		return -EFAULT;
	uint64_t registers_at = (uint64_t)f.uc.uc_mcontext.fpstate;
	if (registers_at && restore_registers(registers_at) < 0)
		return -EFAULT;
	restore_context(&f.uc.uc_mcontext, c);
	*mask = f.uc.uc_sigmask;
	*stack = (struct alt_stack){
		.sp = (uint64_t)f.uc.uc_stack.ss_sp,
		.flags = f.uc.uc_stack.ss_flags,
		.bytes = f.uc.uc_stack.ss_size,
	};
	return 0;
}
