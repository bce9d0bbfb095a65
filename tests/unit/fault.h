/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* System calls that fail on purpose, in a child process, by a seccomp filter. */
#ifndef FAULT_H
#define FAULT_H

#include <stdint.h>

/* The call nr fails with errnum when (argument arg & mask) == mask: mask 0 is always. */
struct fault {
	long nr;
	unsigned arg;
	uint32_t mask;
	int errnum;
};

/* Runs fn in a child in which the fault happens (NULL: none), and returns what it returned: 0 is well,
 * anything else should be the line of the check that failed (CHILD_CHECK). Skips the test where
 * filters cannot be installed. fn must not use the t_ checks. */
int fault_run(const struct fault *fault, int (*fn)(void));

#define CHILD_CHECK(cond)                                                                \
	do {                                                                             \
		if (!(cond))                                                             \
			return __LINE__;                                                 \
	} while (0)

#endif
