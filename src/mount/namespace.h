/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/namespace: a private mount namespace.
 * Owns:  the namespace of one thread.
 * Uses:  base.
 * Never: mounts anything in it.
 */
#ifndef CFS_MOUNT_NAMESPACE_H
#define CFS_MOUNT_NAMESPACE_H

#include "base/base.h"

/* Moves the calling thread into a private mount namespace, from which no mount
 * propagates. Its root and working directory stay the same, and are no longer shared with
 * other threads. Needs CAP_SYS_ADMIN. */
int cfs_namespace_enter(struct cfs_err *err) CFS_MUST_CHECK;

#endif
