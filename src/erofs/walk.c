/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Walks: every name of an image, depth first, with an explicit stack.
 *
 * Each inode claims its bytes at its first visit, in a bitmap of slots. Since no two may claim the
 * same bytes, all directories together have no more entries than the image has bytes, and there are no
 * loops. A first pass finds the inodes with several names; only for those the first name is stored, as
 * a trail of directories, so that memory does not grow with the length of paths.
 */
#include "erofs/walk.h"

#include <errno.h>

#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "erofs/lookup.h"
#include "erofs/walk_priv.h"
#include "erofs/xattr.h"

enum { NO_TRAIL = UINT32_MAX, SLOTS_PER_WORD = 64 };

/* The output for an image can be much larger than the image: many long paths in a deep tree, or a large
 * inode with many names. Their sum is bounded. */
#define COST_BASE     (UINT64_C(1) << 30)
#define COST_PER_BYTE UINT64_C(64)

/* --- Visiting an inode --------------------------------------------------------------- */

static int claim_bytes(struct cfs_walk *w, const struct cfs_inode *inode, uint64_t off,
		       uint64_t len, struct cfs_err *err)
{
	if (cfs_slots_claim(&w->used, off / EROFS_SLOT,
			    (off + len + EROFS_SLOT - 1) / EROFS_SLOT))
		return 0;
	return cfs_bad_inode(err, inode,
			     "bytes %" PRIu64 " to %" PRIu64
			     " belong to another structure already",
			     off, off + len);
}

/* Marks an inode as visited, and claims its bytes. */
static int visit_inode(struct cfs_walk *w, const struct cfs_inode *inode, bool *again,
		       struct cfs_err *err)
{
	uint64_t slot = inode->off / EROFS_SLOT;
	int rc;

	*again = cfs_slots_has(&w->seen, slot);
	if (*again && S_ISDIR(inode->mode))
		return cfs_bad_inode(err, inode, "directory with two names");
	if (*again && w->twice.words)
		cfs_slots_add(&w->twice, slot);
	if (*again || w->claimed) {
		cfs_slots_add(&w->seen, slot);
		return 0;
	}
	cfs_slots_add(&w->seen, slot);
	rc = claim_bytes(w, inode, inode->off, inode->len, err);
	if (rc == 0 && inode->blocks.len)
		rc = claim_bytes(w, inode, inode->data_off,
				 cfs_align_up(inode->blocks.len, EROFS_BLOCK), err);
	return rc;
}

/* --- First names --------------------------------------------------------------------- */

/* Lists the inodes that the first pass visited more than once, in order. */
static int list_firsts(struct cfs_walk *w)
{
	for (uint64_t i = 0; i <= w->twice.n / SLOTS_PER_WORD; i++) {
		for (uint64_t word = w->twice.words[i]; word; word &= word - 1) {
			if (cfs_grow(&w->firsts, &w->firsts_cap, w->n_firsts + 1,
				     sizeof(*w->firsts)) < 0)
				return -ENOMEM;
			w->firsts[w->n_firsts++] = (struct cfs_walk_first){
				.slot = i * SLOTS_PER_WORD +
					(uint64_t)__builtin_ctzll(word),
				.trail = NO_TRAIL,
			};
		}
	}
	return 0;
}

/* Returns the first name of the inode of a slot, borrowed from w; NULL: the inode has one
 * name only. */
static struct cfs_walk_first *find_first_name(struct cfs_walk *w, uint64_t slot)
{
	size_t low = 0, high = w->n_firsts;

	if (w->n_firsts == 0 || !cfs_slots_has(&w->twice, slot))
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->firsts[mid].slot <= slot)
			low = mid + 1;
		else
			high = mid;
	}
	return &w->firsts[low - 1];
}

/* Gives each open directory a trail; *out is the trail of the innermost one. */
static int add_trail(struct cfs_walk *w, uint32_t *out)
{
	size_t i = w->n_frames;

	while (i > 0 && w->frames[i - 1].trail == NO_TRAIL)
		i--;
	for (; i < w->n_frames; i++) {
		if (cfs_grow(&w->trails, &w->trails_cap, w->n_trails + 1,
			     sizeof(*w->trails)) < 0)
			return -ENOMEM;
		w->trails[w->n_trails] = (struct cfs_walk_trail){
			.parent = i ? w->frames[i - 1].trail : NO_TRAIL,
			.name = w->frames[i].name,
		};
		w->frames[i].trail = (uint32_t)w->n_trails++;
	}
	*out = w->frames[w->n_frames - 1].trail;
	return 0;
}

/* Builds the path of a first name, from its end. The outermost trail is the top, whose path is
 * the front of every path. */
