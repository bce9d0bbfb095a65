/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds the tree that the rules allow from another tree, depth first, as a scan would
 * build it. */
#include "profile/profile_priv.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define SELINUX_KEY "security.selinux"

enum { PATH_LEN = 512 };

/* What happens to a node. */
struct fate {
	cfs_id out;	     /* number in the new tree, or CFS_NO_NODE */
	uint32_t n_left_out; /* number of names of this inode that are left out */
	cfs_id labelled_by;  /* the name whose label the inode has */
	bool left_out;
	bool opaque; /* an opaque directory, whose whiteouts are left out */
	bool emptied; /* a directory whose entries are left out, and whose time becomes that of /usr */
};

/* A directory whose entries are being added. */
struct frame {
	cfs_id dir, out;
	uint32_t next;
};

struct job {
	const struct cfs_tree *in;
	const struct cfs_profile_rules *rules;
	const struct cfs_text *labels; /* of the names of in; NULL: none */
	bool is_labelled;	       /* the labels are known, even if there are none */
	const struct cfs_watch *watch; /* may be NULL */
	struct cfs_builder *b;
	struct fate *fates; /* indexed by node */
	uint8_t *marks; /* indexed by node, see cfs_deletions_mark; NULL if not needed */
	const struct cfs_node *usr; /* NULL if not needed */
	struct frame *stack;
	size_t depth, stack_cap;
	struct cfs_xattr *xattrs; /* xattrs of one node */
	size_t xattrs_cap;
	struct cfs_digest digest; /* digest of its content */
	char payload[CFS_PAYLOAD_BUF];
};

static int add_path(const struct job *j, cfs_id id, int rc, struct cfs_err *err)
{
	char path[PATH_LEN];

	if (rc >= 0)
		return rc;
	return cfs_context(err, rc, "%s", cfs_tree_path(j->in, id, path, sizeof(path)));
}

/* --- the rules for single directories --------------------------------------------------- */

static bool is_directory(const struct cfs_tree *t, cfs_id id)
{
	return !cfs_node_is_link(&t->nodes[id]) && S_ISDIR(t->nodes[id].mode);
}

/* Leaves out everything below a directory. */
static int leave_out_below(struct job *j, cfs_id dir, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	size_t depth = 0;

	for (;;) {
		const struct cfs_node *d = &t->nodes[dir];

		for (uint32_t i = 0; i < d->n_children; i++) {
			cfs_id child = t->children[d->first + i];

			j->fates[child].left_out = true;
			j->fates[cfs_tree_inode(t, child)].n_left_out++;
			if (!is_directory(t, child))
				continue;
			if (cfs_grow(&j->stack, &j->stack_cap, depth + 1,
				     sizeof(*j->stack)) < 0)
				return cfs_fail(err, ENOMEM, "out of memory");
			j->stack[depth++].dir = child;
		}
		if (depth == 0)
			return 0;
		dir = j->stack[--depth].dir;
	}
}

/* Finds a directory in the root. why: the reason, for messages. */
static int find_directory(const struct job *j, const char *name, const char *why,
			  cfs_id *out, struct cfs_err *err)
{
	*out = cfs_tree_find(j->in, CFS_ROOT, cfs_text(name));
	if (*out == CFS_NO_NODE)
		return cfs_fail(err, ENOENT, "/%s: expected a directory, got nothing: %s",
				name, why);
	if (!is_directory(j->in, *out))
		return cfs_fail(err, ENOTDIR, "/%s: expected a directory: %s", name, why);
	return 0;
}

static int empty_directory(struct job *j, const char *name, struct cfs_err *err)
{
	cfs_id dir;
	int rc = find_directory(j, name, "the rules empty it", &dir, err);

	if (rc < 0)
		return rc;
	j->fates[dir].emptied = true;
	return leave_out_below(j, dir, err);
}

static int prepare_boot(struct job *j, struct cfs_err *err)
{
	int rc;

	if (!j->is_labelled && cfs_selinux_has_config(j->in))
		return cfs_fail(
			err, ENOTSUP,
			"/etc/selinux/config: cannot make a tree with SELinux bootable "
			"without labels");
	rc = empty_directory(j, "boot", err);
	return rc < 0 ? rc : empty_directory(j, "sysroot", err);
}

static int find_special_directories(struct job *j, struct cfs_err *err)
{
	bool root = j->rules->root == CFS_ROOT_USR;
	cfs_id usr;
	int rc;

	if (!root && !j->rules->bootable)
		return 0;
	rc = find_directory(j, "usr",
			    root ? "the root gets its metadata"
				 : "other directories get its mtime",
			    &usr, err);
	if (rc < 0)
		return rc;
	j->usr = &j->in->nodes[usr];
	if (root && cfs_tree_find(j->in, CFS_ROOT, CFS_TEXT("run")) != CFS_NO_NODE)
		rc = empty_directory(j, "run", err);
	return rc == 0 && j->rules->bootable ? prepare_boot(j, err) : rc;
}

