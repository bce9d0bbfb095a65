/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/config_files: the files that have the configuration of the initrd.
 * Owns:  their default paths and order.
 * Uses:  boot/config.
 * Never: knows the grammar.
 */
#ifndef CFS_BOOT_CONFIG_FILES_H
#define CFS_BOOT_CONFIG_FILES_H

#include "boot/config.h"

/* Fills config from the files paths[0 .. n_paths-1], which must exist, or, with n_paths 0,
 * from those default files that exist; then checks it. -EINVAL; errors of open(2). watch
 * is warned of unknown keys. */
int cfs_boot_config_read(const char *const *paths, size_t n_paths,
			 struct cfs_boot_config *config, const struct cfs_watch *watch,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
