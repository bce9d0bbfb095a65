/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Answers all questions in order. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

static int test_all(struct doctor *d, struct cfs_err *err)
{
	int rc = doctor_make_image(d, err);

	if (rc < 0)
		return rc;
	doctor_ask_place(d);
	doctor_ask_kernel(d);
	doctor_ask_mounts(d);
	doctor_ask_user(d);
	return 0;
}

/* The report lies in shared memory, since the tests run in children: a test that is
 * killed, or changes its namespaces, cannot harm the caller. */
int cfs_doctor_examine(const char *dir, const char *objects, enum cfs_mount_verity verity,
		       struct cfs_doctor_report *out, struct cfs_err *err)
{
	struct doctor d = {.dir = dir,
			   .objects = objects,
			   .verity = verity,
			   .dirfd = -1,
			   .image = -1};
	cfs_autofd int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return cfs_fail_errno(err, "directory %s", dir);
	d.dirfd = dirfd;
	d.report = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d.report == MAP_FAILED)
		return cfs_fail_errno(err, "memory for the children");
	rc = test_all(&d, err);
	*out = *d.report;
	munmap(d.report, sizeof(*out));
	if (d.image >= 0)
		close(d.image);
	return rc;
}

int cfs_doctor_test_verity(const char *dir, struct cfs_doctor_answer *out,
			   struct cfs_err *err)
{
	cfs_autofd int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cfs_doctor_report report = {0};
	struct doctor d = {.dir = dir, .dirfd = dirfd, .image = -1, .report = &report};

	if (dirfd < 0)
		return cfs_fail_errno(err, "directory %s", dir);
	doctor_ask_verity(&d);
	*out = report.answers[CFS_DOCTOR_FSVERITY];
	return 0;
}
