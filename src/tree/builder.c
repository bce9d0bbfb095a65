/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The builder: adds one inode or hard link at a time, after checking it against every rule. */
#include "tree/tree_priv.h"

#include <errno.h>

int cfs_builder_new(enum cfs_hash_alg alg, struct cfs_builder **out, struct cfs_err *err)
{
	struct cfs_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return cfs_fail(err, ENOMEM, "out of memory");
	b->alg = alg;
	b->seed = cfs_hash_make_seed();
	b->xattr_budget = CFS_XATTR_BUDGET;
	*out = b;
	return 0;
}

void cfs_builder_lift_budget(struct cfs_builder *b)
{
	b->xattr_budget = SIZE_MAX;
}

void cfs_builder_settle_names(struct cfs_builder *b)
{
	b->settles_names = true;
}

void cfs_builder_set_watch(struct cfs_builder *b, const struct cfs_watch *watch)
{
	b->watch = watch;
}

void cfs_builder_free(struct cfs_builder *b)
{
	if (!b)
		return;
	cfs_intern_fini(&b->xattrs);
	cfs_arena_fini(&b->arena);
	free(b->index.slots);
	free(b->nodes);
	free(b);
}

/* --- rules of an inode ------------------------------------------------------------- */

bool cfs_mode_is_valid(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFBLK:
	case S_IFCHR:
	case S_IFSOCK:
	case S_IFIFO:
		return true;
	default:
		return false;
	}
}

static int check_mode_type(uint32_t mode, struct cfs_err *err)
{
	if (cfs_mode_is_valid(mode))
		return 0;
	return cfs_fail(err, EINVAL, "mode: expected one of the seven file types, got %o",
			mode);
}

/* The rules for targets of symlinks and backing paths. Both are NUL-terminated in the
 * kernel. */
static int check_payload(const struct cfs_inode_spec *s, struct cfs_err *err)
{
	const char *what = S_ISLNK(s->mode) ? "symlink target" : "backing path";

	if (S_ISLNK(s->mode) && s->payload.len == 0)
		return cfs_fail(err, EINVAL, "%s: expected 1 to %d bytes, got none", what,
				CFS_PAYLOAD_MAX);
	if (s->payload.len > CFS_PAYLOAD_MAX)
		return cfs_fail(err, ENAMETOOLONG,
				"%s: expected at most %d bytes, got %zu", what,
				CFS_PAYLOAD_MAX, s->payload.len);
	if (s->payload.len && memchr(s->payload.s, '\0', s->payload.len))
		return cfs_fail(err, EINVAL, "%s: expected no NUL byte, got one", what);
	return 0;
}

static int check_inode_content(const struct cfs_inode_spec *s, struct cfs_err *err)
{
	if (!S_ISLNK(s->mode) && s->content.len > CFS_CONTENT_MAX)
		return cfs_fail(err, EINVAL,
				"inline content: expected at most %d bytes, got %zu",
				CFS_CONTENT_MAX, s->content.len);
	if (S_ISREG(s->mode) && s->content.len == 0 && s->size > CFS_EXTERNAL_MAX)
		return cfs_fail(
			err, EFBIG,
			"size: expected at most 2^53 bytes for a file outside the image, "
			"got %llu",
			(unsigned long long)s->size);
	return 0;
}

static int check_inode_spec(const struct cfs_inode_spec *s, struct cfs_err *err)
{
	int rc = check_mode_type(s->mode, err);

	if (rc == 0)
		rc = check_payload(s, err);
	if (rc == 0)
		rc = check_inode_content(s, err);
	return rc;
}

/* The rules of Linux for one name. All sources of trees come by here, also hostile
 * ones. */
