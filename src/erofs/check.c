/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The check: a walk over all inodes, then over the bytes that belong to none of them. */
#include "erofs/check.h"

#include <errno.h>

#include "erofs/erofs_priv.h"
#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "erofs/inode_spec.h"
#include "erofs/quirks_priv.h"
#include "erofs/walk_priv.h"
#include "erofs/xattr.h"
#include "hash/hash.h"

enum { ENTRY_LEN = sizeof(struct erofs_xattr_entry) };

/* A check in progress. */
struct check {
	const struct cfs_image *im;
	const struct cfs_watch *watch;
	struct cfs_kernel_finding *kernel; /* NULL: not wanted */
	struct cfs_spec_room room;
	struct cfs_slots
		refs;	 /* referenced offsets from shared_off, in units of 4 bytes */
	uint64_t n_refs; /* referenced shared xattrs */
	uint64_t n_inodes, n_blocks;
	uint64_t n_far_chunks; /* inodes whose chunk map is in a block of its own */
	uint64_t inodes_end;
	bool has_acl;
};

static bool is_zero_at(const struct check *c, uint64_t off, uint64_t end)
{
	struct cfs_span bytes;

	return cfs_span_sub(c->im->bytes, off, end - off, &bytes) &&
	       cfs_span_is_zero(bytes);
}

static int fail_padding(const struct cfs_inode *inode, uint64_t off, struct cfs_err *err)
{
	return cfs_bad_inode(err, inode, "padding from offset %" PRIu64 " on is not 0",
			     off);
}

/* --- Header and superblock ----------------------------------------------------------- */

/* The fields that no reader needs, and that cfs_image_open does not check. */
static int check_super(const struct check *c, struct cfs_err *err)
{
	const uint8_t *sb = c->im->bytes.p + EROFS_SB_OFF;
	uint32_t compat = cfs_le32(sb + offsetof(struct erofs_super, feature_compat));
	uint64_t uuid_off = EROFS_SB_OFF + offsetof(struct erofs_super, uuid);

	if (!is_zero_at(c, sizeof(struct cfs_header), EROFS_SB_OFF))
		return cfs_fail(
			err, EUCLEAN,
			"header: bytes from offset %zu to the superblock at %d are not 0",
			sizeof(struct cfs_header), EROFS_SB_OFF);
	if (compat != c->im->rules->feature_compat)
		return cfs_bad_super(err, feature_compat,
				     "expected compatible features %" PRIx32
				     ", got %" PRIx32,
				     c->im->rules->feature_compat, compat);
	if (cfs_le32(sb + offsetof(struct erofs_super, checksum)) != 0)
		return cfs_bad_super(err, checksum, "checksum is not 0");
	if (!is_zero_at(c, uuid_off, uuid_off + 32))
		return cfs_bad_super(err, uuid, "uuid and name are not all 0");
	if (c->im->meta_off != 0)
		return cfs_bad_super(err, meta_blkaddr,
				     "expected meta_blkaddr 0, got %" PRIu64,
				     c->im->meta_off / EROFS_BLOCK);
	return 0;
}

/* The totals of all inodes in header and superblock. */
static int check_totals(const struct check *c, struct cfs_err *err)
{
	if (c->im->inos != c->n_inodes)
		return cfs_bad_super(err, inos,
				     "expected %" PRIu64 " inodes, got %" PRIu64,
				     c->n_inodes, c->im->inos);
	if (c->im->has_acl != c->has_acl)
		return cfs_fail(err, EUCLEAN,
				"header: flags at offset %zu: expected %s, got %s",
				offsetof(struct cfs_header, flags),
				c->has_acl ? "ACLs" : "no ACLs",
				c->im->has_acl ? "ACLs" : "no ACLs");
	return 0;
}

/* --- Inodes -------------------------------------------------------------------------- */

/* Besides redirect and metacopy of files, the only xattr for overlayfs itself is the mark of the root.
 * Any other would make overlayfs show another tree than the image describes. */
