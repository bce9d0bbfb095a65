/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* doctor: what this kernel and this file system can do for images, found out by trying.
 * Owns:  the questions, how each is asked, what is said of a no.
 * Uses:  base, hash, tree and erofs (a small image), verity, mount (its own ways, so that nothing else is
 *        said here than a mount does).
 * Never: prints; leaves a file, a mount or a device behind; goes by the version of the kernel.
 *
 * What mounts does so in a child process, in a mount namespace of its own that ends with it. The image
 * that is mounted is a file without a name. Asking may load a module, as a mount would.
 */
#ifndef CFS_DOCTOR_H
#define CFS_DOCTOR_H

#include "base/base.h"
#include "mount/mount.h"

enum cfs_doctor_state {
	CFS_DOCTOR_UNKNOWN, /* it could not be found out; detail says why */
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

/* What a mount here uses. The texts are those of struct cfs_mount_taken. */
struct cfs_doctor_mount {
	struct cfs_doctor_answer answer;
	char image[64], overlay[64];
	bool verity; /* each byte is checked by the kernel */
	bool nosuid; /* and nodev: nobody vouches for an image by its name */
};

struct cfs_doctor_report {
	char kernel[65];		  /* its release */
	char fs[32];			  /* type of the file system, or empty */
	char device[CFS_DOCTOR_TEXT_MAX]; /* that it lies on, or empty */
	struct cfs_doctor_answer answers[CFS_DOCTOR_QUESTIONS];
	struct cfs_doctor_mount mount;
};

/* A word for programs, and one for people. Static. */
const char *cfs_doctor_key(enum cfs_doctor_question q);
const char *cfs_doctor_title(enum cfs_doctor_question q);

/* Asks all, about images and objects below the directory dir. objects: the object directory that a mount
 * would have, dir itself where there is none yet. verity: what would be asked of that mount. -ENOENT,
 * -ENOTDIR: no such directory; -ENOMEM. */
int cfs_doctor_look(const char *dir, const char *objects, enum cfs_mount_verity verity,
		    struct cfs_doctor_report *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
