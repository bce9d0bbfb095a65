/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The superblock and the inodes of an image. */
#include "erofs/image.h"

#include <errno.h>

#include "erofs/format.h"
#include "erofs/image_priv.h"

/* By format version, as the composefs header gives it. */
static const struct cfs_image_rules rules[] = {
	[0] = {.whiteouts_escaped = true,
	       .no_blocks_allowed = true,
	       .shared_max = EROFS_XATTR_SHARED_MAX,
	       .feature_compat =
		       EROFS_FEATURE_COMPAT_MTIME | EROFS_FEATURE_COMPAT_XATTR_FILTER},
	[1] = {.whiteouts_escaped = true,
	       .no_blocks_allowed = true,
	       .shared_max = EROFS_XATTR_SHARED_MAX,
	       .feature_compat =
		       EROFS_FEATURE_COMPAT_MTIME | EROFS_FEATURE_COMPAT_XATTR_FILTER},
	/* Of composefs-rs: depth first, extended inodes only, no whiteouts in the root. */
	[2] = {.loose_areas = true,
	       .shared_max = UINT8_MAX,
	       .feature_compat =
		       EROFS_FEATURE_COMPAT_MTIME | EROFS_FEATURE_COMPAT_XATTR_FILTER,
	       .feature_incompat = EROFS_FEATURE_INCOMPAT_CHUNKED},
};

enum { N_VERSIONS = sizeof(rules) / sizeof(rules[0]) };

static bool is_zero(const uint8_t *p, size_t len)
{
	return cfs_span_is_zero((struct cfs_span){p, len});
}

/* --- Header and superblock ----------------------------------------------------------- */

bool cfs_image_has_magic(const uint8_t head[4])
{
	return cfs_le32(head) == CFS_HEADER_MAGIC;
}

/* bytes: at least the first block of the image, or all of it. */
static int read_header(struct cfs_span bytes, struct cfs_image *im, struct cfs_err *err)
{
	const uint8_t *p = bytes.p;
	uint32_t flags, version;

	if (bytes.len < EROFS_BLOCK)
		return cfs_fail(err, EINVAL, "image: want at least %d bytes, found %zu",
				EROFS_BLOCK, bytes.len);
	if (!cfs_image_has_magic(p))
		return cfs_fail(err, EINVAL,
				"header: not a composefs image: want magic %08" PRIx32
				", found %08" PRIx32,
				CFS_HEADER_MAGIC, cfs_le32(p));
	version = cfs_le32(p + offsetof(struct cfs_header, version));
	if (version != CFS_HEADER_VERSION)
		return cfs_fail(err, ENOTSUP,
				"header: want container version %d, found %" PRIu32,
				CFS_HEADER_VERSION, version);
	im->version = cfs_le32(p + offsetof(struct cfs_header, composefs_version));
	if (im->version >= N_VERSIONS)
		return cfs_fail(err, ENOTSUP,
				"header: want format version 0 to %d, found %" PRIu32,
				N_VERSIONS - 1, im->version);
	flags = cfs_le32(p + offsetof(struct cfs_header, flags));
	if (flags & ~(uint32_t)CFS_HEADER_HAS_ACL)
		return cfs_fail(err, EUCLEAN,
				"header: reserved bits in flags %" PRIx32
				" at offset %zu",
				flags, offsetof(struct cfs_header, flags));
	if (!is_zero(p + offsetof(struct cfs_header, unused), 16))
		return cfs_fail(err, EUCLEAN,
				"header: reserved bytes at offset %zu are not 0",
				offsetof(struct cfs_header, unused));
	im->rules = &rules[im->version];
	im->has_acl = flags & CFS_HEADER_HAS_ACL;
	return 0;
}

/* Features that a reader must know to read right. */
static int check_features(const struct cfs_image *im, const uint8_t *sb,
			  struct cfs_err *err)
{
	uint32_t compat = cfs_le32(sb + offsetof(struct erofs_super, feature_compat));
	uint32_t incompat = cfs_le32(sb + offsetof(struct erofs_super, feature_incompat));

