/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "boot/config_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* Read in this order; a later file replaces values of an earlier one. The first is that of
 * composefs-rs. */
static const char *const default_paths[] = {
	"/usr/lib/composefs/setup-root-conf.toml",
	"/usr/lib/composefs/prepare-root.conf",
	"/etc/composefs/prepare-root.conf",
};

/* Adds one file to the configuration. Only a default file may be missing; one that
 * cannot be read is an error, because it may forbid what is about to be done. */
static int read_config_file(const char *path, bool must_exist,
			    struct cfs_boot_config *config, const struct cfs_watch *watch,
			    struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = cfs_input_read(AT_FDCWD, path, 0, CFS_BOOT_CONFIG_MAX, &text, err);

	if (rc == -ENOENT && !must_exist)
		rc = 0;
	else if (rc == 0)
		rc = cfs_boot_config_parse(cfs_mem_text(&text), config, watch, err);
	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

int cfs_boot_config_read(const char *const *paths, size_t n_paths,
			 struct cfs_boot_config *config, const struct cfs_watch *watch,
			 struct cfs_err *err)
{
	bool must_exist = n_paths > 0;
	int rc = 0;

	if (!must_exist) {
		paths = default_paths;
		n_paths = sizeof(default_paths) / sizeof(default_paths[0]);
	}
	cfs_boot_config_init(config);
	for (size_t i = 0; rc == 0 && i < n_paths; i++)
		rc = read_config_file(paths[i], must_exist, config, watch, err);
	return rc == 0 ? cfs_boot_config_check(config, err) : rc;
}