/* An opaque directory hides everything in the lower layers, so its whiteouts have no
 * effect and are left out. */
static int find_deletions(struct job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = cfs_deletions_mark(t, &j->marks, err);

	for (cfs_id id = 0; rc == 0 && id < t->n_nodes; id++) {
		cfs_id dir = t->nodes[id].parent, inode = cfs_tree_inode(t, id);

		if (!(j->marks[inode] & CFS_DELETION_WHITEOUT) ||
		    !(j->marks[dir] & CFS_DELETION_OPAQUE))
			continue;
		j->fates[id].left_out = true;
		j->fates[dir].opaque = true;
	}
	return rc;
}

/* --- one inode ------------------------------------------------------------------------- */

static bool is_kept(const struct cfs_profile_rules *rules, struct cfs_text key)
{
	bool is_user = cfs_text_has_prefix(key, CFS_TEXT("user."));
	bool is_capability = cfs_text_eq(key, CFS_TEXT("security.capability"));

	if (rules->bootable && cfs_text_eq(key, CFS_TEXT(SELINUX_KEY)))
		return false;
	switch (rules->xattrs) {
	case CFS_XATTRS_ALL:
		return true;
	case CFS_XATTRS_USER:
		return is_user;
	case CFS_XATTRS_OCI:
		return is_capability;
	case CFS_XATTRS_OCI_USER:
		return is_capability || is_user;
	case CFS_XATTRS_SHOWN:
		return cfs_image_shows_xattr(key);
	case CFS_XATTRS_NONE:
		break;
	}
	return false;
}

/* Keeps the xattr that makes a directory opaque. A directory whose whiteouts are left out
 * gets the xattrs of both kinds of overlay mounts. */
static void describe_opaque(struct job *j, cfs_id id, struct cfs_inode_spec *out)
{
	const struct cfs_node *n = &j->in->nodes[id];

	for (unsigned i = 0; j->fates[id].opaque && i < CFS_N_OPAQUE_KEYS; i++)
		j->xattrs[out->n_xattrs++] = (struct cfs_xattr){
			cfs_opaque_keys[i], cfs_text_span(CFS_TEXT("y"))};
	for (unsigned i = 0; !j->fates[id].opaque && i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &j->in->pairs[n->xattrs[i]];
		struct cfs_xattr x = {j->in->keys[p->key], {p->value, p->value_len}};

		if (cfs_is_opaque_xattr(x.key, x.value))
			j->xattrs[out->n_xattrs++] = x;
	}
}

static void describe_label(struct job *j, cfs_id name, struct cfs_inode_spec *out)
{
	if (j->labels && j->labels[name].len)
		j->xattrs[out->n_xattrs++] = (struct cfs_xattr){
			CFS_TEXT(SELINUX_KEY), cfs_text_span(j->labels[name])};
}

