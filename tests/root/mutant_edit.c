/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Changes of images, structure by structure. */
#include <stdlib.h>

#include "erofs/format.h"
#include "erofs/erofs.h"
#include "root/mutant.h"
#include "unit/t.h"

enum {
	EDITS_MAX = 3,
	ENTRY_LEN = sizeof(struct erofs_xattr_entry),
	HEADER_LEN = sizeof(struct erofs_xattr_header)
};

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

struct list {
	uint64_t *v;
	size_t n, cap;
};

/* An image, and where its structures begin. */
struct edit {
	uint64_t *state;
	uint8_t *p;
	size_t len;
	struct list nids, dirents, xattrs, refs; /* offsets, but for nids */
};

static uint64_t below(struct edit *e, uint64_t n)
{
	return mutant_below(e->state, n);
}

/* One of a list; 0: it is empty. */
static uint64_t pick(struct edit *e, const struct list *l)
{
	return l->n ? l->v[below(e, l->n)] : 0;
}

static void set(struct edit *e, uint64_t off, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width && off + i < e->len; i++)
		e->p[off + i] = (uint8_t)(value >> 8 * i);
}

/* --- Where things are ---------------------------------------------------------------- */

static void note(struct list *l, uint64_t off)
{
	t_eq(cfs_grow(&l->v, &l->cap, l->n + 1, sizeof(*l->v)), 0);
	l->v[l->n++] = off;
}

static void note_xattrs(struct edit *e, const struct cfs_image *im,
			const struct cfs_inode *inode)
{
	uint64_t area = inode->off + inode->len - inode->tail.len - inode->xattrs.len;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;

	if (cfs_raw_xattrs_open(im, inode, &it, NULL) < 0)
		return;
	for (uint32_t i = 0; i < it.n_shared; i++)
		note(&e->refs, area + HEADER_LEN + 4 * i);
	while (cfs_raw_xattrs_next(&it, &x, NULL) > 0)
		note(&e->xattrs, x.off);
}

static void note_dirents(struct edit *e, const struct cfs_image *im,
			 const struct cfs_inode *inode)
{
	struct cfs_dirent d;
	struct cfs_dir dir;

	if (cfs_dir_open(im, inode, &dir, NULL) < 0)
		return;
	while (cfs_dir_next(&dir, &d, NULL) > 0)
		note(&e->dirents, d.off);
}

/* The 256 whiteouts of the root would be most of all: only some of them count. */
static void survey(struct edit *e)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *entry;
	struct cfs_image im;

	if (cfs_image_open((struct cfs_span){e->p, e->len}, &im, NULL) < 0 ||
	    cfs_walk_new(&im, NULL, &walk, NULL) < 0)
		return;
	while (cfs_walk_next(walk, &entry, NULL) > 0) {
		if (entry->again)
			continue;
		note(&e->nids, entry->inode.nid);
		note_xattrs(e, &im, &entry->inode);
		if (S_ISDIR(entry->inode.mode))
			note_dirents(e, &im, &entry->inode);
	}
}

/* --- xattrs -------------------------------------------------------------------------- */

static const struct {
	uint8_t index;
	const char *suffix;
} keys[] = {
	{4, "overlay.metacopy"},
	{4, "overlay.redirect"},
	{4, "overlay.opaque"},
	{4, "overlay.overlay.whiteout"},
	{4, "overlay.overlay.whiteouts"},
	{4, "overlay.overlay.opaque"},
	{4, "overlay.overlay.redirect"},
	{4, "overlay.origin"},
	{4, "overlay.impure"},
	{4, "overlay.nlink"},
	{4, "overlay.protattr"},
	{4, "overlay.overlay.x"},
	{4, "overlay.overlay."},
	{4, "overlay.overlay"},
	{4, "overlay."},
	{4, "overlay"},
	{4, "x"},
	{4, ""},
	{1, "overlay.whiteout"},
	{1, "overlay.whiteouts"},
	{1, "overlay.opaque"},
	{1, "overlay.redirect"},
	{1, "overlay.metacopy"},
	{1, "x"},
	{1, ""},
	{6, "capability"},
	{6, "selinux"},
	{6, "ima"},
	{6, "x"},
	{6, ""},
	{2, ""},
	{3, ""},
	{2, "X"},
	{3, "X"},
	{5, "x"},
	{5, ""},
	{0, "x"},
	{0, "lustre.x"},
	{0, "lustre."},
	{0, "system.nfs4_acl"},
	{0, "btrfs.x"},
	{0, "user.x"},
	{0, "system.posix_acl_access"},
	{7, "x"},
	{0x81, "x"},
};

