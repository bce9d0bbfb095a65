/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An entry of an image as JSON. */
#include "cli/entry_json.h"

#include <inttypes.h>

#include "cli/json.h"

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFREG:
		return "file";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "fifo";
	default:
		return "socket";
	}
}

static void json_field(const char *name, struct cfs_text value)
{
	printf(",\"%s\":", name);
	json_text(stdout, value.s, value.len);
}

int entry_json(const struct cfs_image *im, struct cfs_text path,
	       const struct cfs_inode *inode, bool first, struct cfs_err *err)
{
	struct cfs_text target = {0}, object = {0};
	int rc = 0;

	if (S_ISLNK(inode->mode))
		rc = cfs_inode_target(inode, &target, err);
	else if (S_ISREG(inode->mode))
		rc = cfs_image_backing(im, inode, &object, err);
	if (rc < 0)
		return rc;
	fputs(first ? " {\"path\":" : ",\n {\"path\":", stdout);
	json_text(stdout, path.len ? path.s : "/", path.len ? path.len : 1);
	printf(",\"type\":\"%s\",\"mode\":\"%04o\",\"uid\":%" PRIu32 ",\"gid\":%" PRIu32
	       ",\"size\":%" PRIu64 ",\"mtime\":%" PRId64 ",\"mtimeNsec\":%" PRIu32,
	       type_name(inode->mode), inode->mode & 07777, inode->uid, inode->gid,
	       inode->size, inode->mtime_sec, inode->mtime_nsec);
	if (target.len)
		json_field("target", target);
	if (object.len)
		json_field("object", object);
	putchar('}');
	return 0;
}

/* The entry at path and all below it; *n counts. */
static int put_json(const struct cfs_image *im, const char *path, size_t *n,
		    struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.top = cfs_text(path)};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = entry_json(im, e->path, &e->inode, (*n)++ == 0, err);
	return rc;
}

/* The array is closed whatever happened: the status tells. */
int entries_json(const struct cfs_image *im, char **paths, struct cfs_err *err)
{
	size_t n = 0;
	int rc = 0;

	puts("[");
	if (!*paths)
		rc = put_json(im, "", &n, err);
	for (; rc == 0 && *paths; paths++)
		rc = cfs_context(err, put_json(im, *paths, &n, err), "%s", *paths);
	puts(n ? "\n]" : "]");
	return rc;
}
