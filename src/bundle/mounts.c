/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The mounts of a container, and whether the image has the mount points. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bundle/bundle_priv.h"

struct mount_row {
	const char *path, *type, *source;
	const char *options[8];
};

/* What every container has; those above first. */
static const struct mount_row fixed[] = {
	{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
	{"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
	{"/dev/pts",
	 "devpts",
	 "devpts",
	 {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
	{"/dev/shm",
	 "tmpfs",
	 "shm",
	 {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	{"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
	{"/sys/fs/cgroup",
	 "cgroup",
	 "cgroup",
	 {"nosuid", "noexec", "nodev", "relatime", "ro"}},
};

static const struct mount_row run_mount = {
	"/run", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=755", "size=65536k"}};

static const char *path_of(const json_t *mount)
{
	return json_string_value(json_object_get(mount, "destination"));
}

bool bundle_is_mounted_over(const struct bundle *b, const char *path)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(b->mounts, i, mount)
	{
		if (bundle_is_beneath(path, path_of(mount)) &&
		    strcmp(path, path_of(mount)) != 0)
			return true;
	}
	return false;
}

static bool is_mounted(const struct bundle *b, const char *path)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(b->mounts, i, mount)
	{
		if (strcmp(path, path_of(mount)) == 0)
			return true;
	}
	return false;
}

/* Adds a mount of a table row at path, in the form of the runtime specification. The
 * mounts take ownership of the object. */
static int add_bundle_mount(struct bundle *b, const char *path,
			    const struct mount_row *row, struct cfs_err *err)
{
	json_t *mount = json_object();
	int rc = bundle_append(b->mounts, mount, err);

	if (rc == 0)
		rc = bundle_set(mount, "destination", json_string(path), err);
	if (rc == 0)
		rc = bundle_set(mount, "type", json_string(row->type), err);
	if (rc == 0)
		rc = bundle_set(mount, "source", json_string(row->source), err);
	return rc < 0 ? rc
		      : bundle_set(mount, "options", bundle_make_words(row->options),
				   err);
}

/* A runtime creates missing mount points, unless the root is read-only. found: by
 * bundle_locate. */
static int check_point(const struct bundle *b, const char *path, int found,
		       const struct cfs_inode *inode, struct cfs_err *err)
{
	if (bundle_is_mounted_over(b, path))
		return 0;
	if (found && !S_ISDIR(inode->mode))
		return cfs_fail(err, ENOTDIR,
				"mount point %s: expected a directory in the image",
				path);
	if (!found && !b->opts->writable)
		return cfs_fail(err, ENOENT,
				"mount point %s: missing in the image, whose root is "
				"read-only; use --read-write",
				path);
	return 0;
}

/* Adds a mount that every container gets, such as /proc. A runtime follows links in
 * the image, so a mount point that is one could lead the mount elsewhere: it is
 * refused. */
static int add_fixed(struct bundle *b, const struct mount_row *row, struct cfs_err *err)
{
	struct cfs_inode inode;
	char at[PATH_MAX];
	int rc = 0;

	if (!bundle_is_mounted_over(b, row->path)) {
		rc = bundle_locate(b, "mount point", row->path, at, &inode, err);
		if (rc >= 0 && strcmp(at, row->path) != 0)
			return cfs_fail(err, EINVAL,
					"mount point %s: expected a directory in the "
					"image, got a symbolic link",
					row->path);
		if (rc >= 0)
			rc = check_point(b, row->path, rc, &inode, err);
	}
	return rc < 0 ? rc : add_bundle_mount(b, row->path, row, err);
}

/* /run for a read-only root, if the image has one. */
static int add_run(struct bundle *b, struct cfs_err *err)
{
	struct cfs_inode inode;
	char at[PATH_MAX];
	int rc;

	if (b->opts->writable)
		return 0;
	rc = bundle_locate(b, "mount point", "/run", at, &inode, err);
	return rc <= 0 ? rc : add_fixed(b, &run_mount, err);
}

/* --- volumes ------------------------------------------------------------------------ */

/* A volume there would hide what a runtime mounts and protects. */
static bool is_reserved(const char *path)
{
	return !*path || bundle_is_beneath(path, "/proc") ||
	       bundle_is_beneath(path, "/sys") || bundle_is_beneath(path, "/dev");
}

/* A volume is a tmpfs with the content of the image. A path that a mount of the user
 * already covers needs none; one below /proc, /sys or /dev would hide them. */
static int add_volume(struct bundle *b, const char *path, struct cfs_err *err)
{
	static const struct mount_row row = {
		.type = "tmpfs",
		.source = "tmpfs",
		/* tmpcopyup: copy what the image has there. */
		.options = {"nosuid", "nodev", "tmpcopyup"},
	};
	struct cfs_inode inode;
	char at[PATH_MAX];
	int rc = bundle_locate(b, "volume", path, at, &inode, err);

	if (rc >= 0 && is_reserved(at))
		return cfs_fail(err, EINVAL,
				"volume %s: expected a path outside of /proc, /sys and "
				"/dev, and not the root directory",
				path);
	if (rc >= 0 && is_mounted(b, at))
		return 0;
	if (rc >= 0)
		rc = check_point(b, at, rc, &inode, err);
	return rc < 0 ? rc : add_bundle_mount(b, at, &row, err);
}

static int compare_volume_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of their names, so that a volume inside of another is mounted after it. */
static int add_volumes(struct bundle *b, struct cfs_err *err)
{
	json_t *volumes = b->config->volumes, *unused;
	cfs_autofree const char **paths =
		calloc(json_object_size(volumes) + 1, sizeof(*paths));
	const char *path;
	size_t n = 0;
	int rc = 0;

	if (!paths)
		return cfs_fail(err, ENOMEM, "out of memory");
	json_object_foreach(volumes, path, unused)
	{
		(void)unused;
		paths[n++] = path;
	}
	qsort(paths, n, sizeof(*paths), compare_volume_paths);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_volume(b, paths[i], err);
	return rc;
}

/* --- files of the host -------------------------------------------------------------- */

/* A file that is missing, or a symbolic link without a target, is not mounted over. */
static int add_host_file(struct bundle *b, const char *path, struct cfs_err *err)
{
	struct mount_row row = {.type = "bind",
				.source = path,
				.options = {"bind", "ro", "nosuid", "noexec", "nodev"}};
	struct cfs_inode inode;
	char at[PATH_MAX];
	int rc = bundle_locate(b, "file", path, at, &inode, err);

	if (rc == 0 || rc == -EINVAL || rc == -ENOTDIR || rc == -ELOOP)
		return 0;
	if (rc < 0)
		return rc;
	if (!S_ISREG(inode.mode) || bundle_is_mounted_over(b, at))
		return 0;
	return add_bundle_mount(b, at, &row, err);
}

int bundle_add_mounts(struct bundle *b, json_t *to, struct cfs_err *err)
{
	int rc;

	b->mounts = json_array();
	rc = bundle_set(to, "mounts", b->mounts, err);
	for (size_t i = 0; rc == 0 && i < sizeof(fixed) / sizeof(fixed[0]); i++)
		rc = add_fixed(b, &fixed[i], err);
	if (rc == 0)
		rc = add_run(b, err);
	if (rc == 0)
		rc = add_volumes(b, err);
	if (rc == 0 && b->opts->host_network)
		rc = add_host_file(b, "/etc/resolv.conf", err);
	if (rc == 0 && b->opts->host_network)
		rc = add_host_file(b, "/etc/hosts", err);
	return rc;
}