	if (compat & ~im->rules->feature_compat)
		return cfs_bad_super(err, feature_compat,
				     "unknown compatible features %" PRIx32,
				     compat & ~im->rules->feature_compat);
	if (incompat & ~im->rules->feature_incompat)
		return cfs_bad_super(err, feature_incompat,
				     "unknown incompatible features %" PRIx32,
				     incompat & ~im->rules->feature_incompat);
	if (sb[offsetof(struct erofs_super, blkszbits)] != EROFS_BLOCK_BITS)
		return cfs_bad_super(
			err, blkszbits, "want blocks of 2^%d bytes, found 2^%d",
			EROFS_BLOCK_BITS, sb[offsetof(struct erofs_super, blkszbits)]);
	if (sb[offsetof(struct erofs_super, sb_extslots)] != 0)
		return cfs_bad_super(err, sb_extslots, "reserved byte is not 0");
	if (!is_zero(sb + offsetof(struct erofs_super, rest), 44))
		return cfs_bad_super(err, rest, "reserved bytes are not 0");
	return 0;
}

/* A block address of the superblock, as an offset inside the image. */
static int area_off(const struct cfs_image *im, const uint8_t *field, const char *what,
		    uint64_t *out, struct cfs_err *err)
{
	*out = (uint64_t)cfs_le32(field) * EROFS_BLOCK;
	if (*out >= im->bytes.len)
		return cfs_fail(err, EUCLEAN,
				"superblock at offset %zu: %s %" PRIu32
				" is outside the image of %zu bytes",
				(size_t)(field - im->bytes.p), what, cfs_le32(field),
				im->bytes.len);
	return 0;
}

static int check_length(const struct cfs_image *im, uint32_t blocks, struct cfs_err *err)
{
	if (im->no_blocks ? im->bytes.len % EROFS_BLOCK == 0
			  : (uint64_t)blocks * EROFS_BLOCK == im->bytes.len)
		return 0;
	return cfs_bad_super(err, blocks,
			     "says %" PRIu32
			     " blocks of %d bytes, the image has %zu bytes",
			     blocks, EROFS_BLOCK, im->bytes.len);
}

/* Of the bytes at sb, and of the length of the image. */
static int read_blocks(struct cfs_image *im, const uint8_t *sb, uint32_t *blocks,
		       struct cfs_err *err)
{
	int rc;

	if (cfs_le32(sb) != EROFS_MAGIC)
		return cfs_fail(err, EINVAL,
				"superblock: want EROFS magic %08" PRIx32
				", found %08" PRIx32,
				EROFS_MAGIC, cfs_le32(sb));
	rc = check_features(im, sb, err);
	*blocks = cfs_le32(sb + offsetof(struct erofs_super, blocks));
	im->no_blocks = *blocks == 0 && im->rules->no_blocks_allowed;
	return rc;
}

static int read_super(struct cfs_image *im, struct cfs_err *err)
{
	const uint8_t *sb = im->bytes.p + EROFS_SB_OFF;
	uint64_t xattr_off;
	uint32_t blocks = 0;
	int rc = read_blocks(im, sb, &blocks, err);

	if (rc == 0)
		rc = check_length(im, blocks, err);
	if (rc < 0)
		return rc;
	rc = area_off(im, sb + offsetof(struct erofs_super, meta_blkaddr), "meta_blkaddr",
		      &im->meta_off, err);
	if (rc == 0)
		rc = area_off(im, sb + offsetof(struct erofs_super, xattr_blkaddr),
			      "xattr_blkaddr", &xattr_off, err);
	if (rc < 0)
		return rc;
	im->shared_off = im->rules->loose_areas ? 0 : xattr_off;
	im->data_off = im->shared_off ? im->shared_off : EROFS_BLOCK;
	im->root_nid = cfs_le16(sb + offsetof(struct erofs_super, root_nid));
	im->inos = cfs_le64(sb + offsetof(struct erofs_super, inos));
	im->build_sec = (int64_t)cfs_le64(sb + offsetof(struct erofs_super, build_time));
	im->build_nsec = cfs_le32(sb + offsetof(struct erofs_super, build_time_nsec));
	return 0;
}

static int check_root(const struct cfs_image *im, struct cfs_err *err)
{
	struct cfs_inode root;
	int rc = cfs_image_inode(im, im->root_nid, &root, err);

	if (rc < 0 && root.off == 0) /* nowhere: the fault is in what led to it */
		return cfs_context(err, rc, "superblock at offset %zu: root",
				   EROFS_SB_OFF + offsetof(struct erofs_super, root_nid));
	if (rc < 0)
		return cfs_context(err, rc, "root");
	if (!S_ISDIR(root.mode))
		return cfs_bad_super(err, root_nid,
				     "root inode %" PRIu64 " is not a directory",
				     im->root_nid);
	return 0;
}

