/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds out what the filesystem of the directory supports. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* --- its type ---------------------------------------------------------------------------- */

static void find_fs(struct doctor *d)
{
	struct cfs_mount_table table = {0};
	const struct cfs_mount_entry *found = NULL;

	if (cfs_mount_table_read(&table, NULL) == 0 &&
	    cfs_mount_table_find(&table, d->dirfd, &found, NULL) == 0 && found) {
		snprintf(d->report->fs, sizeof(d->report->fs), "%s", found->fs);
		snprintf(d->report->device, sizeof(d->report->device), "%s",
			 found->source);
	}
	cfs_mount_table_fini(&table);
}

/* --- fs-verity --------------------------------------------------------------------------- */

/* Called when this place has no fs-verity: finds out whether the filesystem, its settings or the kernel is
 * the reason, and names the remedy. */
static void advise_verity(struct doctor *d)
{
	const char *fs = d->report->fs;

	if (strcmp(fs, "ext4") != 0 && strcmp(fs, "btrfs") != 0 &&
	    strcmp(fs, "f2fs") != 0) {
		doctor_answer(d, CFS_DOCTOR_FSVERITY, CFS_DOCTOR_NO, "%s has none",
			      *fs ? fs : "this filesystem");
		doctor_advise(d, CFS_DOCTOR_FSVERITY,
			      "keep images and objects on ext4 with the feature verity, "
			      "on btrfs or f2fs");
		return;
	}
	/* Each of the three says there whether it was built with fs-verity. */
	if (strcmp(fs, "ext4") == 0 &&
	    access("/sys/fs/ext4/features/verity", F_OK) == 0) {
		doctor_answer(d, CFS_DOCTOR_FSVERITY, CFS_DOCTOR_NO,
			      "ext4 on %s lacks the feature verity", d->report->device);
		doctor_advise(d, CFS_DOCTOR_FSVERITY, "tune2fs -O verity %s",
			      d->report->device);
		return;
	}
	doctor_answer(d, CFS_DOCTOR_FSVERITY, CFS_DOCTOR_NO, "%s of this kernel has none",
		      fs);
	doctor_advise(d, CFS_DOCTOR_FSVERITY, "take a kernel with CONFIG_FS_VERITY");
}

void doctor_ask_verity(struct doctor *d)
{
	struct cfs_err err;
	int rc;

	find_fs(d);
	rc = cfs_verity_is_supported(d->dirfd, &err);
	if (rc < 0)
		doctor_answer(d, CFS_DOCTOR_FSVERITY, CFS_DOCTOR_UNKNOWN, "%s", err.msg);
	else if (rc == 1)
		doctor_answer(d, CFS_DOCTOR_FSVERITY, CFS_DOCTOR_OK, "%s", d->report->fs);
	else
		advise_verity(d);
}

/* --- with a file ------------------------------------------------------------------------ */

static void test_reflink(struct doctor *d, int fd)
{
	if (ioctl(fd, FICLONE, d->image) == 0)
		doctor_answer(d, CFS_DOCTOR_REFLINK, CFS_DOCTOR_OK, "%s", "");
	else
		doctor_answer(d, CFS_DOCTOR_REFLINK, CFS_DOCTOR_NO, "%s: %s",
			      d->report->fs, strerror(errno));
}

static void test_leases(struct doctor *d, int fd)
{
	(void)fcntl(fd, F_SETSIG, SIGURG); /* as gc does */
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		doctor_answer(d, CFS_DOCTOR_LEASES, CFS_DOCTOR_OK, "%s", "");
		return;
	}
	doctor_answer(d, CFS_DOCTOR_LEASES, CFS_DOCTOR_NO, "%s: %s", d->report->fs,
		      strerror(errno));
	doctor_advise(
		d, CFS_DOCTOR_LEASES,
		"know that gc keeps each image without a name here, mounted or not");
}

/* The questions that need a temporary file in the directory. */
static void test_with_file(struct doctor *d)
{
	cfs_autofd int fd = openat(d->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int errnum = errno;

	if (fd >= 0) {
		test_reflink(d, fd);
		test_leases(d, fd);
		return;
	}
	doctor_answer(d, CFS_DOCTOR_REFLINK, CFS_DOCTOR_UNKNOWN,
		      "no temporary file in %s: %s", d->dir, strerror(errnum));
	doctor_answer(d, CFS_DOCTOR_LEASES, CFS_DOCTOR_UNKNOWN,
		      "no temporary file in %s: %s", d->dir, strerror(errnum));
}

/* --- who can read the objects -------------------------------------------------------- */

/* Objects of all images lie in one directory, so one that others may search shows them
 * the contents of every image. */
static void test_private(struct doctor *d)
{
	struct cfs_err err;
	unsigned mode;
	int rc = cfs_path_is_exposed(d->dirfd, "objects", &mode, &err);

	if (rc == -ENOENT)
		rc = cfs_path_is_store_exposed(d->dirfd, &mode, &err);
	if (rc == -ENOENT) {
		doctor_answer(d, CFS_DOCTOR_PRIVATE, CFS_DOCTOR_UNKNOWN,
			      "no objects here");
	} else if (rc < 0) {
		doctor_answer(d, CFS_DOCTOR_PRIVATE, CFS_DOCTOR_UNKNOWN, "%s", err.msg);
	} else if (rc == 0) {
		doctor_answer(d, CFS_DOCTOR_PRIVATE, CFS_DOCTOR_OK, "%s", "");
	} else {
		doctor_answer(d, CFS_DOCTOR_PRIVATE, CFS_DOCTOR_NO,
			      "mode %04o lets others read all objects", mode);
		doctor_advise(d, CFS_DOCTOR_PRIVATE, "chmod 0700 %s", d->dir);
	}
}

void doctor_ask_place(struct doctor *d)
{
	doctor_ask_verity(d);
	test_with_file(d);
	test_private(d);
}
