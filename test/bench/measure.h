/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: the clock, medians, and a line of results. */
#ifndef MOTE_BENCH_MEASURE_H
#define MOTE_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Sorts the n values. */
static inline double quantile(double *v, int n, double q)
{
	qsort(v, (size_t)n, sizeof(*v), compare_doubles);
	return v[(int)((n - 1) * q)];
}

/* One object of build/bench/results.json, in microseconds; sorts both series. */
static inline void report(const char *name, double *measured, double *floor, int runs)
{
	double median = quantile(measured, runs, 0.5), base = quantile(floor, runs, 0.5);
	printf("{\"name\":\"%s\",\"unit\":\"us\",\"median\":%.2f,\"p99\":%.2f,"
	       "\"runs\":%d,\"floor\":%.2f,\"ratio\":%.3f}\n",
	       name, median, quantile(measured, runs, 0.99), runs, base, median / base);
}

#endif
