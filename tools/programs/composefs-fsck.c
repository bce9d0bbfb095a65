/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-fsck: "composefs fsck" as a separate program for the initrd, linked statically where libc allows it. It needs no
 * other file.
 */
#include "composefs/composefs.h"

int main(int argc, char **argv)
{
	char name[] = "composefs-fsck";

	if (!cli_begin(name))
		return CLI_FAILED;
	if (cli_print_version(name, argc, argv))
		return cli_end(name, CLI_OK);
	if (argc > 0)
		argv[0] = name;
	return cli_end(name, cmd_fsck(argc, argv));
}