int cfs_image_open(struct cfs_span bytes, struct cfs_image *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_image){.bytes = bytes};
	rc = read_header(bytes, out, err);
	if (rc == 0)
		rc = read_super(out, err);
	return rc < 0 ? rc : check_root(out, err);
}

int cfs_image_head(struct cfs_span head, uint64_t len, uint64_t *out, struct cfs_err *err)
{
	struct cfs_image im = {.bytes = {head.p, len}};
	uint32_t blocks = 0;
	int rc = read_header(head, &im, err);

	if (rc == 0)
		rc = read_blocks(&im, head.p + EROFS_SB_OFF, &blocks, err);
	if (rc == 0 && len != CFS_IMAGE_LEN_UNKNOWN)
		rc = check_length(&im, blocks, err);
	*out = im.no_blocks ? CFS_IMAGE_LEN_UNKNOWN : (uint64_t)blocks * EROFS_BLOCK;
	return rc;
}

/* --- Inodes -------------------------------------------------------------------------- */

bool cfs_inode_is_hidden(const struct cfs_image *im, const struct cfs_inode *inode)
{
	return im->rules->whiteouts_escaped && S_ISCHR(inode->mode) && inode->rdev == 0;
}

/* The fields that are not in struct cfs_inode: they tell where the rest lies. */
struct raw_inode {
	uint16_t format;
	uint16_t xattr_icount;
	uint32_t i_u;
	uint32_t head_len; /* 32 or 64 */
	uint32_t layout;
};

static void decode_compact(const struct cfs_image *im, const uint8_t *p,
			   struct raw_inode *raw, struct cfs_inode *out)
{
	raw->i_u = cfs_le32(p + offsetof(struct erofs_inode_compact, i_u));
	out->size = cfs_le32(p + offsetof(struct erofs_inode_compact, i_size));
	out->mode = cfs_le16(p + offsetof(struct erofs_inode_compact, i_mode));
	out->nlink = cfs_le16(p + offsetof(struct erofs_inode_compact, i_nlink));
	out->ino = cfs_le32(p + offsetof(struct erofs_inode_compact, i_ino));
	out->uid = cfs_le16(p + offsetof(struct erofs_inode_compact, i_uid));
	out->gid = cfs_le16(p + offsetof(struct erofs_inode_compact, i_gid));
	out->mtime_sec = im->build_sec;
	out->mtime_nsec = im->build_nsec;
}

static void decode_extended(const uint8_t *p, struct raw_inode *raw,
			    struct cfs_inode *out)
{
	raw->i_u = cfs_le32(p + offsetof(struct erofs_inode_extended, i_u));
	out->size = cfs_le64(p + offsetof(struct erofs_inode_extended, i_size));
	out->mode = cfs_le16(p + offsetof(struct erofs_inode_extended, i_mode));
	out->nlink = cfs_le32(p + offsetof(struct erofs_inode_extended, i_nlink));
	out->ino = cfs_le32(p + offsetof(struct erofs_inode_extended, i_ino));
	out->uid = cfs_le32(p + offsetof(struct erofs_inode_extended, i_uid));
	out->gid = cfs_le32(p + offsetof(struct erofs_inode_extended, i_gid));
	out->mtime_sec =
		(int64_t)cfs_le64(p + offsetof(struct erofs_inode_extended, i_mtime));
	out->mtime_nsec =
		cfs_le32(p + offsetof(struct erofs_inode_extended, i_mtime_nsec));
}

static bool reserved_is_zero(const uint8_t *p, bool extended)
{
	if (extended)
		return cfs_le16(p + offsetof(struct erofs_inode_extended, reserved)) ==
			       0 &&
		       is_zero(p + offsetof(struct erofs_inode_extended, reserved2), 16);
	return cfs_le32(p + offsetof(struct erofs_inode_compact, reserved)) == 0 &&
	       cfs_le32(p + offsetof(struct erofs_inode_compact, reserved2)) == 0;
}

/* The 32 or 64 bytes of an inode. */
static int decode_head(const struct cfs_image *im, uint64_t nid, struct raw_inode *raw,
		       struct cfs_inode *out, struct cfs_err *err)
{
	struct cfs_span head;
	bool extended;
	uint64_t off;

