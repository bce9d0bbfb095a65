/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/idmap: user namespaces whose ID mapping a mount shall have.
 * Owns:  the text of a mapping, the user namespace that is made for it.
 * Uses:  base.
 * Never: mounts anything.
 */
#ifndef CFS_MOUNT_IDMAP_H
#define CFS_MOUNT_IDMAP_H

#include "base/base.h"

/* Opens a user namespace for cfs_mount_opts.idmap_fd: text is a file such as
 * /proc/PID/ns/user, or "ID:HOST:COUNT", as --uidmap of podman: owners and groups ID,
 * ID + 1, ... of the image, COUNT of them, are shown as HOST, HOST + 1, ...; all others as
 * the overflow user. The caller closes the descriptor. -EINVAL: malformed mapping; -EPERM:
 * the caller may not map these IDs; -errno of open(2), fork(2), unshare(2). */
int cfs_idmap_open(const char *text, struct cfs_err *err) CFS_MUST_CHECK;

#endif
