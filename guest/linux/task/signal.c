/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: the program's handlers, its mask, and faults of the CPU as the signals that Linux makes of
 * them. Frames on the program's stack are laid out as x86-64 Linux does (struct rt_sigframe).
 */
#include "guest/linux/linux.h"

enum { SIG_ILL = 4, SIG_TRAP = 5, SIG_BUS = 7, SIG_FPE = 8, SIG_KILL = 9, SIG_SEGV = 11, SIG_CHLD = 17, SIG_CONT = 18,
       SIG_STOP = 19, SIG_TSTP = 20, SIG_TTIN = 21, SIG_TTOU = 22, SIG_URG = 23, SIG_WINCH = 28 };
#define SA_SIGINFO_ 4UL
#define SA_ONSTACK_ 0x08000000UL
#define SA_RESTART_ 0x10000000UL
#define SA_RESTORER_ 0x04000000UL
#define SA_NODEFER_ 0x40000000UL
#define SA_RESETHAND_ 0x80000000UL
enum { SS_ONSTACK_ = 1, SS_DISABLE_ = 2 };

struct siginfo {
	int32_t signo, error, code, pad;
	uint64_t address;
	uint8_t rest[104];
};

struct mcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct ucontext {
	uint64_t flags, link, ss_sp;
	int32_t ss_flags, pad;
	uint64_t ss_size;
	struct mcontext mcontext;
	uint64_t sigmask;
};

struct frame {
	uint64_t restorer;
	struct ucontext uc;
	struct siginfo info;
};

_Static_assert(sizeof(struct siginfo) == 128 && sizeof(struct mcontext) == 256 && sizeof(struct ucontext) == 304,
	       "the kernel's layouts");

static uint64_t bit(int signo)
{
	return 1UL << (signo - 1);
}

static bool ignored_by_default(int signo)
{
	return signo == SIG_CHLD || signo == SIG_CONT || signo == SIG_URG || signo == SIG_WINCH || signo == SIG_TSTP ||
	       signo == SIG_TTIN || signo == SIG_TTOU;
}

int64_t signal_action(int signo, uint64_t act, uint64_t old)
{
	struct signal_action next, before;
	if (signo < 1 || signo > 64 || (act && (signo == SIG_KILL || signo == SIG_STOP)))
		return -E_INVAL;
	before = L.actions[signo];
	if (act && get_user(&next, act, sizeof(next)) < 0)
		return -E_FAULT;
	if (old && put_user(old, &before, sizeof(before)) < 0)
		return -E_FAULT;
	if (!act)
		return 0;
	L.actions[signo] = next;
	/* 1 is SIG_IGN, which the host must leave to us as well. */
	if (next.handler)
		L.area->handled_signals |= bit(signo);
	else
		L.area->handled_signals &= ~bit(signo);
	return 0;
}

int64_t signal_mask(uint32_t how, uint64_t set, uint64_t old)
{
	uint64_t mask, before = L.area->blocked_signals;
	if (set) {
		if (get_user(&mask, set, sizeof(mask)) < 0)
			return -E_FAULT;
		if (how > 2)
			return -E_INVAL;
		mask = how == 0 ? before | mask : how == 1 ? before & ~mask : mask;
	} else {
		mask = before;
	}
	if (old && put_user(old, &before, sizeof(before)) < 0)
		return -E_FAULT;
	L.area->blocked_signals = mask & ~(bit(SIG_KILL) | bit(SIG_STOP));
	return 0;
}

struct altstack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};

int64_t signal_altstack(uint64_t stack, uint64_t old)
{
	struct altstack before = {.sp = L.alt_stack,
				  .flags = L.alt_stack_bytes ? 0 : SS_DISABLE_,
				  .size = L.alt_stack_bytes}, next;
	if (stack && get_user(&next, stack, sizeof(next)) < 0)
		return -E_FAULT;
	if (old && put_user(old, &before, sizeof(before)) < 0)
		return -E_FAULT;
	if (!stack)
		return 0;
	if (!(next.flags & SS_DISABLE_) && next.size < 2048)
		return -E_NOMEM;
	L.alt_stack = next.sp;
	L.alt_stack_bytes = next.flags & SS_DISABLE_ ? 0 : next.size;
	return 0;
}

