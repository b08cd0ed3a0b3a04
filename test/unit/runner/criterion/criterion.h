/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unit tests use of Criterion, for the sanitizer variants: Criterion's processes end
 * before main under ThreadSanitizer, and its own memory hides leaks of ours. First in the include
 * path of these variants only.
 */
#ifndef MOTE_TEST_RUNNER_H
#define MOTE_TEST_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct runner_settings {
	void (*init)(void), (*fini)(void);
};

struct runner_suite {
	const char *name;
	struct runner_settings settings;
	struct runner_suite *next;
};

struct runner_test {
	const char *suite, *name;
	void (*run)(void);
	struct runner_settings settings;
	struct runner_test *next;
};

/* Called before main; what they are given lives as long as the program. */
void runner_add_suite(struct runner_suite *suite);
void runner_add_test(struct runner_test *test);

struct runner_place {
	const char *file;
	int line;
	const char *condition;
};

/* A check that failed; format begins with a space. The second ends the test, after its fini. */
void runner_failed(const struct runner_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void runner_ended(const struct runner_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

#define TestSuite(suite_, ...)                                                          \
	static struct runner_suite runner_suite_##suite_ = {.name = #suite_,            \
							    .settings = {__VA_ARGS__}}; \
	__attribute__((constructor)) static void runner_register_##suite_(void)         \
	{                                                                               \
		runner_add_suite(&runner_suite_##suite_);                               \
	}                                                                               \
	_Static_assert(1, "")

#define Test(suite_, name_, ...)                                                             \
	static void suite_##_##name_##_impl(void);                                           \
	static struct runner_test suite_##_##name_##_test = {.suite = #suite_,               \
							     .name = #name_,                 \
							     .run = suite_##_##name_##_impl, \
							     .settings = {__VA_ARGS__}};     \
	__attribute__((constructor)) static void suite_##_##name_##_register(void)           \
	{                                                                                    \
		runner_add_test(&suite_##_##name_##_test);                                   \
	}                                                                                    \
	static void suite_##_##name_##_impl(void)

#define RUNNER_CHECK(tell_, text_, good_, ...)                                          \
	do {                                                                            \
		if (!(good_)) {                                                         \
			const struct runner_place place_ = {__FILE__, __LINE__, text_}; \
			tell_(&place_, " " __VA_ARGS__);                                \
		}                                                                       \
	} while (0)

#define cr_assert(condition, ...) RUNNER_CHECK(runner_ended, #condition, condition, __VA_ARGS__)
#define cr_expect(condition, ...) RUNNER_CHECK(runner_failed, #condition, condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)   RUNNER_CHECK(runner_ended, #a " == " #b, (a) == (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)   RUNNER_CHECK(runner_failed, #a " == " #b, (a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)  RUNNER_CHECK(runner_ended, #a " != " #b, (a) != (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)  RUNNER_CHECK(runner_ended, #a " >= " #b, (a) >= (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...)  RUNNER_CHECK(runner_failed, #a " >= " #b, (a) >= (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...)   RUNNER_CHECK(runner_failed, #a " < " #b, (a) < (b), __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) \
	RUNNER_CHECK(runner_ended, #a " equals " #b, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) \
	RUNNER_CHECK(runner_failed, #a " equals " #b, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) \
	RUNNER_CHECK(runner_failed, #a " differs from " #b, strcmp(a, b) != 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...) \
	RUNNER_CHECK(runner_failed, #a " equals " #b, memcmp(a, b, size) == 0, __VA_ARGS__)
#define cr_assert_fail(...) RUNNER_CHECK(runner_ended, "never reached", false, __VA_ARGS__)
#define cr_log_error(...)   (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
#define cr_log_info(...)    cr_log_error(__VA_ARGS__)

#endif
