/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* For tests of the writer: small trees, and a look at the bytes of an image at their offsets.
 * It believes what it reads; a wrong image fails the test in one way or another.
 */
#ifndef EROFS_RAW_H
#define EROFS_RAW_H

#include "t.h"

#include "erofs/format.h"
#include "erofs/erofs.h"

static struct cfs_err err;

static const struct cfs_inode_spec dir_spec = {.mode = S_IFDIR | 0755};
static const struct cfs_inode_spec empty_spec = {.mode = S_IFREG | 0644, .nlink = 1};
static const struct cfs_inode_spec whiteout_spec = {.mode = S_IFCHR, .nlink = 1};

/* --- trees --------------------------------------------------------------------------- */

static inline struct cfs_builder *tree_start(enum cfs_hash_alg alg,
					     const struct cfs_inode_spec *root)
{
	struct cfs_builder *b;

	t_eq(cfs_builder_new(alg, &b, &err), 0);
	t_eq(cfs_builder_set_root(b, root, &err), 0);
	return b;
}

static inline cfs_id tree_add(struct cfs_builder *b, cfs_id parent, const char *name,
			      const struct cfs_inode_spec *spec)
{
	cfs_id id;

	if (cfs_builder_add(b, parent, cfs_text(name), spec, &id, &err) < 0)
		t_fail(__FILE__, __LINE__, "add %s: %s", name, err.msg);
	return id;
}

static inline void tree_link(struct cfs_builder *b, cfs_id parent, const char *name,
			     cfs_id target)
{
	cfs_id id;

	t_eq(cfs_builder_add_link(b, parent, cfs_text(name), &id, &err), 0);
	t_eq(cfs_builder_set_target(b, id, target, &err), 0);
}

static inline struct cfs_tree *tree_end(struct cfs_builder *b)
{
	struct cfs_tree *t;

	t_eq(cfs_builder_freeze(&b, &t, &err), 0);
	return t;
}

/* A file outside the image with a digest of equal bytes, kept under that digest. */
static inline struct cfs_inode_spec external(uint64_t size, uint8_t *digest, char *path,
					     int byte)
{
	memset(digest, byte, CFS_SHA256_LEN);
	cfs_hex_encode(digest, 1, path);
	path[2] = '/';
	cfs_hex_encode(digest + 1, CFS_SHA256_LEN - 1, path + 3);
	return (struct cfs_inode_spec){
		.mode = S_IFREG | 0644,
		.nlink = 1,
		.size = size,
		.digest = digest,
		.payload = {path, 2 * CFS_SHA256_LEN + 1},
	};
}

/* --- images -------------------------------------------------------------------------- */

static inline struct cfs_mem image_of(const struct cfs_tree *t, uint32_t min,
				      uint32_t max)
{
	struct cfs_image_opts opts = {.min_version = min, .max_version = max};
	struct cfs_mem mem = {0};
	struct cfs_plan *plan;

	if (cfs_plan_new(t, &opts, NULL, &plan, &err) < 0)
		t_fail(__FILE__, __LINE__, "plan: %s", err.msg);
	t_eq(cfs_emit(plan, cfs_sink_mem(&mem), &err), 0);
	t_eq(mem.len, cfs_plan_image_len(plan));
	cfs_plan_free(plan);
	return mem;
}

/* The image of a tree that is not needed any more. */
static inline struct cfs_mem image_of_builder(struct cfs_builder *b, uint32_t version)
{
	struct cfs_tree *t = tree_end(b);
	struct cfs_mem mem = image_of(t, version, version);

	cfs_tree_free(t);
	return mem;
}

struct raw_inode {
	const uint8_t *p; /* in the image */
	bool compact;
	unsigned layout, mode;
	uint32_t u, ino, nlink;
	uint64_t size;
	uint32_t head_len, xattr_len;
};

