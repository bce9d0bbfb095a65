/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From an inode of an image back to the inode of the tree: the overlay xattrs that the writer
 * added are removed, and become backing path, digest and whiteouts. */
#include "erofs/inode_spec.h"

#include <errno.h>

#include "erofs/content.h"
#include "erofs/erofs_priv.h"
#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "erofs/key_prefix.h"
#include "erofs/xattr.h"

/* The limit of all keys and values of an inode: those of the tree (CFS_XATTR_BUDGET), 8 bytes of escape
 * for each of at most 1424 keys in that budget, redirect with a path of 4095 bytes, metacopy and marks.
 * It bounds the work for many inodes that reference large shared xattrs. */
enum { STORED_MAX = 49152 };

enum {
	KEY_COST = 7, /* of each xattr besides its bytes, as the tree counts */
	FEW = 16,     /* comparing each pair of so many is faster than sorting them */
};

void cfs_spec_room_fini(struct cfs_spec_room *room)
{
	free(room->xattrs);
	free(room->order);
	free(room->keys);
	*room = (struct cfs_spec_room){0};
}

/* --- Gathering ----------------------------------------------------------------------- */

/* Adds a key and value. The pointer to the key is set after the last one, since the buffer of keys
 * may move until then. */
static int gather_xattr(struct cfs_spec_room *room, const struct cfs_raw_xattr *x)
{
	struct cfs_text prefix = cfs_xattr_prefix(x->index);
	size_t len = prefix.len + x->suffix.len;

	if (cfs_grow(&room->keys, &room->keys_cap, room->keys_len + len, 1) < 0 ||
	    cfs_grow(&room->xattrs, &room->xattrs_cap, room->n_xattrs + 1,
		     sizeof(*room->xattrs)) < 0)
		return -ENOMEM;
	memcpy(room->keys + room->keys_len, prefix.s, prefix.len);
	memcpy(room->keys + room->keys_len + prefix.len, x->suffix.s, x->suffix.len);
	room->keys_len += len;
	room->xattrs[room->n_xattrs++] =
		(struct cfs_xattr){.key = {NULL, len}, .value = x->value};
	return 0;
}

/* Copies the keys into room, since those with a prefix do not lie in the image as a
 * whole. The pointers are set at the end: the buffer moves while it grows. */
static int gather_all(const struct cfs_image *im, const struct cfs_inode *inode,
		      struct cfs_spec_room *room, struct cfs_err *err)
{
	size_t cost = 0, key_off = 0;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	int rc;

	room->n_xattrs = 0;
	room->keys_len = 0;
	rc = cfs_raw_xattrs_open(im, inode, &it, err);
	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &x, err)) > 0) {
		rc = gather_xattr(room, &x);
		if (rc < 0)
			return cfs_fail(err, ENOMEM,
					"inode %" PRIu64 ": no memory for its xattrs",
					inode->nid);
		cost += KEY_COST + room->xattrs[room->n_xattrs - 1].key.len + x.value.len;
		if (cost > STORED_MAX)
			return cfs_bad_inode(err, inode,
					     "xattrs: expected at most %d bytes in total",
					     STORED_MAX);
	}
	for (size_t i = 0; i < room->n_xattrs; i++) {
		room->xattrs[i].key.s = room->keys + key_off;
		key_off += room->xattrs[i].key.len;
	}
	return rc;
}

/* Equal keys stay in their order. */
static int compare_spec_keys(const void *a, const void *b)
{
	const struct cfs_xattr *const *x = a, *const *y = b;
	int order = cfs_text_cmp((*x)->key, (*y)->key);

	return order ? order : (*x > *y) - (*x < *y);
}

/* A dropped xattr gets an empty key, which no valid one has. */
static void drop_xattr(struct cfs_spec_room *room, struct cfs_xattr *x)
{
	x->key.len = 0;
	room->twins = true;
}

static void drop_repeated_among_few(struct cfs_spec_room *room)
{
	struct cfs_xattr *xattrs = room->xattrs;

	for (size_t i = 1; i < room->n_xattrs; i++)
		for (size_t j = 0; j < i && xattrs[i].key.len; j++)
			if (cfs_text_eq(xattrs[i].key, xattrs[j].key))
				drop_xattr(room, &xattrs[i]);
}

