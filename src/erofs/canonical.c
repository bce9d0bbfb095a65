/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The canonical check: the tree of an image is loaded and planned again, and the bytes are compared
 * as they are emitted.
 */
#include "erofs/canonical.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "erofs/format.h"
#include "erofs/load.h"
#include "erofs/plan_build.h"
#include "erofs/walk_priv.h"

enum { PLACE_LEN = 512 };

struct comparison {
	struct cfs_span image;
	uint64_t off; /* number of equal bytes so far */
	bool differs;
};

/* A sink that fails at the first byte that differs. */
static int compare_bytes(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct comparison *c = ctx;
	const uint8_t *made = p;
	struct cfs_span there;

	if (cfs_span_sub(c->image, c->off, len, &there) &&
	    memcmp(made, there.p, len) == 0) {
		c->off += len;
		return 0;
	}
	for (size_t i = 0;
	     cfs_span_sub(c->image, c->off, 1, &there) && *there.p == made[i]; i++)
		c->off++;
	c->differs = true;
	return cfs_fail(err, EUCLEAN, "differs");
}

/* Whether the inode or its data blocks contain that offset. */
static bool lies_at(const struct cfs_inode *i, uint64_t off, bool *in_data)
{
	*in_data = i->blocks.len && off >= i->data_off &&
		   off - i->data_off < cfs_align_up(i->blocks.len, EROFS_BLOCK);
	return *in_data || (off >= i->off && off - i->off < i->len);
}

/* Replaces control characters of a name, so that the message stays one line; the number identifies the inode. */
static void replace_control_chars(char *place)
{
	for (; *place; place++)
		if ((unsigned char)*place < ' ' || *place == 0x7f)
			*place = '?';
}

/* Names the inode at an offset; false when there is none. */
static bool name_inode(const struct cfs_image *im, uint64_t off, char place[PLACE_LEN])
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	bool in_data;

	if (cfs_walk_new(im, NULL, &walk, NULL) < 0)
		return false;
	walk->show_hidden = true;
	while (cfs_walk_next(walk, &e, NULL) > 0) {
		if (!lies_at(&e->inode, off, &in_data))
			continue;
		snprintf(place, PLACE_LEN, "%sinode %" PRIu64 " (%.*s)",
			 in_data ? "data of " : "", e->inode.nid,
			 e->path.len > PLACE_LEN / 2 ? PLACE_LEN / 2 : (int)e->path.len,
			 e->path.s);
		replace_control_chars(place);
		return true;
	}
	return false;
}

/* Names the part of the plan at an offset without inode. */
static const char *name_area(const struct cfs_plan *plan, uint64_t off)
{
	if (off < EROFS_SB_OFF)
		return "composefs header";
	if (off < EROFS_FIRST_INODE_OFF)
		return "superblock";
	if (off < plan->inodes_end)
		return "padding between inodes";
	if (off < plan->inodes_end + plan->shared_len)
		return "shared xattrs";
	if (off < plan->data_start)
		return "padding behind the shared xattrs";
	return "data blocks";
}

/* Writes the image anew and compares instead of storing it. The message names what
 * lies at the first difference. */
static int compare_plan(const struct cfs_image *im, const struct cfs_plan *plan,
			struct cfs_err *err)
{
	struct comparison c = {.image = im->bytes};
	char place[PLACE_LEN];
	int rc = cfs_emit(plan, (struct cfs_sink){compare_bytes, &c}, err);

	if (rc < 0 && !c.differs)
		return rc;
	if (rc == 0 && c.off == im->bytes.len)
		return 0;
	if (!name_inode(im, c.off, place))
		snprintf(place, PLACE_LEN, "%s", name_area(plan, c.off));
	return cfs_fail(err, EUCLEAN,
			"%s: offset %" PRIu64
			": differs from what the writer makes of this tree "
			"(its image has %" PRIu64 " bytes, this one %zu)",
			place, c.off, cfs_plan_image_len(plan), im->bytes.len);
}

struct cfs_image_opts cfs_image_find_form(const struct cfs_image *im,
					  const struct cfs_tree *tree)
{
	return (struct cfs_image_opts){
		.min_version = im->version,
		.max_version = im->version,
		.no_blocks = im->no_blocks,
		.unsigned_times =
			cfs_plan_has_unsigned_times(tree, im->build_sec, im->build_nsec),
	};
}

/* Loads the image, plans it as the writer would, and compares the bytes. An image that
 * only differs in layout is valid, but has another digest than the writer gives it. */
int cfs_image_check_canonical(const struct cfs_image *im, const struct cfs_watch *watch,
			      struct cfs_err *err)
{
	const struct cfs_load_opts load = {.writers_names = true, .watch = watch};
	struct cfs_image_opts opts;
	struct cfs_tree *tree;
	struct cfs_plan *plan;
	int rc;

	if (im->version > CFS_IMAGE_VERSION_MAX)
		return cfs_fail(err, ENOTSUP,
				"format version: expected 0 to %d, which the writer "
				"knows, got %u",
				CFS_IMAGE_VERSION_MAX, im->version);
	rc = cfs_image_load(im, &load, &tree, err);
	if (rc < 0)
		return rc;
	opts = cfs_image_find_form(im, tree);
	rc = cfs_plan_new(tree, &opts, watch, &plan, err);
	if (rc == 0) {
		rc = compare_plan(im, plan, err);
		cfs_plan_free(plan);
	}
	cfs_tree_free(tree);
	return rc;
}
