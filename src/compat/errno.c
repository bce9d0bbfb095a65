/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Errors as the public functions report them. */
#include <errno.h>

#include "compat/compat.h"

int lcfs_fail(int rc)
{
	errno = -rc;
	return -1;
}
