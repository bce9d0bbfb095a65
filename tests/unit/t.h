/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A very small unit test framework. A file holds tests, T(name) { ... }, each named by the
 * behaviour that it protects; the program runs them in order and prints TAP. A failed
 * check ends its test, not the program, and prints what was expected and got.
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct t_test {
	const char *name;
	void (*fn)(void);
	struct t_test *next;
};

extern struct t_test *t_first, **t_last;
extern jmp_buf t_jump;

void t_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
/* Ends the test as skipped, with the reason. */
void t_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* n, or with T_PART=20 in the environment a twentieth of it: for large numbers of steps under
 * tools that slow each step down, such as valgrind. */
size_t t_scaled(size_t n);

#define T(test)                                                                          \
	static void t_##test(void);                                                      \
	__attribute__((constructor)) static void t_register_##test(void)                 \
	{                                                                                \
		static struct t_test self = {#test, t_##test, NULL};                     \
		*t_last = &self;                                                         \
		t_last = &self.next;                                                     \
	}                                                                                \
	static void t_##test(void)

#define t_ok(cond)                                                                       \
	do {                                                                             \
		if (!(cond))                                                             \
			t_fail(__FILE__, __LINE__, "expected %s, got false", #cond);     \
	} while (0)

/* Integers. */
#define t_eq(got, expected)                                                              \
	do {                                                                             \
		long long got_ = (long long)(got), expected_ = (long long)(expected);    \
		if (got_ != expected_)                                                   \
			t_fail(__FILE__, __LINE__, "%s: expected %lld, got %lld", #got,  \
			       expected_, got_);                                         \
	} while (0)

/* Strings. */
#define t_str(got, expected)                                                             \
	do {                                                                             \
		const char *got_ = (got), *expected_ = (expected);                       \
		if (!got_ || strcmp(got_, expected_) != 0)                               \
			t_fail(__FILE__, __LINE__, "%s: expected \"%s\", got \"%s\"",    \
			       #got, expected_, got_ ? got_ : "(null)");                 \
	} while (0)

/* A string that contains another. */
#define t_has(got, expected)                                                             \
	do {                                                                             \
		const char *got_ = (got), *expected_ = (expected);                       \
		if (!got_ || !strstr(got_, expected_))                                   \
			t_fail(__FILE__, __LINE__,                                       \
			       "%s: expected text with \"%s\", got \"%s\"", #got,        \
			       expected_, got_ ? got_ : "(null)");                       \
	} while (0)

#define t_mem(got, expected, len)                                                        \
	t_same_bytes(__FILE__, __LINE__, #got, got, expected, len)

/* Fails unless both have the same len bytes; the message shows the first that differ. */
void t_same_bytes(const char *file, int line, const char *what, const void *got,
		  const void *expected, size_t len);

#endif
