/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Merging layers into one tree. */
#include "layers/layers.h"

#include <errno.h>

#include "tree/builder.h"
#include "tree/place.h"

struct cfs_layers {
	struct cfs_layers_opts opts;
	struct cfs_builder *b;
	struct cfs_place place;
	const char *name; /* of the layer */
	bool has_warned;  /* of the order in this layer */
};

/* *out begins with an empty root directory, which a layer may replace. The budget of
 * xattrs is checked when the tree is finished, not while layers replace each other. */
int cfs_layers_new(const struct cfs_layers_opts *opts, struct cfs_layers **out,
		   struct cfs_err *err)
{
	static const struct cfs_inode_spec root = {.mode = S_IFDIR | 0755, .nlink = 1};
	struct cfs_layers *l = calloc(1, sizeof(*l));
	int rc;

	*out = NULL;
	if (!l)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->opts = *opts;
	rc = cfs_builder_new(opts->alg, &l->b, err);
	if (rc == 0)
		rc = cfs_builder_set_root(l->b, &root, err);
	if (rc < 0) {
		cfs_layers_free(l);
		return rc;
	}
	/* Most xattrs are dropped later. */
	cfs_builder_lift_budget(l->b);
	cfs_builder_settle_names(l->b);
	l->place.builder = l->b;
	*out = l;
	return 0;
}

void cfs_layers_free(struct cfs_layers *l)
{
	if (!l)
		return;
	cfs_place_fini(&l->place);
	cfs_builder_free(l->b);
	free(l);
}

void cfs_layers_begin(struct cfs_layers *l, const char *name)
{
	l->name = name;
	l->has_warned = false;
}

uint64_t cfs_layers_count_implied(const struct cfs_layers *l)
{
	return l->place.n_implied;
}

/* --- names -------------------------------------------------------------------------- */

#define WHITEOUT_PREFIX CFS_TEXT(".wh.")
#define AUFS_PREFIX	CFS_TEXT(".wh..wh.")
#define OPAQUE_NAME	CFS_TEXT(".wh..wh..opq")

enum meaning {
	ORDINARY,
	WHITEOUT, /* hides one name of the layers below */
	OPAQUE,	  /* hides all names of its directory */
	IGNORED,  /* bookkeeping of aufs, or below it */
};

/* An entry by its path, taken apart. */
struct named {
	enum meaning meaning;
	struct cfs_text dir;  /* its parent */
	struct cfs_text name; /* of what it hides, without the prefix */
};

/* What the last component means: whiteouts of OCI, files of AUFS that are ignored, or
 * an ordinary name. */
static int classify_last(struct cfs_text name, struct named *out, struct cfs_err *err)
{
	out->name = name;
	if (!cfs_text_has_prefix(name, WHITEOUT_PREFIX)) {
		out->meaning = ORDINARY;
		return 0;
	}
	if (cfs_text_has_prefix(name, AUFS_PREFIX)) {
		out->meaning = cfs_text_eq(name, OPAQUE_NAME) ? OPAQUE : IGNORED;
		return 0;
	}
	out->meaning = WHITEOUT;
	cfs_text_skip_prefix(&out->name, WHITEOUT_PREFIX);
	if (out->name.len == 0 || cfs_text_eq(out->name, CFS_TEXT(".")) ||
	    cfs_text_eq(out->name, CFS_TEXT("..")))
		return cfs_fail(err, EINVAL, "expected a name after \".wh.\", got none");
	return 0;
}

/* A directory named as a whiteout has no meaning, except for those of aufs. */
static int check_dir_whiteouts(struct cfs_text dir, bool *ignored, struct cfs_err *err)
{
	while (dir.len) {
		const char *slash = memchr(dir.s, '/', dir.len);
		struct cfs_text name = {dir.s, slash ? (size_t)(slash - dir.s) : dir.len};
		size_t used = name.len + (slash != NULL);

		if (cfs_text_has_prefix(name, AUFS_PREFIX)) {
			*ignored = true;
			return 0;
		}
		if (cfs_text_has_prefix(name, WHITEOUT_PREFIX))
			return cfs_fail(err, EINVAL, "an entry below a whiteout");
		dir = (struct cfs_text){dir.s + used, dir.len - used};
	}
	return 0;
}

/* What the path of an entry means. Entries below a directory of AUFS are ignored as
 * well. */
static int classify_path(struct cfs_text path, struct named *out, struct cfs_err *err)
{
	const char *slash = path.len ? memrchr(path.s, '/', path.len) : NULL;
	size_t dir_len = slash ? (size_t)(slash - path.s) : 0;
	size_t name_off = slash ? dir_len + 1 : 0;
	bool ignored = false;
	int rc;

	out->dir = (struct cfs_text){path.s, dir_len};
	rc = check_dir_whiteouts(out->dir, &ignored, err);
	if (rc < 0 || ignored) {
		out->meaning = IGNORED;
		return rc;
	}
	return classify_last((struct cfs_text){path.s + name_off, path.len - name_off},
			     out, err);
}

