/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verbs: a command whose first operand is a verb, such as "composefs oci pull".
 * Owns:  finding the verb, its completion, the help of the command.
 * Uses:  base, cli.
 * Never: knows a verb.
 */
#ifndef CFS_VERBS_H
#define CFS_VERBS_H

#include "composefs/composefs.h"

/* A verb of another program, and the command to use. */
struct foreign_verb {
	const char *name, *use;
};

struct verb_family {
	const struct command *verbs;	    /* ended by a row of zeros */
	const struct foreign_verb *foreign; /* the same; NULL: none */
	const char *about;		    /* a sentence for --help */
	/* As cli_complete_kind, for the operands of the verbs. NULL: as for the commands. */
	void (*complete_kind)(struct cli_completion *c, const char *kind);
	const char *const *example; /* lines for --help, ended by NULL */
};

/* The main function of such a command. argv[0] is "composefs NAME". Returns the exit
 * status. */
int verbs_run(const struct verb_family *family, int argc, char **argv);

#endif
