/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* xattrs as an image stores them: after the inode, or in the shared table. */
#include "erofs/xattr.h"

#include <errno.h>

#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "erofs/key_prefix.h"

enum {
	HEADER_LEN = sizeof(struct erofs_xattr_header),
	ENTRY_LEN = sizeof(struct erofs_xattr_entry),
	REF_LEN = 4,
};

/* The rest of key after the prefix of x; NULL: key has another prefix. */
static struct cfs_text skip_prefix(const struct cfs_raw_xattr *x, struct cfs_text key)
{
	struct cfs_text prefix = cfs_xattr_prefix(x->index);

	if (!cfs_text_has_prefix(key, prefix))
		return (struct cfs_text){NULL, 0};
	return (struct cfs_text){key.s + prefix.len, key.len - prefix.len};
}

bool cfs_raw_xattr_is(const struct cfs_raw_xattr *x, struct cfs_text key)
{
	struct cfs_text rest = skip_prefix(x, key);

	return rest.s && cfs_text_eq(x->suffix, rest);
}

struct cfs_text cfs_raw_xattr_get_rest(const struct cfs_raw_xattr *x,
				       struct cfs_text prefix)
{
	struct cfs_text rest = skip_prefix(x, prefix);

	if (!rest.s || !cfs_text_has_prefix(x->suffix, rest))
		return (struct cfs_text){NULL, 0};
	return (struct cfs_text){x->suffix.s + rest.len, x->suffix.len - rest.len};
}

/* Checks the header of the xattrs of one inode; an inode without xattrs has an empty
 * iterator. *out borrows from the image. */
int cfs_raw_xattrs_open(const struct cfs_image *im, const struct cfs_inode *inode,
			struct cfs_raw_xattrs *out, struct cfs_err *err)
{
	struct cfs_span reserved;

	*out = (struct cfs_raw_xattrs){
		.im = im, .nid = inode->nid, .off = inode->off, .area = inode->xattrs};
	if (inode->xattrs.len == 0)
		return 0;
	out->area_off = inode->off + inode->len - inode->tail.len - inode->xattrs.len;
	out->n_shared =
		inode->xattrs.p[offsetof(struct erofs_xattr_header, h_shared_count)];
	out->next_off = HEADER_LEN + (uint64_t)out->n_shared * REF_LEN;
	if (out->n_shared > im->rules->shared_max || out->next_off > out->area.len)
		return cfs_bad_inode(err, inode,
				     "xattrs of %zu bytes at offset %" PRIu64
				     ": expected at most %d shared ones that fit, got "
				     "%" PRIu32,
				     out->area.len, out->area_off, im->rules->shared_max,
				     out->n_shared);
	if (!cfs_span_sub(inode->xattrs, offsetof(struct erofs_xattr_header, reserved), 7,
			  &reserved) ||
	    !cfs_span_is_zero(reserved))
		return cfs_bad_inode(err, inode,
				     "xattrs at offset %" PRIu64
				     ": reserved bytes are not 0",
				     out->area_off);
	return 0;
}

/* Index 0 means that the suffix is the whole key. A kernel does not find such a key when its prefix has
 * an index. ("lustre." has one, but writers do not use it.) */
static bool hides_prefix(const struct cfs_raw_xattr *x)
{
	if (x->index != EROFS_XATTR_NONE)
		return false;
	for (uint8_t i = EROFS_XATTR_USER; i < CFS_N_XATTR_PREFIXES; i++)
		if (i != EROFS_XATTR_LUSTRE &&
		    cfs_text_has_prefix(x->suffix, cfs_xattr_prefix(i)))
			return true;
	return false;
}

/* Reads the entry at offset off of the image, which must end before limit. Returns its length with
 * padding. */
static int64_t decode_xattr_entry(const struct cfs_raw_xattrs *it, uint64_t off,
				  uint64_t limit, struct cfs_raw_xattr *out,
				  struct cfs_err *err)
{
	struct cfs_span head, suffix;
	uint64_t value_off, value_len;

	if (!cfs_span_sub(it->im->bytes, off, ENTRY_LEN, &head) ||
	    off + ENTRY_LEN > limit)
		return cfs_bad_inode(err, it,
				     "xattr at offset %" PRIu64
				     " lies outside, the end is at %" PRIu64,
				     off, limit);
	out->index = head.p[offsetof(struct erofs_xattr_entry, e_name_index)];
	suffix.len = head.p[offsetof(struct erofs_xattr_entry, e_name_len)];
	value_len = cfs_le16(head.p + offsetof(struct erofs_xattr_entry, e_value_size));
	value_off = off + ENTRY_LEN + suffix.len;
	if (!cfs_span_sub(it->im->bytes, off + ENTRY_LEN, suffix.len, &suffix) ||
	    !cfs_span_sub(it->im->bytes, value_off, value_len, &out->value) ||
	    value_off + value_len > limit)
		return cfs_bad_inode(err, it,
				     "xattr at offset %" PRIu64 " ends at %" PRIu64
				     ", outside, the end is at %" PRIu64,
				     off, value_off + value_len, limit);
	out->suffix = cfs_span_text(suffix);
	out->off = off;
	if (out->index >= CFS_N_XATTR_PREFIXES || hides_prefix(out))
		return cfs_bad_inode(err, it,
				     "xattr at offset %" PRIu64
				     ": invalid key prefix number %d",
				     off, out->index);
	if (cfs_xattr_prefix(out->index).len + suffix.len == 0 ||
	    memchr(suffix.p, '\0', suffix.len))
		return cfs_bad_inode(err, it,
				     "xattr at offset %" PRIu64
				     ": key is empty or contains a NUL byte",
				     off);
	return (int64_t)(cfs_align_up(value_off + value_len, EROFS_XATTR_ALIGN) - off);
}

/* References count in units of 4 bytes from the shared area. One that leads into the
 * superblock would be read as an entry, so it is refused. */
static int next_shared(struct cfs_raw_xattrs *it, struct cfs_raw_xattr *out,
		       struct cfs_err *err)
{
	uint64_t off = it->im->shared_off;
	int64_t rc;

	off += (uint64_t)cfs_le32(it->area.p + HEADER_LEN + REF_LEN * it->shared) *
	       EROFS_XATTR_ALIGN;
	if (off < EROFS_FIRST_INODE_OFF)
		return cfs_bad_inode(
			err, it,
			"reference %" PRIu32
			" to a shared xattr leads into the superblock, offset %" PRIu64,
			it->shared, off);
	rc = decode_xattr_entry(it, off, it->im->bytes.len, out, err);
	if (rc < 0)
		return (int)rc;
	out->shared = true;
	it->shared++;
	return 1;
}

int cfs_raw_xattrs_next(struct cfs_raw_xattrs *it, struct cfs_raw_xattr *out,
			struct cfs_err *err)
{
	int64_t len;

	if (it->next_off == it->area.len)
		return it->shared == it->n_shared ? 0 : next_shared(it, out, err);
	len = decode_xattr_entry(it, it->area_off + it->next_off,
				 it->area_off + it->area.len, out, err);
	if (len < 0)
		return (int)len;
	out->shared = false;
	it->next_off += (uint64_t)len;
	return 1;
}

uint64_t cfs_shared_len(const struct cfs_image *im, const struct cfs_inode *inode)
{
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	uint64_t len = 0;

	if (cfs_raw_xattrs_open(im, inode, &it, NULL) < 0)
		return 0;
	it.next_off = it.area.len; /* skip the inline ones */
	while (cfs_raw_xattrs_next(&it, &x, NULL) > 0)
		len += x.suffix.len + x.value.len;
	return len;
}
