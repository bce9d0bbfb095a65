/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Golden images for tests. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of tests/golden/NAME, free()d by the caller, in a piece of memory of just that
 * size, so that the sanitizer sees a read behind them. Fails the test when there is no such
 * file, skips it when the environment does not say where to look. */
uint8_t *t_golden(const char *name, size_t *len);

#endif