/* Bytes that an entry takes behind its head, with padding. */
static uint64_t room_of(const struct edit *e, uint64_t off)
{
	return cfs_align_up(ENTRY_LEN + (uint64_t)e->p[off] + cfs_le16(e->p + off + 2),
			    4) -
	       ENTRY_LEN;
}

/* Another key, and as much of the value as there is room for, so that the next entry stays where it is. */
static void change_key(struct edit *e)
{
	uint64_t off = pick(e, &e->xattrs), room, value_len, i = below(e, N_OF(keys)),
		 len = strlen(keys[i].suffix);
	uint8_t value[1024];

	if (off == 0 || off + ENTRY_LEN + (room = room_of(e, off)) > e->len ||
	    room > sizeof(value) || len > room)
		return;
	for (size_t k = 0; k < room; k++)
		value[k] =
			(uint8_t)(below(e, 2)
					  ? e->p[off + ENTRY_LEN + e->p[off] % (room + 1)]
					  : 'v');
	value_len = room - len - below(e, 4);
	if (value_len > room)
		value_len = 0;
	if (room - len - value_len > 3)
		return;
	e->p[off] = (uint8_t)len;
	e->p[off + 1] = keys[i].index;
	cfs_put_le16(e->p + off + 2, (uint16_t)value_len);
	memset(e->p + off + ENTRY_LEN, 0, room);
	memcpy(e->p + off + ENTRY_LEN, keys[i].suffix, len);
	memcpy(e->p + off + ENTRY_LEN + len, value, value_len);
}

/* The same key behind another prefix. */
static void change_index(struct edit *e)
{
	uint64_t off = pick(e, &e->xattrs);

	if (off)
		e->p[off + 1] = (uint8_t)below(e, 8);
}

static void change_key_byte(struct edit *e)
{
	uint64_t off = pick(e, &e->xattrs);

	if (off && e->p[off])
		set(e, off + ENTRY_LEN + below(e, e->p[off]), 1,
		    "ax.\xff\n/"[below(e, 6)]);
}

static void change_value_byte(struct edit *e)
{
	uint64_t off = pick(e, &e->xattrs);
	uint16_t len = off ? cfs_le16(e->p + off + 2) : 0;

	if (len)
		set(e, off + ENTRY_LEN + e->p[off] + below(e, len < 40 ? len : 40), 1,
		    below(e, 2) ? below(e, 40) : mutant_random(e->state));
}

/* A few bytes shorter, where the padding takes them. */
static void change_value_len(struct edit *e)
{
	uint64_t off = pick(e, &e->xattrs), room;
	uint16_t len = off ? cfs_le16(e->p + off + 2) : 0;

	if (!off || off + ENTRY_LEN + (room = room_of(e, off)) > e->len)
		return;
	len = (uint16_t)(below(e, 2) ? room - e->p[off] : len - below(e, 4));
	if (e->p[off] + (uint64_t)len > room)
		return;
	cfs_put_le16(e->p + off + 2, len);
	memset(e->p + off + ENTRY_LEN + e->p[off] + len, 0, room - e->p[off] - len);
}

/* An entry over another that takes as much room: a key twice, metacopy without redirect, marks elsewhere. */
static void copy_xattr(struct edit *e)
{
	uint64_t from = pick(e, &e->xattrs), to;

	for (int tries = 0; from && tries < 20; tries++) {
		to = pick(e, &e->xattrs);
		if (to == from || room_of(e, to) != room_of(e, from) ||
		    from + ENTRY_LEN + room_of(e, from) > e->len ||
		    to + ENTRY_LEN + room_of(e, from) > e->len)
			continue;
		memmove(e->p + to, e->p + from, ENTRY_LEN + room_of(e, from));
		return;
	}
}

