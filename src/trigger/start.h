/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger/start: mounts the filesystem and starts its server, in a process of its own. */
#ifndef CFS_TRIGGER_START_H
#define CFS_TRIGGER_START_H

#include "trigger/server.h"

/* Directories of the filesystem, for the layers of an overlay. They can be used as long as mount is open. */
struct cfs_trigger_layers {
	int mount;
	int find; /* before the object directory */
	int last; /* behind all layers */
};

/* Makes the filesystem, which is attached nowhere, and starts its server. It ends when nothing uses the filesystem
 * any more. keep: further descriptors that stay open in the server, as those of an image in use. Codes of
 * cfs_fuse_mount_detached and cfs_fuse_start_service. Not for programs with threads. */
int cfs_trigger_start(const struct cfs_trigger *t, const int *keep, size_t n_keep,
		      struct cfs_trigger_layers *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_trigger_layers_close(struct cfs_trigger_layers *layers);

#endif
