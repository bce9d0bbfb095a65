/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: the one glibc function that a libsodium compiled with glibc (Debian's) needs in a
 * program with musl. */
#include <string.h>

void __explicit_bzero_chk(void *p, size_t len, size_t room);

void __explicit_bzero_chk(void *p, size_t len, size_t room)
{
	(void)room;
	explicit_bzero(p, len);
}
