/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The order of the work: in a private mount namespace, which ends with its thread, so that
 * a failure leaves no mount behind. */
#include "boot/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "boot/boot_priv.h"

struct work {
	struct boot_run *run;
	struct cfs_err *err;
	int tree; /* the new root, as a detached tree */
	int rc;
};

static void close_fds(struct boot_run *r)
{
	const int fds[] = {r->disk,   r->image, r->objects,	 r->kept,
			   r->memory, r->root,	r->signature_dir};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* Reads what the disk has: the image, and the state of /etc and /var. Nothing is
 * changed yet, and the status says which part failed. */
static int gather_facts(struct boot_run *r, struct cfs_err *err)
{
	int rc;

	/* Opened in this namespace: before Linux 6.15 the kernel copies no mount of
	 * another one. */
	r->disk = open(r->request->sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->status = CFS_BOOT_NO_IMAGE;
	if (r->disk < 0)
		return cfs_fail_errno(err, "state disk %s", r->request->sysroot);
	rc = boot_find_image(r, err);
	if (rc < 0)
		return rc;
	r->status = CFS_BOOT_NO_STATE;
	rc = boot_inspect_state(r, CFS_BOOT_ETC, &r->facts.etc, err);
	if (rc == 0)
		rc = boot_inspect_state(r, CFS_BOOT_VAR, &r->facts.var, err);
	return rc;
}

/* Sets r->status before each step, so that a failure at any point has the exit status of
 * its kind. On success w->tree is a detached copy of the new root, which the caller
 * closes. */
static int run_work(struct work *w)
{
	struct boot_run *r = w->run;
	int rc;

	r->status = CFS_BOOT_NO_MOUNT;
	rc = cfs_namespace_enter(w->err);
	if (rc == 0)
		rc = gather_facts(r, w->err);
	if (rc < 0)
		return rc;
	r->status = CFS_BOOT_NO_STATE;
	rc = cfs_boot_plan(r->request->choice, &r->facts, &r->plan, w->err);
	for (size_t i = 0; rc == 0 && i < r->plan.n_steps; i++)
		rc = boot_perform(r, &r->plan.steps[i], w->err);
	if (rc < 0)
		return rc;
	r->status = CFS_BOOT_NO_MOUNT;
	w->tree = open_tree(r->root, "",
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				    AT_RECURSIVE);
	return w->tree < 0 ? cfs_fail_errno(w->err, "copying the new root") : 0;
}

static void *work_thread(void *arg)
{
	struct work *w = arg;

	w->rc = run_work(w);
	return NULL;
}

static int move_tree(int tree, const char *target, struct cfs_err *err)
{
	if (move_mount(tree, "", AT_FDCWD, target,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return cfs_fail_errno(err, "mounting the new root at %s", target);
	return 0;
}

/* Puts the new root in the place of the state disk, so that no mount is left below it that
 * systemd could not unmount. */
static int replace_disk(int tree, const char *sysroot, struct cfs_err *err)
{
	cfs_autofd int old = open_tree(
		AT_FDCWD, sysroot, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	bool detached;
	int rc;

	if (old < 0)
		return cfs_fail_errno(err, "state disk %s: copying the mount", sysroot);
	detached = umount2(sysroot, MNT_DETACH) == 0;
	/* EINVAL: a directory that is no mount point. */
	if (!detached && errno != EINVAL)
		return cfs_fail_errno(err, "unmounting the state disk");
	rc = move_tree(tree, sysroot, err);
	if (rc < 0 && detached)
		(void)!move_mount(old, "", AT_FDCWD, sysroot, MOVE_MOUNT_F_EMPTY_PATH);
	return rc;
}

static int attach_tree(const struct cfs_boot_request *q, int tree, struct cfs_err *err)
{
	return strcmp(q->target, q->sysroot) == 0 ? replace_disk(tree, q->target, err)
						  : move_tree(tree, q->target, err);
}

/* The work runs in a thread of its own, because it enters a mount namespace and the
 * caller must stay in its own. What comes back is one detached tree of mounts, attached
 * here. */
int cfs_boot_prepare(const struct cfs_boot_request *request, struct cfs_boot_result *out,
		     struct cfs_err *err)
{
	struct boot_run r = {.request = request,
			     .disk = -1,
			     .image = -1,
			     .objects = -1,
			     .kept = -1,
			     .memory = -1,
			     .root = -1,
			     .signature_dir = -1};
	struct work w = {.run = &r, .err = err, .tree = -1};
	pthread_t thread;

	*out = (struct cfs_boot_result){.status = CFS_BOOT_FAILED};
	errno = pthread_create(&thread, NULL, work_thread, &w);
	if (errno)
		return cfs_fail_errno(err, "thread");
	pthread_join(thread, NULL);
	if (w.rc == 0)
		w.rc = attach_tree(request, w.tree, err);
	close_fds(&r);
	if (w.tree >= 0)
		close(w.tree);
	out->status = w.rc < 0 ? r.status : CFS_BOOT_OK;
	if (w.rc == 0)
		out->record_len = cfs_boot_format_record(request->choice, &r.facts,
							 &r.plan, r.taken.image,
							 r.taken.overlay, out->record);
	return w.rc;
}

/* --- notes for the system that starts ------------------------------------------------ */

int cfs_boot_write_record(const char *run, const struct cfs_boot_result *result,
			  struct cfs_err *err)
{
	struct cfs_span record = {(const uint8_t *)result->record, result->record_len};
	char path[CFS_BOOT_PATH_MAX];
	cfs_autofd int dir = -1;

	snprintf(path, sizeof(path), "%s/composefs", run);
	dir = cfs_path_make_dir(path, 0755, NULL, err);
	if (dir < 0)
		return cfs_context(err, dir, "%s", path);
	return cfs_context(err, cfs_replace_write(dir, "booted", record, err),
			   "%s/booted", path);
}

void cfs_boot_mark_disk(const char *run, const char *sysroot)
{
	char path[CFS_BOOT_PATH_MAX], device[64];
	struct stat st;
	dev_t number;

	if (stat("/dev/gpt-auto-root", &st) == 0 && S_ISBLK(st.st_mode))
		number = st.st_rdev;
	else if (stat(sysroot, &st) == 0)
		number = st.st_dev;
	else
		return;
	snprintf(device, sizeof(device), "/dev/block/%u:%u", major(number),
		 minor(number));
	/* An initrd without systemd has no directory for it, but the system that starts may
	 * have systemd. */
	snprintf(path, sizeof(path), "%s/systemd", run);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/systemd/volatile-root", run);
	(void)!symlink(device, path);
}