static bool may_have_xattr(const struct check *c, const struct cfs_inode *inode,
			   const struct cfs_raw_xattr *x)
{
	struct cfs_text name = cfs_raw_xattr_get_rest(x, CFS_TEXT(CFS_OVERLAY_PREFIX));

	if (!name.s || cfs_text_has_prefix(name, CFS_TEXT(CFS_ESCAPE)))
		return true;
	if (cfs_text_eq(name, CFS_TEXT("redirect")) ||
	    cfs_text_eq(name, CFS_TEXT("metacopy")))
		return inode->external;
	return inode->nid == c->im->root_nid && cfs_text_eq(name, CFS_TEXT("opaque")) &&
	       cfs_text_eq(cfs_span_text(x->value), CFS_TEXT("y"));
}

static void add_ref(struct check *c, const struct cfs_raw_xattr *x)
{
	uint64_t i = (x->off - c->im->shared_off) / EROFS_XATTR_ALIGN;

	c->n_refs += !cfs_slots_has(&c->refs, i);
	cfs_slots_add(&c->refs, i);
}

/* Checks one xattr of an inode: overlayfs must not take it for an instruction, and the
 * padding must be zero. */
static int check_inode_xattr(struct check *c, const struct cfs_inode *inode,
			     const struct cfs_raw_xattr *x, struct cfs_err *err)
{
	uint64_t end = x->off + ENTRY_LEN + x->suffix.len + x->value.len;

	if (!may_have_xattr(c, inode, x))
		return cfs_bad_inode(err, inode,
				     "xattr at offset %" PRIu64
				     " would make overlayfs show another tree",
				     x->off);
	if (!is_zero_at(c, end, cfs_align_up(end, EROFS_XATTR_ALIGN)))
		return fail_padding(inode, end, err);
	if (x->shared && c->refs.words)
		add_ref(c, x);
	if ((x->index == EROFS_XATTR_ACL_ACCESS || x->index == EROFS_XATTR_ACL_DEFAULT) &&
	    x->suffix.len == 0)
		c->has_acl = true;
	return 0;
}

/* A kernel reads an xattr only when the filter says that the inode may have it. */
static int check_xattrs(struct check *c, struct cfs_kernel_look *look,
			struct cfs_err *err)
{
	const struct cfs_inode *inode = look->inode;
	uint32_t filter = UINT32_MAX;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	int rc = cfs_raw_xattrs_open(c->im, inode, &it, err);

	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &x, err)) > 0) {
		rc = check_inode_xattr(c, inode, &x, err);
		if (c->kernel)
			kernel_look_at_xattr(look, &x);
		filter &= ~(UINT32_C(1) << (cfs_xxh32(x.suffix.s, x.suffix.len,
						      EROFS_XATTR_FILTER_SEED + x.index) &
					    31));
	}
	if (rc < 0)
		return rc;
	if (inode->xattrs.len && cfs_le32(inode->xattrs.p) != filter)
		return cfs_bad_inode(err, inode,
				     "xattr filter: expected %08" PRIx32
				     ", got %08" PRIx32,
				     filter, cfs_le32(inode->xattrs.p));
	return 0;
}

/* The unused bytes of an inode. */
static int check_padding(const struct check *c, const struct cfs_inode *inode,
			 struct cfs_err *err)
{
	uint64_t end = inode->off + inode->len,
		 data_end = inode->data_off + inode->blocks.len;
	uint32_t i_u = cfs_le32(c->im->bytes.p + inode->off +
				offsetof(struct erofs_inode_compact, i_u));
	bool has_address = inode->blocks.len || inode->external || S_ISCHR(inode->mode) ||
			   S_ISBLK(inode->mode);

	if (!has_address && i_u != 0)
		return cfs_bad_inode(
			err, inode,
			"expected address 0 without data blocks, got %" PRIu32, i_u);
	if (!is_zero_at(c, end, cfs_align_up(end, EROFS_SLOT)))
		return fail_padding(inode, end, err);
	if (inode->blocks.len &&
	    !is_zero_at(c, data_end, cfs_align_up(data_end, EROFS_BLOCK)))
		return fail_padding(inode, data_end, err);
	return 0;
}

/* A device 0/0 in the root hides the object directory of the same name. Anywhere else a kernel lists the name but
 * cannot find it. */
static int check_hidden(const struct check *c, const struct cfs_walk_entry *e,
			struct cfs_err *err)
{
	static const char digits[] = "0123456789abcdef";
	struct cfs_text n = e->name;

