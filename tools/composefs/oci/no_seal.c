/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without libsodium. */
#include "composefs/oci/oci.h"

static int fail_missing(char **argv)
{
	cli_print_message(argv[0], "built without libsodium, which signatures need");
	return CLI_FAILED;
}

int cmd_oci_seal(int argc, char **argv)
{
	(void)argc;
	return fail_missing(argv);
}

int cmd_oci_verify(int argc, char **argv)
{
	(void)argc;
	return fail_missing(argv);
}