static int build_first_path(struct cfs_walk *w, const struct cfs_walk_first *first)
{
	size_t len = w->top_len + 1 + first->name.len;
	char *p;

	for (uint32_t t = first->trail; w->trails[t].parent != NO_TRAIL;
	     t = w->trails[t].parent)
		len += 1 + w->trails[t].name.len;
	if (cfs_grow(&w->first_path, &w->first_path_cap, len, 1) < 0)
		return -ENOMEM;
	memcpy(w->first_path, w->path, w->top_len);
	p = w->first_path + len - first->name.len;
	memcpy(p, first->name.s, first->name.len);
	*--p = '/';
	for (uint32_t t = first->trail; w->trails[t].parent != NO_TRAIL;
	     t = w->trails[t].parent) {
		p -= w->trails[t].name.len;
		memcpy(p, w->trails[t].name.s, w->trails[t].name.len);
		*--p = '/';
	}
	w->entry.first = (struct cfs_text){w->first_path, len};
	return 0;
}

/* Sets the fields of an entry whose inode has several names. */
static int set_names(struct cfs_walk *w)
{
	struct cfs_walk_entry *e = &w->entry;
	struct cfs_walk_first *first = find_first_name(w, e->inode.off / EROFS_SLOT);

	if (!first)
		return 0;
	e->cookie = &first->cookie;
	if (w->opts->no_paths)
		return 0;
	if (e->again)
		return build_first_path(w, first);
	first->name = e->name;
	return add_trail(w, &first->trail);
}

/* --- Steps --------------------------------------------------------------------------- */

/* Adds the bytes that printing an entry takes: its paths, and a repeated inode. A walk without
 * paths is not for printing. */
static int add_cost(struct cfs_walk *w, struct cfs_err *err)
{
	const struct cfs_walk_entry *e = &w->entry;

	if (w->opts->no_paths)
		return 0;
	w->cost += e->path.len + e->first.len;
	if (e->again)
		w->cost += e->inode.len + e->inode.blocks.len +
			   cfs_shared_len(w->im, &e->inode);
	if (w->cost <= w->cost_max)
		return 0;
	return cfs_bad_inode(err, &e->inode,
			     "paths and repeated inodes need more than %" PRIu64
			     " bytes, the limit for an image of %zu bytes",
			     w->cost_max, w->im->bytes.len);
}

/* Appends the name to the path of its directory. One buffer serves the whole walk. */
static int set_entry_path(struct cfs_walk *w, struct cfs_err *err)
{
	struct cfs_walk_entry *e = &w->entry;
	size_t dir_len = w->frames[w->n_frames - 1].path_len;
	size_t len = dir_len + 1 + e->name.len;

	if (w->opts->no_paths)
		return 0;
	if (cfs_grow(&w->path, &w->path_cap, len, 1) < 0)
		return cfs_fail(err, ENOMEM, "no memory for a path of %zu bytes", len);
	w->path[dir_len] = '/';
	memcpy(w->path + dir_len + 1, e->name.s, e->name.len);
	e->path = (struct cfs_text){w->path, len};
	return 0;
}

/* Sets the fields of an entry besides its inode. */
static int describe_walk_entry(struct cfs_walk *w, struct cfs_err *err)
{
	int rc = set_entry_path(w, err);

	if (rc == 0 && set_names(w) < 0)
		return cfs_fail(err, ENOMEM, "no memory for hard links");
	return rc < 0 ? rc : add_cost(w, err);
}

/* Opens the directory of the last entry. */
static int push_dir_frame(struct cfs_walk *w, struct cfs_err *err)
{
	struct cfs_walk_entry *e = &w->entry;
	struct cfs_walk_frame *f;
	bool is_top = w->n_frames == 0;

	if (cfs_grow(&w->frames, &w->frames_cap, w->n_frames + 1, sizeof(*w->frames)) < 0)
		return cfs_fail(err, ENOMEM, "no memory for %zu open directories",
				w->n_frames + 1);
	f = &w->frames[w->n_frames];
	*f = (struct cfs_walk_frame){
		.name = e->name,
		.parent_nid = is_top ? 0 : f[-1].dir.nid,
		.path_len = is_top ? w->top_len : e->path.len,
		.trail = NO_TRAIL,
	};
	w->n_frames++;
	return cfs_dir_open(w->im, &e->inode, &f->dir, err);
}

/* Closes the innermost directory and checks its "..". The ".." of a top that is not the root is unknown. */
static int close_dir(struct cfs_walk *w, struct cfs_err *err)
{
	const struct cfs_walk_frame *f = &w->frames[--w->n_frames];
	uint64_t expected = w->n_frames ? f->parent_nid : w->im->root_nid;

	if (w->n_frames == 0 && f->dir.nid != w->im->root_nid)
		return 0;
	if (f->dir.parent_nid != expected)
		return cfs_bad_inode(err, &f->dir,
				     "\"..\": expected inode %" PRIu64 ", got %" PRIu64,
				     expected, f->dir.parent_nid);
	return 0;
}

static bool is_entry_wanted(const struct cfs_walk *w, struct cfs_text name)
{
	if (w->opts->n_names == 0 || w->n_frames > 1)
		return true;
	for (size_t i = 0; i < w->opts->n_names; i++)
		if (cfs_text_eq(w->opts->names[i], name))
			return true;
	return false;
}

