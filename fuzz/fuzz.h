/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What fuzz targets share. A target is one function; libFuzzer calls it with what it makes
 * up, replay.c with what lies in the corpus. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. Whatever the input, it must end without a sanitizer's report. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A property that must hold for every input. */
#define fuzz_hold(cond)                                                                  \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,          \
				__LINE__, #cond);                                        \
			abort();                                                         \
		}                                                                        \
	} while (0)

#endif
