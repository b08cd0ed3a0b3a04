/* SPDX-License-Identifier: Apache-2.0 */
/* Futexes that the kernel knows the owner of, and mutexes that inherit priorities. */
#define _GNU_SOURCE
#include "show.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint32_t word;

/* With the thread's own number as 1. */
static void show_word(void)
{
	uint32_t owner = word & FUTEX_TID_MASK;
	printf("word: %#x owner %u\n", word & ~FUTEX_TID_MASK,
	       owner == (uint32_t)gettid() ? 1 : owner);
}

static long futex(void *at, int operation, const void *timeout)
{
	return syscall(SYS_futex, at, operation, 0, timeout, NULL, 0);
}

static void words(int lock)
{
	const struct timespec later = {.tv_sec = 2000000000}, wrong = {.tv_nsec = 1000000000};
	printf("operation %d\n", lock);
	word = 0;
	SHOW(futex(&word, lock, NULL)), show_word();
	SHOW(futex(&word, lock, NULL)), show_word();
	SHOW(futex(&word, FUTEX_TRYLOCK_PI, NULL)), show_word();
	SHOW(futex(&word, FUTEX_UNLOCK_PI, NULL)), show_word();
	SHOW(futex(&word, FUTEX_UNLOCK_PI, NULL)), show_word();
	SHOW(futex(&word, lock, &later)), show_word();
	SHOW(futex(&word, lock, &later));
	SHOW(futex(&word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, NULL)), show_word();
	word = FUTEX_OWNER_DIED;
	SHOW(futex(&word, lock, NULL)), show_word();
	word = 0x3fffffff; /* a thread that there is not */
	SHOW(futex(&word, lock, NULL)), show_word();
	SHOW(futex(&word, FUTEX_UNLOCK_PI, NULL)), show_word();
	word = 0;
	SHOW(futex((char *)&word + 1, lock, NULL));
	SHOW(futex((void *)8, lock, NULL));
	SHOW(futex((void *)8, FUTEX_UNLOCK_PI, NULL));
	if (lock != FUTEX_TRYLOCK_PI) {
		SHOW(futex(&word, lock, &wrong));
		SHOW(futex(&word, lock, (void *)8));
	}
}

static void mutexes(int kind, int robust)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, kind);
	SHOW(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT));
	SHOW(pthread_mutexattr_setrobust(&a, robust));
	SHOW(pthread_mutex_init(&m, &a));
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_trylock(&m));
	if (kind != PTHREAD_MUTEX_NORMAL)
		SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_destroy(&m));
}

/* musl asks so whether the kernel has robust mutexes. */
static void lists(void)
{
	uint64_t own[3] = {0}, *head = NULL;
	size_t bytes = 0;
	SHOW(syscall(SYS_set_robust_list, own, 23));
	SHOW(syscall(SYS_get_robust_list, 0, &head, (void *)8));
	SHOW(syscall(SYS_get_robust_list, 0, (void *)8, &bytes));
	SHOW(syscall(SYS_get_robust_list, 0x3fffffff, &head, &bytes));
	SHOW(syscall(SYS_set_robust_list, own, sizeof(own)));
	SHOW(syscall(SYS_get_robust_list, getpid(), &head, &bytes));
	SHOW(head == own), SHOW(bytes);
	SHOW(syscall(SYS_set_robust_list, NULL, sizeof(own)));
}

int main(void)
{
	words(FUTEX_LOCK_PI);
	words(FUTEX_TRYLOCK_PI);
	words(FUTEX_LOCK_PI2);
	mutexes(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	mutexes(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST);
	lists();
	return 0;
}
