/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A private mount namespace for one thread. */
#include "mount/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "mount/sys_mount.h"

/* Propagation has to be changed from the root of the namespace. That is not the root of a
 * process in a chroot, where / need not be a mount point. setns(2) into the own namespace
 * moves the thread to its root. */
static int make_private(struct cfs_err *err)
{
	cfs_autofd int ns = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (ns < 0)
		return cfs_fail_errno(err, "/proc/thread-self/ns/mnt");
	if (setns(ns, CLONE_NEWNS) < 0)
		return cfs_fail_errno(err, "setns");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return cfs_fail_errno(err, "making mounts private");
	return 0;
}

int cfs_namespace_enter(struct cfs_err *err)
{
	cfs_autofd int root = -1;
	cfs_autofd int cwd = -1;
	int rc;

	/* This also unshares root and working directory from the other threads. */
	if (unshare(CLONE_NEWNS) < 0)
		return cfs_fail_errno(err, "private mount namespace");
	root = open("/", O_PATH | O_CLOEXEC);
	cwd = open(".", O_PATH | O_CLOEXEC);
	if (root < 0 || cwd < 0)
		return cfs_fail_errno(err, "root and working directory");
	rc = make_private(err);
	if (rc < 0)
		return rc;
	if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(cwd) < 0)
		return cfs_fail_errno(err, "restoring root and working directory");
	return 0;
}
