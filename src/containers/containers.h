/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* containers: container images in a repository.
 * Owns:  the split streams of manifests, configurations and layers and their names, pulling
 *        and pushing, the index of contents, the merged tree and the image of a container, reading a file of it.
 * Uses:  base, hash, verity, tree, selinux, tar, compress, decompress, layers, erofs, profile,
 *        store, stream, repo, oci, tarsplit, chunked, transport.
 * Never: talks to registries, removes objects, mounts, prints.
 *
 * Layout: as composefs-rs, so that both programs use one repository.
 */
#ifndef CFS_CONTAINERS_H
#define CFS_CONTAINERS_H

#include "containers/artifact.h"
#include "containers/check.h"
#include "containers/container.h"
#include "containers/index.h"
#include "containers/layer_check.h"
#include "containers/layer_emit.h"
#include "containers/layer_read.h"
#include "containers/layer_write.h"
#include "containers/merge.h"
#include "containers/names.h"
#include "containers/pull.h"
#include "containers/push.h"
#include "containers/read_file.h"
#include "containers/signature.h"
#include "containers/store_view.h"

#endif
