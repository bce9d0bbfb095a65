/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pages: the manual page of each command.
 * Owns:  the table of commands and pages.
 * Uses:  libc.
 * Never: opens a page.
 */
#ifndef CFS_PAGES_H
#define CFS_PAGES_H

#include <stdio.h>

/* Prints an empty line and one that names the manual page of the command. */
void print_manual_page(FILE *to, const char *command);

#endif
