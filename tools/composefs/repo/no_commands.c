/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without repositories has no commands for them. */
#include "composefs/composefs.h"

const struct command repo_commands[] = {{0}};

void repo_complete_kind(struct cli_completion *c, const char *kind)
{
	(void)c;
	(void)kind;
}
