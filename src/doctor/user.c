/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds out what an unprivileged user may do in a user namespace. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* The mount point, in a private namespace. */
#define PLACE "/tmp"

static int set_context_option(int context, const char *key, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int create_superblock(int context)
{
	return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static void answer_by_code(struct doctor *d, enum cfs_doctor_question q, int rc)
{
	if (rc == 0)
		doctor_answer(d, q, CFS_DOCTOR_OK, "%s", "");
	else if (rc == -EPERM || rc == -EACCES)
		doctor_answer(d, q, CFS_DOCTOR_NO, "the kernel leaves it to root");
	else if (rc == -ENODEV)
		doctor_answer(d, q, CFS_DOCTOR_NO, "this kernel does not have it");
	else
		doctor_answer(d, q, CFS_DOCTOR_UNKNOWN, "%s", strerror(-rc));
}

static void test_erofs(struct doctor *d)
{
	cfs_autofd int context = fsopen("erofs", FSOPEN_CLOEXEC);
	char path[32];
	int rc = context < 0 ? -errno : 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", d->image);
	if (rc == 0)
		rc = set_context_option(context, "source", path);
	if (rc == 0)
		rc = create_superblock(context);
	answer_by_code(d, CFS_DOCTOR_USER_EROFS, rc);
}

static int try_user_overlay(void)
{
	cfs_autofd int context = -1;
	int rc;

	if (mount("none", PLACE, "tmpfs", 0, NULL) < 0 || mkdir(PLACE "/a", 0755) < 0 ||
	    mkdir(PLACE "/b", 0755) < 0)
		return -errno;
	context = fsopen("overlay", FSOPEN_CLOEXEC);
	rc = context < 0
		     ? -errno
		     : set_context_option(context, "lowerdir", PLACE "/a:" PLACE "/b");
	return rc < 0 ? rc : create_superblock(context);
}

/* --- FUSE -------------------------------------------------------------------------------- */

/* Flags of FUSE_INIT that the headers of Debian 12 do not define. */
static const uint64_t init_ext = UINT64_C(1) << 30, passthrough = UINT64_C(1) << 37;

/* Makes a FUSE superblock, which is not attached anywhere. The caller closes *context. */
static int try_user_fuse(int fuse, int *context)
{
	char number[16];
	int rc;

	*context = fsopen("fuse", FSOPEN_CLOEXEC);
	if (*context < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", fuse);
	rc = set_context_option(*context, "fd", number);
	if (rc == 0)
		rc = set_context_option(*context, "rootmode", "40000");
	if (rc == 0)
		rc = set_context_option(*context, "user_id", "0");
	if (rc == 0)
		rc = set_context_option(*context, "group_id", "0");
	return rc < 0 ? rc : create_superblock(*context);
}

/* The first message of the kernel has the features that it offers. */
static int read_offered_flags(int fuse, uint64_t *flags)
{
	uint8_t raw[FUSE_MIN_READ_BUFFER];
	ssize_t n = read(fuse, raw, sizeof(raw));
	struct fuse_in_header head;
	uint32_t in[5]; /* major, minor, max_readahead, flags, flags2 */

	if (n < (ssize_t)(sizeof(head) + sizeof(in)))
		return n < 0 ? -errno : -EPROTO;
	memcpy(&head, raw, sizeof(head));
	memcpy(in, raw + sizeof(head), sizeof(in));
	if (head.opcode != FUSE_INIT)
		return -EPROTO;
	*flags = in[3];
	if (*flags & init_ext)
		*flags |= (uint64_t)in[4] << 32;
	return 0;
}

/* Finds out whether an ordinary user can mount FUSE in a user namespace. */
static void test_fuse(struct doctor *d)
{
	cfs_autofd int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	cfs_autofd int context = -1;
	int errnum = errno;

	if (fuse >= 0) {
		answer_by_code(d, CFS_DOCTOR_USER_FUSE, try_user_fuse(fuse, &context));
		return;
	}
	doctor_answer(d, CFS_DOCTOR_USER_FUSE, CFS_DOCTOR_NO, "/dev/fuse: %s",
		      strerror(errnum));
	if (errnum == ENOENT)
		doctor_advise(d, CFS_DOCTOR_USER_FUSE, "load the module: modprobe fuse");
	else if (errnum == EACCES)
		doctor_advise(d, CFS_DOCTOR_USER_FUSE, "chmod 0666 /dev/fuse");
}

/* Asks whether the kernel lets a FUSE server pass files through (Linux 6.9), which
 * makes reads as fast as native ones. */
static void test_passthrough(struct doctor *d)
{
	cfs_autofd int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	cfs_autofd int context = -1;
	uint64_t flags = 0;
	int rc = fuse < 0 ? -errno : try_user_fuse(fuse, &context);

	if (rc == 0)
		rc = read_offered_flags(fuse, &flags);
	if (rc < 0)
		doctor_answer(d, CFS_DOCTOR_PASSTHROUGH, CFS_DOCTOR_UNKNOWN, "FUSE: %s",
			      strerror(-rc));
	else if (flags & passthrough)
		doctor_answer(d, CFS_DOCTOR_PASSTHROUGH, CFS_DOCTOR_OK,
			      "for servers with CAP_SYS_ADMIN");
	else
		doctor_answer(d, CFS_DOCTOR_PASSTHROUGH, CFS_DOCTOR_NO,
			      "this kernel does not offer it");
}

/* --- all of it --------------------------------------------------------------------------- */

static void test_in_namespace(struct doctor *d)
{
	doctor_answer(d, CFS_DOCTOR_USERNS, CFS_DOCTOR_OK, "%s", "");
	test_erofs(d);
	test_fuse(d);
	answer_by_code(d, CFS_DOCTOR_USER_OVERLAY, try_user_overlay());
}

/* Without user namespaces three more questions have no answer. */
static void answer_no_namespace(struct doctor *d, int rc)
{
	static const enum cfs_doctor_question inside[] = {
		CFS_DOCTOR_USER_EROFS, CFS_DOCTOR_USER_OVERLAY, CFS_DOCTOR_USER_FUSE};

	if (rc == -ETIMEDOUT) {
		doctor_answer(d, CFS_DOCTOR_USERNS, CFS_DOCTOR_UNKNOWN, "%s",
			      strerror(-rc));
	} else {
		doctor_answer(d, CFS_DOCTOR_USERNS, CFS_DOCTOR_NO, "%s", strerror(-rc));
		doctor_advise(d, CFS_DOCTOR_USERNS,
			      "see the settings user.max_user_namespaces, "
			      "kernel.unprivileged_userns_clone, "
			      "kernel.apparmor_restrict_unprivileged_userns");
	}
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		doctor_answer(d, inside[i], CFS_DOCTOR_UNKNOWN,
			      "it wants a user namespace");
}

void doctor_ask_user(struct doctor *d)
{
	int rc = doctor_run_child(d, DOCTOR_NOBODY, test_in_namespace);

	if (rc < 0)
		answer_no_namespace(d, rc);
	/* The kernel offers the same features to every user, and root can always open the
	 * device. */
	rc = doctor_run_child(d, DOCTOR_OWN_MOUNTS, test_passthrough);
	if (rc < 0)
		rc = doctor_run_child(d, DOCTOR_NOBODY, test_passthrough);
	if (rc < 0)
		doctor_answer(d, CFS_DOCTOR_PASSTHROUGH, CFS_DOCTOR_UNKNOWN, "%s",
			      strerror(-rc));
}
