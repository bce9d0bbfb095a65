/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/plan: the steps that make the new root, as data.
 * Owns:  the order of the steps, what /etc and /var become, paths on the state disk, the
 *        name of the root in the mount table.
 * Uses:  boot/choice.
 * Never: has an effect outside the process.
 */
#ifndef CFS_BOOT_PLAN_H
#define CFS_BOOT_PLAN_H

#include "boot/choice.h"

/* What the state disk has for /etc or /var. */
enum cfs_boot_state {
	CFS_BOOT_STATE_ABSENT,
	CFS_BOOT_STATE_EMPTY,  /* an empty directory */
	CFS_BOOT_STATE_LAYERS, /* upper and work of an overlay */
	CFS_BOOT_STATE_TREE,   /* other files: a whole /etc or /var */
};

struct cfs_boot_facts {
	struct cfs_digest digest; /* of the image that is booted */
	bool has_digest;	  /* false: unverified, and its name is no digest */
	bool verified;		  /* the digest is checked, or the signature */
	enum cfs_boot_state etc, var;
};

enum cfs_boot_op {
	CFS_BOOT_OP_WRITABLE,  /* make the state disk writable in this namespace */
	CFS_BOOT_OP_KEEP,      /* copy the mounts of the state disk, for SYSROOT */
	CFS_BOOT_OP_MEMORY,    /* mount a tmpfs for what is transient */
	CFS_BOOT_OP_IMAGE,     /* mount the image, called source */
	CFS_BOOT_OP_BIND,      /* mount the directory from of the state disk at name */
	CFS_BOOT_OP_OVERLAY,   /* mount an overlay at name, with its layers in from */
	CFS_BOOT_OP_MAKE,      /* create the layers in from first, if they are missing */
	CFS_BOOT_OP_TRANSIENT, /* mount an overlay at name, with its layers in memory */
	CFS_BOOT_OP_SYSROOT,   /* mount the copy of KEEP at name, if that exists */
};

enum {
	CFS_BOOT_STEPS_MAX = 12,
	CFS_BOOT_SOURCE_MAX = 32 + CFS_DIGEST_HEX_MAX,
	CFS_BOOT_FROM_MAX = 2 * CFS_BOOT_PATH_MAX + CFS_DIGEST_HEX_MAX
};

struct cfs_boot_step {
	enum cfs_boot_op op;
	const char *name;	      /* in the new root: "etc"; static */
	char from[CFS_BOOT_FROM_MAX]; /* below the state disk */
	enum cfs_boot_root root;      /* IMAGE */
	bool readonly;		      /* SYSROOT */
};

struct cfs_boot_plan {
	struct cfs_boot_step steps[CFS_BOOT_STEPS_MAX];
	size_t n_steps;
	char source[CFS_BOOT_SOURCE_MAX]; /* of the root in the mount table */
};

/* Computes the steps. -ENOENT: a directory for /etc or /var that must exist does not. */
int cfs_boot_plan(const struct cfs_boot_choice *choice,
		  const struct cfs_boot_facts *facts, struct cfs_boot_plan *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* The path of /etc or /var of the deployment below the state disk. Symbolic links in it
 * are followed as if the state disk were the root directory. */
void cfs_boot_format_state_path(const struct cfs_boot_choice *choice,
				const struct cfs_digest *digest, enum cfs_boot_part part,
				char out[CFS_BOOT_FROM_MAX]);

/* What is written to /run/composefs/booted: JSON, one line. Returns the length. */
enum { CFS_BOOT_RECORD_MAX = 2048 };
size_t cfs_boot_format_record(const struct cfs_boot_choice *choice,
			      const struct cfs_boot_facts *facts,
			      const struct cfs_boot_plan *plan, const char *image_way,
			      const char *overlay_way, char out[CFS_BOOT_RECORD_MAX]);

#endif