/* Sorted, since a hostile image can have thousands of xattrs in one inode. The sort
 * keeps the gathered order among equal keys, so the first one stays. */
static int drop_repeated_among_many(const struct cfs_inode *inode,
				    struct cfs_spec_room *room, struct cfs_err *err)
{
	size_t n = room->n_xattrs, first = 0;

	if (cfs_grow(&room->order, &room->order_cap, n, sizeof(*room->order)) < 0)
		return cfs_fail(err, ENOMEM,
				"inode %" PRIu64 ": no memory for its xattrs",
				inode->nid);
	for (size_t i = 0; i < n; i++)
		room->order[i] = &room->xattrs[i];
	qsort(room->order, n, sizeof(*room->order), compare_spec_keys);
	for (size_t i = 1; i < n; i++) {
		if (cfs_text_eq(room->order[first]->key, room->order[i]->key))
			drop_xattr(room, room->order[i]);
		else
			first = i;
	}
	return 0;
}

/* When a key occurs twice, a kernel reads the first value: inline ones come before shared ones, as gathered. */
static int drop_repeated_keys(const struct cfs_inode *inode, struct cfs_spec_room *room,
			      struct cfs_err *err)
{
	room->twins = false;
	if (room->n_xattrs > FEW)
		return drop_repeated_among_many(inode, room, err);
	drop_repeated_among_few(room);
	return 0;
}

/* --- xattrs of overlayfs ------------------------------------------------------------- */

/* A redirect is the path of the object below the object directory. Anything else would
 * make overlayfs open another file. */
static int map_redirect(const struct cfs_inode *inode, struct cfs_span value,
			struct cfs_text *out, struct cfs_err *err)
{
	if (!inode->external)
		return cfs_bad_inode(err, inode,
				     "redirect on a file whose content is in the image");
	if (value.len == 0 || value.p[0] != '/' || value.len - 1 > CFS_PAYLOAD_MAX ||
	    memchr(value.p, '\0', value.len))
		return cfs_bad_inode(
			err, inode,
			"redirect: expected a slash and a path of at most %d "
			"bytes, got %zu bytes",
			CFS_PAYLOAD_MAX, value.len);
	(void)cfs_span_sub(value, 1, value.len - 1, &value);
	*out = cfs_span_text(value);
	return 0;
}

/* overlayfs requires this header; an empty value means that there is no digest. */
static int map_metacopy(const struct cfs_inode *inode, struct cfs_span value,
			enum cfs_hash_alg *alg, const uint8_t **out, struct cfs_err *err)
{
	const uint8_t *p = value.p;
	struct cfs_span digest;

	if (!inode->external)
		return cfs_bad_inode(err, inode,
				     "metacopy on a file whose content is in the image");
	if (value.len == 0)
		return 0;
	if (!cfs_span_sub(value, CFS_METACOPY_HEADER, value.len - CFS_METACOPY_HEADER,
			  &digest) ||
	    p[CFS_METACOPY_VERSION_OFF] != 0 || p[CFS_METACOPY_LEN_OFF] != value.len ||
	    p[CFS_METACOPY_FLAGS_OFF] != 0 ||
	    (p[CFS_METACOPY_ALG_OFF] != CFS_SHA256 &&
	     p[CFS_METACOPY_ALG_OFF] != CFS_SHA512) ||
	    digest.len != cfs_hash_len(p[CFS_METACOPY_ALG_OFF]))
		return cfs_bad_inode(err, inode,
				     "metacopy of %zu bytes with a wrong header",
				     value.len);
	*alg = p[CFS_METACOPY_ALG_OFF];
	*out = digest.p;
	return 0;
}

/* A kernel reads the object only when the file has metacopy. Without it the file has zeros, even with a redirect. */
static int check_metacopy(const struct cfs_inode *inode, bool has_metacopy,
			  struct cfs_err *err)
{
	if (inode->external && !has_metacopy)
		return cfs_bad_inode(err, inode, "external file without metacopy");
	return 0;
}

/* The marks of a whiteout, or of a directory with whiteouts: two keys with empty values. Only one of them, or one with
 * a value, is an xattr of the tree. */
