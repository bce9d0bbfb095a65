/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The inodes of an image, and where their bytes lie. */
#include "erofs/inode.h"

#include <errno.h>

#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "tree/tree.h"

bool cfs_inode_is_hidden(const struct cfs_image *im, const struct cfs_inode *inode)
{
	return im->rules->whiteouts_escaped && S_ISCHR(inode->mode) && inode->rdev == 0;
}

/* The fields that are not in struct cfs_inode: they locate the xattrs and the content. */
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

/* Decodes the fields of the 64-byte form; raw->i_u is interpreted later, by the file
 * type. */
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
		       cfs_span_is_zero((struct cfs_span){
			       p + offsetof(struct erofs_inode_extended, reserved2), 16});
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

/* Locates the xattr area and extends out->len to its end. cfs_raw_xattrs_open checks its inside. */
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

/* Locates the len bytes after inode and xattrs. A kernel reads them from one block. */
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

/* Locates the len bytes in data blocks. */
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

/* Plain layout: all in blocks; inline layout: whole blocks, and the rest as tail. */
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
					     "inline layout: size %" PRIu64
					     " leaves no tail",
					     out->size);
	}
	rc = place_blocks(im, raw->i_u, out->size - tail_len, out, err);
	return rc < 0 ? rc : place_tail(im, tail_len, out, err);
}

/* The addresses of chunks must all be null: the content is in another layer. */
static int check_chunks(const struct cfs_inode *inode, struct cfs_err *err)
{
	for (size_t i = 0; i < inode->tail.len; i += 4)
		if (cfs_le32(inode->tail.p + i) != EROFS_NULL_ADDR)
			return cfs_bad_inode(
				err, inode,
				"chunk %zu: expected no block, got block %" PRIu32, i / 4,
				cfs_le32(inode->tail.p + i));
	return 0;
}

/* An external file. When its chunk map would cross a block boundary although the inode starts a
 * block, writers store it in a data block that nothing points to. */
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
				     " bytes: expected 1 to %d chunks, got %" PRIu64,
				     out->size, bits, EROFS_CHUNKS_MAX, count);
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

/* Checks size and layout by type, and locates the content. */
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
				     "mode %" PRIo32 ": expected size at most %" PRIu64
				     ", got %" PRIu64,
				     out->mode, max, out->size);
	if (out->size == 0 && raw->layout == EROFS_LAYOUT_PLAIN)
		return 0;
	return place_flat(im, raw, out, err);
}

/* Decodes and checks one inode. *out borrows its spans from the image. A whiteout cannot
 * have several names: overlayfs would count them wrongly. */
int cfs_image_read_inode(const struct cfs_image *im, uint64_t nid, struct cfs_inode *out,
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
