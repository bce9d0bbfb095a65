/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* deploy: the images that a machine can boot: installed, listed, removed.
 * Owns:  deployments: an image of the repository, an entry of the boot loader with its
 *        kernel, a directory for /etc and /var; the order in which they are written.
 * Uses:  base, hash, verity (digests), tree (limits), erofs (reader), etcmerge, repo, bls, pe, mount (the table of
 *        mounts), boot (arguments), bootentries.
 * Never: prints, changes the partition table, EFI variables or entries of other programs,
 *        except that a rollback of bootc's entries exchanges them as bootc does.
 *
 * On the boot partition: composefs/KEY/{linux,initrd} or composefs/KEY/uki.efi, shared by
 * all entries with the same files, and loader/entries/composefs-GENERATION.REVISION-ID.conf
 * for each deployment. On the state disk: state/deploy/HEX/{etc/upper,etc/work,var,origin},
 * as the initrd expects it. In the repository: the reference boot/HEX.
 *
 * The order of writes: state directory, reference, kernel files, entry; each is durable
 * before the next begins. The order of removal is the opposite. So an entry exists only if
 * all that it needs exists, wherever the work ends. An entry is never changed: a new one is
 * written, and then the old one is removed, because a rename over a file of a FAT
 * filesystem is not atomic. Of several entries for one image the newest counts.
 *
 * The boot partition may belong to any user: no symbolic link on it is followed when
 * something is written or removed there.
 */
#ifndef CFS_DEPLOY_H
#define CFS_DEPLOY_H

#include "deploy/change.h"
#include "deploy/check.h"
#include "deploy/install.h"
#include "deploy/list.h"
#include "deploy/place.h"
#include "deploy/soft.h"

#endif