static int check_entry_name(struct cfs_text name, struct cfs_err *err)
{
	if (name.len == 0)
		return cfs_fail(err, EINVAL, "name: expected 1 to %d bytes, got none",
				CFS_NAME_MAX);
	if (name.len > CFS_NAME_MAX)
		return cfs_fail(err, ENAMETOOLONG,
				"name: expected at most %d bytes, got %zu", CFS_NAME_MAX,
				name.len);
	if (memchr(name.s, '/', name.len) || memchr(name.s, '\0', name.len))
		return cfs_fail(err, EINVAL,
				"name: expected no '/' and no NUL byte, got one");
	if (cfs_text_eq(name, CFS_TEXT(".")) || cfs_text_eq(name, CFS_TEXT("..")))
		return cfs_fail(err, EINVAL, "name: \".\" and \"..\" are not names");
	return 0;
}

/* --- filling a node ---------------------------------------------------------------- */

/* Whether a path is the lowercase "xx/rest" of this digest. */
static bool spells_digest(struct cfs_text path, const uint8_t *digest, size_t len)
{
	char hex[2 * CFS_HASH_MAX_LEN];

	if (path.len != 2 * len + 1 || path.s[2] != '/')
		return false;
	cfs_hex_encode(digest, len, hex);
	return memcmp(path.s, hex, 2) == 0 &&
	       memcmp(path.s + 3, hex + 2, 2 * len - 2) == 0;
}

/* The same for any digest, which is stored in raw. */
static bool parse_object_path(struct cfs_text path, uint8_t *raw, size_t raw_len)
{
	if (path.len != 2 * raw_len + 1 || path.s[2] != '/')
		return false;
	return cfs_hex_decode((struct cfs_text){path.s, 2}, raw, 1) &&
	       cfs_hex_decode((struct cfs_text){path.s + 3, path.len - 3}, raw + 1,
			      raw_len - 1) &&
	       spells_digest(path, raw, raw_len);
}

static int keep_text_payload(struct cfs_builder *b, struct cfs_text payload,
			     struct cfs_node *n)
{
	if (payload.len == 0)
		return 0;
	n->payload = cfs_arena_copy(&b->arena, payload.s, payload.len);
	n->payload_len = (uint16_t)payload.len;
	n->payload_kind = CFS_PAYLOAD_TEXT;
	return n->payload ? 0 : -ENOMEM;
}

/* A path that is the name of an object is stored as a digest: it takes a third of the memory,
 * and usually none, since it is the digest of the node. */
static int keep_backing_path(struct cfs_builder *b, struct cfs_text payload,
			     struct cfs_node *n)
{
	size_t len = cfs_hash_len(b->alg);
	uint8_t raw[CFS_HASH_MAX_LEN];

	if (n->digest && spells_digest(payload, n->digest, len))
		n->payload = n->digest;
	else if (parse_object_path(payload, raw, len))
		n->payload = cfs_arena_copy(&b->arena, raw, len);
	else
		return keep_text_payload(b, payload, n);
	n->payload_kind = CFS_PAYLOAD_OBJECT;
	return n->payload ? 0 : -ENOMEM;
}

/* Copies what a regular file has into the arena: content in the image, or digest and
 * backing path. */
static int keep_file(struct cfs_builder *b, const struct cfs_inode_spec *s,
		     struct cfs_node *n)
{
	if (s->content.len) {
		n->size = s->content.len;
		n->content = cfs_arena_copy(&b->arena, s->content.p, s->content.len);
		return n->content ? 0 : -ENOMEM;
	}
	if (s->size == 0)
		return 0;
	if (s->digest) {
		n->digest = cfs_arena_copy(&b->arena, s->digest, cfs_hash_len(b->alg));
		if (!n->digest)
			return -ENOMEM;
	}
	return keep_backing_path(b, s->payload, n);
}

/* Fields that the type does not have are dropped, so that equal inodes have equal nodes. */
static int fill_tree_node(struct cfs_builder *b, const struct cfs_inode_spec *s,
			  struct cfs_node *n, struct cfs_err *err)
{
	int rc = 0;