int64_t signal_raise(int signo)
{
	if (signo < 0 || signo > 64)
		return -E_INVAL;
	if (signo > 0)
		__atomic_fetch_or(&L.area->pending_signals, bit(signo), __ATOMIC_SEQ_CST);
	return 0;
}

/*
 * The floating-point part of a frame: XSAVE's image, what Linux says of it in the words that the hardware
 * leaves to software, and a magic word behind it (Linux's asm/sigcontext.h; Intel SDM volume 1, 13.4).
 */
enum { MXCSR_AT = 24, MXCSR_MASK_AT = 28, SOFTWARE_AT = 464, HEADER_AT = 512, LEGACY_BYTES = 512, HEADER_BYTES = 64,
       XSTATE_LEGACY = 3, MXCSR_MASK_DEFAULT = 0xffbf };
#define FP_MAGIC1 0x46505853U
#define FP_MAGIC2 0x46505845U

struct fp_software {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t size;
};

static uint8_t fpstate[XSAVE_BYTES] __attribute__((aligned(64)));
static uint64_t fp_features; /* XCR0 */
static uint32_t fp_bytes;    /* of XSAVE's image, for those features */

static void fp_find_out(void)
{
	uint32_t a, b, c = 0, d;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	fp_features = a | (uint64_t)d << 32;
	a = 0xd;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (b > XSAVE_BYTES - sizeof(FP_MAGIC2))
		lib_panic("registers of %u bytes", b);
	fp_bytes = b;
}

/* The registers into fpstate, as a frame has them: its bytes. */
static uint32_t fp_save(void)
{
	const uint32_t magic2 = FP_MAGIC2;
	if (!fp_bytes)
		fp_find_out();
	const struct fp_software software = {.magic1 = FP_MAGIC1, .extended_size = fp_bytes + sizeof(magic2),
					     .features = fp_features, .size = fp_bytes};
	memset(fpstate + HEADER_AT, 0, HEADER_BYTES);
	__asm__ volatile("xsave64 (%0)" : : "r"(fpstate), "a"((uint32_t)fp_features), "d"((uint32_t)(fp_features >> 32)) : "memory");
	memset(fpstate + SOFTWARE_AT, 0, LEGACY_BYTES - SOFTWARE_AT);
	memcpy(fpstate + SOFTWARE_AT, &software, sizeof(software));
	memcpy(fpstate + fp_bytes, &magic2, sizeof(magic2));
	return fp_bytes + (uint32_t)sizeof(magic2);
}

/* Whether the frame at that address, whose legacy part is in fpstate, has the whole image. */
static bool fp_extended(uint64_t at)
{
	struct fp_software s;
	uint32_t magic2;
	memcpy(&s, fpstate + SOFTWARE_AT, sizeof(s));
	return s.magic1 == FP_MAGIC1 && s.size == fp_bytes && s.extended_size == fp_bytes + sizeof(magic2) &&
	       get_user(&magic2, at + fp_bytes, sizeof(magic2)) == 0 && magic2 == FP_MAGIC2 &&
	       get_user(fpstate + HEADER_AT, at + HEADER_AT, fp_bytes - HEADER_AT) == 0;
}

/* The registers from the program's memory, which may hold anything: what XRSTOR would refuse does not reach it. */
static int64_t fp_restore(uint64_t at)
{
	uint64_t used = XSTATE_LEGACY;
	uint32_t mxcsr, mask;
	if (!fp_bytes)
		fp_find_out();
	__asm__ volatile("fxsave64 (%0)" : : "r"(fpstate) : "memory");
	memcpy(&mask, fpstate + MXCSR_MASK_AT, sizeof(mask));
	if (get_user(fpstate, at, LEGACY_BYTES) < 0)
		return -E_FAULT;
	if (fp_extended(at))
		memcpy(&used, fpstate + HEADER_AT, sizeof(used));
	used &= fp_features;
	memset(fpstate + HEADER_AT, 0, HEADER_BYTES);
	memcpy(fpstate + HEADER_AT, &used, sizeof(used));
	memcpy(&mxcsr, fpstate + MXCSR_AT, sizeof(mxcsr));
	if (mxcsr & ~(mask ? mask : MXCSR_MASK_DEFAULT))
		return -E_FAULT;
	__asm__ volatile("xrstor64 (%0)" : : "r"(fpstate), "a"((uint32_t)fp_features), "d"((uint32_t)(fp_features >> 32)) : "memory");
	return 0;
}

