/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From an inode of an image back to what the tree said: the overlay xattrs that the writer
 * added are taken away, and tell backing path, digest and whiteouts. */
#include "erofs/image.h"

#include <errno.h>

#include "erofs/erofs_priv.h"
#include "erofs/format.h"
#include "erofs/image_priv.h"

/* What the keys and values of an inode come to at most: those of the tree (CFS_XATTR_BUDGET), 8 bytes of
 * escape for each of at most 1424 keys that fit into it, redirect with a path of 4095 bytes, metacopy
 * and marks. It bounds the work that many inodes with references to large shared xattrs make. */
enum { STORED_MAX = 49152 };

enum {
	KEY_COST = 7, /* of each xattr besides its bytes, as the tree counts */
	FEW = 16,     /* up to here comparing each with each is faster than sorting */
};

void cfs_spec_room_fini(struct cfs_spec_room *room)
{
	free(room->xattrs);
	free(room->order);
	free(room->keys);
	*room = (struct cfs_spec_room){0};
}

/* --- Gathering ----------------------------------------------------------------------- */

/* Adds a key and value. Until all are there, only the length of the key is right: its bytes may
 * still move. */
static int gather(struct cfs_spec_room *room, const struct cfs_raw_xattr *x)
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
		rc = gather(room, &x);
		if (rc < 0)
			return cfs_fail(err, ENOMEM,
					"inode %" PRIu64 ": no memory for its xattrs",
					inode->nid);
		cost += KEY_COST + room->xattrs[room->n_xattrs - 1].key.len + x.value.len;
		if (cost > STORED_MAX)
			return cfs_bad_inode(err, inode,
					     "xattrs of more than %d bytes in all",
					     STORED_MAX);
	}
	for (size_t i = 0; i < room->n_xattrs; i++) {
		room->xattrs[i].key.s = room->keys + key_off;
		key_off += room->xattrs[i].key.len;
	}
	return rc;
}

static int by_key(const void *a, const void *b)
{
	const struct cfs_xattr *const *x = a, *const *y = b;

	return cfs_text_cmp((*x)->key, (*y)->key);
}

static bool has_twins_among_few(const struct cfs_xattr *xattrs, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (cfs_text_eq(xattrs[i].key, xattrs[j].key))
				return true;
	return false;
}

/* The same key twice: a kernel and a reader could each take another value. */
static int check_unique(const struct cfs_inode *inode, struct cfs_spec_room *room,
			struct cfs_err *err)
{
	size_t n = room->n_xattrs;
	bool twins = false;

	if (n <= FEW) {
		twins = has_twins_among_few(room->xattrs, n);
	} else {
		if (cfs_grow(&room->order, &room->order_cap, n, sizeof(*room->order)) < 0)
			return cfs_fail(err, ENOMEM,
					"inode %" PRIu64 ": no memory for its xattrs",
					inode->nid);
		for (size_t i = 0; i < n; i++)
			room->order[i] = &room->xattrs[i];
		qsort(room->order, n, sizeof(*room->order), by_key);
		for (size_t i = 1; i < n && !twins; i++)
			twins = cfs_text_eq(room->order[i - 1]->key, room->order[i]->key);
	}
	if (twins)
		return cfs_bad_inode(err, inode, "has an xattr twice");
	return 0;
}

/* --- Overlay's own ------------------------------------------------------------------- */

static int map_redirect(const struct cfs_inode *inode, struct cfs_span value,
			struct cfs_text *out, struct cfs_err *err)
{
	if (!inode->external)
		return cfs_bad_inode(err, inode,
				     "redirect on a file whose content is inside");
	if (value.len == 0 || value.p[0] != '/' || value.len - 1 > CFS_PAYLOAD_MAX ||
	    memchr(value.p, '\0', value.len))
		return cfs_bad_inode(err, inode,
				     "redirect of %zu bytes, want a slash and a path of"
				     " at most %d bytes",
				     value.len, CFS_PAYLOAD_MAX);
	(void)cfs_span_sub(value, 1, value.len - 1, &value);
	*out = cfs_span_text(value);
	return 0;
}

/* The header is what overlayfs wants to see; an empty value says that there is no digest. */
static int map_metacopy(const struct cfs_inode *inode, struct cfs_span value,
			enum cfs_hash_alg *alg, const uint8_t **out, struct cfs_err *err)
{
	const uint8_t *p = value.p;
	struct cfs_span digest;