struct marks {
	bool whiteout, whiteouts;
};

static bool has_empty(const struct cfs_spec_room *room, struct cfs_text key)
{
	for (size_t i = 0; i < room->n_xattrs; i++)
		if (room->xattrs[i].value.len == 0 &&
		    cfs_text_eq(room->xattrs[i].key, key))
			return true;
	return false;
}

/* Finds out whether an inode is a whiteout, or a directory with some, of the tree,
 * which the writer has escaped. */
static struct marks find_marks(const struct cfs_image *im, const struct cfs_inode *inode,
			       const struct cfs_spec_room *room)
{
	struct marks m = {0};

	if (!im->rules->whiteouts_escaped)
		return m;
	if (S_ISREG(inode->mode) && inode->size == 0)
		m.whiteout = has_empty(room, CFS_TEXT(CFS_USER_WHITEOUT)) &&
			     has_empty(room, CFS_TEXT(CFS_ESCAPED_WHITEOUT));
	if (S_ISDIR(inode->mode))
		m.whiteouts = has_empty(room, CFS_TEXT(CFS_USER_WHITEOUTS)) &&
			      has_empty(room, CFS_TEXT(CFS_ESCAPED_WHITEOUTS));
	return m;
}

enum fate { KEEP, DROP, REDIRECT, METACOPY, UNESCAPE };

static bool is_marker_key(const struct marks *marks, struct cfs_text key)
{
	if (marks->whiteout && (cfs_text_eq(key, CFS_TEXT(CFS_USER_WHITEOUT)) ||
				cfs_text_eq(key, CFS_TEXT(CFS_ESCAPED_WHITEOUT))))
		return true;
	return marks->whiteouts && (cfs_text_eq(key, CFS_TEXT(CFS_USER_WHITEOUTS)) ||
				    cfs_text_eq(key, CFS_TEXT(CFS_ESCAPED_WHITEOUTS)));
}

/* What to do with a key. Of the keys with the prefix of overlayfs only escaped ones belong to the tree;
 * redirect and metacopy have a meaning only on regular files. */
static enum fate choose_fate(bool is_file, const struct marks *marks, struct cfs_text key)
{
	if (is_marker_key(marks, key))
		return DROP;
	if (!cfs_text_has_prefix(key, CFS_TEXT(CFS_OVERLAY_PREFIX)))
		return KEEP;
	if (cfs_text_has_prefix(key, CFS_TEXT(CFS_ESCAPED_PREFIX)))
		return UNESCAPE;
	if (is_file && cfs_text_eq(key, CFS_TEXT(CFS_OVERLAY_REDIRECT)))
		return REDIRECT;
	if (is_file && cfs_text_eq(key, CFS_TEXT(CFS_OVERLAY_METACOPY)))
		return METACOPY;
	return DROP;
}

/* --- The spec ------------------------------------------------------------------------ */

/* "trusted.overlay.overlay.X" becomes "trusted.overlay.X", in place: the prefix is written 8 bytes later. */
static struct cfs_text unescape_key(struct cfs_spec_room *room, struct cfs_text key)
{
	size_t skip = sizeof(CFS_ESCAPE) - 1;
	char *s = room->keys + (key.s - room->keys) + skip;

	memcpy(s, CFS_OVERLAY_PREFIX, sizeof(CFS_OVERLAY_PREFIX) - 1);
	return (struct cfs_text){s, key.len - skip};
}

/* Applies the fate of an xattr. 1: it stays, 0: it does not. */
static int map_xattr(const struct cfs_inode *inode, enum fate fate, struct cfs_xattr *x,
		     struct cfs_spec_room *room, struct cfs_inode_spec *out,
		     struct cfs_err *err)
{
	switch (fate) {
	case REDIRECT:
		return map_redirect(inode, x->value, &out->payload, err);
	case METACOPY:
		return map_metacopy(inode, x->value, &room->alg, &out->digest, err);
	case DROP:
		return 0;
	case UNESCAPE:
		x->key = unescape_key(room, x->key);
		break;
	case KEEP:
		break;
	}
	if (x->key.len > CFS_XATTR_KEY_MAX)
		return cfs_bad_inode(err, inode,
				     "xattr key: expected at most %d bytes, got %zu",
				     CFS_XATTR_KEY_MAX, x->key.len);
	return 1;
}

