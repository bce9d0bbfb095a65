/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files and directories -> nodes, by a scan. */
#include "compat/compat.h"

#include <errno.h>
#include <fcntl.h>

#include "scan/scan.h"
#include "verity/verity.h"

enum {
	ALL_FLAGS = LCFS_BUILD_SKIP_XATTRS | LCFS_BUILD_USE_EPOCH |
		    LCFS_BUILD_SKIP_DEVICES | LCFS_BUILD_COMPUTE_DIGEST |
		    LCFS_BUILD_NO_INLINE | LCFS_BUILD_USER_XATTRS | LCFS_BUILD_BY_DIGEST,
	WANTS_DIGEST = LCFS_BUILD_COMPUTE_DIGEST | LCFS_BUILD_BY_DIGEST,
};

static int check_flags(int flags)
{
	if (flags & ~ALL_FLAGS)
		return -EINVAL;
	if (flags & LCFS_BUILD_SKIP_XATTRS && flags & LCFS_BUILD_USER_XATTRS)
		return -EINVAL;
	return 0;
}

/* Uses one thread, because a library must not start threads that the program did not ask
 * for. */
static struct cfs_scan_opts get_scan_opts(int flags)
{
	return (struct cfs_scan_opts){
		.threads = 1,
		.inline_max = flags & LCFS_BUILD_NO_INLINE
				      ? -1
				      : LCFS_RECOMMENDED_INLINE_CONTENT_MAX,
		.use_epoch = flags & LCFS_BUILD_USE_EPOCH,
		.skip_xattrs = flags & LCFS_BUILD_SKIP_XATTRS,
		.user_xattrs = flags & LCFS_BUILD_USER_XATTRS,
		.skip_devices = flags & LCFS_BUILD_SKIP_DEVICES,
		.no_digests = !(flags & WANTS_DIGEST),
	};
}

/* Stores the digest as flags say; a node has no digest of another algorithm. */
static int keep_node_digest(struct lcfs_node_s *node, const struct cfs_digest *digest,
			    int flags)
{
	char path[CFS_OBJECT_PATH_MAX];

	memcpy(node->digest, digest->bytes, LCFS_DIGEST_SIZE);
	node->has_digest = flags & LCFS_BUILD_COMPUTE_DIGEST;
	if (!(flags & LCFS_BUILD_BY_DIGEST))
		return 0;
	cfs_digest_path(digest, path);
	return lcfs_node_set_payload(node, path) < 0 ? -errno : 0;
}

/* --- from the scan ------------------------------------------------------------------ */

/* In the ABI, files with inline content have a digest as well. */
static int keep_inline_digest(struct lcfs_node_s *node, int flags)
{
	struct cfs_span content = {node->content, node->size};
	struct cfs_digest digest;
	int rc;

	if (!(flags & WANTS_DIGEST))
		return 0;
	rc = cfs_verity_digest_mem(CFS_SHA256, content, &digest, NULL);
	return rc < 0 ? rc : keep_node_digest(node, &digest, flags);
}

/* Like lcfs_node_fill, but with digest and backing path only as flags say. */
static int set_by_flags(struct lcfs_node_s *node, const struct cfs_inode_spec *spec,
			int flags)
{
	struct cfs_inode_spec wanted = *spec;
	int rc;

	if (!(flags & LCFS_BUILD_COMPUTE_DIGEST))
		wanted.digest = NULL;
	if (S_ISREG(spec->mode) && !(flags & LCFS_BUILD_BY_DIGEST))
		wanted.payload = CFS_TEXT("");
	rc = lcfs_node_fill(node, &wanted, NULL);
	return rc == 0 && node->content ? keep_inline_digest(node, flags) : rc;
}

struct single {
	struct lcfs_node_s *node;
	int flags;
};

static int set_from_scan(void *ctx, const struct cfs_inode_spec *spec,
			 struct cfs_err *err)
{
	struct single *single = ctx;

	(void)err;
	return set_by_flags(single->node, spec, single->flags);
}

/* Makes one node of a file without its children, for lcfs_load_node_from_file(). Its
 * xattrs must fit into an inode, as in a whole tree. */
static int load_file(int dirfd, const char *fname, int flags, struct lcfs_node_s **out)
{
	struct cfs_scan_opts opts = get_scan_opts(flags);
	struct single single = {lcfs_node_new(), flags};
	int rc;

	if (!single.node)
		return -ENOMEM;
	rc = cfs_scan_one(dirfd, fname, &opts, set_from_scan, &single, NULL);
	if (rc == 0 && single.node->xattrs_cost + CFS_XATTR_COST_FIRST > CFS_XATTR_BUDGET)
		rc = -ERANGE;
	if (rc < 0)
		lcfs_node_unref(single.node);
	else
		*out = single.node;
	return rc;
}

struct lcfs_node_s *lcfs_load_node_from_file(int dirfd, const char *fname, int buildflags)
{
	struct lcfs_node_s *node = NULL;
	int rc = check_flags(buildflags);

	if (rc == 0)
		rc = load_file(dirfd, fname, buildflags, &node);
	if (rc < 0)
		lcfs_fail(rc);
	return node;
}

/* --- whole directories -------------------------------------------------------------- */

/* Converts the tree of a scan to nodes. */
struct converter {
	const struct cfs_tree *tree;
	int flags;
	struct lcfs_node_s **nodes; /* by number */
	struct cfs_xattr *xattrs;   /* of the current node */
	size_t xattrs_cap;
};

/* spec borrows from the tree and from c->xattrs, which is reused for each node;
 * set_by_flags copies what it keeps. */