	if (!inode->external)
		return cfs_bad_inode(err, inode,
				     "metacopy on a file whose content is inside");
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

enum fate { KEEP, DROP, REDIRECT, METACOPY, WHITEOUT, UNESCAPE };

/* What becomes of a key. Of keys that begin with overlay's prefix only the escaped ones belong to
 * the tree; redirect, metacopy and whiteout mean something on regular files alone. */
static enum fate fate_of(const struct cfs_image_rules *rules, bool is_file,
			 struct cfs_text key)
{
	static const struct {
		struct cfs_text key;
		enum fate fate;
		bool for_files, for_whiteouts;
	} table[] = {
		{CFS_TEXT(CFS_OVERLAY_REDIRECT), REDIRECT, .for_files = true},
		{CFS_TEXT(CFS_OVERLAY_METACOPY), METACOPY, .for_files = true},
		{CFS_TEXT(CFS_ESCAPED_WHITEOUT), WHITEOUT, .for_files = true,
		 .for_whiteouts = true},
		{CFS_TEXT(CFS_ESCAPED_WHITEOUTS), DROP, .for_whiteouts = true},
		{CFS_TEXT(CFS_USER_WHITEOUT), DROP, .for_whiteouts = true},
		{CFS_TEXT(CFS_USER_WHITEOUTS), DROP, .for_whiteouts = true},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((is_file || !table[i].for_files) &&
		    (rules->whiteouts_escaped || !table[i].for_whiteouts) &&
		    cfs_text_eq(key, table[i].key))
			return table[i].fate;
	if (cfs_text_has_prefix(key, CFS_TEXT(CFS_ESCAPED_PREFIX)))
		return UNESCAPE;
	return cfs_text_has_prefix(key, CFS_TEXT(CFS_OVERLAY_PREFIX)) ? DROP : KEEP;
}

/* --- The spec ------------------------------------------------------------------------ */

/* "trusted.overlay.overlay.X" becomes "trusted.overlay.X", in place: the front moves up. */
static struct cfs_text unescape(struct cfs_spec_room *room, struct cfs_text key)
{
	size_t skip = sizeof(CFS_ESCAPE) - 1;
	char *s = room->keys + (key.s - room->keys) + skip;

	memcpy(s, CFS_OVERLAY_PREFIX, sizeof(CFS_OVERLAY_PREFIX) - 1);
	return (struct cfs_text){s, key.len - skip};
}

/* Does what the fate of an xattr asks for. 1: it stays, 0: it does not. */
static int map_xattr(const struct cfs_inode *inode, enum fate fate, struct cfs_xattr *x,
		     struct cfs_spec_room *room, struct cfs_inode_spec *out,
		     struct cfs_err *err)
{
	switch (fate) {
	case REDIRECT:
		return map_redirect(inode, x->value, &out->payload, err);
	case METACOPY:
		return map_metacopy(inode, x->value, &room->alg, &out->digest, err);
	case WHITEOUT:
		out->mode = (inode->mode & ~(uint32_t)S_IFMT) | S_IFCHR;
		return 0;
	case DROP:
		return 0;
	case UNESCAPE:
		x->key = unescape(room, x->key);
		break;
	case KEEP:
		break;
	}
	if (x->key.len > CFS_XATTR_KEY_MAX)
		return cfs_bad_inode(err, inode,
				     "xattr key of %zu bytes, want at most %d",
				     x->key.len, CFS_XATTR_KEY_MAX);
	return 1;
}

/* Sorts out the gathered xattrs: those that stay move to the front. */
static int map_xattrs(const struct cfs_image *im, const struct cfs_inode *inode,
		      struct cfs_spec_room *room, struct cfs_inode_spec *out,
		      struct cfs_err *err)
{
	for (size_t i = 0; i < room->n_xattrs; i++) {
		struct cfs_xattr x = room->xattrs[i];
		enum fate fate = fate_of(im->rules, S_ISREG(inode->mode), x.key);
		int rc = map_xattr(inode, fate, &x, room, out, err);

		if (rc < 0)
			return rc;
		if (rc > 0)
			room->xattrs[out->n_xattrs++] = x;
	}
	out->xattrs = room->xattrs;
	return 0;
}

int cfs_image_spec(const struct cfs_image *im, const struct cfs_inode *inode,
		   struct cfs_spec_room *room, struct cfs_inode_spec *out,
		   struct cfs_err *err)
{
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
		rc = cfs_inode_target(inode, &out->payload, err);
		if (rc < 0)
			return rc;
	}
	rc = gather_all(im, inode, room, err);
	if (rc == 0)
		rc = check_unique(inode, room, err);
	if (rc == 0)
		rc = map_xattrs(im, inode, room, out, err);
	if (rc < 0)
		return rc;
	if (S_ISREG(out->mode)) {
		out->content = cfs_inode_content(inode, room->content);
	} else if (S_ISCHR(out->mode)) {
		out->size = 0; /* a whiteout was a file, maybe with a backing path */
		out->payload = CFS_TEXT("");
		out->digest = NULL;
	}
	return 0;
}

int cfs_image_backing(const struct cfs_image *im, const struct cfs_inode *inode,
		      struct cfs_text *out, struct cfs_err *err)
{
	bool found = false, whiteout = false;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	int rc;

	*out = CFS_TEXT("");
	if (!inode->external)
		return 0;
	rc = cfs_raw_xattrs_open(im, inode, &it, err);
	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &x, err)) > 0) {
		rc = 0;
		if (im->rules->whiteouts_escaped &&
		    cfs_raw_xattr_is(&x, CFS_TEXT(CFS_ESCAPED_WHITEOUT)))
			whiteout = true;
		if (!cfs_raw_xattr_is(&x, CFS_TEXT(CFS_OVERLAY_REDIRECT)))
			continue;
		if (found)
			return cfs_bad_inode(err, inode, "has an xattr twice");
		found = true;
		rc = map_redirect(inode, x.value, out, err);
	}
	if (whiteout)
		*out = CFS_TEXT("");
	return rc;
}
