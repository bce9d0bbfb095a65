/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The composefs header and the superblock of an image. */
#include "erofs/superblock.h"

#include <errno.h>

#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "erofs/inode.h"

/* By the format version in the composefs header. */
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
	/* Older composefs-rs: depth first, extended inodes only, no whiteouts in the root. */
	[2] = {.loose_areas = true,
	       .shared_max = UINT8_MAX,
	       .feature_compat =
		       EROFS_FEATURE_COMPAT_MTIME | EROFS_FEATURE_COMPAT_XATTR_FILTER,
	       .feature_incompat = EROFS_FEATURE_INCOMPAT_CHUNKED},
};

enum { N_VERSIONS = sizeof(rules) / sizeof(rules[0]) };

bool cfs_image_has_magic(const uint8_t head[4])
{
	return cfs_le32(head) == CFS_HEADER_MAGIC;
}

/* -EINVAL: the bytes are of another kind, or too few to know. */
static int check_magic(struct cfs_span bytes, struct cfs_err *err)
{
	const struct cfs_kind *kind = NULL;

	if (bytes.len >= EROFS_BLOCK && cfs_image_has_magic(bytes.p))
		return 0;
	if (bytes.len >= 4 && !cfs_image_has_magic(bytes.p))
		kind = cfs_kind_find(bytes);
	if (kind)
		return cfs_fail(err, EINVAL, "header: expected a composefs image, got %s",
				kind->name);
	if (bytes.len < EROFS_BLOCK)
		return cfs_fail(err, EINVAL,
				"header: not a composefs image: expected at least %d "
				"bytes, got %zu",
				EROFS_BLOCK, bytes.len);
	return cfs_fail(err, EINVAL,
			"header: not a composefs image: expected magic %08" PRIx32
			", got %08" PRIx32,
			CFS_HEADER_MAGIC, cfs_le32(bytes.p));
}

/* bytes: at least the first block of the image, or all of it. Sets the version and its rules, by
 * which all else is read. ENOTSUP: a later version. */
static int decode_composefs_header(struct cfs_span bytes, struct cfs_image *im,
				   struct cfs_err *err)
{
	const uint8_t *p = bytes.p;
	uint32_t flags, version;
	int rc = check_magic(bytes, err);

	if (rc < 0)
		return rc;
	version = cfs_le32(p + offsetof(struct cfs_header, version));
	if (version != CFS_HEADER_VERSION)
		return cfs_fail(err, ENOTSUP,
				"header: expected container version %d, got %" PRIu32,
				CFS_HEADER_VERSION, version);
	im->version = cfs_le32(p + offsetof(struct cfs_header, composefs_version));
	if (im->version >= N_VERSIONS)
		return cfs_fail(err, ENOTSUP,
				"header: expected format version 0 to %d, got %" PRIu32,
				N_VERSIONS - 1, im->version);
	flags = cfs_le32(p + offsetof(struct cfs_header, flags));
	if (flags & ~(uint32_t)CFS_HEADER_HAS_ACL)
		return cfs_fail(err, EUCLEAN,
				"header: reserved bits in flags %" PRIx32
				" at offset %zu",
				flags, offsetof(struct cfs_header, flags));
	if (!cfs_span_is_zero(
		    (struct cfs_span){p + offsetof(struct cfs_header, unused), 16}))
		return cfs_fail(err, EUCLEAN,
				"header: reserved bytes at offset %zu are not 0",
				offsetof(struct cfs_header, unused));
	im->rules = &rules[im->version];
	im->has_acl = flags & CFS_HEADER_HAS_ACL;
	return 0;
}

/* A reader must know all features to decode an image correctly. */
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
			err, blkszbits, "expected blocks of 2^%d bytes, got 2^%d",
			EROFS_BLOCK_BITS, sb[offsetof(struct erofs_super, blkszbits)]);
	if (sb[offsetof(struct erofs_super, sb_extslots)] != 0)
		return cfs_bad_super(err, sb_extslots, "reserved byte is not 0");
	if (!cfs_span_is_zero(
		    (struct cfs_span){sb + offsetof(struct erofs_super, rest), 44}))
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
			     " blocks of %d bytes, but the image has %zu bytes",
			     blocks, EROFS_BLOCK, im->bytes.len);
}

/* Checks the fields of the superblock at sb that do not depend on the length of the image. */
static int read_blocks(struct cfs_image *im, const uint8_t *sb, uint32_t *blocks,
		       struct cfs_err *err)
{
	int rc;

	if (cfs_le32(sb) != EROFS_MAGIC)
		return cfs_fail(err, EINVAL,
				"superblock: expected EROFS magic %08" PRIx32
				", got %08" PRIx32,
				EROFS_MAGIC, cfs_le32(sb));
	rc = check_features(im, sb, err);
	*blocks = cfs_le32(sb + offsetof(struct erofs_super, blocks));
	im->no_blocks = *blocks == 0 && im->rules->no_blocks_allowed;
	return rc;
}

/* Reads the positions of the areas, each checked against the length of the file. Old
 * formats have no fixed area of shared xattrs, so its offset is 0 there. */
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

/* The root is read when the image is opened: without a root directory nothing else can
 * be asked of it. */
static int check_root(const struct cfs_image *im, struct cfs_err *err)
{
	struct cfs_inode root;
	int rc = cfs_image_read_inode(im, im->root_nid, &root, err);

	if (rc < 0 && root.off == 0) /* outside the image: report the superblock */
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
	rc = decode_composefs_header(bytes, out, err);
	if (rc == 0)
		rc = read_super(out, err);
	return rc < 0 ? rc : check_root(out, err);
}

int cfs_image_measure_head(struct cfs_span head, uint64_t len, uint64_t *out,
			   struct cfs_err *err)
{
	struct cfs_image im = {.bytes = {head.p, len}};
	uint32_t blocks = 0;
	int rc = decode_composefs_header(head, &im, err);

	if (rc == 0)
		rc = read_blocks(&im, head.p + EROFS_SB_OFF, &blocks, err);
	if (rc == 0 && len != CFS_IMAGE_LEN_UNKNOWN)
		rc = check_length(&im, blocks, err);
	*out = im.no_blocks ? CFS_IMAGE_LEN_UNKNOWN : (uint64_t)blocks * EROFS_BLOCK;
	return rc;
}
