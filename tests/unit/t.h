/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A very small unit test frame. A file holds tests, T(name) { ... }, each named by the
 * behaviour that it protects; the program runs them in order and prints TAP. A failed
 * check ends its test, not the program.
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

/* n, or with T_PART=20 in the environment a twentieth of it: for numbers that are large on purpose,
 * under tools that make each step many times slower. */
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
			t_fail(__FILE__, __LINE__, "not true: %s", #cond);               \
	} while (0)

/* Integers: got, then wanted. */
#define t_eq(got, want)                                                                  \
	do {                                                                             \
		long long got_ = (long long)(got), want_ = (long long)(want);            \
		if (got_ != want_)                                                       \
			t_fail(__FILE__, __LINE__, "%s: got %lld, want %lld", #got,      \
			       got_, want_);                                             \
	} while (0)

/* Strings: got, then wanted. */
#define t_str(got, want)                                                                 \
	do {                                                                             \
		const char *got_ = (got), *want_ = (want);                               \
		if (!got_ || strcmp(got_, want_) != 0)                                   \
			t_fail(__FILE__, __LINE__, "%s: got \"%s\", want \"%s\"", #got,  \
			       got_ ? got_ : "(null)", want_);                           \
	} while (0)

/* A string that holds another. */
#define t_has(got, want)                                                                 \
	do {                                                                             \
		const char *got_ = (got), *want_ = (want);                               \
		if (!got_ || !strstr(got_, want_))                                       \
			t_fail(__FILE__, __LINE__, "%s: got \"%s\", want \"%s\" in it",  \
			       #got, got_ ? got_ : "(null)", want_);                     \
	} while (0)

#define t_mem(got, want, len)                                                            \
	do {                                                                             \
		if (memcmp(got, want, len) != 0)                                         \
			t_fail(__FILE__, __LINE__, "%s: bytes differ from %s", #got,     \
			       #want);                                                   \
	} while (0)

#endif