static void context_to(const struct mote_context *c, struct mcontext *m)
{
	*m = (struct mcontext){
		.r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11, .r12 = c->r12, .r13 = c->r13, .r14 = c->r14,
		.r15 = c->r15, .rdi = c->rdi, .rsi = c->rsi, .rbp = c->rbp, .rbx = c->rbx, .rdx = c->rdx,
		.rax = c->rax, .rcx = c->rcx, .rsp = c->rsp, .rip = c->rip, .eflags = c->rflags, .cs = MOTE_USER_CS,
		.ss = MOTE_USER_DS,
	};
}

static void context_from(const struct mcontext *m, struct mote_context *c)
{
	*c = (struct mote_context){
		.r8 = m->r8, .r9 = m->r9, .r10 = m->r10, .r11 = m->r11, .r12 = m->r12, .r13 = m->r13, .r14 = m->r14,
		.r15 = m->r15, .rdi = m->rdi, .rsi = m->rsi, .rbp = m->rbp, .rbx = m->rbx, .rdx = m->rdx,
		.rax = m->rax, .rcx = m->rcx, .rsp = m->rsp, .rip = m->rip,
		.rflags = (m->eflags & 0xcd5) | 0x202,
	};
}

_Noreturn static void end_by(int signo)
{
	mote_exit_signal(L.area, signo);
	__builtin_unreachable();
}

/* Makes the context that of the handler, with a frame to return by. False where the stack is gone. */
static bool enter_handler(struct mote_context *c, int signo, const struct siginfo *info, uint64_t err, uint64_t trapno,
			  uint64_t mask)
{
	struct signal_action *a = &L.actions[signo];
	uint64_t sp = c->rsp - 128, handler = a->handler, flags = a->flags;
	bool on_alt = L.alt_stack_bytes && c->rsp - L.alt_stack < L.alt_stack_bytes;
	if ((flags & SA_ONSTACK_) && L.alt_stack_bytes && !on_alt)
		sp = L.alt_stack + L.alt_stack_bytes;
	uint32_t fp_size = fp_save();
	uint64_t fp_at = (sp - fp_size) & ~63UL;
	uint64_t at = ((fp_at - sizeof(struct frame)) & ~15UL) - 8;
	struct frame f = {.restorer = a->restorer};
	f.info = *info;
	f.uc.flags = 7;
	f.uc.ss_sp = L.alt_stack;
	f.uc.ss_size = L.alt_stack_bytes;
	f.uc.ss_flags = L.alt_stack_bytes ? (on_alt ? SS_ONSTACK_ : 0) : SS_DISABLE_;
	context_to(c, &f.uc.mcontext);
	f.uc.mcontext.err = err;
	f.uc.mcontext.trapno = trapno;
	f.uc.mcontext.oldmask = mask;
	f.uc.mcontext.cr2 = info->address;
	f.uc.mcontext.fpstate = fp_at;
	f.uc.sigmask = mask;
	(void)memory_stack_reach(at); /* a fault here would be one too many */
	if (put_user(fp_at, fpstate, fp_size) < 0 || put_user(at, &f, sizeof(f)) < 0)
		return false;
	L.area->blocked_signals |= a->mask | (flags & SA_NODEFER_ ? 0 : bit(signo));
	if (flags & SA_RESETHAND_) {
		a->handler = 0;
		L.area->handled_signals &= ~bit(signo);
	}
	c->rip = handler;
	c->rsp = at;
	c->rdi = (uint64_t)signo;
	c->rsi = at + offsetof(struct frame, info);
	c->rdx = at + offsetof(struct frame, uc);
	c->rax = 0;
	c->rflags = 0x202;
	return true;
}

