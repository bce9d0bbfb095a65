/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Allocations that fail on purpose, in a program that is linked with --wrap for malloc, calloc and realloc. */
#ifndef STARVE_H
#define STARVE_H

/* Allocations that still succeed before one fails; below 0, as in the beginning: all. */
extern long starve_left;

#endif