static inline struct raw_inode raw_inode(const struct cfs_mem *im, uint64_t nid)
{
	struct raw_inode r = {.p = im->p + nid * EROFS_SLOT};
	uint32_t icount = cfs_le16(r.p + 2);

	r.compact = !(cfs_le16(r.p) & EROFS_EXTENDED);
	r.layout = cfs_le16(r.p) >> EROFS_LAYOUT_SHIFT;
	r.mode = cfs_le16(r.p + 4);
	r.nlink = r.compact ? cfs_le16(r.p + 6) : cfs_le32(r.p + 44);
	r.size = r.compact ? cfs_le32(r.p + 8) : cfs_le64(r.p + 8);
	r.u = cfs_le32(r.p + 16);
	r.ino = cfs_le32(r.p + 20);
	r.head_len = r.compact ? 32 : 64;
	r.xattr_len = icount ? (icount - 1) * 4 + 12 : 0;
	return r;
}

static inline uint64_t raw_root(const struct cfs_mem *im)
{
	return cfs_le16(im->p + EROFS_SB_OFF + offsetof(struct erofs_super, root_nid));
}

/* The n-th group of entries of a directory: its blocks, then its tail. NULL: no more. */
static inline const uint8_t *
raw_group(const struct cfs_mem *im, const struct raw_inode *dir, uint64_t n, size_t *len)
{
	uint64_t n_blocks = dir->size / EROFS_BLOCK;

	*len = n < n_blocks ? EROFS_BLOCK : dir->size % EROFS_BLOCK;
	if (n < n_blocks)
		return im->p + (dir->u + n) * EROFS_BLOCK;
	return n == n_blocks && *len ? dir->p + dir->head_len + dir->xattr_len : NULL;
}

static inline struct cfs_text raw_name(const uint8_t *group, size_t len, uint32_t i)
{
	uint32_t n = cfs_le16(group + 8) / 12;
	const char *s = (const char *)group + cfs_le16(group + 12 * i + 8);
	size_t end = i + 1 < n ? cfs_le16(group + 12 * i + 20) : len;

	return (struct cfs_text){s, strnlen(s, end - (size_t)(s - (const char *)group))};
}

/* The directory entry of that name (12 bytes), or NULL. */
static inline const uint8_t *raw_find(const struct cfs_mem *im, uint64_t dir_nid,
				      const char *name)
{
	struct raw_inode dir = raw_inode(im, dir_nid);
	const uint8_t *group;
	size_t len;

	for (uint64_t g = 0; (group = raw_group(im, &dir, g, &len)); g++)
		for (uint32_t i = 0; i < cfs_le16(group + 8) / 12u; i++)
			if (cfs_text_eq(raw_name(group, len, i), cfs_text(name)))
				return group + 12 * i;
	return NULL;
}

/* The inode of a name in the root. */
static inline struct raw_inode raw_child(const struct cfs_mem *im, const char *name)
{
	const uint8_t *entry = raw_find(im, raw_root(im), name);

	if (!entry)
		t_fail(__FILE__, __LINE__, "no entry %s", name);
	return raw_inode(im, cfs_le64(entry));
}

/* The xattrs as text, one "index:suffix=value" or "shared" before it and ";" after each; in the order of
 * the image. Only for printable values. */
static inline const char *raw_xattrs(const struct cfs_mem *im, const struct raw_inode *r)
{
	static char text[8192];
	const uint8_t *p = r->p + r->head_len, *end = p + r->xattr_len;
	uint64_t table = (uint64_t)cfs_le32(im->p + EROFS_SB_OFF + 44) * EROFS_BLOCK;
	unsigned n_refs = r->xattr_len ? p[4] : 0;
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; r->xattr_len && (i < n_refs || p < end); i++) {
		const uint8_t *e;

		if (i == 0)
			p += 12;
		e = i < n_refs ? im->p + table + 4 * (uint64_t)cfs_le32(p) : p;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%u:%.*s=%.*s;", i < n_refs ? "shared " : "",
					 e[1], (int)e[0], e + 4, (int)cfs_le16(e + 2),
					 e + 4 + e[0]);
		p += i < n_refs ? 4 : cfs_align_up(4 + e[0] + cfs_le16(e + 2), 4);
	}
	return text;
}

#endif