void signal_return(struct mote_context *c)
{
	struct frame f;
	uint64_t at = c->rsp - 8; /* the handler's RET took the restorer */
	if (get_user(&f, at, sizeof(f)) < 0)
		end_by(SIG_SEGV);
	if (f.uc.mcontext.fpstate && fp_restore(f.uc.mcontext.fpstate) < 0)
		end_by(SIG_SEGV);
	context_from(&f.uc.mcontext, c);
	L.area->blocked_signals = f.uc.sigmask & ~(bit(SIG_KILL) | bit(SIG_STOP));
}

enum delivery { DROPPED, HANDLED };

static enum delivery deliver_one(struct mote_context *c, int signo, const struct siginfo *info, uint64_t mask)
{
	uint64_t handler = L.actions[signo].handler;
	if (handler == 1 || (handler == 0 && ignored_by_default(signo)))
		return DROPPED;
	if (handler == 0 || !enter_handler(c, signo, info, 0, 0, mask))
		end_by(handler ? SIG_SEGV : signo);
	return HANDLED;
}

static int take_signal(uint64_t from)
{
	uint64_t ready = __atomic_load_n(&L.area->pending_signals, __ATOMIC_SEQ_CST) & from;
	if (!ready)
		return 0;
	int signo = __builtin_ctzl(ready) + 1;
	__atomic_fetch_and(&L.area->pending_signals, ~bit(signo), __ATOMIC_SEQ_CST);
	return signo;
}

bool signal_waiting(void)
{
	uint64_t open = ~L.area->blocked_signals;
	for (int signo = 1; signo <= 64; signo++) {
		uint64_t handler = L.actions[signo].handler;
		if (!(L.area->pending_signals & open & bit(signo)))
			continue;
		if (handler != 1 && (handler != 0 || !ignored_by_default(signo)))
			return true;
		__atomic_fetch_and(&L.area->pending_signals, ~bit(signo), __ATOMIC_SEQ_CST);
	}
	return false;
}

int64_t signal_take(uint64_t set, int *signo)
{
	*signo = take_signal(set);
	return *signo ? 0 : -E_AGAIN;
}

/* The SYSCALL instruction is executed again when the program goes on. */
static void again(struct mote_context *c, uint64_t nr)
{
	c->rip -= 2;
	c->rax = nr;
}

void signal_deliver(struct mote_context *c, enum restart restart, uint64_t nr)
{
	struct linux_area *is = linux_area(L.area);
	for (int signo; (signo = take_signal(~L.area->blocked_signals));) {
		struct signal_action *a = &L.actions[signo];
		struct siginfo info = {.signo = signo};
		if (a->handler > 1 && restart == RESTART_AS_ASKED && (a->flags & SA_RESTART_))
			again(c, nr);
		/* After a wait with a mask of its own the handler returns to the mask of before. */
		uint64_t mask = is->suspended ? is->suspend_mask : L.area->blocked_signals;
		if (deliver_one(c, signo, &info, mask) == HANDLED) {
			is->suspended = false;
			restart = RESTART_NEVER;
		}
	}
	if (is->suspended)
		L.area->blocked_signals = is->suspend_mask;
	is->suspended = false;
	/* Only signals that mean nothing to the program came: it must not see that it was interrupted. */
	if (restart != RESTART_NEVER)
		again(c, nr);
}

static const struct {
	uint8_t vector, signo, code;
	const char *what;
} faults[] = {
	{0, SIG_FPE, 1, "integer divide by zero"}, {3, SIG_TRAP, 1, "breakpoint"}, {1, SIG_TRAP, 2, "trace trap"},
	{4, SIG_SEGV, 128, "overflow"}, {6, SIG_ILL, 2, "illegal instruction"},
	{13, SIG_SEGV, 128, "general protection fault"}, {14, SIG_SEGV, 1, "segmentation fault"},
	{16, SIG_FPE, 7, "floating-point exception"}, {17, SIG_BUS, 1, "unaligned access"},
	{19, SIG_FPE, 7, "floating-point exception"}, {12, SIG_BUS, 128, "stack fault"},
};

