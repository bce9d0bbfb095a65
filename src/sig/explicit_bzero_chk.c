/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: for a libsodium that was compiled with glibc (Debian's) in a program with musl: the one function that
 * it wants of glibc alone. */
#include <string.h>

void __explicit_bzero_chk(void *p, size_t len, size_t room);

void __explicit_bzero_chk(void *p, size_t len, size_t room)
{
	(void)room;
	explicit_bzero(p, len);
}
