/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Test mounts of a small image: which ways of the room mount this kernel supports. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* --- filesystem types -------------------------------------------------------------------- */

static void test_type(struct doctor *d, enum cfs_doctor_question q, const char *type)
{
	cfs_autofd int fd = fsopen(type, FSOPEN_CLOEXEC);

	if (fd >= 0) {
		doctor_answer(d, q, CFS_DOCTOR_OK, "%s", "");
	} else if (errno == ENODEV) {
		doctor_answer(d, q, CFS_DOCTOR_NO, "this kernel has no %s", type);
		doctor_advise(d, q, "load the module: modprobe %s", type);
	} else {
		doctor_answer(d, q, CFS_DOCTOR_UNKNOWN, "%s", strerror(errno));
	}
}

static void test_types(struct doctor *d)
{
	test_type(d, CFS_DOCTOR_EROFS, "erofs");
	test_type(d, CFS_DOCTOR_OVERLAY, "overlay");
}

/* --- mounts ------------------------------------------------------------------------------ */

/* Directories that exist wherever /proc is mounted: the mount point, and an object
 * directory that does not depend on the filesystem in question. */
#define PLACE "/proc/self/ns"
#define SPARE "/proc/self/fdinfo"

static struct cfs_mount_opts make_opts(const char *const *objects,
				       enum cfs_mount_verity verity)
{
	return (struct cfs_mount_opts){
		.objdirs = objects,
		.n_objdirs = 1,
		.verity = verity,
		.prefetch = CFS_MOUNT_PREFETCH_OFF,
		.image_name = "composefs doctor",
	};
}

static int mount_spare(struct cfs_err *err)
{
	if (mount("none", SPARE, "tmpfs", 0, NULL) < 0)
		return cfs_fail_errno(err, "tmpfs for a test mount");
	return 0;
}

/* Reads a file of the mount. */
static int read_back(struct cfs_err *err)
{
	cfs_autofd int fd = open(PLACE "/" DOCTOR_FILE, O_RDONLY | O_CLOEXEC);
	char text[sizeof(DOCTOR_CONTENT)] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return cfs_fail_errno(err, "the mount cannot be read");
	if (strcmp(text, DOCTOR_CONTENT) != 0)
		return cfs_fail(err, EUCLEAN, "the mount shows something else");
	return 0;
}

/* Answers whether the kernel mounts an image file without a loop device, by the way
 * that was taken. */
static void answer_image(struct doctor *d, const char *way)
{
	if (strcmp(way, "file") == 0) {
		doctor_answer(d, CFS_DOCTOR_FILE_BACKED, CFS_DOCTOR_OK, "%s", "");
	} else if (!d->image_here) {
		doctor_answer(d, CFS_DOCTOR_FILE_BACKED, CFS_DOCTOR_UNKNOWN,
			      "no temporary file can be made in %s", d->dir);
	} else {
		doctor_answer(d, CFS_DOCTOR_FILE_BACKED, CFS_DOCTOR_NO,
			      "the kernel wants a block device for a file of %s",
			      d->report->fs);
		doctor_advise(d, CFS_DOCTOR_FILE_BACKED,
			      "keep images on a disk (not on tmpfs), on Linux 6.12 or "
			      "later; a loop "
			      "device does it, too");
	}
}

static void answer_overlay(struct doctor *d, const char *way)
{
	static const char instead[] = "the kernel takes them otherwise: %s";

	if (strcmp(way, "descriptors") == 0)
		doctor_answer(d, CFS_DOCTOR_FD_LAYERS, CFS_DOCTOR_OK, "%s", "");
	else
		doctor_answer(d, CFS_DOCTOR_FD_LAYERS, CFS_DOCTOR_NO, instead, way);
	if (strcmp(way, "mount(2), plain layers") != 0)
		doctor_answer(d, CFS_DOCTOR_DATA_LAYERS, CFS_DOCTOR_OK, "%s", "");
	else
		doctor_answer(d, CFS_DOCTOR_DATA_LAYERS, CFS_DOCTOR_NO, instead, way);
}

/* The first way that works. */
static void test_ways(struct doctor *d)
{
	static const char *const spare = SPARE;
	const struct cfs_mount_opts o = make_opts(&spare, CFS_MOUNT_VERITY_NONE);
	struct cfs_mount_taken taken = {0};
	struct cfs_err err;
	int rc = mount_spare(&err);

	if (rc == 0)
		rc = cfs_mount_fd(d->image, PLACE, &o, &taken, &err);

	if (taken.image && (rc == 0 || taken.overlay))
		answer_image(d, taken.image);
	else
		doctor_answer(d, CFS_DOCTOR_FILE_BACKED, CFS_DOCTOR_NO, "%s", err.msg);
	if (rc == 0) {
		answer_overlay(d, taken.overlay);
		return;
	}
	doctor_answer(d, CFS_DOCTOR_DATA_LAYERS, CFS_DOCTOR_UNKNOWN, "%s", err.msg);
	doctor_answer(d, CFS_DOCTOR_FD_LAYERS, CFS_DOCTOR_UNKNOWN, "%s", err.msg);
}

/* Applies steps, changed by change, without inspecting the filesystem first. */
static int apply_changed(const struct doctor *d, enum cfs_mount_verity verity,
			 void (*change)(struct cfs_steps *s), struct cfs_err *err)
{
	static const char *const spare = SPARE;
	struct cfs_mount_opts o = make_opts(&spare, verity);
	const struct cfs_mount_facts facts = {0};
	struct cfs_mount_dirs dirs = {0};
	struct cfs_steps steps;
	int rc = mount_spare(err);

	if (rc == 0)
		rc = cfs_mount_dirs_open(&dirs, &o, err);
	if (rc == 0)
		rc = cfs_mount_steps(&o, &facts, &steps, err);
	if (rc == 0) {
		if (change)
			change(&steps);
		rc = cfs_mount_apply(&steps, d->image, PLACE, NULL, err);
		cfs_steps_fini(&steps);
	}
	cfs_mount_dirs_close(&dirs);
	return rc;
}

