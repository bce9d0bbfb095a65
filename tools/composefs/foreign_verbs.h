/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* foreign_verbs: commands of other programs (docker, ostree, git, ...) and their
 * counterparts here.
 * Owns:  the table.
 * Uses:  nothing.
 * Never: runs a command.
 */
#ifndef CFS_FOREIGN_VERBS_H
#define CFS_FOREIGN_VERBS_H

/* Returns a hint such as "use \"composefs umount\"", or NULL for an unknown verb. */
const char *foreign_verb_find_hint(const char *verb);

#endif