/* --- whiteouts ---------------------------------------------------------------------- */

/* Finds what a whiteout removes; CFS_NO_NODE: nothing, which is no error. */
static int find_hidden(struct cfs_layers *l, const struct named *n, cfs_id *out,
		       struct cfs_err *err)
{
	cfs_id dir;
	int rc = cfs_place_find(&l->place, n->dir, &dir, err);

	*out = CFS_NO_NODE;
	if (rc < 0 || dir == CFS_NO_NODE || !S_ISDIR(cfs_builder_get_mode(l->b, dir)))
		return rc;
	if (n->meaning == OPAQUE) {
		*out = dir;
		return 0;
	}
	return cfs_builder_find(l->b, dir, n->name, out, err);
}

static int remove_hidden(struct cfs_layers *l, const struct named *n, struct cfs_err *err)
{
	cfs_id id;
	int rc = find_hidden(l, n, &id, err);

	if (rc < 0 || id == CFS_NO_NODE)
		return rc;
	cfs_place_forget(&l->place);
	return n->meaning == OPAQUE ? cfs_builder_remove_children(l->b, id, err)
				    : cfs_builder_remove(l->b, id, err);
}

/* In the second pass all that a whiteout finds comes from its own layer. */
static int warn_of_order(struct cfs_layers *l, const struct named *n, struct cfs_err *err)
{
	cfs_id id;
	int rc = find_hidden(l, n, &id, err);

	if (rc < 0 || id == CFS_NO_NODE || l->has_warned ||
	    (n->meaning == OPAQUE && !cfs_builder_has_children(l->b, id)))
		return rc;
	l->has_warned = true;
	cfs_watch_warn(l->opts.watch,
		       "%s: %.*s/%s%.*s comes after an entry that it would hide: "
		       "whiteouts act on lower layers only, as the image specification "
		       "says (composefs-rs gives another image, see --whiteouts)",
		       l->name, (int)n->dir.len, n->dir.s,
		       n->meaning == OPAQUE ? "" : ".wh.", (int)n->name.len, n->name.s);
	return 0;
}

static int add_layer_place(const struct cfs_tar_entry *e, int rc, struct cfs_err *err)
{
	char name[512];

	if (rc >= 0)
		return rc;
	cfs_show_text(e->name, name, sizeof(name));
	return cfs_context(err, rc, "entry \"%s\" at offset %llu", name,
			   (unsigned long long)e->off);
}

int cfs_layers_hide(struct cfs_layers *l, const struct cfs_tar_entry *entry,
		    struct cfs_err *err)
{
	struct named n;
	int rc = classify_path(entry->path, &n, err);

	if (rc == 0 && !l->opts.in_order &&
	    (n.meaning == WHITEOUT || n.meaning == OPAQUE))
		rc = remove_hidden(l, &n, err);
	return add_layer_place(entry, rc, err);
}

/* --- entries ------------------------------------------------------------------------ */

static int check_parents(struct cfs_layers *l, uint64_t n_before, struct cfs_err *err)
{
	if (l->opts.strict_parents && l->place.n_implied > n_before)
		return cfs_fail(err, ENOENT, "its parent directory has no entry");
	return 0;
}

static int place_entry(struct cfs_layers *l, const struct cfs_tar_entry *entry,
		       const struct cfs_inode_spec *inode, struct cfs_err *err)
{
	uint64_t n_before = l->place.n_implied;
	int rc;

	if (entry->is_link)
		rc = cfs_place_put_link(&l->place, entry->path, entry->target, err);
	else
		rc = cfs_place_put(&l->place, entry->path, inode, err);
	return rc < 0 ? rc : check_parents(l, n_before, err);
}

int cfs_layers_add(struct cfs_layers *l, const struct cfs_tar_entry *entry,
		   const struct cfs_inode_spec *inode, struct cfs_err *err)
{
	struct named n;
	int rc = classify_path(entry->path, &n, err);

	if (rc == 0 && n.meaning == ORDINARY)
		rc = place_entry(l, entry, inode, err);
	else if (rc == 0 && n.meaning != IGNORED)
		rc = l->opts.in_order ? remove_hidden(l, &n, err)
				      : warn_of_order(l, &n, err);
	return add_layer_place(entry, rc, err);
}

int cfs_layers_finish(struct cfs_layers **l, struct cfs_tree **out, struct cfs_err *err)
{
	int rc = cfs_builder_freeze(&(*l)->b, out, err);

	cfs_layers_free(cfs_steal(l));
	return rc;
}
