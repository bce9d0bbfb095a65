/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The place of an entry in the tree: its parent, and the targets of hard links. */
#include "tree/place.h"

#include <errno.h>

void cfs_place_fini(struct cfs_place *p)
{
	free(p->dir);
	free(p->links);
	cfs_arena_fini(&p->targets);
}

/* Removes the next name from a path; slashes may be repeated. False: there is none. */
static bool next_place_name(struct cfs_text *path, struct cfs_text *out)
{
	const char *slash;

	while (path->len && path->s[0] == '/') {
		path->s++;
		path->len--;
	}
	slash = path->len ? memchr(path->s, '/', path->len) : NULL;
	*out = (struct cfs_text){path->s, slash ? (size_t)(slash - path->s) : path->len};
	path->s += out->len;
	path->len -= out->len;
	return out->len > 0;
}

/* Follows neither symlinks nor "." and "..". *out is CFS_NO_NODE when the path does not
 * exist. */
static int find_placed_path(const struct cfs_place *p, struct cfs_text path, cfs_id *out,
			    struct cfs_err *err)
{
	struct cfs_text name;
	cfs_id id = CFS_ROOT;

	while (id != CFS_NO_NODE && next_place_name(&path, &name)) {
		cfs_id dir = id;
		int rc;

		id = CFS_NO_NODE;
		if (!S_ISDIR(cfs_builder_get_mode(p->builder, dir)))
			break;
		rc = cfs_builder_find(p->builder, dir, name, &id, err);
		if (rc < 0)
			return rc;
	}
	*out = id;
	return 0;
}

int cfs_place_remember(struct cfs_place *p, struct cfs_text dir, cfs_id id,
		       struct cfs_err *err)
{
	if (cfs_grow(&p->dir, &p->dir_cap, dir.len, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (dir.len)
		memcpy(p->dir, dir.s, dir.len);
	p->dir_len = dir.len;
	p->dir_id = id;
	return 0;
}

/* The directory of a path. Most entries have the parent of the entry before; in sorted input
 * the others are found by comparing with last children only. */
static int find_parent(struct cfs_place *p, struct cfs_text dir, cfs_id *out,
		       struct cfs_err *err)
{
	int rc;

	if (cfs_text_eq(dir, (struct cfs_text){p->dir, p->dir_len})) {
		*out = p->dir_id;
		return 0;
	}
	rc = find_placed_path(p, dir, out, err);
	if (rc < 0)
		return rc;
	if (*out == CFS_NO_NODE)
		return cfs_fail(err, ENOENT,
				"expected the parent directory before its entries");
	if (!S_ISDIR(cfs_builder_get_mode(p->builder, *out)))
		return cfs_fail(err, ENOTDIR, "expected a directory as parent");
	return cfs_place_remember(p, dir, *out, err);
}

/* A target that exists already, the usual case, is set at once; others are remembered. */
static int set_link_target(struct cfs_place *p, cfs_id link, struct cfs_text target,
			   uint64_t at, struct cfs_err *err)
{
	struct cfs_place_link *l;
	cfs_id id;
	int rc = find_placed_path(p, target, &id, err);

	if (rc < 0)
		return rc;
	if (id != CFS_NO_NODE)
		return cfs_builder_set_target(p->builder, link, id, err);
	if (cfs_grow(&p->links, &p->links_cap, p->n_links + 1, sizeof(*p->links)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l = &p->links[p->n_links];
	*l = (struct cfs_place_link){.at = at, .id = link};
	l->target.len = target.len;
	l->target.s = cfs_arena_copy(&p->targets, target.s, target.len);
	if (!l->target.s)
		return cfs_fail(err, ENOMEM, "out of memory");
	p->n_links++;
	return 0;
}

/* Splits a path into its parent, found, and its last name. */
static int find_entry_place(struct cfs_place *p, struct cfs_text path, cfs_id *parent,
			    struct cfs_text *name, struct cfs_err *err)
{
	const char *slash = memrchr(path.s, '/', path.len);
	size_t dir_len = slash ? (size_t)(slash - path.s) : 0;

	*name = slash ? (struct cfs_text){slash + 1, path.len - dir_len - 1} : path;
	return find_parent(p, (struct cfs_text){path.s, dir_len}, parent, err);
}

int cfs_place_add(struct cfs_place *p, struct cfs_text path,
		  const struct cfs_inode_spec *spec, cfs_id *out, struct cfs_err *err)
{
	struct cfs_text name;
	cfs_id parent;
	int rc = find_entry_place(p, path, &parent, &name, err);

	return rc < 0 ? rc : cfs_builder_add(p->builder, parent, name, spec, out, err);
}

int cfs_place_add_link(struct cfs_place *p, struct cfs_text path, struct cfs_text target,
		       uint64_t at, struct cfs_err *err)
{
	struct cfs_text name;
	cfs_id parent, id;
	int rc = find_entry_place(p, path, &parent, &name, err);

	if (rc == 0)
		rc = cfs_builder_add_link(p->builder, parent, name, &id, err);
	if (rc < 0)
		return rc;
	rc = set_link_target(p, id, target, at, err);
	return rc < 0 ? cfs_context(err, rc, "payload") : 0;
}

int cfs_place_find(const struct cfs_place *p, struct cfs_text path, cfs_id *out,
		   struct cfs_err *err)
{
	return find_placed_path(p, path, out, err);
}

int cfs_place_finish(struct cfs_place *p, const struct cfs_place_link **failed,
		     struct cfs_err *err)
{
	for (size_t i = 0; i < p->n_links; i++) {
		cfs_id target;
		int rc = find_placed_path(p, p->links[i].target, &target, err);

		if (rc == 0 && target == CFS_NO_NODE)
			rc = cfs_fail(err, ENOENT, "no entry has the path");
		else if (rc == 0)
			rc = cfs_builder_set_target(p->builder, p->links[i].id, target,
						    err);
		if (rc < 0) {
			*failed = &p->links[i];
			return rc;
		}
	}
	return 0;
}
