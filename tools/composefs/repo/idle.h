/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* idle: work that gives way to other programs.
 * Owns:  the priority of the process.
 * Uses:  libc.
 * Never: prints.
 */
#ifndef CFS_REPO_IDLE_H
#define CFS_REPO_IDLE_H

/* Sets idle priority (CPU and I/O) for this and later threads. If the kernel or a sandbox
 * does not allow it, the priority is kept. */
void idle_set_priority(void);

#endif
