/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse: shows an image through /dev/fuse, for users who may not mount EROFS.
 * Owns:  the protocol of /dev/fuse, the views of an image, the server, FUSE mounts.
 * Uses:  base, hash, verity (digests of objects), tree and erofs (the reader), mount (system calls).
 * Never: interprets bytes of the image, writes to a file, prints.
 *
 * A request is answered from the image alone, as data (answer.h), without state: the number of a node is derived
 * from the number of its inode. What needs a system call, the contents of objects, is an effect that
 * the server carries out.
 */
#ifndef CFS_FUSE_H
#define CFS_FUSE_H

#include "fuse/answer.h"
#include "fuse/daemon.h"
#include "fuse/fs.h"
#include "fuse/image.h"
#include "fuse/method.h"
#include "fuse/mount.h"
#include "fuse/proof.h"
#include "fuse/wire.h"

#endif