	n->mode = s->mode;
	n->nlink = s->nlink;
	n->uid = s->uid;
	n->gid = s->gid;
	n->mtime_sec = s->mtime_sec;
	n->mtime_nsec = s->mtime_nsec;
	n->size = S_ISDIR(s->mode) ? 0 : s->size;
	n->rdev = S_ISCHR(s->mode) || S_ISBLK(s->mode) ? s->rdev : 0;
	if (S_ISDIR(s->mode)) {
		n->first = CFS_NO_NODE;
		n->last = CFS_NO_NODE;
	} else if (S_ISLNK(s->mode)) {
		n->size = s->payload.len;
		rc = keep_text_payload(b, s->payload, n);
	} else if (S_ISREG(s->mode)) {
		rc = keep_file(b, s, n);
	}
	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	return cfs_intern_node(b, s, n, err);
}

/* --- adding a node to the tree ------------------------------------------------------ */

static bool is_in_order(const struct cfs_builder *b, const struct cfs_node *dir,
			struct cfs_text name)
{
	if (dir->flags & CFS_NODE_UNSORTED)
		return false;
	return dir->last == CFS_NO_NODE ||
	       cfs_text_cmp(cfs_node_name(&b->nodes[dir->last]), name) < 0;
}

/* Checks that parent can have a child of this name: -ENOTDIR, -EEXIST or a bad name.
 * Names in ascending order need no search; the first one out of order marks the
 * directory for sorting. */
static int check_child_place(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
			     struct cfs_err *err)
{
	const struct cfs_node *dir = &b->nodes[parent];
	cfs_id twin;
	int rc;

	if (cfs_node_is_link(dir) || !S_ISDIR(dir->mode))
		return cfs_fail(err, ENOTDIR, "parent: expected a directory, got %s",
				cfs_node_is_link(dir) ? "a hard link"
						      : "another file type");
	rc = check_entry_name(name, err);
	if (rc < 0 || is_in_order(b, dir, name))
		return rc;
	rc = cfs_index_find(b, parent, name, &twin, err);
	if (rc < 0)
		return rc;
	if (twin != CFS_NO_NODE)
		return cfs_fail(err, EEXIST,
				"name \"%.*s\": already exists in this directory",
				(int)name.len, name.s);
	b->nodes[parent].flags |= CFS_NODE_UNSORTED;
	return 0;
}

/* A zeroed node after the last one; it is part of the tree once attach_node() succeeds. */
static struct cfs_node *next_node(struct cfs_builder *b, struct cfs_err *err)
{
	if (b->n_nodes >= CFS_NO_NODE - 1) {
		cfs_fail(err, EFBIG, "expected at most %u names in a tree",
			 CFS_NO_NODE - 1);
		return NULL;
	}
	if (cfs_grow(&b->nodes, &b->nodes_cap, (size_t)b->n_nodes + 1,
		     sizeof(*b->nodes)) < 0) {
		cfs_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	b->nodes[b->n_nodes] = (struct cfs_node){.next = CFS_NO_NODE, .name = ""};
	return &b->nodes[b->n_nodes];
}

/* Appends the prepared node to its parent and the index of names. On failure it is not
 * counted, so that the next node takes its place; its name stays in the arena. */
static int attach_node(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
		       cfs_id *out, struct cfs_err *err)
{
	struct cfs_node *dir = &b->nodes[parent];
	cfs_id id = b->n_nodes;
	struct cfs_node *n = &b->nodes[id];
	int rc;

	n->name = cfs_arena_copy(&b->arena, name.s, name.len);
	if (!n->name)
		return cfs_fail(err, ENOMEM, "out of memory");
	n->name_len = (uint8_t)name.len;
	n->parent = parent;
	b->n_nodes++;
	rc = cfs_index_add(b, id, err);
	if (rc < 0) {
		b->n_nodes--;
		return rc;
	}
	if (dir->first == CFS_NO_NODE)
		dir->first = id;
	else
		b->nodes[dir->last].next = id;
	dir->last = id;
	*out = id;
	return 0;
}

int cfs_builder_set_root(struct cfs_builder *b, const struct cfs_inode_spec *spec,
			 struct cfs_err *err)
{
	int rc;