static void change_ref(struct edit *e)
{
	uint64_t off = pick(e, &e->refs), from = pick(e, &e->refs);

	if (off)
		set(e, off, 4,
		    cfs_le32(e->p + from) + (below(e, 4) ? 0 : below(e, 5) - 2));
}

/* --- Inodes -------------------------------------------------------------------------- */

static uint64_t edge(struct edit *e)
{
	static const uint64_t edges[] = {0,
					 1,
					 2,
					 0xff,
					 999999999,
					 1000000000,
					 INT32_MAX,
					 UINT32_C(1) << 31,
					 UINT32_MAX,
					 INT64_MAX,
					 UINT64_C(1) << 63,
					 UINT64_MAX,
					 UINT16_MAX,
					 4096,
					 12};

	return below(e, 3) ? edges[below(e, N_OF(edges))]
			   : mutant_random(e->state) >> below(e, 64);
}

static void change_inode(struct edit *e)
{
	static const struct {
		uint8_t off, width;
	} compact[] = {{0, 2},	{2, 2},	 {4, 2},  {6, 2},  {8, 4}, {12, 4},
		       {16, 4}, {20, 4}, {24, 2}, {26, 2}, {28, 4}},
	  extended[] = {{0, 2},	 {2, 2},  {4, 2},  {6, 2},  {8, 8},  {16, 4}, {20, 4},
			{24, 4}, {28, 4}, {32, 8}, {40, 4}, {44, 4}, {48, 8}, {56, 8}};
	uint64_t off = pick(e, &e->nids) * EROFS_SLOT, i;

	if (off + 64 > e->len || off == 0)
		return;
	if (e->p[off] & EROFS_EXTENDED) {
		i = below(e, N_OF(extended));
		set(e, off + extended[i].off, extended[i].width, edge(e));
	} else {
		i = below(e, N_OF(compact));
		set(e, off + compact[i].off, compact[i].width, edge(e));
	}
}

/* Permissions, or another type with everything else as it was. */
static void change_mode(struct edit *e)
{
	uint64_t off = pick(e, &e->nids) * EROFS_SLOT;
	uint16_t mode;

	if (off + 64 > e->len || off == 0)
		return;
	mode = cfs_le16(e->p + off + 4);
	if (below(e, 4))
		mode = (uint16_t)((mode & S_IFMT) | below(e, 010000));
	else
		mode = (uint16_t)((mode & ~S_IFMT) | below(e, 16) << 12);
	cfs_put_le16(e->p + off + 4, mode);
}

static void change_size(struct edit *e)
{
	uint64_t off = pick(e, &e->nids) * EROFS_SLOT;

	if (off + 64 <= e->len && off)
		set(e, off + 8, 4, cfs_le32(e->p + off + 8) + below(e, 9) - 4);
}

/* --- Directories and superblock ------------------------------------------------------ */

/* Two entries change places, with their types: files and whiteouts under other names. */
static void swap_dirents(struct edit *e)
{
	uint64_t a = pick(e, &e->dirents), b = pick(e, &e->dirents);
	uint8_t nid[8], type;

	if (a == 0 || a + 12 > e->len || b + 12 > e->len)
		return;
	memcpy(nid, e->p + a, 8);
	memcpy(e->p + a, e->p + b, 8);
	memcpy(e->p + b, nid, 8);
	type = e->p[a + 10];
	e->p[a + 10] = e->p[b + 10];
	e->p[b + 10] = type;
}

/* An inode gets a second name, and another one loses its own. */
static void link_dirent(struct edit *e)
{
	uint64_t from = pick(e, &e->dirents), to = pick(e, &e->dirents);

	if (from == 0 || from + 12 > e->len || to + 12 > e->len)
		return;
	memmove(e->p + to, e->p + from, 8);
	e->p[to + 10] = e->p[from + 10];
}

