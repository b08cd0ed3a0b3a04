/* SPDX-License-Identifier: Apache-2.0 */
/* Emptying or resetting VMs for their next guest, in a background thread. */
#include "vm/snapshot/recycle.h"

#include "base/thread.h"
#include "vm/arch/arch.h"
#include "vm/memory/image.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { WAITING_MAX = 64 }; /* beyond, who gives one closes it: descriptors stay bounded */

struct recycled {
	struct recycled *next;
	struct machine machine;
	struct kvm_vcpu vcpu;
	struct memory memory;
	struct recycle_image image; /* in `ready`: what it has been reset to */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
/* Held by who starts or ends the thread, before `lock`: an end waits for it. */
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
/* All guarded by lock. */
static struct recycled *waiting, *ready;
static unsigned waiting_count, ready_count, keep;
static bool running;
static const void *last_taken; /* the image of the VM that was asked for last; compared alone */
static pthread_t thread;

static void drop_image(struct recycled *s)
{
	if (s->image.image)
		s->image.drop(s->image.image);
	s->image = (struct recycle_image){0};
}

static void recycled_free(struct recycled *s)
{
	kvm_vcpu_destroy(&s->vcpu);
	machine_destroy(&s->machine);
	memory_destroy(&s->memory);
	drop_image(s);
	free(s);
}

static bool make_empty(struct recycled *s)
{
	drop_image(s);
	return !s->vcpu.dead && memory_empty(&s->memory) == 0 && arch_vcpu_renew(&s->vcpu) == 0;
}

static struct recycled *pop(struct recycled **list, unsigned *count)
{
	struct recycled *s = *list;
	if (s) {
		*list = s->next;
		(*count)--;
	}
	return s;
}

static void push(struct recycled **list, unsigned *count, struct recycled *s)
{
	s->next = *list;
	*list = s;
	(*count)++;
}

/* For a next guest that is likely to be of the image `next`. */
static bool prepare(struct recycled *s, const void *next)
{
	void *image = s->image.image;
	if (image && image == next && !s->vcpu.dead && !s->image.is_left(image) &&
	    s->image.reset(image, &s->memory, &s->vcpu) == 0)
		return true;
	return make_empty(s);
}

/*
 * The VMs are the parent's, which KVM refuses to a child, and so is the thread: the child closes
 * its copies of the descriptors and starts without.
 */
static void before_fork(void)
{
	pthread_mutex_lock(&keeping);
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&keeping);
}

static void in_child(void)
{
	for (struct recycled *s; (s = pop(&waiting, &waiting_count));)
		recycled_free(s);
	for (struct recycled *s; (s = pop(&ready, &ready_count));)
		recycled_free(s);
	keep = 0;
	running = false;
	pthread_cond_init(&given, NULL);
	after_fork();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

static void *reap(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (keep || waiting) {
		struct recycled *s = pop(&waiting, &waiting_count);
		if (!s) {
			pthread_cond_wait(&given, &lock);
			continue;
		}
		bool wanted = ready_count < keep;
		const void *next = last_taken;
		pthread_mutex_unlock(&lock);
		bool usable = wanted && prepare(s, next);
		if (!usable)
			recycled_free(s);
		pthread_mutex_lock(&lock);
		if (usable && s->image.image && s->image.is_left(s->image.image))
			push(&waiting, &waiting_count, s);
		else if (usable)
			push(&ready, &ready_count, s);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* With `keeping`. */
static int set_keep(unsigned count)
{
	int rc = 0;
	pthread_mutex_lock(&lock);
	keep = count;
	if (count && !running) {
		rc = thread_start(&thread, NULL, reap, NULL);
		running = rc == 0;
		if (!running)
			keep = 0;
	}
	bool ends = !count && running;
	if (ends)
		running = false;
	pthread_cond_broadcast(&given);
	pthread_mutex_unlock(&lock);
	if (ends)
		pthread_join(thread, NULL);
	for (;;) {
		pthread_mutex_lock(&lock);
		struct recycled *s = NULL;
		if (ready_count > keep)
			s = pop(&ready, &ready_count);
		pthread_mutex_unlock(&lock);
		if (!s)
			return rc;
		recycled_free(s);
	}
}

int recycle_keep(unsigned count)
{
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&keeping);
	int rc = set_keep(count);
	pthread_mutex_unlock(&keeping);
	return rc;
}

/* One of that image, else an empty one, else any; with the lock. */
static struct recycled *choose(const void *image, uint64_t memory_bytes)
{
	struct recycled **found = NULL;
	for (struct recycled **at = &ready; *at; at = &(*at)->next) {
		if ((*at)->memory.max_bytes != memory_bytes)
			continue;
		if ((*at)->image.image == image)
			return pop(at, &ready_count);
		if (!found || !(*at)->image.image)
			found = at;
	}
	if (!found)
		return NULL;
	return pop(found, &ready_count);
}

bool recycle_take(const void *image, uint64_t memory_bytes, struct machine *machine,
		  struct kvm_vcpu *vcpu, struct memory *memory, struct recycle_image *kept)
{
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lock);
	struct recycled *s = choose(image, memory_bytes);
	last_taken = image;
	pthread_mutex_unlock(&lock);
	if (s && s->image.image && s->image.image != image && !make_empty(s)) {
		recycled_free(s);
		s = NULL;
	}
	if (!s)
		return false;
	*kept = s->image;
	*machine = s->machine;
	*vcpu = s->vcpu;
	*memory = s->memory;
	free(s);
	return true;
}

void recycle_give(struct machine *machine, struct kvm_vcpu *vcpu, struct memory *memory,
		  struct recycle_image *image)
{
	struct recycled *s = NULL;
	pthread_mutex_lock(&lock);
	if (keep && waiting_count < WAITING_MAX && vcpu->fd >= 0 && memory->hva)
		s = malloc(sizeof(*s));
	if (s) {
		*s = (struct recycled){
			.machine = *machine,
			.vcpu = *vcpu,
			.memory = *memory,
			.image = *image,
		};
		s->memory.ending = NULL;
		push(&waiting, &waiting_count, s);
		pthread_cond_signal(&given);
	}
	pthread_mutex_unlock(&lock);
	if (!s) {
		kvm_vcpu_destroy(vcpu);
		machine_destroy(machine);
		memory_destroy(memory);
		if (image->image)
			image->drop(image->image);
	}
	*image = (struct recycle_image){0};
	*machine = MACHINE_NONE;
	*vcpu = KVM_VCPU_NONE;
	*memory = (struct memory){.vm_fd = -1};
}

void recycle_leave(const void *image)
{
	pthread_mutex_lock(&lock);
	for (struct recycled **at = &ready; *at;) {
		/* one that is in the list holds its image */
		if ((*at)->image.image != image || !(*at)->image.is_left(image)) {
			at = &(*at)->next;
			continue;
		}
		push(&waiting, &waiting_count, pop(at, &ready_count));
		pthread_cond_signal(&given);
	}
	pthread_mutex_unlock(&lock);
}

unsigned recycle_ready(void)
{
	pthread_mutex_lock(&lock);
	unsigned count = ready_count;
	pthread_mutex_unlock(&lock);
	return count;
}
