/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images -> nodes, from a walk over the image. */
#include "compat/compat.h"

#include <errno.h>
#include <limits.h>

#include "compat/intern.h"
#include "erofs/erofs.h"

struct loader {
	const struct cfs_image *im;
	struct cfs_spec_room room;
	struct lcfs_share share;
	struct lcfs_node_s **path; /* the ancestors of the current node */
	size_t path_cap;
};

/* Fills a node from an inode of the image. The API stores SHA-256 digests alone. */
static int fill_from_image(struct loader *l, const struct cfs_walk_entry *e,
			   struct lcfs_node_s *node)
{
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_spec(l->im, &e->inode, &l->room, &spec, NULL);

	/* A node has no digest of another length. */
	if (rc == 0 && spec.digest && l->room.alg != CFS_SHA256)
		return -EINVAL;
	if (rc < 0)
		return rc;
	(void)cfs_span_sub(l->im->bytes, e->inode.off, e->inode.len, &l->share.own);
	return lcfs_node_fill(node, &spec, &l->share);
}

/* The first name gets the inode; later names become hard links to it. The nlink of the
 * image already counts them. */
static int set_node_from_entry(struct loader *l, const struct cfs_walk_entry *e,
			       struct lcfs_node_s *node)
{
	if (e->again) {
		lcfs_node_link_to(node, (struct lcfs_node_s *)(uintptr_t)*e->cookie);
		return 0;
	}
	if (e->cookie)
		*e->cookie = (uintptr_t)node;
	return fill_from_image(l, e, node);
}

/* The walk has checked names and their order. */
static int load_entry(struct loader *l, const struct cfs_walk_entry *e)
{
	struct lcfs_node_s *node;
	int rc;

	if (cfs_grow(&l->path, &l->path_cap, (size_t)e->depth + 1,
		     sizeof(struct lcfs_node_s *)) < 0)
		return -ENOMEM;
	node = lcfs_node_new();
	if (!node)
		return -ENOMEM;
	rc = set_node_from_entry(l, e, node);
	if (rc == 0 && e->depth)
		rc = lcfs_node_attach(l->path[e->depth - 1], node, e->name);
	if (rc < 0) {
		lcfs_node_unref(node);
		return rc;
	}
	l->path[e->depth] = node;
	return 0;
}

/* Loads all entries of the image in the order of the walk. *out is the root, owned by
 * the caller, or NULL. */
static int load_all(struct loader *l, const struct cfs_walk_opts *opts,
		    struct lcfs_node_s **out)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(l->im, opts, &walk, NULL);

	*out = NULL;
	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, NULL)) > 0) {
		rc = load_entry(l, e);
		if (rc == 0 && e->depth == 0)
			*out = l->path[0];
	}
	if (rc < 0)
		lcfs_node_unref(*out);
	return rc;
}

/* Returns the root of a new tree, which the caller owns; NULL and errno on failure. */
static struct lcfs_node_s *load_node_tree(struct cfs_span bytes,
					  const struct cfs_text *names, size_t n_names)
{
	struct cfs_walk_opts opts = {.names = names,
				     .n_names = n_names,
				     .first_names = true,
				     .no_paths = true};
	struct cfs_image im;
	struct loader l = {.im = &im};
	struct lcfs_node_s *root;
	int rc = cfs_image_open(bytes, &im, NULL);

	lcfs_share_init(&l.share, bytes.len);
	if (rc == 0)
		rc = load_all(&l, &opts, &root);
	lcfs_share_fini(&l.share);
	cfs_spec_room_fini(&l.room);
	free(l.path);
	if (rc == 0)
		return root;
	/* The ABI has no code for damaged images. */
	lcfs_fail(rc == -EUCLEAN ? -EINVAL : rc);
	return NULL;
}

/* NULL selects every entry of the root, as in 1.0.8. The caller owns the result. */
struct lcfs_node_s *
lcfs_load_node_from_image_ext(const uint8_t *image_data, size_t image_data_size,
			      const struct lcfs_read_options_s *options)
{
	struct cfs_span bytes = {image_data, image_data_size};
	cfs_autofree struct cfs_text *names = NULL;
	size_t n = 0;

	if (!options || !options->toplevel_entries)
		return load_node_tree(bytes, NULL, 0);
	while (options->toplevel_entries[n])
		n++;
	/* An empty list selects nothing, NULL selects everything: add a name that no
	 * entry has. */
	names = calloc(n + 1, sizeof(*names));
	if (!names) {
		lcfs_fail(-ENOMEM);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = cfs_text(options->toplevel_entries[i]);
	names[n] = CFS_TEXT("/");
	return load_node_tree(bytes, names, n + 1);
}

struct lcfs_node_s *lcfs_load_node_from_image(const uint8_t *image_data,
					      size_t image_data_size)
{
	return lcfs_load_node_from_image_ext(image_data, image_data_size, NULL);
}

/* -EINVAL: not the header of an image. */
static int read_image_header(int fd, struct cfs_header *out)
{
	ssize_t n = cfs_io_pread(fd, out, sizeof(*out), 0, NULL);

	if (n < 0)
		return (int)n;
	if (n < (ssize_t)sizeof(*out) || cfs_le32(&out->magic) != CFS_HEADER_MAGIC)
		return -EINVAL;
	return 0;
}

/* Reads the file instead of mapping it: if a mapped file shrank, the caller would get
 * SIGBUS. The header is checked first, because the file may be large. Pipes are refused:
 * the file is read from its beginning, not from the offset of fd. */
static int read_image_copy(int fd, struct cfs_map *out)
{
	struct cfs_header header;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	rc = read_image_header(fd, &header);
	return rc < 0 ? rc : cfs_map_copy(fd, out, NULL);
}

struct lcfs_node_s *lcfs_load_node_from_fd_ext(int fd,
					       const struct lcfs_read_options_s *options)
{
	struct lcfs_node_s *root;
	struct cfs_map copy;
	int rc = read_image_copy(fd, &copy);

	if (rc < 0) {
		lcfs_fail(rc);
		return NULL;
	}
	root = lcfs_load_node_from_image_ext(copy.span.p, copy.span.len, options);
	cfs_map_close(&copy);
	return root;
}

struct lcfs_node_s *lcfs_load_node_from_fd(int fd)
{
	return lcfs_load_node_from_fd_ext(fd, NULL);
}

int lcfs_version_from_fd(int fd)
{
	struct cfs_header header;
	int rc = read_image_header(fd, &header);
	uint32_t version;

	if (rc < 0)
		return lcfs_fail(rc);
	version = cfs_le32(&header.composefs_version);
	if (cfs_le32(&header.version) != CFS_HEADER_VERSION || version > INT_MAX)
		return lcfs_fail(-EINVAL);
	return (int)version;
}