static void change_name(struct edit *e)
{
	uint64_t off = pick(e, &e->dirents);
	uint64_t name;

	if (off == 0 || off + 24 > e->len)
		return;
	/* Groups begin at a block, or at their first entry: near enough. */
	name = cfs_align_down(off, EROFS_BLOCK) + cfs_le16(e->p + off + 8);
	set(e, name, 1, below(e, 4) ? below(e, 256) : (uint64_t) "./\0\n"[below(e, 4)]);
}

static void change_dirent(struct edit *e)
{
	uint64_t off = pick(e, &e->dirents);

	if (off == 0)
		return;
	if (below(e, 2))
		set(e, off + 10, 1, below(e, 9));
	else
		set(e, off, 8, pick(e, &e->nids));
}

static void change_super(struct edit *e)
{
	static const struct {
		uint8_t off, width;
	} fields[] = {{4, 4},  {8, 4},	{12, 1}, {13, 1}, {14, 2},
		      {16, 8}, {24, 8}, {32, 4}, {36, 4}, {40, 4},
		      {44, 4}, {48, 8}, {64, 8}, {80, 4}, {84, 4}};
	uint64_t i = below(e, N_OF(fields));

	set(e, EROFS_SB_OFF + fields[i].off, fields[i].width, edge(e));
}

static void change_anything(struct edit *e)
{
	set(e, below(e, e->len), 1, mutant_random(e->state));
}

/* --- Agreement ----------------------------------------------------------------------- */

static uint32_t hash_bit(const struct cfs_raw_xattr *x)
{
	return UINT32_C(1) << (cfs_xxh32(x->suffix.s, x->suffix.len,
					 EROFS_XATTR_FILTER_SEED + x->index) &
			       31);
}

/* Sets the filter of an inode to what its xattrs are now. Returns whether it has an ACL. */
static bool agree_inode(struct edit *e, const struct cfs_image *im, uint64_t nid)
{
	uint32_t filter = UINT32_MAX;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	struct cfs_inode inode;
	bool acl = false;

	if (cfs_image_read_inode(im, nid, &inode, NULL) < 0 || inode.xattrs.len == 0 ||
	    cfs_raw_xattrs_open(im, &inode, &it, NULL) < 0)
		return false;
	while (cfs_raw_xattrs_next(&it, &x, NULL) > 0) {
		filter &= ~hash_bit(&x);
		acl |= (x.index == EROFS_XATTR_ACL_ACCESS ||
			x.index == EROFS_XATTR_ACL_DEFAULT) &&
		       x.suffix.len == 0;
	}
	set(e, inode.off + inode.len - inode.tail.len - inode.xattrs.len, 4, filter);
	return acl;
}

static void agree(struct edit *e)
{
	struct cfs_image im;
	bool acl = false;

	if (cfs_image_open((struct cfs_span){e->p, e->len}, &im, NULL) < 0)
		return;
	for (size_t i = 0; i < e->nids.n; i++)
		acl |= agree_inode(e, &im, e->nids.v[i]);
	set(e, offsetof(struct cfs_header, flags), 4, acl ? CFS_HEADER_HAS_ACL : 0);
}

void mutant_edit(uint64_t *state, uint8_t *image, size_t len)
{
	static void (*const ways[])(struct edit *) = {
		change_key,	 change_key,	    change_key,	       change_index,
		change_key_byte, change_value_byte, change_value_byte, change_value_len,
		copy_xattr,	 copy_xattr,	    change_ref,	       change_inode,
		change_inode,	 change_inode,	    change_mode,       change_size,
		swap_dirents,	 swap_dirents,	    link_dirent,       change_name,
		change_dirent,	 change_super,	    change_anything};
	struct edit e = {.state = state, .p = image, .len = len};

	survey(&e);
	for (uint64_t n = 1 + below(&e, EDITS_MAX); e.nids.n && n > 0; n--)
		ways[below(&e, N_OF(ways))](&e);
	if (below(&e, 16))
		agree(&e);
	free(e.nids.v);
	free(e.dirents.v);
	free(e.xattrs.v);
	free(e.refs.v);
}
