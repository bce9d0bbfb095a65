/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adds entries in the order of an archive: any order, later entries replace earlier ones,
 * and parents may be missing. */
#include <errno.h>

#include "tree/place.h"

/* A directory that an archive does not contain, but that has entries in it. */
static const struct cfs_inode_spec implied_dir = {.mode = S_IFDIR | 0755, .nlink = 1};

/* Removes the next name from a path without empty names. */
static struct cfs_text take_first_name(struct cfs_text *path)
{
	const char *slash = memchr(path->s, '/', path->len);
	struct cfs_text name = {path->s, slash ? (size_t)(slash - path->s) : path->len};
	size_t used = name.len + (slash != NULL);

	*path = (struct cfs_text){path->s + used, path->len - used};
	return name;
}

/* Finds the parent directory. Archives may leave out parents, which are added as an
 * implied directory then. */
static int find_or_add_dir(struct cfs_place *p, cfs_id dir, struct cfs_text name,
			   cfs_id *out, struct cfs_err *err)
{
	int rc = cfs_builder_find(p->builder, dir, name, out, err);

	if (rc < 0)
		return rc;
	if (*out == CFS_NO_NODE) {
		p->n_implied++;
		return cfs_builder_add(p->builder, dir, name, &implied_dir, out, err);
	}
	if (!S_ISDIR(cfs_builder_get_mode(p->builder, *out)))
		return cfs_fail(err, ENOTDIR,
				"expected a directory as parent, got another file type: "
				"\"%.*s\"",
				(int)name.len, name.s);
	return 0;
}

/* Finds the parent of a path, or makes it with its parents; *name is the last name of the path. The parent is kept, so
 * what is kept is never below an entry that is replaced. */
static int open_parent_path(struct cfs_place *p, struct cfs_text path, cfs_id *parent,
			    struct cfs_text *name, struct cfs_err *err)
{
	const char *slash = memrchr(path.s, '/', path.len);
	struct cfs_text dir = {path.s, slash ? (size_t)(slash - path.s) : 0};
	struct cfs_text rest = dir;
	int rc = 0;

	*name = slash ? (struct cfs_text){slash + 1, path.len - dir.len - 1} : path;
	if (cfs_text_eq(dir, (struct cfs_text){p->dir, p->dir_len})) {
		*parent = p->dir_id;
		return 0;
	}
	*parent = CFS_ROOT;
	while (rc == 0 && rest.len)
		rc = find_or_add_dir(p, *parent, take_first_name(&rest), parent, err);
	return rc < 0 ? rc : cfs_place_remember(p, dir, *parent, err);
}

static int put_root(struct cfs_place *p, const struct cfs_inode_spec *spec,
		    struct cfs_err *err)
{
	if (!S_ISDIR(spec->mode))
		return cfs_fail(err, ENOTDIR,
				"expected a directory as root, got another file type");
	return cfs_builder_update_dir(p->builder, CFS_ROOT, spec, err);
}

int cfs_place_put(struct cfs_place *p, struct cfs_text path,
		  const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	cfs_id parent, old, id;
	struct cfs_text name;
	int rc;

	if (path.len == 0)
		return put_root(p, spec, err);
	rc = open_parent_path(p, path, &parent, &name, err);
	if (rc == 0)
		rc = cfs_builder_find(p->builder, parent, name, &old, err);
	if (rc < 0)
		return rc;
	if (old != CFS_NO_NODE && S_ISDIR(spec->mode) &&
	    S_ISDIR(cfs_builder_get_mode(p->builder, old)))
		return cfs_builder_update_dir(p->builder, old, spec, err);
	if (old != CFS_NO_NODE)
		rc = cfs_builder_remove(p->builder, old, err);
	return rc < 0 ? rc : cfs_builder_add(p->builder, parent, name, spec, &id, err);
}

/* Finds what a hard link leads to, which must have come before. */
static int find_put_target(const struct cfs_place *p, struct cfs_text target, cfs_id *out,
			   struct cfs_err *err)
{
	int rc = cfs_place_find(p, target, out, err);

	if (rc < 0)
		return rc;
	if (*out == CFS_NO_NODE)
		return cfs_fail(
			err, ENOENT,
			"hard link target \"%.*s\": no entry before has this path",
			(int)(target.len < 256 ? target.len : 256), target.s);
	if (S_ISDIR(cfs_builder_get_mode(p->builder, *out)))
		return cfs_fail(err, EINVAL, "hard link target is a directory");
	return 0;
}

int cfs_place_put_link(struct cfs_place *p, struct cfs_text path, struct cfs_text target,
		       struct cfs_err *err)
{
	cfs_id parent, old, id, to;
	struct cfs_text name;
	int rc;

	if (path.len == 0)
		return cfs_fail(err, ENOTDIR,
				"expected a directory as root, got a hard link");
	rc = find_put_target(p, target, &to, err);
	if (rc == 0)
		rc = open_parent_path(p, path, &parent, &name, err);
	if (rc == 0)
		rc = cfs_builder_find(p->builder, parent, name, &old, err);
	if (rc < 0 || old == to)
		return rc;
	if (old != CFS_NO_NODE)
		rc = cfs_builder_remove(p->builder, old, err);
	if (rc == 0)
		rc = cfs_builder_add_link(p->builder, parent, name, &id, err);
	return rc < 0 ? rc : cfs_builder_set_target(p->builder, id, to, err);
}
