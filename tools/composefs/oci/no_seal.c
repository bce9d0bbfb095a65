/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without libsodium. */
#include <errno.h>

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

int oci_verify_signed(const struct cfs_repo *repo, const char *name, const char *trusted,
		      struct cfs_err *err)
{
	(void)repo;
	(void)name;
	(void)trusted;
	return cfs_fail(err, ENOTSUP, "built without libsodium, which signatures need");
}
