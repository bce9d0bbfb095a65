/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The main program of each unit test. */
#include "t.h"

#include <stdarg.h>

struct t_test *t_first, **t_last = &t_first;
jmp_buf t_jump;

static char message[4096];

void t_fail(const char *file, int line, const char *fmt, ...)
{
	int n = snprintf(message, sizeof(message), "%s:%d: ", file, line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message + n, sizeof(message) - (size_t)n, fmt, ap);
	va_end(ap);
	longjmp(t_jump, 1);
}

void t_same_bytes(const char *file, int line, const char *what, const void *got,
		  const void *expected, size_t len)
{
	const unsigned char *g = got, *e = expected;

	for (size_t i = 0; i < len; i++) {
		if (g[i] != e[i])
			t_fail(file, line, "%s: expected byte %#x at %zu of %zu, got %#x",
			       what, e[i], i, len, g[i]);
	}
}

void t_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	longjmp(t_jump, 2);
}

size_t t_scaled(size_t n)
{
	const char *part = getenv("T_PART");
	size_t divisor = part ? strtoul(part, NULL, 10) : 1;

	return divisor > 1 && n > divisor ? n / divisor : n;
}

/* Runs one test; true unless it failed. */
static int run_test(int number, const struct t_test *t)
{
	switch (setjmp(t_jump)) {
	case 0:
		t->fn();
		printf("ok %d - %s\n", number, t->name);
		return 1;
	case 2:
		printf("ok %d - %s # SKIP %s\n", number, t->name, message);
		return 1;
	default:
		printf("not ok %d - %s\n# %s\n", number, t->name, message);
		return 0;
	}
}

/* With arguments, only the tests whose names are given. */
int main(int argc, char **argv)
{
	int number = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct t_test *t = t_first; t; t = t->next) {
		int selected = argc == 1;

		for (int i = 1; i < argc; i++)
			selected |= strcmp(argv[i], t->name) == 0;
		if (selected)
			failed += !run_test(++number, t);
	}
	printf("1..%d\n", number);
	return failed != 0;
}