	if (!cfs_mul(nid, EROFS_SLOT, &off) || !cfs_add(off, im->meta_off, &off) ||
	    !cfs_span_sub(im->bytes, off, EROFS_SLOT, &head))
		return cfs_fail(err, EUCLEAN,
				"inode %" PRIu64
				": its offset is outside the image of %zu bytes",
				nid, im->bytes.len);
	out->off = off;
	if (out->off < EROFS_FIRST_INODE_OFF)
		return cfs_bad_inode(err, out, "offset %" PRIu64 " is in the superblock",
				     out->off);
	raw->format = cfs_le16(head.p);
	raw->xattr_icount =
		cfs_le16(head.p + offsetof(struct erofs_inode_compact, i_xattr_icount));
	raw->layout = raw->format >> EROFS_LAYOUT_SHIFT;
	extended = raw->format & EROFS_EXTENDED;
	raw->head_len = extended ? sizeof(struct erofs_inode_extended) : EROFS_SLOT;
	if (!cfs_span_sub(im->bytes, out->off, raw->head_len, &head))
		return cfs_bad_inode(err, out, "cut off at the end of the image");
	if (raw->layout != EROFS_LAYOUT_PLAIN && raw->layout != EROFS_LAYOUT_INLINE &&
	    raw->layout != EROFS_LAYOUT_CHUNK)
		return cfs_bad_inode(err, out, "unknown format %x", raw->format);
	if (!reserved_is_zero(head.p, extended))
		return cfs_bad_inode(err, out, "reserved bytes are not 0");
	if (extended)
		decode_extended(head.p, raw, out);
	else
		decode_compact(im, head.p, raw, out);
	return 0;
}

/* The xattr area; out->len grows to its end. Its inside is for cfs_raw_xattrs_open. */
static int place_xattrs(const struct cfs_image *im, const struct raw_inode *raw,
			struct cfs_inode *out, struct cfs_err *err)
{
	uint64_t len = 0;

	if (raw->xattr_icount)
		len = sizeof(struct erofs_xattr_header) +
		      (uint64_t)(raw->xattr_icount - 1) * EROFS_XATTR_ALIGN;
	if (!cfs_span_sub(im->bytes, out->off + raw->head_len, len, &out->xattrs))
		return cfs_bad_inode(err, out,
				     "xattrs of %" PRIu64 " bytes at offset %" PRIu64
				     " end outside the image",
				     len, out->off + raw->head_len);
	out->len = raw->head_len + len;
	return 0;
}

/* The len bytes behind inode and xattrs. A kernel reads them from one block. */
static int place_tail(const struct cfs_image *im, uint64_t len, struct cfs_inode *out,
		      struct cfs_err *err)
{
	uint64_t off = out->off + out->len;

	if (off % EROFS_BLOCK + len > EROFS_BLOCK)
		return cfs_bad_inode(err, out,
				     "tail of %" PRIu64 " bytes at offset %" PRIu64
				     " crosses a block boundary",
				     len, off);
	if (!cfs_span_sub(im->bytes, off, len, &out->tail))
		return cfs_bad_inode(err, out,
				     "tail of %" PRIu64 " bytes at offset %" PRIu64
				     " ends outside the image",
				     len, off);
	out->len += len;
	return 0;
}

/* The len bytes in data blocks. */
static int place_blocks(const struct cfs_image *im, uint32_t blkaddr, uint64_t len,
			struct cfs_inode *out, struct cfs_err *err)
{
	uint64_t off = (uint64_t)blkaddr * EROFS_BLOCK;

	if (len == 0)
		return 0;
	if (off < im->data_off)
		return cfs_bad_inode(
			err, out,
			"data block %" PRIu32
			" lies among the metadata, which ends at offset %" PRIu64,
			blkaddr, im->data_off);
	if (!cfs_span_sub(im->bytes, off, len, &out->blocks))
		return cfs_bad_inode(err, out,
				     "%" PRIu64 " bytes from data block %" PRIu32
				     " on end outside the image",
				     len, blkaddr);
	out->data_off = off;
	return 0;
}

/* Plain: all in blocks; inline: whole blocks, and the rest as tail. */
static int place_flat(const struct cfs_image *im, const struct raw_inode *raw,
		      struct cfs_inode *out, struct cfs_err *err)
{
	uint64_t tail_len = 0;
	int rc;

	if (raw->layout == EROFS_LAYOUT_CHUNK)
		return cfs_bad_inode(err, out, "mode %" PRIo32 " with chunks", out->mode);
	if (raw->layout == EROFS_LAYOUT_INLINE) {
		tail_len = out->size % EROFS_BLOCK;
		if (tail_len == 0)
			return cfs_bad_inode(err, out,
					     "inline layout, and size %" PRIu64
					     " leaves no tail",
					     out->size);
	}
	rc = place_blocks(im, raw->i_u, out->size - tail_len, out, err);
	return rc < 0 ? rc : place_tail(im, tail_len, out, err);
}

