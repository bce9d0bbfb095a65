/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds the tree from the recorded entries, depth first. The first name of an inode with
 * several names, which carries the inode, is therefore also the first one that a reader
 * of the image meets. */
#include <errno.h>
#include <string.h>

#include "scan/scan_priv.h"

/* A directory whose entries are being added. */
struct frame {
	uint32_t dir;
	uint32_t next;
	cfs_id id;
};

struct assembly {
	struct scan *s;
	struct cfs_builder *b;
	struct frame *stack;
	size_t depth, cap;
};

/* Copies the data of an inode to another name of it. Both names must have the same size
 * and times. */
static int copy_from_leader(const struct scan_group *g, struct scan_entry *e,
			    struct cfs_err *err)
{
	const struct scan_entry *l = g->leader;

	if (l->size != e->size || l->mtime_sec != e->mtime_sec ||
	    l->mtime_nsec != e->mtime_nsec || l->ctime_sec != e->ctime_sec ||
	    l->ctime_nsec != e->ctime_nsec)
		return cfs_fail(err, ESTALE, "changed while it was read");
	e->data = l->data;
	return 0;
}

/* Describes the content: inline bytes, a digest with its object path, or a symlink
 * target. */
static void describe_scanned_content(const struct scan *s, const struct scan_entry *e,
				     char path[CFS_OBJECT_PATH_MAX],
				     struct cfs_inode_spec *out)
{
	struct cfs_digest digest = {.alg = s->alg};

	if (S_ISLNK(e->mode)) {
		out->payload = (struct cfs_text){(const char *)e->data, (size_t)e->size};
	} else if (S_ISREG(e->mode) && e->size > 0 && cfs_scan_is_inline(s, e)) {
		out->content = (struct cfs_span){e->data, (size_t)e->size};
	} else if (S_ISREG(e->mode) && e->size > 0 && !s->opts->no_digests) {
		memcpy(digest.bytes, e->data, cfs_hash_len(s->alg));
		out->digest = e->data;
		out->payload = cfs_text(cfs_digest_path(&digest, path));
	}
}

void cfs_scan_describe(const struct scan *s, const struct scan_entry *e,
		       char path[CFS_OBJECT_PATH_MAX], struct cfs_inode_spec *out)
{
	*out = (struct cfs_inode_spec){
		.size = e->size,
		.mtime_sec = s->opts->use_epoch ? 0 : e->mtime_sec,
		.mtime_nsec = s->opts->use_epoch ? 0 : e->mtime_nsec,
		.mode = e->mode,
		.nlink = 1,
		.uid = e->uid,
		.gid = e->gid,
		.rdev = S_ISCHR(e->mode) || S_ISBLK(e->mode) ? e->rdev : 0,
		.xattrs = e->xattrs,
		.n_xattrs = e->n_xattrs,
	};
	if (s->opts->hardlinks && !S_ISDIR(e->mode) && e->index != SCAN_NONE)
		out->nlink = s->groups[e->index].n_names;
	describe_scanned_content(s, e, path, out);
}

static int add_scanned_inode(struct assembly *a, cfs_id parent,
			     const struct scan_entry *e, cfs_id *out, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_inode_spec spec;

	cfs_scan_describe(a->s, e, path, &spec);
	if (e == &a->s->root) {
		*out = CFS_ROOT;
		return cfs_builder_set_root(a->b, &spec, err);
	}
	return cfs_builder_add(a->b, parent, cfs_text(e->name), &spec, out, err);
}

/* Adds one name of an inode that has several. */
static int add_shared(struct assembly *a, cfs_id parent, struct scan_entry *e,
		      struct cfs_err *err)
{
	struct scan_group *g = &a->s->groups[e->index];
	cfs_id id;
	int rc = copy_from_leader(g, e, err);

	if (rc < 0)
		return rc;
	if (!a->s->opts->hardlinks)
		return add_scanned_inode(a, parent, e, &id, err);
	if (g->id == CFS_NO_NODE)
		return add_scanned_inode(a, parent, e, &g->id, err);
	rc = cfs_builder_add_link(a->b, parent, cfs_text(e->name), &id, err);
	return rc < 0 ? rc : cfs_builder_set_target(a->b, id, g->id, err);
}

static int push_scanned_dir(struct assembly *a, uint32_t dir, cfs_id id,
			    struct cfs_err *err)
{
	if (cfs_grow(&a->stack, &a->cap, a->depth + 1, sizeof(*a->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->stack[a->depth++] = (struct frame){.dir = dir, .id = id};
	return 0;
}

static int add_scanned_entry(struct assembly *a, cfs_id parent, struct scan_entry *e,
			     struct cfs_err *err)
{
	cfs_id id;
	int rc;

	if (!S_ISDIR(e->mode) && e->index != SCAN_NONE)
		return add_shared(a, parent, e, err);
	rc = add_scanned_inode(a, parent, e, &id, err);
	if (rc < 0 || !S_ISDIR(e->mode) || e->index == SCAN_NONE)
		return rc;
	return push_scanned_dir(a, e->index, id, err);
}

/* Adds the scanned directories in one thread and in order, since the image must not
 * depend on the timing of the threads that read them. */
static int add_scanned_tree(struct assembly *a, struct cfs_err *err)
{
	struct scan *s = a->s;

	while (a->depth) {
		struct frame *top = &a->stack[a->depth - 1];
		uint32_t dir = top->dir;
		struct scan_entry *e;
		int rc;

		if (top->next == s->dirs[dir].n_entries) {
			a->depth--;
			continue;
		}
		if (cfs_watch_poll(s->opts->watch, err) < 0)
			return -ECANCELED;
		e = &s->dirs[dir].entries[top->next++];
		rc = add_scanned_entry(a, top->id, e, err);
		if (rc < 0)
			return cfs_scan_context(s, &s->workers[0], dir, e->name, rc, err);
	}
	return 0;
}

int cfs_scan_assemble(struct scan *s, struct cfs_tree **out, struct cfs_err *err)
{
	struct assembly a = {.s = s};
	cfs_id root;
	int rc = cfs_builder_new(s->alg, &a.b, err);

	if (rc < 0)
		return rc;
	cfs_builder_set_watch(a.b, s->opts->watch);
	rc = add_scanned_inode(&a, CFS_ROOT, &s->root, &root, err);
	if (rc < 0)
		rc = cfs_scan_context(s, &s->workers[0], 0, NULL, rc, err);
	else
		rc = push_scanned_dir(&a, 0, root, err);
	if (rc == 0)
		rc = add_scanned_tree(&a, err);
	if (rc == 0)
		rc = cfs_builder_freeze(&a.b, out, err);
	free(a.stack);
	cfs_builder_free(a.b);
	return rc;
}