	if (!cfs_inode_is_hidden(c->im, &e->inode) ||
	    (e->depth == 1 && n.len == 2 && memchr(digits, n.s[0], 16) &&
	     memchr(digits, n.s[1], 16)))
		return 0;
	return cfs_bad_inode(err, &e->inode,
			     "whiteout: expected a name from 00 to ff in the root");
}

/* Checks one inode and adds it to the totals, which are compared with the superblock at
 * the end. Findings about kernels are recorded, not errors. */
static int check_walked_inode(struct check *c, const struct cfs_walk_entry *e,
			      struct cfs_err *err)
{
	const struct cfs_inode *inode = &e->inode;
	struct cfs_inode_spec spec;
	struct cfs_kernel_look look = {.im = c->im, .inode = inode, .spec = &spec};
	int rc = cfs_image_read_spec(c->im, inode, &c->room, &spec, err);

	look.twins = c->room.twins;
	if (rc == 0)
		rc = check_xattrs(c, &look, err);
	if (rc == 0)
		rc = check_padding(c, inode, err);
	if (rc < 0)
		return rc;
	if (c->kernel && !cfs_inode_is_hidden(c->im, inode))
		kernel_find_inode(&look, e->path, c->kernel);
	c->n_inodes++;
	c->n_blocks += cfs_align_up(inode->blocks.len, EROFS_BLOCK) / EROFS_BLOCK;
	c->n_far_chunks += inode->far_chunks;
	if (c->inodes_end < inode->off + inode->len)
		c->inodes_end = cfs_align_up(inode->off + inode->len, EROFS_SLOT);
	return 0;
}

/* --- Other bytes --------------------------------------------------------------------- */

/* Between the inodes. */
static int check_gaps(const struct check *c, const struct cfs_slots *used,
		      struct cfs_err *err)
{
	uint64_t end = c->inodes_end / EROFS_SLOT;

	for (uint64_t i = EROFS_FIRST_INODE_OFF / EROFS_SLOT; i < end; i++) {
		if (cfs_watch_is_cancelled(c->watch))
			return cfs_watch_fail(err);
		if (!cfs_slots_has(used, i) &&
		    !is_zero_at(c, i * EROFS_SLOT, (i + 1) * EROFS_SLOT))
			return cfs_fail(err, EUCLEAN,
					"bytes at offset %" PRIu64
					" belong to no inode and are not 0",
					i * EROFS_SLOT);
	}
	return 0;
}

/* The length of a shared xattr with padding; 0: no more xattrs, only zeros follow. */
static uint64_t shared_len(const struct check *c, uint64_t off)
{
	const uint8_t *p = c->im->bytes.p + off;
	uint64_t len = ENTRY_LEN + p[offsetof(struct erofs_xattr_entry, e_name_len)];

	if (cfs_le32(p) == 0)
		return 0;
	len += cfs_le16(p + offsetof(struct erofs_xattr_entry, e_value_size));
	return cfs_align_up(len, EROFS_XATTR_ALIGN);
}

/* The shared xattrs follow the inodes without gaps; zeros follow up to data_off. Some may have no
 * reference: an inode with more than EROFS_XATTR_SHARED_MAX of them stores the others inline. */
static int check_shared(const struct check *c, uint64_t data_off, struct cfs_err *err)
{
	uint64_t off = c->inodes_end, n = 0, len;

	if (c->im->shared_off != cfs_align_down(c->inodes_end, EROFS_BLOCK))
		return cfs_bad_super(err, xattr_blkaddr,
				     "expected xattr_blkaddr %" PRIu64
				     ", where the inodes end, got %" PRIu64,
				     c->inodes_end / EROFS_BLOCK,
				     c->im->shared_off / EROFS_BLOCK);
	while (off < data_off && (len = shared_len(c, off)) > 0) {
		int rc = cfs_watch_poll(c->watch, err);

		if (rc < 0)
			return rc;
		n += cfs_slots_has(&c->refs,
				   (off - c->im->shared_off) / EROFS_XATTR_ALIGN);
		off += len;
	}
	if (n != c->n_refs)
		return cfs_fail(err, EUCLEAN,
				"shared xattrs: %" PRIu64 " are referenced, %" PRIu64
				" of them lie between offset %" PRIu64 " and %" PRIu64,
				c->n_refs, n, c->inodes_end, off);
	if (off > data_off || data_off - off >= EROFS_BLOCK ||
	    !is_zero_at(c, off, data_off))
		return cfs_fail(err, EUCLEAN,
				"bytes from offset %" PRIu64 " to the data at %" PRIu64
				" are not only padding",
				off, data_off);
	return 0;
}

