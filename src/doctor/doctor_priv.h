/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Shared by the files of this room. */
#ifndef CFS_DOCTOR_PRIV_H
#define CFS_DOCTOR_PRIV_H

#include "doctor/doctor.h"

/* An examination. */
struct doctor {
	const char *dir, *objects;
	enum cfs_mount_verity verity;
	int dirfd;
	int image;			  /* a small image in an unnamed file, or -1 */
	bool image_here;		  /* that file is in dir, not in memory */
	struct cfs_doctor_report *report; /* shared memory: children write to it */
};

/* --- answer.c ------------------------------------------------------------------------------ */

/* Sets the answer to a question, with its reason; and the advice that is printed below
 * it. */
void doctor_answer(struct doctor *d, enum cfs_doctor_question q,
		   enum cfs_doctor_state state, const char *fmt, ...) CFS_PRINTF(4, 5);
void doctor_advise(struct doctor *d, enum cfs_doctor_question q, const char *fmt, ...)
	CFS_PRINTF(3, 4);

/* --- child.c ------------------------------------------------------------------------------- */

enum doctor_child {
	DOCTOR_OWN_MOUNTS, /* in a private mount namespace; needs root */
	DOCTOR_NOBODY, /* as an unprivileged user, in a new user and mount namespace */
};

/* Runs fn in a child process and waits for its end, at most 30 seconds: -ETIMEDOUT.
 * -errno: the namespaces could not be created, and fn was not called. */
int doctor_run_child(struct doctor *d, enum doctor_child kind,
		     void (*fn)(struct doctor *d));

/* --- image.c ------------------------------------------------------------------------------- */

#define DOCTOR_FILE    "file" /* in the root directory of the image */
#define DOCTOR_CONTENT "a small file\n"

/* Creates d->image. */
int doctor_make_image(struct doctor *d, struct cfs_err *err) CFS_MUST_CHECK;

/* --- the questions --------------------------------------------------------------------------- */

void doctor_ask_verity(struct doctor *d); /* place.c: of the filesystem, fs-verity */
void doctor_ask_place(struct doctor *d);  /* place.c: of the filesystem */
void doctor_ask_kernel(struct doctor *d); /* kernel.c: of the kernel */
void doctor_ask_mounts(struct doctor *d); /* mounts.c: by real mounts */
void doctor_ask_user(struct doctor *d);	  /* user.c: of unprivileged users */

#endif