static int convert_node(struct converter *c, const struct cfs_node *n,
			struct lcfs_node_s *node)
{
	char path[CFS_PAYLOAD_BUF];
	struct cfs_inode_spec spec = {
		.size = n->size,
		.mtime_sec = n->mtime_sec,
		.mtime_nsec = n->mtime_nsec,
		.mode = n->mode,
		.nlink = n->nlink,
		.uid = n->uid,
		.gid = n->gid,
		.rdev = n->rdev,
		.payload = cfs_node_get_payload(c->tree, n, path),
		.content = {n->content, n->content ? n->size : 0},
		.digest = n->digest,
		.n_xattrs = n->n_xattrs,
	};

	if (cfs_grow(&c->xattrs, &c->xattrs_cap, n->n_xattrs, sizeof(*c->xattrs)) < 0)
		return -ENOMEM;
	for (uint16_t i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &c->tree->pairs[n->xattrs[i]];

		c->xattrs[i] = (struct cfs_xattr){c->tree->keys[p->key],
						  {p->value, p->value_len}};
	}
	spec.xattrs = c->xattrs;
	return set_by_flags(node, &spec, c->flags);
}

/* Parents come before their children. */
static int convert_all(struct converter *c)
{
	for (cfs_id id = 0; id < c->tree->n_nodes; id++) {
		const struct cfs_node *n = &c->tree->nodes[id];
		struct lcfs_node_s *node = lcfs_node_new();
		int rc = node ? convert_node(c, n, node) : -ENOMEM;

		if (rc == 0 && id != CFS_ROOT)
			rc = lcfs_node_attach(c->nodes[n->parent], node,
					      cfs_node_name(n));
		if (rc < 0) {
			lcfs_node_unref(node);
			return rc;
		}
		c->nodes[id] = node;
	}
	return 0;
}

/* Makes nodes of a whole tree. *out is the root, owned by the caller, or NULL after a
 * failure. */
static int convert_tree(const struct cfs_tree *tree, int flags, struct lcfs_node_s **out)
{
	struct converter c = {tree, flags, NULL, NULL, 0};
	int rc = -ENOMEM;

	c.nodes = calloc(tree->n_nodes, sizeof(struct lcfs_node_s *));
	if (c.nodes) {
		rc = convert_all(&c);
		*out = c.nodes[CFS_ROOT];
	}
	if (rc < 0) {
		lcfs_node_unref(*out);
		*out = NULL;
	}
	free(c.nodes);
	free(c.xattrs);
	return rc;
}

/* *out is the caller's. A single file has no tree and is loaded alone. *failed_path, if
 * asked for, is the caller's after a failure of the scan. */
static int build_node(int dirfd, const char *fname, int flags, char **failed_path,
		      struct lcfs_node_s **out)
{
	struct cfs_scan_opts opts = get_scan_opts(flags);
	struct cfs_tree *tree;
	struct stat st;
	int rc;

	if (fstatat(dirfd, fname, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return load_file(dirfd, fname, flags, out);
	opts.failed_path = failed_path;
	rc = cfs_scan(dirfd, fname, &opts, &tree, NULL);
	if (rc < 0)
		return rc;
	rc = convert_tree(tree, flags, out);
	cfs_tree_free(tree);
	return rc;
}

struct lcfs_node_s *lcfs_build(int dirfd, const char *fname, int buildflags,
			       char **failed_path_out)
{
	struct lcfs_node_s *root = NULL;
	char *failed_path = NULL;
	int rc = check_flags(buildflags);

	if (rc == 0)
		rc = build_node(dirfd, fname, buildflags, &failed_path, &root);
	if (rc == 0)
		return root;
	if (failed_path_out)
		*failed_path_out = failed_path ? cfs_steal(&failed_path) : strdup(fname);
	free(failed_path);
	lcfs_fail(rc);
	return NULL;
}

/* --- one file's content ------------------------------------------------------------- */

static int read_node_content(struct lcfs_node_s *node, int fd)
{
	uint8_t buf[LCFS_RECOMMENDED_INLINE_CONTENT_MAX];
	ssize_t n = cfs_io_pread(fd, buf, node->size, 0, NULL);

	if (n < 0 || (uint64_t)n != node->size)
		return -ENODATA;
	return lcfs_node_set_content(node, buf, node->size) < 0 ? -errno : 0;
}

static int read_digest(struct lcfs_node_s *node, int fd, int flags)
{
	struct cfs_digest digest;
	uint64_t size;

	if (cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, &digest, &size, NULL) < 0 ||
	    size < node->size)
		return -ENODATA;
	return keep_node_digest(node, &digest, flags);
}

/* Reads the file for its digest, its inline content, or both. -ENODATA: the file changed
 * its type or size since the directory was read. */
static int set_from_content(struct lcfs_node_s *node, int dirfd, const char *fname,
			    int flags)
{
	bool is_inline = !(flags & LCFS_BUILD_NO_INLINE) &&
			 node->size <= LCFS_RECOMMENDED_INLINE_CONTENT_MAX;
	cfs_autofd int fd = -1;
	struct stat st;
	int rc = 0;

	if (!is_inline && !(flags & WANTS_DIGEST))
		return 0;
	/* The owner of the directory may have replaced the file: by a link to a file that
	 * must not be in the image, a FIFO, or an endless device. */
	fd = openat(dirfd, fname,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODATA;
	if (flags & WANTS_DIGEST)
		rc = read_digest(node, fd, flags);
	if (rc == 0 && is_inline)
		rc = read_node_content(node, fd);
	return rc;
}

int lcfs_node_set_from_content(struct lcfs_node_s *node, int dirfd, const char *fname,
			       int buildflags)
{
	int rc = node ? 0 : -EINVAL;

	if (rc == 0 && node->size > 0)
		rc = set_from_content(node, dirfd, fname, buildflags);
	return rc < 0 ? lcfs_fail(rc) : 0;
}