/* Applies the fates of all xattrs: those that stay move to the front. */
static int map_xattrs(const struct cfs_inode *inode, struct marks marks,
		      struct cfs_spec_room *room, struct cfs_inode_spec *out,
		      struct cfs_err *err)
{
	bool has_metacopy = false;

	for (size_t i = 0; i < room->n_xattrs; i++) {
		struct cfs_xattr x = room->xattrs[i];
		enum fate fate = choose_fate(S_ISREG(inode->mode), &marks, x.key);
		int rc = x.key.len ? map_xattr(inode, fate, &x, room, out, err) : 0;

		if (rc < 0)
			return rc;
		has_metacopy |= x.key.len && fate == METACOPY;
		if (rc > 0)
			room->xattrs[out->n_xattrs++] = x;
	}
	if (marks.whiteout)
		out->mode = (inode->mode & ~(uint32_t)S_IFMT) | S_IFCHR;
	out->xattrs = room->xattrs;
	return check_metacopy(inode, has_metacopy, err);
}

/* *out borrows from the image and from room, until room is used for the next inode.
 * as_mounted keeps what overlayfs adds for whiteouts, else it is taken out again. */
static int make_spec(const struct cfs_image *im, const struct cfs_inode *inode,
		     bool as_mounted, struct cfs_spec_room *room,
		     struct cfs_inode_spec *out, struct cfs_err *err)
{
	struct marks marks = {0};
	int rc;

	*out = (struct cfs_inode_spec){
		.size = inode->size,
		.mtime_sec = inode->mtime_sec,
		.mtime_nsec = inode->mtime_nsec,
		.mode = inode->mode,
		.nlink = inode->nlink,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = inode->rdev,
	};
	if (S_ISLNK(inode->mode)) {
		rc = cfs_inode_read_target(inode, &out->payload, err);
		if (rc < 0)
			return rc;
	}
	rc = gather_all(im, inode, room, err);
	if (rc == 0)
		rc = drop_repeated_keys(inode, room, err);
	if (rc == 0 && !as_mounted)
		marks = find_marks(im, inode, room);
	if (rc == 0)
		rc = map_xattrs(inode, marks, room, out, err);
	if (rc < 0)
		return rc;
	if (S_ISREG(out->mode))
		out->content = cfs_inode_read_content(inode, room->content);
	return 0;
}

int cfs_image_read_spec(const struct cfs_image *im, const struct cfs_inode *inode,
			struct cfs_spec_room *room, struct cfs_inode_spec *out,
			struct cfs_err *err)
{
	return make_spec(im, inode, false, room, out, err);
}

int cfs_image_read_mounted_spec(const struct cfs_image *im, const struct cfs_inode *inode,
				struct cfs_spec_room *room, struct cfs_inode_spec *out,
				struct cfs_err *err)
{
	size_t n = 0;
	int rc = make_spec(im, inode, true, room, out, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < out->n_xattrs; i++)
		if (cfs_image_shows_xattr(room->xattrs[i].key))
			room->xattrs[n++] = room->xattrs[i];
	out->n_xattrs = n;
	return 0;
}

/* Reads only the two xattrs of overlayfs: many times faster than the whole spec, for
 * callers that need just the object. The first redirect counts, as in the kernel. */
int cfs_image_read_backing(const struct cfs_image *im, const struct cfs_inode *inode,
			   struct cfs_text *out, struct cfs_err *err)
{
	bool found = false, has_metacopy = false;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	int rc;

	*out = CFS_TEXT("");
	if (!inode->external)
		return 0;
	rc = cfs_raw_xattrs_open(im, inode, &it, err);
	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &x, err)) > 0) {
		rc = 0;
		if (cfs_raw_xattr_is(&x, CFS_TEXT(CFS_OVERLAY_METACOPY)))
			has_metacopy = true;
		if (found || !cfs_raw_xattr_is(&x, CFS_TEXT(CFS_OVERLAY_REDIRECT)))
			continue;
		found = true;
		rc = map_redirect(inode, x.value, out, err);
	}
	return rc < 0 ? rc : check_metacopy(inode, has_metacopy, err);
}
