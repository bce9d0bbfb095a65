/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/config: the configuration of the initrd, prepare-root.conf.
 * Owns:  its grammar, keys and defaults.
 * Uses:  base.
 * Never: opens files.
 *
 * The grammar: "[section]", "key = value", comments after "#" or ";" at the start of a
 * line. A value may be in double quotes, so that setup-root-conf.toml of composefs-rs is
 * read as well.
 */
#ifndef CFS_BOOT_CONFIG_H
#define CFS_BOOT_CONFIG_H

#include <stdbool.h>

#include "base/base.h"
#include "base/watch.h"
#include "boot/args.h"

enum { CFS_BOOT_CONFIG_MAX = 65536 }; /* bytes of a file */

/* Where the image that is booted comes from. */
enum cfs_boot_mode {
	CFS_BOOT_MODE_DIGEST,	  /* a kernel argument has its digest */
	CFS_BOOT_MODE_SIGNED,	  /* a pointer on the disk; it must be signed */
	CFS_BOOT_MODE_UNVERIFIED, /* a pointer on the disk */
};

/* What /etc and /var are. */
enum cfs_boot_kind {
	CFS_BOOT_NONE,	    /* the directory of the image, read-only */
	CFS_BOOT_BIND,	    /* a directory of the state disk */
	CFS_BOOT_OVERLAY,   /* changes are on the state disk */
	CFS_BOOT_TRANSIENT, /* changes are in memory, and lost at the next boot */
};

/* What the program does after a failure. */
enum cfs_boot_action {
	CFS_BOOT_EXIT, /* nothing: the initrd decides */
	CFS_BOOT_REBOOT,
	CFS_BOOT_POWEROFF,
};

struct cfs_boot_config {
	enum cfs_boot_mode mode;
	bool allow_insecure;  /* permits "?" and CFS_BOOT_MODE_UNVERIFIED */
	bool allow_transient; /* permits composefs.transient= */
	bool sealed;	      /* nothing insecure; a failure reboots */
	bool has_action;      /* action was given */
	enum cfs_boot_action action;
	unsigned delay_s;	       /* before a reboot, to read the message */
	char repo[CFS_BOOT_PATH_MAX];  /* the repository on the state disk */
	char state[CFS_BOOT_PATH_MAX]; /* the directory of deployments there */
	char keys
		[CFS_BOOT_PATH_MAX]; /* a directory in the initrd; "": the default ones */
	bool root_transient;
	bool root_transient_ro; /* the same, but mounted read-only */
	enum cfs_boot_kind etc, var;
	bool sysroot_readonly;
};

/* Fills in the defaults, which apply without a file. */
void cfs_boot_config_init(struct cfs_boot_config *config);

/* Adds a file to config; a later value replaces an earlier one. Unknown keys and sections
 * are warnings, so that an older program reads a newer file. -EINVAL: a malformed line or
 * value. The message has the line. */
int cfs_boot_config_parse(struct cfs_text file, struct cfs_boot_config *config,
			  const struct cfs_watch *watch,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Checks values against each other, after all files: -EINVAL. */
int cfs_boot_config_check(const struct cfs_boot_config *config,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* What the program does after a failure: what is configured; otherwise a sealed system
 * reboots, so that the boot loader counts the failure and tries another entry. */
enum cfs_boot_action cfs_boot_config_get_action(const struct cfs_boot_config *config);

#endif