/* n: the node whose xattrs are used. For the root it may be /usr. */
static int describe_xattrs(struct job *j, cfs_id id, const struct cfs_node *n,
			   struct cfs_inode_spec *out, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	size_t n_all = (size_t)n->n_xattrs + CFS_N_OPAQUE_KEYS + 1; /* the label */
	bool is_dir = j->marks && S_ISDIR(t->nodes[id].mode);

	if (cfs_grow(&j->xattrs, &j->xattrs_cap, n_all, sizeof(*j->xattrs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->xattrs = j->xattrs;
	for (unsigned i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &t->pairs[n->xattrs[i]];
		struct cfs_xattr x = {t->keys[p->key], {p->value, p->value_len}};

		if (is_dir && (cfs_is_opaque_xattr(x.key, x.value) ||
			       (j->fates[id].opaque && cfs_is_opaque_key(x.key))))
			continue;
		if (is_kept(j->rules, x.key))
			j->xattrs[out->n_xattrs++] = x;
	}
	if (is_dir)
		describe_opaque(j, id, out);
	return 0;
}

static void describe_mtime(const struct job *j, const struct cfs_node *n,
			   struct cfs_inode_spec *out)
{
	if (j->rules->mtime != CFS_MTIME_EPOCH)
		out->mtime_sec = n->mtime_sec;
	if (j->rules->mtime == CFS_MTIME_NSEC)
		out->mtime_nsec = n->mtime_nsec;
}

/* Returns true if the content of a file is stored in the image. */
static bool is_inside(const struct job *j, const struct cfs_node *n)
{
	int max = j->rules->inline_max;

	if (j->rules->executables_outside && (n->mode & 0111))
		return false;
	return max == CFS_INLINE_FOUND ? n->content != NULL : n->size <= (uint64_t)max;
}

/* Makes an object of a file that was stored in the source. */
static int make_external(struct job *j, const struct cfs_node *n,
			 struct cfs_inode_spec *out, struct cfs_err *err)
{
	struct cfs_span content = {n->content, (size_t)n->size};
	int rc = cfs_verity_digest_mem(j->rules->alg, content, &j->digest, err);

	if (rc < 0)
		return rc;
	static_assert(sizeof(j->payload) >= CFS_OBJECT_PATH_MAX, "room for a path");
	out->digest = j->digest.bytes;
	out->payload = cfs_text(cfs_digest_path(&j->digest, j->payload));
	return 0;
}

static int describe_content(struct job *j, const struct cfs_node *n,
			    struct cfs_inode_spec *out, struct cfs_err *err)
{
	if (S_ISLNK(n->mode) || cfs_node_is_external(n))
		out->payload = cfs_node_payload(j->in, n, j->payload);
	if (!S_ISREG(n->mode) || n->size == 0)
		return 0;
	if (is_inside(j, n) && !n->content)
		return cfs_fail(err, ENODATA,
				"expected the content of %" PRIu64
				" bytes for the image, got only a digest",
				n->size);
	if (is_inside(j, n)) {
		out->content = (struct cfs_span){n->content, (size_t)n->size};
		return 0;
	}
	if (n->content)
		return make_external(j, n, out, err);
	if (n->digest && j->in->alg != j->rules->alg)
		return cfs_fail(err, ENODATA, "expected a %s digest, got %s",
				cfs_hash_name(j->rules->alg), cfs_hash_name(j->in->alg));
	out->digest = n->digest;
	return 0;
}

/* A whiteout whose names become separate inodes. */
static bool is_split_whiteout(const struct job *j, cfs_id id)
{
	return j->marks && j->marks[id] & CFS_DELETION_WHITEOUT;
}

static int describe_inode(struct job *j, cfs_id id, struct cfs_inode_spec *out,
			  struct cfs_err *err)
{
	const struct cfs_node *n = &j->in->nodes[id];
	bool is_usr = id == CFS_ROOT && j->rules->root == CFS_ROOT_USR;
	const struct cfs_node *look = is_usr ? j->usr : n;
	int rc;

	*out = (struct cfs_inode_spec){
		.size = n->size,
		.mode = look->mode,
		.nlink = n->nlink,
		.uid = look->uid,
		.gid = look->gid,
		.rdev = n->rdev,
	};
	if (j->rules->links == CFS_LINKS_FLATTENED || is_split_whiteout(j, id))
		out->nlink = 1;
	else if (j->fates[id].n_left_out < n->nlink)
		out->nlink -= j->fates[id].n_left_out;
	describe_mtime(j, j->fates[id].emptied ? j->usr : look, out);
	rc = describe_xattrs(j, id, look, out, err);
	return rc < 0 ? rc : describe_content(j, n, out, err);
}

/* --- all of them ----------------------------------------------------------------------- */

/* Returns true if this name becomes a hard link. If the first name of an inode is left
 * out, the next name carries the inode. */
static bool stays_link(const struct job *j, cfs_id id)
{
	cfs_id inode = cfs_tree_inode(j->in, id);

	return j->rules->links == CFS_LINKS_KEPT && inode != id &&
	       !is_split_whiteout(j, inode) &&
	       (!j->fates[inode].left_out || j->fates[inode].out != CFS_NO_NODE);
}

static int push_directory(struct job *j, cfs_id dir, cfs_id out, struct cfs_err *err)
{
	if (cfs_grow(&j->stack, &j->stack_cap, j->depth + 1, sizeof(*j->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	j->stack[j->depth++] = (struct frame){.dir = dir, .out = out};
	return 0;
}

/* Adds the inode of a name. *out: its number in the new tree. */
static int add_inode(struct job *j, cfs_id parent, cfs_id id, cfs_id *out,
		     struct cfs_err *err)
{
	struct cfs_inode_spec spec;
	int rc = describe_inode(j, cfs_tree_inode(j->in, id), &spec, err);

	if (rc < 0)
		return rc;
	describe_label(j, id, &spec);
	if (id == CFS_ROOT)
		rc = cfs_builder_root(j->b, &spec, err);
	else
		rc = cfs_builder_add(j->b, parent, cfs_node_name(&j->in->nodes[id]),
				     &spec, out, err);
	if (rc < 0 || !is_directory(j->in, id) || j->fates[id].emptied)
		return rc;
	return push_directory(j, id, *out, err);
}

/* The first name of an inode, in the order of the walk, carries it. A name with another
 * label gets a copy. */
static int add_labelled_name(struct job *j, cfs_id parent, cfs_id id, struct cfs_err *err)
{
	struct fate *f = &j->fates[cfs_tree_inode(j->in, id)];
	cfs_id out;
	int rc;

	if (f->out == CFS_NO_NODE) {
		f->labelled_by = id;
		return add_inode(j, parent, id, &f->out, err);
	}
	if (j->rules->links != CFS_LINKS_KEPT ||
	    is_split_whiteout(j, cfs_tree_inode(j->in, id)) ||
	    !cfs_text_eq(j->labels[id], j->labels[f->labelled_by]))
		return add_inode(j, parent, id, &out, err);
	rc = cfs_builder_add_link(j->b, parent, cfs_node_name(&j->in->nodes[id]), &out,
				  err);
	return rc < 0 ? rc : cfs_builder_set_target(j->b, out, f->out, err);
}

static int add_name(struct job *j, cfs_id parent, cfs_id id, struct cfs_err *err)
{
	if (j->labels)
		return add_labelled_name(j, parent, id, err);
	if (!stays_link(j, id))
		return add_inode(j, parent, id, &j->fates[cfs_tree_inode(j->in, id)].out,
				 err);
	return cfs_builder_add_link(j->b, parent, cfs_node_name(&j->in->nodes[id]),
				    &j->fates[id].out, err);
}

/* Sets the targets of hard links. This comes last, because a link may come before its
 * inode. */
static int set_targets(struct job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = 0;

	for (cfs_id id = 0; rc == 0 && id < t->n_nodes; id++)
		if (cfs_node_is_link(&t->nodes[id]) && j->fates[id].out != CFS_NO_NODE)
			rc = cfs_builder_set_target(j->b, j->fates[id].out,
						    j->fates[t->nodes[id].target].out,
						    err);
	return rc;
}

static int add_all(struct job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = add_inode(j, CFS_NO_NODE, CFS_ROOT, &j->fates[CFS_ROOT].out, err);

	rc = add_path(j, CFS_ROOT, rc, err);

	while (rc == 0 && j->depth) {
		struct frame *top = &j->stack[j->depth - 1];
		const struct cfs_node *dir = &t->nodes[top->dir];
		cfs_id id;

		if (top->next == dir->n_children) {
			j->depth--;
			continue;
		}
		rc = cfs_watch_poll(j->watch, err);
		if (rc < 0)
			return rc;
		id = t->children[dir->first + top->next++];
		if (j->fates[id].left_out)
			continue;
		rc = add_path(j, id, add_name(j, top->out, id, err), err);
	}
	return rc < 0 ? rc : set_targets(j, err);
}

static int apply_rules(struct job *j, struct cfs_tree **out, struct cfs_err *err)
{
	int rc = cfs_builder_new(j->rules->alg, &j->b, err);

	if (rc < 0)
		return rc;
	/* An existing tree may exceed the xattr budget, and must not be refused here. */
	cfs_builder_lift_budget(j->b);
	cfs_builder_set_watch(j->b, j->watch);
	if (j->labels) /* the number of links is known at the end */
		cfs_builder_settle_names(j->b);
	for (cfs_id id = 0; id < j->in->n_nodes; id++)
		j->fates[id].out = CFS_NO_NODE;
	j->fates[CFS_ROOT].out = CFS_ROOT;
	rc = find_special_directories(j, err);
	if (rc == 0 && j->rules->deletions == CFS_DELETIONS_KEPT)
		rc = find_deletions(j, err);
	if (rc == 0)
		rc = add_all(j, err);
	return rc < 0 ? rc : cfs_builder_freeze(&j->b, out, err);
}

int cfs_profile_apply_labels(const struct cfs_tree *tree,
			     const struct cfs_profile_rules *rules,
			     const struct cfs_selinux_labels *labels,
			     const struct cfs_watch *watch, struct cfs_tree **out,
			     struct cfs_err *err)
{
	struct job j = {.in = tree,
			.rules = rules,
			.labels = labels && rules->bootable ? labels->of : NULL,
			.is_labelled = labels != NULL,
			.watch = watch};
	int rc;

	j.fates = calloc(tree->n_nodes, sizeof(*j.fates));
	rc = j.fates ? apply_rules(&j, out, err) : cfs_fail(err, ENOMEM, "out of memory");
	cfs_builder_free(j.b);
	free(j.fates);
	free(j.marks);
	free(j.stack);
	free(j.xattrs);
	return rc;
}

int cfs_profile_apply(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		      const struct cfs_watch *watch, struct cfs_tree **out,
		      struct cfs_err *err)
{
	return cfs_profile_apply_labels(tree, rules, NULL, watch, out, err);
}
