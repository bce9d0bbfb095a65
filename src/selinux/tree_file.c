/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds files in a tree as programs of the mounted tree would. */
#include "selinux/tree_file.h"

#include <errno.h>
#include <string.h>

#include "selinux/selinux.h"

enum { SYMLINKS_MAX = 40, REST_MAX = 4 * CFS_PAYLOAD_MAX };

struct walk {
	const struct cfs_tree *t;
	cfs_id at; /* an inode */
	unsigned n_symlinks;
	/* What remains of the path: the end of buf, so that a target fits before it. */
	size_t len;
	char buf[REST_MAX];
};

static const char *rest_of_path(const struct walk *w)
{
	return w->buf + sizeof(w->buf) - w->len;
}

/* Puts text and a slash in front of the rest. */
static int push_front(struct walk *w, struct cfs_text text, struct cfs_err *err)
{
	if (text.len + 1 > sizeof(w->buf) - w->len)
		return cfs_fail(err, ELOOP,
				"symlinks: expected a path of at most %d bytes",
				REST_MAX);
	w->len++;
	w->buf[sizeof(w->buf) - w->len] = '/';
	w->len += text.len;
	memcpy(w->buf + sizeof(w->buf) - w->len, text.s, text.len);
	return 0;
}

static struct cfs_text pop_component(struct walk *w)
{
	struct cfs_text name = {rest_of_path(w), 0};
	const char *slash = memchr(name.s, '/', w->len);

	name.len = slash ? (size_t)(slash - name.s) : w->len;
	w->len -= name.len + (slash != NULL);
	return name;
}

static int enter_symlink(struct walk *w, cfs_id dir, const struct cfs_node *link,
			 struct cfs_err *err)
{
	char buf[CFS_PAYLOAD_BUF];
	struct cfs_text target = cfs_node_get_payload(w->t, link, buf);

	if (++w->n_symlinks > SYMLINKS_MAX)
		return cfs_fail(err, ELOOP, "too many symlinks");
	w->at = target.len && target.s[0] == '/' ? CFS_ROOT : dir;
	return push_front(w, target, err);
}

/* Returns 1, 0 if there is no such name, or -errno. */
static int enter_tree_name(struct walk *w, struct cfs_text name, struct cfs_err *err)
{
	const struct cfs_node *dir = &w->t->nodes[w->at], *child;
	cfs_id id, parent = w->at;
	int rc;

	if (name.len == 0)
		return 1;
	if (!S_ISDIR(dir->mode))
		return 0;
	if (cfs_text_eq(name, CFS_TEXT(".")))
		return 1;
	if (cfs_text_eq(name, CFS_TEXT(".."))) {
		w->at = dir->parent;
		return 1;
	}
	id = cfs_tree_find(w->t, w->at, name);
	if (id == CFS_NO_NODE)
		return 0;
	w->at = cfs_tree_inode(w->t, id);
	child = &w->t->nodes[w->at];
	if (!S_ISLNK(child->mode))
		return 1;
	rc = enter_symlink(w, parent, child, err);
	return rc < 0 ? rc : 1;
}

int cfs_selinux_find_path(const struct cfs_tree *t, const char *path, cfs_id *out,
			  struct cfs_err *err)
{
	struct walk w = {.t = t, .at = CFS_ROOT};
	int rc = push_front(&w, cfs_text(path), err);

	while (rc >= 0 && w.len) {
		rc = enter_tree_name(&w, pop_component(&w), err);
		if (rc <= 0)
			return rc;
	}
	*out = w.at;
	return rc < 0 ? rc : 1;
}

bool cfs_selinux_has_config(const struct cfs_tree *tree)
{
	cfs_id id;
	int rc = cfs_selinux_find_path(tree, "etc/selinux/config", &id, NULL);

	/* A loop of symlinks is an error, which cfs_selinux_label reports. */
	return rc != 0;
}
