/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints entries of an image as JSON. */
#include "cli/entry_json.h"

#include <string.h>

#include "cli/json.h"
#include "verity/verity.h"

static const char *get_mode_type(mode_t mode)
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

/* The ID of the object in the place "xx/rest", perhaps after slashes. */
static bool parse_object(struct cfs_text path, struct cfs_digest *out)
{
	char hex[CFS_DIGEST_HEX_MAX];

	while (path.len && path.s[0] == '/')
		path = (struct cfs_text){path.s + 1, path.len - 1};
	if (path.len < 3 || path.len > sizeof(hex) || path.s[2] != '/' ||
	    cfs_hex_decode_digit(path.s[0]) < 0) /* "sha256:" is no part of it */
		return false;
	memcpy(hex, path.s, 2);
	memcpy(hex + 2, path.s + 3, path.len - 3);
	return cfs_digest_parse((struct cfs_text){hex, path.len - 1}, out, NULL) == 0;
}

static void put_object(struct json *j, struct cfs_text backing_path)
{
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest id;

	if (parse_object(backing_path, &id))
		json_put_string(j, "object", cfs_digest_text(&id, text));
	else
		json_put_null(j, "object");
	json_put_text(j, "backing_path", backing_path);
}

/* The JSON of one entry, as doc/ describes it. The mode is octal text, since JSON
 * numbers have no octal form; target and backing_path are left out where there is
 * none. */
static void put_entry_json(struct json *j, struct cfs_text path,
			   const struct cfs_inode *inode, struct cfs_text target,
			   struct cfs_text backing_path)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", inode->mode & 07777);
	json_begin_object(j, NULL);
	json_put_text(j, "path", path.len ? path : cfs_text("/"));
	json_put_string(j, "type", get_mode_type(inode->mode));
	json_put_string(j, "mode", mode);
	json_put_uint(j, "uid", inode->uid);
	json_put_uint(j, "gid", inode->gid);
	json_put_uint(j, "size", inode->size);
	json_put_int(j, "mtime", inode->mtime_sec);
	json_put_uint(j, "mtime_nsec", inode->mtime_nsec);
	if (target.len)
		json_put_text(j, "target", target);
	if (backing_path.len)
		put_object(j, backing_path);
	json_end(j);
}

int entry_put_json(struct json *j, const struct cfs_image *im, struct cfs_text path,
		   const struct cfs_inode *inode, struct cfs_err *err)
{
	struct cfs_text target = {0}, backing_path = {0};
	int rc = 0;

	if (S_ISLNK(inode->mode))
		rc = cfs_inode_read_target(inode, &target, err);
	else if (S_ISREG(inode->mode))
		rc = cfs_image_read_backing(im, inode, &backing_path, err);
	if (rc == 0)
		put_entry_json(j, path, inode, target, backing_path);
	return rc < 0 ? rc : 0;
}

/* Prints the entry at path and everything below it. */
static int put_below(struct json *j, const struct cfs_image *im, const char *path,
		     struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.top = cfs_text(path)};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = entry_put_json(j, im, e->path, &e->inode, err);
	return rc;
}

int entries_print_json(const struct cfs_image *im, char **paths, struct cfs_err *err)
{
	struct json j = {.to = stdout};
	int rc = 0;

	json_begin_array(&j, NULL);
	if (!*paths)
		rc = put_below(&j, im, "", err);
	for (; rc == 0 && *paths; paths++)
		rc = cfs_context(err, put_below(&j, im, *paths, err), "%s", *paths);
	json_finish(&j);
	return rc;
}
