/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories: the entries in byte order, divided into blocks. */
#include "erofs/plan_dirs.h"

#include <errno.h>

#include "erofs/erofs_priv.h"
#include "erofs/overlay.h"

static void special_entry(const struct cfs_plan *plan, cfs_id dir, uint32_t special,
			  struct cfs_plan_entry *out)
{
	out->name = plan->special_names[special];
	out->name_len = special == CFS_SPECIAL_DOT ? 1 : 2;
	out->own = special >= CFS_SPECIAL_WHITEOUT;
	if (special == CFS_SPECIAL_DOT)
		out->id = dir;
	else if (special == CFS_SPECIAL_DOTDOT)
		out->id = plan->tree->nodes[dir].parent;
	else
		out->id = plan->tree->n_nodes + (special - CFS_SPECIAL_WHITEOUT);
}

/* Returns the next special name when it precedes the next child. A whiteout of the root is skipped
 * when the tree has an entry with its name. Names of the tree are never "." or "..". */
static bool take_special(const struct cfs_plan *plan, cfs_id dir,
			 struct cfs_plan_pos *pos, struct cfs_plan_entry *out)
{
	const struct cfs_tree *t = plan->tree;
	const struct cfs_node *d = &t->nodes[dir];
	int c = -1;

	special_entry(plan, dir, pos->special, out);
	if (pos->child < d->n_children) {
		cfs_id child = t->children[d->first + pos->child];
		struct cfs_text name = {out->name, out->name_len};

		c = cfs_text_cmp(name, cfs_node_name(&t->nodes[child]));
	}
	pos->special += c <= 0;
	return c < 0;
}

/* Nodes are in the order of the source, those of an image breadth first: a loop over all of them
 * would wait for the memory of nearly each. */
static void prefetch_child(const struct cfs_tree *t, const struct cfs_node *dir,
			   uint32_t child)
{
	enum { AHEAD = 4 };
	const char *node;

	if (dir->n_children - child <= AHEAD)
		return;
	node = (const char *)&t->nodes[t->children[dir->first + child + AHEAD]];
	__builtin_prefetch(node);
	__builtin_prefetch(node + 64);
}

bool cfs_plan_next(const struct cfs_plan *plan, cfs_id dir, struct cfs_plan_pos *pos,
		   struct cfs_plan_entry *out)
{
	const struct cfs_tree *t = plan->tree;
	const struct cfs_node *d = &t->nodes[dir], *child;
	uint32_t n_special = dir == CFS_ROOT ? CFS_N_SPECIAL : CFS_SPECIAL_WHITEOUT;
	cfs_id id;

	if (pos->special < n_special && take_special(plan, dir, pos, out))
		return true;
	if (pos->child == d->n_children)
		return false;
	id = t->children[d->first + pos->child++];
	prefetch_child(t, d, pos->child);
	child = &t->nodes[id];
	out->name = child->name;
	out->name_len = child->name_len;
	out->own = !cfs_node_is_link(child);
	out->id = out->own ? id : child->target;
	return true;
}

struct cfs_plan_group cfs_plan_group_at(const struct cfs_plan *plan, cfs_id dir,
					struct cfs_plan_pos pos)
{
	struct cfs_plan_group g = {.end = pos};
	struct cfs_plan_entry e;

	while (cfs_plan_next(plan, dir, &pos, &e)) {
		uint32_t cost = (uint32_t)sizeof(struct erofs_dirent) + e.name_len;

		if (g.len + cost > EROFS_BLOCK)
			break;
		g.len += cost;
		g.n++;
		g.end = pos;
	}
	return g;
}

void cfs_plan_put_entries(const struct cfs_plan *plan, cfs_id dir,
			  struct cfs_plan_pos pos, uint32_t n, uint8_t *p)
{
	uint32_t name_off = n * (uint32_t)sizeof(struct erofs_dirent);
	struct cfs_plan_entry e;
	uint8_t *start = p;

	for (uint32_t i = 0; i < n && cfs_plan_next(plan, dir, &pos, &e); i++) {
		const struct cfs_plan_inode *inode = &plan->inodes[e.id];
		uint32_t mode = cfs_overlay_mode(cfs_plan_node(plan, e.id), inode);

		cfs_put_le64(p + offsetof(struct erofs_dirent, nid), inode->nid);
		cfs_put_le16(p + offsetof(struct erofs_dirent, nameoff),
			     (uint16_t)name_off);
		p[offsetof(struct erofs_dirent, file_type)] = cfs_mode_file_type(mode);
		p[offsetof(struct erofs_dirent, reserved)] = 0;
		memcpy(start + name_off, e.name, e.name_len);
		name_off += e.name_len;
		p += sizeof(struct erofs_dirent);
	}
}

/* Appends the subdirectories of a directory to the queue. nlink is 2 plus the number of
 * subdirectories. */
static int enqueue_subdirs(struct cfs_plan *plan, struct cfs_plan_dir *d,
			   struct cfs_err *err)
{
	struct cfs_plan_pos pos = CFS_PLAN_PAST_DOTS;
	struct cfs_plan_entry e;
	int rc = 0;

	d->nlink = 2;
	while (rc == 0 && cfs_plan_next(plan, d->node, &pos, &e)) {
		rc = cfs_watch_poll(plan->watch, err);
		plan->n_whiteouts += e.id >= plan->tree->n_nodes;
		if (!e.own || !S_ISDIR(cfs_plan_node(plan, e.id)->mode))
			continue;
		plan->inodes[e.id].dir = plan->n_dirs;
		plan->dirs[plan->n_dirs++] = (struct cfs_plan_dir){.node = e.id};
		d->nlink++;
	}
	return rc;
}

/* A rest of more than half a block gets a block of its own, a smaller one is the tail. */
static int divide_dir(struct cfs_plan *plan, struct cfs_plan_dir *d, struct cfs_err *err)
{
	struct cfs_plan_group g = cfs_plan_group_at(plan, d->node, d->tail);
	struct cfs_plan_group next;
	int rc = enqueue_subdirs(plan, d, err);

	for (; rc == 0 && g.len; g = next) {
		rc = cfs_watch_poll(plan->watch, err);
		next = cfs_plan_group_at(plan, d->node, g.end);
		if (next.len == 0 && g.len <= EROFS_BLOCK / 2)
			break;
		d->n_blocks++;
		d->tail = g.end;
	}
	d->n_tail = g.n;
	plan->inodes[d->node].tail_len = (uint16_t)g.len;
	return rc;
}

int cfs_plan_dirs(struct cfs_plan *plan, uint32_t n_dirs, struct cfs_err *err)
{
	int rc = 0;

	plan->dirs = calloc(n_dirs, sizeof(*plan->dirs));
	if (!plan->dirs)
		return cfs_fail(err, ENOMEM, "out of memory");
	plan->inodes[CFS_ROOT].dir = 0;
	plan->dirs[plan->n_dirs++] = (struct cfs_plan_dir){.node = CFS_ROOT};
	for (uint32_t i = 0; rc == 0 && i < plan->n_dirs; i++)
		rc = divide_dir(plan, &plan->dirs[i], err);
	return rc;
}
