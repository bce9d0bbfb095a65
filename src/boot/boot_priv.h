/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_BOOT_PRIV_H
#define CFS_BOOT_PRIV_H

#include "boot/prepare.h"
#include "mount/mount.h"
#include "trust/mount.h"

/* The state of the work. Descriptors are -1 while they are not open. */
struct boot_run {
	const struct cfs_boot_request *request;
	enum cfs_boot_status status; /* if the work fails now */
	struct cfs_boot_facts facts;
	bool insecure; /* the image that was found may be unverified */
	struct cfs_boot_plan plan;
	struct cfs_mount_taken taken;
	int disk;    /* the state disk, in this namespace */
	int image;   /* the file, open for reading */
	int objects; /* the object directory */
	int kept;    /* a detached copy of the mounts of the state disk */
	int memory;  /* a tmpfs */
	int root;    /* the new root */
	/* The signature check of the image. */
	struct cfs_mount_args args;
	struct cfs_trust_mount trust;
	int signature_dir;			/* the repository, or the deployment */
	char signature_path[CFS_BOOT_PATH_MAX]; /* of the signature beside an image */
	bool signature_failed;
};

/* args.c: fails with EINVAL and "expected X, got Y"; the value is untrusted text, shown without control
 * characters. Returns the code. */
int boot_fail_value(struct cfs_err *err, const char *expected, struct cfs_text got);

/* find.c: opens the image and the object directory, and sets the facts about the image. */
int boot_find_image(struct boot_run *r, struct cfs_err *err) CFS_MUST_CHECK;

/* state.c: what the state disk has for a part. */
int boot_inspect_state(struct boot_run *r, enum cfs_boot_part part,
		       enum cfs_boot_state *out, struct cfs_err *err) CFS_MUST_CHECK;

/* image.c: mounts the image at the place of the state disk in this namespace, and opens
 * the new root. */
int boot_mount_image(struct boot_run *r, const struct cfs_boot_step *step,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* perform.c: carries out one step. */
int boot_perform(struct boot_run *r, const struct cfs_boot_step *step,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* perform.c: creates a directory of the tmpfs, unless it exists, and opens it for
 * reading. */
int boot_make_dir(int dirfd, const char *name, mode_t mode,
		  struct cfs_err *err) CFS_MUST_CHECK;

#endif