static void program_fault(struct mote_context *c, const struct mote_fault *f)
{
	size_t i = 0;
	while (i < sizeof(faults) / sizeof(faults[0]) && faults[i].vector != f->vector)
		i++;
	if (i == sizeof(faults) / sizeof(faults[0]))
		lib_panic("exception %u at %lx", f->vector, f->context.rip);
	int signo = faults[i].signo;
	uint64_t mask = L.area->blocked_signals, handler = L.actions[signo].handler;
	struct siginfo info = {.signo = signo, .code = faults[i].code,
			       .address = f->vector == 14 ? f->address : f->vector == 13 ? 0 : f->context.rip};
	if (f->vector == 14 && (f->error_code & 1))
		info.code = 2;
	if (handler > 1 && !(mask & bit(signo)) && enter_handler(c, signo, &info, f->error_code, f->vector, mask))
		return;
	if (f->vector == 14)
		lib_error("%s: %s %s %p (at %p)", boot_string(L.boot->payload_path), faults[i].what,
			  f->error_code & 16 ? "executing" : f->error_code & 2 ? "writing" : "reading",
			  (void *)f->address, (void *)f->context.rip);
	else
		lib_error("%s: %s (at %p)", boot_string(L.boot->payload_path), faults[i].what, (void *)f->context.rip);
	end_by(signo);
}

static bool of_personality(const struct mote_context *c)
{
	return c->rip >= MOTE_IMAGE_VA && c->rip < MOTE_BOOT_VA;
}

void linux_signals(struct mote_context *c, uint32_t *busy)
{
	if (of_personality(c)) /* its own way back will ask */
		linux_resume_unasked(c, busy);
	signal_deliver(c, RESTART_NEVER, 0);
	linux_resume(c, busy);
}

/* An event found the program, or the way back to it. */
static void event(struct mote_context *c, int signo)
{
	struct siginfo info = {.signo = signo};
	if (of_personality(c))
		*c = *linux_area(L.area)->resuming;
	if (of_personality(c))
		(void)signal_raise(signo);
	else if (signo >= 1 && signo <= 64)
		(void)deliver_one(c, signo, &info, L.area->blocked_signals);
}

void linux_fault(struct mote_area *area)
{
	/* Not on the stack, which the next fault may use as soon as this one is not busy any more. */
	static struct mote_context resumed;
	struct mote_fault f = area->fault;
	struct mote_context c = f.context;
	if (f.vector == MOTE_EVENT_SIGNAL)
		event(&c, (int)(f.detail & 127));
	else if (f.vector == 14 && memory_stack_reach(f.address))
		; /* the instruction is executed again */
	else if (c.rip >= (uint64_t)user_copy && c.rip < (uint64_t)user_copy_fault)
		c.rip = (uint64_t)user_copy_fault;
	else if (of_personality(&c))
		lib_panic("exception %u in the Linux personality at %lx, address %lx", f.vector, c.rip, f.address);
	else
		program_fault(&c, &f);
	resumed = c;
	linux_resume(&resumed, &area->fault_busy);
}

int64_t signal_mask_for_wait(uint64_t set)
{
	uint64_t mask;
	if (!set)
		return 0;
	if (get_user(&mask, set, sizeof(mask)) < 0)
		return -E_FAULT;
	linux_area(L.area)->suspended = true;
	linux_area(L.area)->suspend_mask = L.area->blocked_signals;
	L.area->blocked_signals = mask & ~(bit(SIG_KILL) | bit(SIG_STOP));
	return 0;
}

int64_t signal_suspend(uint64_t set)
{
	const struct mote_time day = {.sec = 86400};
	int64_t rc = signal_mask_for_wait(set);
	while (rc == 0)
		rc = signal_waiting() ? -E_INTR : mote_sleep(L.area, 1, 0, &day);
	return rc;
}
