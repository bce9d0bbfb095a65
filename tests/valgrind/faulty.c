/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Does what valgrind has to notice: with "leak" it loses memory, with "read" it decides by a byte that was
 * never set. */
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *volatile p = malloc(16);

	if (!p || argc != 2)
		return 1;
	if (strcmp(argv[1], "read") == 0 && p[7] == 1)
		return 2;
	if (strcmp(argv[1], "leak") != 0)
		free(p);
	p = NULL;
	return 0;
}
