/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A frozen tree as a text. */
#include "tree_text.h"

struct writer {
	const struct cfs_tree *tree;
	struct cfs_out out;
	char *path, *link; /* PATH_LEN bytes each */
};

enum {
	PATH_LEN = 1 << 16,
	XATTRS_MAX = 4096, /* more do not fit in the budget of an inode */
};

/* The inode as a source would describe it; xattrs and buf are lent. */
static struct cfs_inode_spec describe(const struct cfs_tree *t, const struct cfs_node *n,
				      struct cfs_xattr *xattrs, char *buf)
{
	struct cfs_inode_spec s = {
		.size = n->size,
		.mtime_sec = n->mtime_sec,
		.mtime_nsec = n->mtime_nsec,
		.mode = n->mode,
		.nlink = S_ISDIR(n->mode) ? 1 : n->nlink,
		.uid = n->uid,
		.gid = n->gid,
		.rdev = n->rdev,
		.payload = cfs_node_get_payload(t, n, buf),
		.content = {n->content, n->content ? (size_t)n->size : 0},
		.digest = n->digest,
		.xattrs = xattrs,
		.n_xattrs = n->n_xattrs,
	};

	for (size_t i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &t->pairs[n->xattrs[i]];

		xattrs[i].key = t->keys[p->key];
		xattrs[i].value = (struct cfs_span){p->value, p->value_len};
	}
	return s;
}

static void put_node(struct writer *w, cfs_id id)
{
	static struct cfs_xattr xattrs[XATTRS_MAX];
	const struct cfs_tree *t = w->tree;
	char buf[CFS_PAYLOAD_BUF];
	cfs_id inode = cfs_tree_inode(t, id);
	struct cfs_inode_spec spec = describe(t, &t->nodes[inode], xattrs, buf);
	struct cfs_dump_entry e = {.inode = &spec, .alg = t->alg};

	e.path = cfs_text(cfs_tree_format_path(t, id, w->path, PATH_LEN));
	if (inode != id)
		e.link = cfs_text(cfs_tree_format_path(t, inode, w->link, PATH_LEN));
	cfs_dump_put(&w->out, &e);
}

static void put_all(struct writer *w, cfs_id id)
{
	const struct cfs_node *n = &w->tree->nodes[id];

	put_node(w, id);
	if (cfs_node_is_link(n) || !S_ISDIR(n->mode))
		return;
	for (uint32_t i = 0; i < n->n_children; i++)
		put_all(w, w->tree->children[n->first + i]);
}

char *tree_text(const struct cfs_tree *t, size_t *len)
{
	struct cfs_mem mem = {0};
	struct writer w = {.tree = t, .path = malloc(PATH_LEN), .link = malloc(PATH_LEN)};
	int rc = cfs_out_init(&w.out, cfs_sink_mem(&mem), 4096);

	if (rc == 0 && w.path && w.link) {
		put_all(&w, CFS_ROOT);
		if (len)
			*len = (size_t)w.out.total;
		cfs_out_char(&w.out, '\0');
		rc = cfs_out_flush(&w.out, NULL);
	}
	cfs_out_fini(&w.out);
	free(w.path);
	free(w.link);
	return rc == 0 ? (char *)mem.p : NULL;
}
