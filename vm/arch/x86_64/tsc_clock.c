/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock in a guest's area (abi/layout.h): what the time was at a value of the TSC, and how fast
 * it goes. Kept once a guest has asked for the time, at its calls and at exits, never older than
 * KEPT_US.
 */
#include "vm/arch/clock.h"

#include "base/time.h"
#include "vm/internal.h"

#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	KHZ_DEFAULT = 2000000, /* if KVM does not say; for spinning, never for the time */
	KEPT_US = 1000,        /* an exit renews a clock that is older */
	USED_US = 10000,       /* the guest asks the host beyond that */
	MEASURE_US = 1000000,  /* from which on two readings give the rate */
	RATE_PPM = 1000,       /* most that it may differ from what KVM says */
	TRIES = 4,
};

/* --- whether the TSC can be relied on --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool stable;

/* The kernel has looked at it much closer than we could: it uses the TSC, or a clock made of it. */
static void probe(void)
{
	static const char *const good[] = {"tsc\n", "kvm-clock\n", "hyperv_clocksource_tsc_page\n"};
	unsigned eax, ebx, ecx, edx;
	char name[64] = "";
	if (!__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) || !(edx & 1u << 8))
		return;
	int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		      O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, name, sizeof(name) - 1);
	close(fd);
	for (size_t i = 0; n > 0 && i < sizeof(good) / sizeof(good[0]); i++)
		stable |= strcmp(name, good[i]) == 0;
}

void clock_prepare(void)
{
	pthread_once(&once, probe);
}

/* --- the time --- */

/* All clocks at one time. */
struct reading {
	uint64_t tsc, monotonic, realtime;
};

/* Both clocks and the TSC, as close together as they can be read. */
static struct reading read_clocks(uint64_t khz)
{
	struct reading best = {0};
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < TRIES && least > khz / 1000; i++) {
		uint64_t first = __builtin_ia32_rdtsc(), monotonic = time_now_ns(CLOCK_MONOTONIC),
			 middle = __builtin_ia32_rdtsc(), realtime = time_now_ns(CLOCK_REALTIME),
			 last = __builtin_ia32_rdtsc();
		if (last - first >= least)
			continue;
		least = last - first;
		/* The realtime clock was read half of the way later. */
		best = (struct reading){
			.tsc = first + (middle - first) / 2,
			.monotonic = monotonic,
			.realtime = realtime - least / 2 * 1000000 / khz,
		};
	}
	return best;
}

/*
 * Nanoseconds a cycle, times 2^32: by what KVM says, and by the clocks themselves once they are far
 * enough apart.
 */
static uint64_t rate(struct vm_clock *c, const struct reading *now)
{
	uint64_t said = (1000000UL << 32) / c->khz;
	if (!c->measured) {
		c->rate = said;
		c->base_tsc = now->tsc;
		c->base_ns = now->monotonic;
		c->measured = true;
	}
	uint64_t cycles = now->tsc - c->base_tsc;
	if (cycles < clock_cycles(c, MEASURE_US))
		return c->rate;
	__extension__ unsigned __int128 ns = (unsigned __int128)(now->monotonic - c->base_ns) << 32;
	uint64_t seen = (uint64_t)(ns / cycles), differs = seen - said;
	if (seen < said)
		differs = said - seen;
	c->rate = seen;
	if (differs > said / 1000000 * RATE_PPM)
		c->rate = said; /* suspended meanwhile, or adjusted: begin again */
	if (cycles > clock_cycles(c, 16UL * MEASURE_US) || c->rate != seen) {
		c->base_tsc = now->tsc;
		c->base_ns = now->monotonic;
	}
	return c->rate;
}

void clock_renew(struct vcpu *vcpu)
{
	struct vm_clock *c = &vcpu->clock;
	struct mote_clock *to = &vcpu->area->clock;
	clock_know_rate(vcpu);
	if (!stable || !c->exact)
		return;
	if (c->epoch == 0)
		c->epoch = time_now_ns(CLOCK_REALTIME);
	struct reading now = read_clocks(c->khz);
	struct mote_clock is = {
		.seq = c->seq + 2,
		.epoch = c->epoch,
		.tsc = now.tsc,
		.cycles = clock_cycles(c, USED_US),
		.rate = rate(c, &now),
		.monotonic_ns = now.monotonic,
		.realtime_ns = now.realtime,
	};
	/*
	 * The guest may have been stopped while it read the former ones: it sees that they are
	 * others now.
	 */
	*to = is;
	c->seq = is.seq;
	c->renewed = now.tsc;
}

void clock_keep(struct vcpu *vcpu)
{
	struct vm_clock *c = &vcpu->clock;
	if (c->epoch && __builtin_ia32_rdtsc() - c->renewed > clock_cycles(c, KEPT_US))
		clock_renew(vcpu);
}

void clock_enter(struct vcpu *vcpu)
{
	/* Not what was written last: a snapshot's, and so another time's. */
	if (guest_word(vcpu->area->clock.tsc) != vcpu->clock.renewed)
		vcpu->area->clock = (struct mote_clock){0};
}

void clock_know_rate(struct vcpu *vcpu)
{
	struct vm_clock *c = &vcpu->clock;
	if (c->khz || vcpu->on_poller)
		return;
	int khz = ioctl(vcpu->kvm.fd, KVM_GET_TSC_KHZ, 0);
	c->exact = khz > 0;
	c->khz = KHZ_DEFAULT;
	if (c->exact)
		c->khz = (uint64_t)khz;
}

uint64_t clock_cycles(const struct vm_clock *c, uint64_t us)
{
	return us * (c->khz ? c->khz : KHZ_DEFAULT) / 1000;
}
