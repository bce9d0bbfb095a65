/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What commands print under the name of composefs-rs's program. */
#include "cfsctl_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"

void cfsctl_say_init(const struct cfs_repo_init *init, const char *path, bool made)
{
	fputs(made ? "Initialized composefs repository at "
		   : "Repository already initialized at ",
	      stdout);
	cli_print(stdout, path);
	if (!made) {
		puts(init->ensure ? " (existing configuration preserved)" : "");
		return;
	}
	printf("\n  algorithm: %s\n  verity:    %s\n", cfs_repo_alg_name(init->meta.alg),
	       init->insecure ? "not required (insecure)" : "required");
}