/* The next entry of the open directories: 1, or 0 at the end. */
static int find_next_entry(struct cfs_walk *w, struct cfs_err *err)
{
	struct cfs_walk_entry *e = &w->entry;
	struct cfs_dirent d;

	while (w->n_frames) {
		int rc = cfs_watch_poll(w->opts->watch, err);

		if (rc < 0)
			return rc;
		rc = cfs_dir_next(&w->frames[w->n_frames - 1].dir, &d, err);
		if (rc == 0) {
			rc = close_dir(w, err);
			if (rc < 0)
				return rc;
			continue;
		}
		if (rc > 0 && !is_entry_wanted(w, d.name))
			continue;
		*e = (struct cfs_walk_entry){.name = d.name,
					     .depth = (uint32_t)w->n_frames};
		if (rc > 0)
			rc = cfs_dirent_read_inode(w->im, &d, &e->inode, err);
		if (rc == 0)
			rc = visit_inode(w, &e->inode, &e->again, err);
		if (rc == 0 && cfs_inode_is_hidden(w->im, &e->inode) && !w->show_hidden)
			continue;
		if (rc == 0)
			rc = describe_walk_entry(w, err);
		return rc < 0 ? rc : 1;
	}
	return 0;
}

/* The first entry: the root, or opts->top. */
static int start_walk(struct cfs_walk *w, struct cfs_err *err)
{
	struct cfs_walk_entry *e = &w->entry;
	bool again;
	int rc;

	*e = (struct cfs_walk_entry){.name = CFS_TEXT("")};
	rc = cfs_image_lookup(w->im, w->opts->top, &e->inode, err);
	if (rc == 0)
		rc = visit_inode(w, &e->inode, &again, err);
	if (rc < 0)
		return rc;
	e->path = w->top_len ? (struct cfs_text){w->path, w->top_len} : CFS_TEXT("/");
	w->started = true;
	return 1;
}

int cfs_walk_next(struct cfs_walk *walk, const struct cfs_walk_entry **out,
		  struct cfs_err *err)
{
	int rc = 0;

	*out = &walk->entry;
	if (!walk->started)
		return start_walk(walk, err);
	if (S_ISDIR(walk->entry.inode.mode))
		rc = push_dir_frame(walk, err);
	if (rc == 0)
		rc = find_next_entry(walk, err);
	if (rc == 0)
		walk->entry = (struct cfs_walk_entry){0};
	return rc;
}

/* --- Beginning and end --------------------------------------------------------------- */

/* The path of the top in its normal form, "/a/b" or "": the front of all paths. */
static int set_top(struct cfs_walk *w, struct cfs_text top)
{
	if (cfs_grow(&w->path, &w->path_cap, top.len + 1, 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < top.len; i++) {
		if (top.s[i] == '/')
			continue;
		if (i == 0 || top.s[i - 1] == '/')
			w->path[w->top_len++] = '/';
		w->path[w->top_len++] = top.s[i];
	}
	return 0;
}

/* Walks once to find the inodes with several names, then resets the walk. */
static int first_pass(struct cfs_walk *w, struct cfs_err *err)
{
	const struct cfs_walk_entry *e;
	int rc;

	if (cfs_slots_init(&w->twice, w->used.n) < 0)
		return cfs_fail(err, ENOMEM, "no memory for a walk");
	do
		rc = cfs_walk_next(w, &e, err);
	while (rc > 0);
	if (rc < 0)
		return rc;
	if (list_firsts(w) < 0)
		return cfs_fail(err, ENOMEM, "no memory for hard links");
	cfs_slots_clear(&w->seen);
	w->claimed = true;
	w->started = false;
	w->cost = 0;
	return 0;
}

static const struct cfs_walk_opts no_opts;

/* *out borrows im and opts. cost_max bounds the work by the size of the image: a small
 * one can be made to unfold to very many paths. */
int cfs_walk_new(const struct cfs_image *im, const struct cfs_walk_opts *opts,
		 struct cfs_walk **out, struct cfs_err *err)
{
	uint64_t n_slots = im->bytes.len / EROFS_SLOT;
	struct cfs_walk *w = calloc(1, sizeof(*w));
	int rc = 0;

	if (!w)
		return cfs_fail(err, ENOMEM, "no memory for a walk");
	w->im = im;
	w->opts = opts ? opts : &no_opts;
	w->cost_max = COST_BASE + COST_PER_BYTE * im->bytes.len;
	if (cfs_slots_init(&w->used, n_slots) < 0 ||
	    cfs_slots_init(&w->seen, n_slots) < 0 || set_top(w, w->opts->top) < 0)
		rc = cfs_fail(err, ENOMEM, "no memory for a walk");
	if (rc == 0 && w->opts->first_names)
		rc = first_pass(w, err);
	if (rc < 0) {
		cfs_walk_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void cfs_walk_free(struct cfs_walk *walk)
{
	if (!walk)
		return;
	free(walk->used.words);
	free(walk->seen.words);
	free(walk->twice.words);
	free(walk->frames);
	free(walk->path);
	free(walk->first_path);
	free(walk->trails);
	free(walk->firsts);
	free(walk);
}
