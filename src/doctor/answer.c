/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The names of the questions, and how answers are stored. */
#include <stdarg.h>
#include <stdio.h>

#include "doctor/doctor_priv.h"

static const struct {
	const char *key, *title;
} texts[] = {
	[CFS_DOCTOR_EROFS] = {"erofs", "EROFS"},
	[CFS_DOCTOR_FILE_BACKED] = {"erofs_from_file", "EROFS mounted from a file here"},
	[CFS_DOCTOR_LOOP] = {"loop", "EROFS mounted through a loop device"},
	[CFS_DOCTOR_OVERLAY] = {"overlay", "overlayfs"},
	[CFS_DOCTOR_DATA_LAYERS] = {"data_layers", "overlayfs: data-only layers"},
	[CFS_DOCTOR_FD_LAYERS] = {"fd_layers", "overlayfs: layers by descriptor"},
	[CFS_DOCTOR_VERITY_REQUIRE] = {"verity_require", "overlayfs: verity=require"},
	[CFS_DOCTOR_FSVERITY] = {"fs_verity", "fs-verity here"},
	[CFS_DOCTOR_SIGNATURES] = {"fs_verity_signatures",
				   "fs-verity signatures in the kernel"},
	[CFS_DOCTOR_IPE] = {"ipe", "Integrity Policy Enforcement"},
	[CFS_DOCTOR_REFLINK] = {"reflink", "copies that share blocks here (reflink)"},
	[CFS_DOCTOR_LEASES] = {"leases", "write leases here (gc asks what is mounted)"},
	[CFS_DOCTOR_PRIVATE] = {"private_objects",
				"objects that only the owner can read"},
	[CFS_DOCTOR_USERNS] = {"user_namespaces", "user namespaces for everybody"},
	[CFS_DOCTOR_USER_EROFS] = {"user_erofs", "EROFS mounted without root"},
	[CFS_DOCTOR_USER_OVERLAY] = {"user_overlay", "overlayfs mounted without root"},
	[CFS_DOCTOR_USER_FUSE] = {"user_fuse", "FUSE mounted without root"},
	[CFS_DOCTOR_PASSTHROUGH] = {"fuse_passthrough", "FUSE passthrough"},
};

const char *cfs_doctor_get_key(enum cfs_doctor_question q)
{
	return texts[q].key;
}

const char *cfs_doctor_get_title(enum cfs_doctor_question q)
{
	return texts[q].title;
}

void doctor_answer(struct doctor *d, enum cfs_doctor_question q,
		   enum cfs_doctor_state state, const char *fmt, ...)
{
	struct cfs_doctor_answer *a = &d->report->answers[q];
	va_list ap;

	a->state = state;
	va_start(ap, fmt);
	vsnprintf(a->detail, sizeof(a->detail), fmt, ap);
	va_end(ap);
}

void doctor_advise(struct doctor *d, enum cfs_doctor_question q, const char *fmt, ...)
{
	struct cfs_doctor_answer *a = &d->report->answers[q];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->advice, sizeof(a->advice), fmt, ap);
	va_end(ap);
}
