/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: stands in for libsodium's function of that name, whose object file starts all of libsodium
 * up and so brings all of it into a program: 130 KB that the initrd has no use for.
 * What calls it is libsodium's own allocator, which is not used here.
 */
#include <sodium/core.h>

void sodium_misuse(void)
{
	__builtin_trap();
}
