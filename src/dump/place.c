/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The place of an entry in the tree: its parent, and the targets of hard links. */
#include "dump/dump_priv.h"

#include <errno.h>
#include <inttypes.h>

void cfs_dump_place_fini(struct cfs_dump_place *p)
{
	free(p->dir);
	free(p->links);
	cfs_arena_fini(&p->targets);
}

/* Cuts the next name off a path; slashes may be repeated. False: there is none. */
static bool next_name(struct cfs_text *path, struct cfs_text *out)
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

/* Follows names only: no symlinks, no dots. *out is CFS_NO_NODE when the path does not
 * exist. */
static int find_path(const struct cfs_dump_place *p, struct cfs_text path, cfs_id *out,
		     struct cfs_err *err)
{
	struct cfs_text name;
	cfs_id id = CFS_ROOT;

	while (id != CFS_NO_NODE && next_name(&path, &name)) {
		cfs_id dir = id;
		int rc;

		id = CFS_NO_NODE;
		if (!S_ISDIR(cfs_builder_mode(p->builder, dir)))
			break;
		rc = cfs_builder_find(p->builder, dir, name, &id, err);
		if (rc < 0)
			return rc;
	}
	*out = id;
	return 0;
}

static int remember_dir(struct cfs_dump_place *p, struct cfs_text dir, cfs_id id,
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

/* The directory of that path. Most entries lie beside the one before; in a sorted text
 * the others are found by looking at last children only. */
static int find_parent(struct cfs_dump_place *p, struct cfs_text dir, cfs_id *out,
		       struct cfs_err *err)
{
	int rc;

	if (cfs_text_eq(dir, (struct cfs_text){p->dir, p->dir_len})) {
		*out = p->dir_id;
		return 0;
	}
	rc = find_path(p, dir, out, err);
	if (rc < 0)
		return rc;
	if (*out == CFS_NO_NODE)
		return cfs_fail(err, ENOENT,
				"want the parent directory on an earlier line");
	if (!S_ISDIR(cfs_builder_mode(p->builder, *out)))
		return cfs_fail(err, ENOTDIR, "want a directory as parent");
	return remember_dir(p, dir, *out, err);
}

static int link_to(const struct cfs_dump_place *p, cfs_id link, cfs_id target,
		   struct cfs_err *err)
{
	int rc = cfs_builder_set_target(p->builder, link, target, err);

	return rc < 0 ? cfs_context(err, rc, "payload") : 0;
}

/* Targets that are there already, the usual case, need not be kept. */
static int add_link(struct cfs_dump_place *p, cfs_id link, struct cfs_text target,
		    uint64_t line, struct cfs_err *err)
{
	struct cfs_dump_link *l;
	cfs_id id;
	int rc = find_path(p, target, &id, err);

	if (rc < 0)
		return rc;
	if (id != CFS_NO_NODE)
		return link_to(p, link, id, err);
	if (cfs_grow(&p->links, &p->links_cap, p->n_links + 1, sizeof(*p->links)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l = &p->links[p->n_links];
	*l = (struct cfs_dump_link){.line = line, .id = link};
	l->target.len = target.len;
	l->target.s = cfs_arena_copy(&p->targets, target.s, target.len);
	if (!l->target.s)
		return cfs_fail(err, ENOMEM, "out of memory");
	p->n_links++;
	return 0;
}

static int add_root(struct cfs_dump_place *p, const struct cfs_dump_line *l,
		    struct cfs_err *err)
{
	int rc;

	if (p->has_root)
		return cfs_fail(err, EEXIST, "want one root, got a second");
	if (l->is_link || !S_ISDIR(l->inode.mode))
		return cfs_fail(err, ENOTDIR, "want a directory as root");
	rc = cfs_builder_root(p->builder, &l->inode, err);
	p->has_root = rc == 0;
	return rc;
}

static int add_below_root(struct cfs_dump_place *p, const struct cfs_dump_line *l,
			  uint64_t line, struct cfs_err *err)
{
	const char *slash = memrchr(l->path.s, '/', l->path.len);
	size_t dir_len = slash ? (size_t)(slash - l->path.s) : 0;
	struct cfs_text name = {l->path.s, l->path.len};
	cfs_id parent, id;
	int rc;

	if (slash)
		name = (struct cfs_text){slash + 1, l->path.len - dir_len - 1};
	rc = find_parent(p, (struct cfs_text){l->path.s, dir_len}, &parent, err);
	if (rc < 0)
		return rc;
	if (!l->is_link)
		return cfs_builder_add(p->builder, parent, name, &l->inode, &id, err);
	rc = cfs_builder_add_link(p->builder, parent, name, &id, err);
	return rc < 0 ? rc : add_link(p, id, l->inode.payload, line, err);
}

int cfs_dump_place_add(struct cfs_dump_place *p, const struct cfs_dump_line *l,
		       uint64_t line, struct cfs_err *err)
{
	int rc;

	if (cfs_text_eq(l->path, CFS_TEXT("/")))
		rc = add_root(p, l, err);
	else if (!p->has_root)
		rc = cfs_fail(err, EINVAL, "want the root \"/\" first");
	else
		rc = add_below_root(p, l, line, err);
	return rc < 0 ? cfs_context(err, rc, "path \"%s\"", cfs_dump_quote(l->path).s)
		      : 0;
}

int cfs_dump_place_links(struct cfs_dump_place *p, struct cfs_err *err)
{
	for (size_t i = 0; i < p->n_links; i++) {
		const struct cfs_dump_link *l = &p->links[i];
		cfs_id target;
		int rc = find_path(p, l->target, &target, err);

		if (rc == 0 && target == CFS_NO_NODE)
			rc = cfs_fail(err, ENOENT,
				      "payload: want the path of an entry to link to, "
				      "got \"%s\"",
				      cfs_dump_quote(l->target).s);
		else if (rc == 0)
			rc = link_to(p, l->id, target, err);
		if (rc < 0)
			return cfs_context(err, rc, "line %" PRIu64, l->line);
	}
	return 0;
}
