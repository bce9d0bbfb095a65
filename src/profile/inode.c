/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The inode of a node as the rules want it. */
#include <errno.h>
#include <inttypes.h>

#include "profile/apply_priv.h"

#define SELINUX_KEY "security.selinux"

/* A bootable image gets its SELinux labels from its own policy, so the labels of the
 * source are dropped first whatever the xattr rule keeps. */
static bool is_kept_xattr(const struct cfs_profile_rules *rules, struct cfs_text key)
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
static void describe_opaque(struct profile_job *j, cfs_id id, struct cfs_inode_spec *out)
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

void profile_describe_label(struct profile_job *j, cfs_id name,
			    struct cfs_inode_spec *out)
{
	if (j->labels && j->labels[name].len)
		j->xattrs[out->n_xattrs++] = (struct cfs_xattr){
			CFS_TEXT(SELINUX_KEY), cfs_text_span(j->labels[name])};
}

/* n: the node whose xattrs are used. For the root it may be /usr. */
static int describe_xattrs(struct profile_job *j, cfs_id id, const struct cfs_node *n,
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
		if (is_kept_xattr(j->rules, x.key))
			j->xattrs[out->n_xattrs++] = x;
	}
	if (is_dir)
		describe_opaque(j, id, out);
	return 0;
}

static void describe_mtime(const struct profile_job *j, const struct cfs_node *n,
			   struct cfs_inode_spec *out)
{
	if (j->rules->mtime != CFS_MTIME_EPOCH)
		out->mtime_sec = n->mtime_sec;
	if (j->rules->mtime == CFS_MTIME_NSEC)
		out->mtime_nsec = n->mtime_nsec;
}

/* Returns true if the content of a file is stored in the image. */
static bool is_inside(const struct profile_job *j, const struct cfs_node *n)
{
	int max = j->rules->inline_max;

	if (j->rules->executables_outside && (n->mode & 0111))
		return false;
	return max == CFS_INLINE_FOUND ? n->content != NULL : n->size <= (uint64_t)max;
}

/* Makes an object of a file that was stored in the source. */
static int make_external(struct profile_job *j, const struct cfs_node *n,
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

/* Moves a file's content into the image or out of it, as the rules say. The content is
 * borrowed from the source tree. -ENODATA when the tree has only a digest, and the
 * image needs the bytes or another algorithm. */
static int describe_profiled_content(struct profile_job *j, const struct cfs_node *n,
				     struct cfs_inode_spec *out, struct cfs_err *err)
{
	if (S_ISLNK(n->mode) || cfs_node_is_external(n))
		out->payload = cfs_node_get_payload(j->in, n, j->payload);
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

int profile_describe_inode(struct profile_job *j, cfs_id id, struct cfs_inode_spec *out,
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
	if (j->rules->links == CFS_LINKS_FLATTENED || profile_is_split_whiteout(j, id))
		out->nlink = 1;
	else if (j->fates[id].n_left_out < n->nlink)
		out->nlink -= j->fates[id].n_left_out;
	describe_mtime(j, j->fates[id].emptied ? j->usr : look, out);
	rc = describe_xattrs(j, id, look, out, err);
	return rc < 0 ? rc : describe_profiled_content(j, n, out, err);
}