/* The blocks at the end of the image must have an owner each. Nothing points to the block of a chunk
 * map, but its bytes, all 0xff, identify it. */
static int check_blocks(const struct check *c, const struct cfs_slots *used,
			uint64_t data_off, struct cfs_err *err)
{
	uint64_t n = 0;

	for (uint64_t off = data_off; off < c->im->bytes.len; off += EROFS_BLOCK) {
		const uint8_t *p = c->im->bytes.p + off;
		int rc = cfs_watch_poll(c->watch, err);

		if (rc < 0)
			return rc;
		if (cfs_slots_has(used, off / EROFS_SLOT))
			continue;
		if (p[0] != UINT8_MAX || memcmp(p, p + 1, EROFS_BLOCK - 1) != 0 ||
		    n == c->n_far_chunks)
			return cfs_fail(err, EUCLEAN,
					"block at offset %" PRIu64 " belongs to no inode",
					off);
		n++;
	}
	return 0;
}

/* Every byte of the image belongs to an inode, the table of shared xattrs or data:
 * bytes that nothing refers to would let two images of one tree differ. */
static int check_areas(const struct check *c, const struct cfs_slots *used,
		       struct cfs_err *err)
{
	uint64_t data_len = (c->n_blocks + c->n_far_chunks) * EROFS_BLOCK, data_off;
	int rc;

	if (data_len > c->im->bytes.len - c->inodes_end)
		return cfs_fail(err, EUCLEAN,
				"inodes end at offset %" PRIu64 ": expected %" PRIu64
				" bytes of data after them",
				c->inodes_end, data_len);
	data_off = c->im->bytes.len - data_len;
	rc = check_gaps(c, used, err);
	if (rc == 0)
		rc = check_shared(c, data_off, err);
	return rc < 0 ? rc : check_blocks(c, used, data_off, err);
}

/* --- The whole ----------------------------------------------------------------------- */

/* Whiteouts are shown too, as the kernel sees them below overlayfs. Totals and unused
 * areas can only be judged after all inodes were seen. */
static int check_walked_inodes(struct check *c, struct cfs_walk *walk,
			       struct cfs_err *err)
{
	const struct cfs_walk_entry *e;
	int rc;

	walk->show_hidden = true;
	while ((rc = cfs_walk_next(walk, &e, err)) > 0) {
		rc = check_hidden(c, e, err);
		if (rc == 0 && !e->again)
			rc = check_walked_inode(c, e, err);
		if (rc < 0)
			return rc;
	}
	if (rc == 0)
		rc = check_totals(c, err);
	if (rc == 0 && !c->im->rules->loose_areas)
		rc = check_areas(c, &walk->used, err);
	if (rc == 0 && c->kernel)
		rc = kernel_find_end(c->im, c->kernel, err);
	return rc;
}

/* Older formats have areas in any order, so gaps prove nothing there, and superblock and
 * areas are not checked. */
int cfs_image_check_kernels(const struct cfs_image *im, struct cfs_kernel_finding *kernel,
			    const struct cfs_watch *watch, struct cfs_err *err)
{
	const struct cfs_walk_opts opts = {.watch = watch};
	uint64_t n_refs_max = (im->bytes.len - im->shared_off) / EROFS_XATTR_ALIGN;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct check c = {.im = im, .kernel = kernel, .watch = watch};
	int rc = 0;

	if (kernel)
		memset(kernel, 0, CFS_KERNEL_N_RULES * sizeof(*kernel));
	if (!im->rules->loose_areas) {
		rc = check_super(&c, err);
		if (rc == 0 && cfs_slots_init(&c.refs, n_refs_max) < 0)
			rc = cfs_fail(err, ENOMEM, "no memory for a check");
	}
	if (rc == 0)
		rc = cfs_walk_new(im, &opts, &walk, err);
	if (rc == 0)
		rc = check_walked_inodes(&c, walk, err);
	cfs_spec_room_fini(&c.room);
	free(c.refs.words);
	return rc;
}

int cfs_image_check(const struct cfs_image *im, struct cfs_err *err)
{
	return cfs_image_check_kernels(im, NULL, NULL, err);
}
