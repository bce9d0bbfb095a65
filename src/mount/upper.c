/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The writable layer of a mount. The kernel only warns when two mounts have the same upper
 * or work directory, and calls the behaviour undefined; it also mounts read-only without an
 * error when it cannot create its directory in workdir. Both are errors here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/lock.h"
#include "mount/mount_priv.h"
#include "mount/sys_mount.h"
#include "mount/table.h"

/* The directories of the new mount. */
struct layer {
	const char *paths[2];
	struct stat st[2];
};

/* The path in "upperdir=PATH" or "workdir=PATH"; NULL: another option. */
static const char *dir_of_option(const char *option)
{
	static const struct cfs_text keys[] = {CFS_TEXT("upperdir="),
					       CFS_TEXT("workdir=")};

	for (size_t i = 0; i < 2; i++)
		if (cfs_text_has_prefix(cfs_text(option), keys[i]))
			return option + keys[i].len;
	return NULL;
}

/* Whether a directory exists, as a process of another mount namespace sees it. */
static int stat_in(const struct mount_process *process, const char *path,
		   struct stat *out)
{
	cfs_autofd int fd = cfs_beneath_open_dir_chroot(process->root, path);

	if (fd < 0)
		return fd;
	return fstat(fd, out) < 0 ? -errno : 0;
}

/* The names of a mount are those of the namespace in which it was made: that of the process, or, if
 * the directory does not exist there, this one. A path that does not exist here either is one of
 * another root directory, or was removed. */
static int check_layer_dir(const struct layer *layer, const char *path, const char *place,
			   const struct mount_process *process, struct cfs_err *err)
{
	struct stat st;
	int rc;

	if (*path != '/')
		return 0;
	rc = process ? stat_in(process, path, &st) : -ENOENT;
	if (rc == -ENOENT || rc == -ENOTDIR)
		rc = stat(path, &st) < 0 ? -errno : 0;
	if (rc < 0)
		return rc == -ENOENT || rc == -ENOTDIR
			       ? 0
			       : cfs_fail(err, -rc, "%s, a layer of the mount at %s",
					  path, place);
	for (size_t i = 0; i < 2; i++)
		if (st.st_dev == layer->st[i].st_dev && st.st_ino == layer->st[i].st_ino)
			return cfs_fail(err, EBUSY, "%s: in use by the mount at %s%s%s",
					layer->paths[i], place,
					process ? " in the mount namespace of process "
						: "",
					process ? process->pid : "");
	return 0;
}

/* -EBUSY when one overlay of a mount table uses the layer as upperdir or workdir.
 * Every other filesystem passes; the arena holds the decoded options. */
static int check_overlay_entry(const struct layer *layer,
			       const struct cfs_mount_entry *entry,
			       const struct mount_process *process,
			       struct cfs_arena *arena, struct cfs_err *err)
{
	const char *at = entry->options, *path;
	char *option;
	int rc;

	if (strcmp(entry->fs, "overlay") != 0)
		return 0;
	while ((rc = cfs_mount_option(&at, arena, &option)) == 1) {
		path = dir_of_option(option);
		if (path)
			rc = check_layer_dir(layer, path, entry->place, process, err);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? cfs_fail(err, -rc, "out of memory") : 0;
}

/* process: NULL for the table of this one. */
static int check_overlay_table(const struct layer *layer,
			       const struct cfs_mount_table *table,
			       const struct mount_process *process, struct cfs_err *err)
{
	struct cfs_arena arena = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < table->n; i++)
		rc = check_overlay_entry(layer, &table->v[i], process, &arena, err);
	cfs_arena_fini(&arena);
	return rc;
}

static int check_process(void *ctx, const struct mount_process *process,
			 struct cfs_err *err)
{
	return check_overlay_table(ctx, process->table, process, err);
}

static int check_mounts(struct layer *layer, struct cfs_err *err)
{
	struct cfs_mount_table table = {0};
	int rc = cfs_mount_table_read(&table, err);

	if (rc == 0)
		rc = check_overlay_table(layer, &table, NULL, err);
	cfs_mount_table_fini(&table);
	return rc < 0 || geteuid() != 0
		       ? rc
		       : mount_visit_namespaces(check_process, layer, err);
}

int mount_lock_upper(const struct cfs_mount_opts *o, int *lock, struct cfs_err *err)
{
	const struct cfs_lock_wait no_wait = {.timeout_ms = -1};
	struct layer layer = {.paths = {o->upperdir, o->workdir}};
	cfs_autofd int fd = -1;
	int rc;

	*lock = -1;
	if (!o->upperdir)
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (stat(layer.paths[i], &layer.st[i]) < 0)
			return cfs_fail_errno(err, "%s", layer.paths[i]);
	fd = open(o->upperdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "%s", o->upperdir);
	rc = cfs_context(err, cfs_lock_take(fd, LOCK_EX, &no_wait, err), "%s",
			 o->upperdir);
	if (rc == 0)
		rc = check_mounts(&layer, err);
	if (rc == 0)
		*lock = cfs_steal_fd(&fd);
	return rc;
}

int mount_check_writable(int mount, const char *workdir, struct cfs_err *err)
{
	struct statvfs fs;

	if (fstatvfs(mount, &fs) < 0)
		return cfs_fail_errno(err, "flags of the mount");
	if (!(fs.f_flag & ST_RDONLY))
		return 0;
	return cfs_fail(err, EROFS,
			"the kernel can only mount it read-only, because it cannot use "
			"the work directory %s; dmesg(1) has the reason",
			workdir);
}