/* The addresses of chunks, all null: the content is in another layer. */
static int check_chunks(const struct cfs_inode *inode, struct cfs_err *err)
{
	for (size_t i = 0; i < inode->tail.len; i += 4)
		if (cfs_le32(inode->tail.p + i) != EROFS_NULL_ADDR)
			return cfs_bad_inode(err, inode,
					     "chunk %zu at block %" PRIu32
					     ", want no block",
					     i / 4, cfs_le32(inode->tail.p + i));
	return 0;
}

/* An external file. Where its chunk map would cross a block boundary although the inode starts a
 * block, writers put it into a data block that nothing points to. */
static int place_chunks(const struct cfs_image *im, const struct raw_inode *raw,
			struct cfs_inode *out, struct cfs_err *err)
{
	uint32_t bits = EROFS_CHUNK_BITS_MIN + (raw->i_u & EROFS_CHUNK_FORMAT_MASK);
	uint64_t count, off = out->off + out->len;
	int rc;

	if (raw->i_u & UINT16_MAX & ~EROFS_CHUNK_FORMAT_MASK)
		return cfs_bad_inode(err, out, "unknown chunk format %" PRIx32,
				     raw->i_u & UINT16_MAX);
	count = out->size ? ((out->size - 1) >> bits) + 1 : 0;
	if (count == 0 || count > EROFS_CHUNKS_MAX)
		return cfs_bad_inode(err, out,
				     "size %" PRIu64 " in chunks of 2^%" PRIu32
				     " bytes: want 1 to %d of them",
				     out->size, bits, EROFS_CHUNKS_MAX);
	out->external = true;
	out->far_chunks = out->off % EROFS_BLOCK == 0 &&
			  off % EROFS_BLOCK + 4 * count > EROFS_BLOCK;
	if (out->far_chunks)
		return 0;
	if (raw->i_u > UINT16_MAX)
		return cfs_bad_inode(err, out, "reserved bits in chunk format %" PRIx32,
				     raw->i_u);
	rc = place_tail(im, 4 * count, out, err);
	return rc < 0 ? rc : check_chunks(out, err);
}

/* What each type may have as size and layout, and where its bytes lie. */
static int place_content(const struct cfs_image *im, const struct raw_inode *raw,
			 struct cfs_inode *out, struct cfs_err *err)
{
	uint64_t max = 0;

	switch (out->mode & S_IFMT) {
	case S_IFREG:
		if (raw->layout == EROFS_LAYOUT_CHUNK)
			return place_chunks(im, raw, out, err);
		max = CFS_CONTENT_MAX;
		break;
	case S_IFLNK:
		if (out->size == 0)
			return cfs_bad_inode(err, out, "symlink without target");
		max = CFS_PAYLOAD_MAX;
		break;
	case S_IFDIR:
		max = im->bytes.len;
		break;
	case S_IFCHR:
	case S_IFBLK:
		out->rdev = raw->i_u;
		break;
	}
	if (out->size > max)
		return cfs_bad_inode(err, out,
				     "mode %" PRIo32 " with size %" PRIu64
				     ", want at most %" PRIu64,
				     out->mode, out->size, max);
	if (out->size == 0 && raw->layout == EROFS_LAYOUT_PLAIN)
		return 0;
	return place_flat(im, raw, out, err);
}

int cfs_image_inode(const struct cfs_image *im, uint64_t nid, struct cfs_inode *out,
		    struct cfs_err *err)
{
	struct raw_inode raw;
	int rc;

	*out = (struct cfs_inode){.nid = nid};
	rc = decode_head(im, nid, &raw, out, err);
	if (rc < 0)
		return rc;
	if (!cfs_mode_file_type(out->mode))
		return cfs_bad_inode(err, out, "mode %" PRIo32 " has no file type",
				     out->mode);
	rc = place_xattrs(im, &raw, out, err);
	if (rc == 0)
		rc = place_content(im, &raw, out, err);
	if (rc < 0)
		return rc;
	if (cfs_inode_is_hidden(im, out) && out->nlink > 1)
		return cfs_bad_inode(err, out, "whiteout with %" PRIu32 " links",
				     out->nlink);
	return 0;
}
