/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/prepare: carries out a choice: finds the image, makes the new root, attaches it.
 * Owns:  the order in which the disk is read, the private mount namespace of the work.
 * Uses:  boot/plan, mount, trust.
 * Never: decides what may be booted.
 */
#ifndef CFS_BOOT_PREPARE_H
#define CFS_BOOT_PREPARE_H

#include "boot/plan.h"
#include "boot/status.h"

/* All borrowed. */
struct cfs_boot_request {
	const struct cfs_boot_choice *choice;
	const char *sysroot; /* where the state disk is mounted */
	const char *target;  /* where the new root is attached; may be sysroot */
	const char *run;     /* /run: a tmpfs of the initrd */
	const struct cfs_watch *watch;
};

struct cfs_boot_result {
	enum cfs_boot_status status;
	char record[CFS_BOOT_RECORD_MAX];
	size_t record_len;
};

/* Makes the new root in a private mount namespace, and attaches it to target as the last
 * step, in place of the state disk if that is mounted there. After a failure no mount is
 * left, and *out has the status. Needs root. The code is only a detail of the status. */
int cfs_boot_prepare(const struct cfs_boot_request *request, struct cfs_boot_result *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the record to RUN/composefs/booted. */
int cfs_boot_write_record(const char *run, const struct cfs_boot_result *result,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Tells systemd which disk is below the root: RUN/systemd/volatile-root. Without it
 * systemd-gpt-auto-generator finds none behind an overlay. Call it while the state disk is
 * mounted at sysroot. Best effort. */
void cfs_boot_mark_disk(const char *run, const char *sysroot);

#endif