static void keep_loop_only(struct cfs_steps *s)
{
	for (size_t i = 0; i < s->image.n; i++)
		if (strcmp(s->image.way[i].name, "loop") == 0)
			s->image.way[0] = s->image.way[i];
	s->image.n = 1;
}

static void test_loop(struct doctor *d)
{
	struct cfs_err err;

	if (apply_changed(d, CFS_MOUNT_VERITY_NONE, keep_loop_only, &err) == 0) {
		doctor_answer(d, CFS_DOCTOR_LOOP, CFS_DOCTOR_OK, "%s", "");
		return;
	}
	doctor_answer(d, CFS_DOCTOR_LOOP, CFS_DOCTOR_NO, "%s", err.msg);
	if (access("/dev/loop-control", F_OK) < 0)
		doctor_advise(d, CFS_DOCTOR_LOOP, "load the module: modprobe loop");
}

/* Tries a mount with verity=require; without the feature overlayfs would show files
 * without checking them. */
static void test_require(struct doctor *d)
{
	struct cfs_err err;
	int rc = apply_changed(d, CFS_MOUNT_VERITY_REQUIRE, NULL, &err);

	if (rc == 0) {
		doctor_answer(d, CFS_DOCTOR_VERITY_REQUIRE, CFS_DOCTOR_OK, "%s", "");
	} else if (d->report->answers[CFS_DOCTOR_DATA_LAYERS].state ==
		   CFS_DOCTOR_UNKNOWN) {
		doctor_answer(d, CFS_DOCTOR_VERITY_REQUIRE, CFS_DOCTOR_UNKNOWN, "%s",
			      err.msg);
	} else {
		doctor_answer(d, CFS_DOCTOR_VERITY_REQUIRE, CFS_DOCTOR_NO, "%s", err.msg);
		doctor_advise(d, CFS_DOCTOR_VERITY_REQUIRE, "take Linux 6.6 or later");
	}
}

/* A mount with the options of a real one. */
static void test_mount(struct doctor *d)
{
	struct cfs_doctor_mount *m = &d->report->mount;
	struct cfs_mount_opts o = make_opts(&d->objects, d->verity);
	struct cfs_mount_taken taken = {0};
	struct cfs_mount_facts facts;
	struct cfs_mount_dirs dirs;
	struct cfs_err err;
	int rc;

	m->nosuid = cfs_mount_restrain(&o, 0) != 0;
	rc = cfs_mount_inspect(d->image, &o, &dirs, &facts, &err);
	if (rc == 0) {
		m->verity = cfs_mount_requires_verity(&o);
		rc = cfs_mount_fd(d->image, PLACE, &o, &taken, &err);
	}
	cfs_mount_dirs_close(&dirs);
	if (rc == 0)
		rc = read_back(&err);
	m->answer.state = rc == 0 ? CFS_DOCTOR_OK : CFS_DOCTOR_NO;
	if (rc < 0) {
		snprintf(m->answer.detail, sizeof(m->answer.detail), "%.*s",
			 CFS_DOCTOR_TEXT_MAX - 1, err.msg);
		return;
	}
	snprintf(m->image, sizeof(m->image), "%s", taken.image);
	snprintf(m->overlay, sizeof(m->overlay), "%s", taken.overlay);
}

/* --- all of it --------------------------------------------------------------------------- */

static void answer_unknown(struct doctor *d, int rc)
{
	static const enum cfs_doctor_question all[] = {
		CFS_DOCTOR_FILE_BACKED, CFS_DOCTOR_LOOP,	   CFS_DOCTOR_DATA_LAYERS,
		CFS_DOCTOR_FD_LAYERS,	CFS_DOCTOR_VERITY_REQUIRE,
	};
	const char *why = rc == -EPERM ? "it takes root (CAP_SYS_ADMIN) to find out"
				       : strerror(-rc);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		doctor_answer(d, all[i], CFS_DOCTOR_UNKNOWN, "%s", why);
	snprintf(d->report->mount.answer.detail, sizeof(d->report->mount.answer.detail),
		 "%s", why);
}

/* If namespaces are not permitted, one thing can still be asked as an ordinary user:
 * which filesystems the kernel knows. Each question has a child of its own. */
void doctor_ask_mounts(struct doctor *d)
{
	static void (*const questions[])(struct doctor *) = {test_ways, test_loop,
							     test_require, test_mount};
	int rc = doctor_run_child(d, DOCTOR_OWN_MOUNTS, test_types);

	if (rc < 0) {
		answer_unknown(d, rc);
		rc = doctor_run_child(d, DOCTOR_NOBODY, test_types);
		if (rc < 0) {
			doctor_answer(d, CFS_DOCTOR_EROFS, CFS_DOCTOR_UNKNOWN, "%s",
				      strerror(-rc));
			doctor_answer(d, CFS_DOCTOR_OVERLAY, CFS_DOCTOR_UNKNOWN, "%s",
				      strerror(-rc));
		}
		return;
	}
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		rc = doctor_run_child(d, DOCTOR_OWN_MOUNTS, questions[i]);
		if (rc < 0) {
			answer_unknown(d, rc);
			return;
		}
	}
}
