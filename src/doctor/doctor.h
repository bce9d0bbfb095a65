/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* doctor: finds out by trying what this kernel and this filesystem support for images.
 * Owns:  the questions, the test for each, the advice after a negative answer.
 * Uses:  base, hash, tree and erofs (a small image), verity, mount (the same steps as a
 *        real mount).
 * Never: prints; leaves a file, a mount or a device behind; looks at the version of the
 *        kernel.
 *
 * Mounts are made in a child process, in a private mount namespace that ends with it. The
 * image is an unnamed file. A question may load a kernel module, as a mount would.
 */
#ifndef CFS_DOCTOR_H
#define CFS_DOCTOR_H

#include "base/base.h"
#include "mount/mount.h"

enum cfs_doctor_state {
	CFS_DOCTOR_UNKNOWN, /* detail has the reason */
	CFS_DOCTOR_NO,
	CFS_DOCTOR_OK,
};

enum cfs_doctor_question {
	CFS_DOCTOR_EROFS,
	CFS_DOCTOR_FILE_BACKED,
	CFS_DOCTOR_LOOP,
	CFS_DOCTOR_OVERLAY,
	CFS_DOCTOR_DATA_LAYERS,
	CFS_DOCTOR_FD_LAYERS,
	CFS_DOCTOR_VERITY_REQUIRE,
	CFS_DOCTOR_FSVERITY,
	CFS_DOCTOR_SIGNATURES,
	CFS_DOCTOR_IPE,
	CFS_DOCTOR_REFLINK,
	CFS_DOCTOR_LEASES,
	CFS_DOCTOR_PRIVATE,
	CFS_DOCTOR_USERNS,
	CFS_DOCTOR_USER_EROFS,
	CFS_DOCTOR_USER_OVERLAY,
	CFS_DOCTOR_USER_FUSE,
	CFS_DOCTOR_PASSTHROUGH,
	CFS_DOCTOR_QUESTIONS,
};

enum { CFS_DOCTOR_TEXT_MAX = 256 };

struct cfs_doctor_answer {
	enum cfs_doctor_state state;
	char detail[CFS_DOCTOR_TEXT_MAX]; /* or empty */
	char advice[CFS_DOCTOR_TEXT_MAX]; /* what to change, or empty */
};

/* How a mount is made here. The texts are those of struct cfs_mount_taken. */
struct cfs_doctor_mount {
	struct cfs_doctor_answer answer;
	char image[64], overlay[64];
	bool verity; /* the kernel verifies every byte */
	bool nosuid; /* and nodev: an image that is given by its name is not verified */
};

struct cfs_doctor_report {
	char kernel[65];		  /* its release */
	char fs[32];			  /* type of the filesystem, or empty */
	char device[CFS_DOCTOR_TEXT_MAX]; /* of the filesystem, or empty */
	struct cfs_doctor_answer answers[CFS_DOCTOR_QUESTIONS];
	struct cfs_doctor_mount mount;
};

/* The name of a question for programs, and its title for people. Static. */
const char *cfs_doctor_get_key(enum cfs_doctor_question q);
const char *cfs_doctor_get_title(enum cfs_doctor_question q);

/* Answers all questions, for images and objects below the directory dir. objects: the
 * object directory of a mount; dir if there is none yet. verity: the option of that
 * mount. -ENOENT, -ENOTDIR: no such directory; -ENOMEM. */
int cfs_doctor_examine(const char *dir, const char *objects, enum cfs_mount_verity verity,
		       struct cfs_doctor_report *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Answers CFS_DOCTOR_FSVERITY alone, without a mount. The same errors. */
int cfs_doctor_test_verity(const char *dir, struct cfs_doctor_answer *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
