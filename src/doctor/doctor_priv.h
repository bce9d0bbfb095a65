/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_DOCTOR_PRIV_H
#define CFS_DOCTOR_PRIV_H

#include "doctor/doctor.h"

/* A look under way. */
struct doctor {
	const char *dir, *objects;
	enum cfs_mount_verity verity;
	int dirfd;
	int image;	 /* a small image, in a file without a name; -1: there is none */
	bool image_here; /* that file lies in dir, not in memory */
	struct cfs_doctor_report *report; /* children write to it, too */
};

/* --- answer.c ------------------------------------------------------------------------------ */

void doctor_answer(struct doctor *d, enum cfs_doctor_question q,
		   enum cfs_doctor_state state, const char *fmt, ...) CFS_PRINTF(4, 5);
void doctor_advise(struct doctor *d, enum cfs_doctor_question q, const char *fmt, ...)
	CFS_PRINTF(3, 4);

/* --- child.c ------------------------------------------------------------------------------- */

enum doctor_child {
	DOCTOR_OWN_MOUNTS, /* a mount namespace of its own; needs root */
	DOCTOR_NOBODY, /* a user without rights, in a user and a mount namespace of its own */
};

/* Runs fn in a child process and waits for its end; a child that hangs is ended. When what kind wants could
 * not be had, fn is not called: -errno of that. */
int doctor_child(struct doctor *d, enum doctor_child kind, void (*fn)(struct doctor *d));

/* --- image.c ------------------------------------------------------------------------------- */

#define DOCTOR_FILE    "file" /* what the image has at its top, with this content */
#define DOCTOR_CONTENT "a small file\n"

/* Makes d->image. */
int doctor_make_image(struct doctor *d, struct cfs_err *err) CFS_MUST_CHECK;

/* --- one part of the questions each ---------------------------------------------------------- */

void doctor_ask_place(struct doctor *d);  /* place.c: the file system */
void doctor_ask_kernel(struct doctor *d); /* kernel.c: what it has */
void doctor_ask_mounts(struct doctor *d); /* mounts.c: real ones */
void doctor_ask_user(struct doctor *d);	  /* user.c: what a user without rights may do */

#endif