	if (b->n_nodes)
		return cfs_fail(err, EEXIST, "expected one root, got a second");
	rc = check_mode_type(spec->mode, err);
	if (rc == 0 && !S_ISDIR(spec->mode))
		return cfs_fail(err, ENOTDIR, "root: expected a directory, got mode %o",
				spec->mode);
	if (rc == 0)
		rc = check_inode_spec(spec, err);
	if (rc < 0)
		return rc;
	if (!next_node(b, err))
		return -ENOMEM;
	rc = fill_tree_node(b, spec, &b->nodes[CFS_ROOT], err);
	if (rc == 0)
		b->n_nodes = 1;
	return rc;
}

int cfs_builder_update_dir(struct cfs_builder *b, cfs_id dir,
			   const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	struct cfs_node *n = &b->nodes[dir], was = *n;
	int rc;

	if (cfs_node_is_link(n) || !S_ISDIR(n->mode) || !S_ISDIR(spec->mode))
		return cfs_fail(err, ENOTDIR, "expected a directory in place of one");
	rc = check_inode_spec(spec, err);
	if (rc < 0)
		return rc;
	rc = fill_tree_node(b, spec, n, err);
	if (rc < 0) {
		*n = was;
		return rc;
	}
	n->first = was.first;
	n->last = was.last;
	return 0;
}

int cfs_builder_add(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
		    const struct cfs_inode_spec *spec, cfs_id *out, struct cfs_err *err)
{
	struct cfs_node *n;
	int rc;

	rc = check_inode_spec(spec, err);
	if (rc == 0)
		rc = check_child_place(b, parent, name, err);
	if (rc < 0)
		return rc;
	n = next_node(b, err);
	if (!n)
		return b->n_nodes >= CFS_NO_NODE - 1 ? -EFBIG : -ENOMEM;
	rc = fill_tree_node(b, spec, n, err);
	return rc < 0 ? rc : attach_node(b, parent, name, out, err);
}

int cfs_builder_add_link(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
			 cfs_id *out, struct cfs_err *err)
{
	struct cfs_node *n;
	int rc = check_child_place(b, parent, name, err);

	if (rc < 0)
		return rc;
	n = next_node(b, err);
	if (!n)
		return b->n_nodes >= CFS_NO_NODE - 1 ? -EFBIG : -ENOMEM;
	n->flags = CFS_NODE_LINK;
	n->target = CFS_NO_NODE;
	rc = attach_node(b, parent, name, out, err);
	if (rc == 0)
		b->n_links++;
	return rc;
}

int cfs_builder_set_target(struct cfs_builder *b, cfs_id link, cfs_id target,
			   struct cfs_err *err)
{
	const struct cfs_node *t = &b->nodes[target];

	if (link == target)
		return cfs_fail(err, EINVAL, "hard link: target is the link itself");
	if (!cfs_node_is_link(t) && S_ISDIR(t->mode))
		return cfs_fail(err, EINVAL, "hard link: target is a directory");
	b->nodes[link].target = target;
	return 0;
}

int cfs_builder_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		     struct cfs_err *err)
{
	const struct cfs_node *d = &b->nodes[dir];

	*out = CFS_NO_NODE;
	if (cfs_node_is_link(d) || !S_ISDIR(d->mode) || is_in_order(b, d, name))
		return 0;
	if (!(b->nodes[d->last].flags & CFS_NODE_REMOVED) &&
	    cfs_text_eq(cfs_node_name(&b->nodes[d->last]), name)) {
		*out = d->last;
		return 0;
	}
	return cfs_index_find(b, dir, name, out, err);
}

uint32_t cfs_builder_get_mode(const struct cfs_builder *b, cfs_id id)
{
	return cfs_node_is_link(&b->nodes[id]) ? 0 : b->nodes[id].mode;
}
