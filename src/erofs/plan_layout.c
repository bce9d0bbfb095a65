/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Positions: all inodes, breadth-first; then the shared xattrs, then the data blocks. Some rules look
 * odd: they are those of composefs 1.0.8, whose images must be reproduced byte for byte.
 */
#include "erofs/plan_layout.h"

#include <errno.h>
#include <inttypes.h>

#include "erofs/overlay.h"
#include "erofs/plan_dirs.h"
#include "erofs/plan_xattrs.h"

/* The space of one inode. */
struct extent {
	uint32_t head_len; /* inode and xattrs */
	uint32_t tail_len;
	uint32_t n_blocks;
};

uint32_t cfs_chunk_choose_bits(uint64_t size)
{
	uint32_t bits = size > 1 ? 64 - (uint32_t)__builtin_clzll(size - 1) : 0;

	if (bits < EROFS_CHUNK_BITS_MIN)
		return EROFS_CHUNK_BITS_MIN;
	return bits < EROFS_CHUNK_BITS_MAX ? bits : EROFS_CHUNK_BITS_MAX;
}

uint32_t cfs_chunk_compute_count(uint64_t size)
{
	return (uint32_t)(((size - 1) >> cfs_chunk_choose_bits(size)) + 1);
}

/* Compact inodes have no time and small numbers. size: of devices, FIFOs and sockets the size in the
 * input, although the image says 0. */
static bool fits_compact(const struct cfs_plan *plan, const struct cfs_node *n,
			 uint32_t nlink, uint64_t size)
{
	return n->mtime_sec == plan->mtime_sec && n->mtime_nsec == plan->mtime_nsec &&
	       nlink <= UINT16_MAX && n->uid <= UINT16_MAX && n->gid <= UINT16_MAX &&
	       size <= UINT32_MAX;
}

static void measure_plan_file(const struct cfs_node *n, struct extent *x)
{
	if (cfs_node_is_external(n)) {
		x->tail_len =
			cfs_chunk_compute_count(n->size) * (uint32_t)sizeof(uint32_t);
		return;
	}
	x->n_blocks = (uint32_t)(n->size / EROFS_BLOCK);
	x->tail_len = (uint32_t)(n->size % EROFS_BLOCK);
	if (x->tail_len > EROFS_BLOCK / 2) {
		x->n_blocks++;
		x->tail_len = 0;
	}
}

/* How much room an inode needs: head with xattrs, tail, and blocks. Chooses the compact
 * form where the numbers fit 16 and 32 bits. */
static struct extent measure_inode(struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *n = cfs_plan_node(plan, id);
	struct cfs_plan_inode *inode = &plan->inodes[id];
	uint64_t size = cfs_overlay_size(n, inode);
	uint32_t nlink = n->nlink;
	struct extent x = {0};

	if (S_ISDIR(n->mode)) {
		const struct cfs_plan_dir *d = &plan->dirs[inode->dir];

		nlink = d->nlink;
		x.n_blocks = d->n_blocks;
		x.tail_len = inode->tail_len;
		size = (uint64_t)x.n_blocks * EROFS_BLOCK + x.tail_len;
	} else if (S_ISLNK(n->mode)) {
		x.tail_len = n->payload_len;
	} else if (S_ISREG(n->mode)) {
		measure_plan_file(n, &x);
	}
	if (fits_compact(plan, n, nlink, size))
		inode->flags |= CFS_PLAN_COMPACT;
	x.head_len = cfs_plan_inode_len(inode) + inode->xattr_len;
	return x;
}

/* A symlink lies in one block with its inode. Both tests use the length with the target: an inode
 * whose target was moved to a data block still starts a block, and a length of exactly one block is
 * too long. */
static uint64_t place_symlink(uint64_t pos, struct extent *x)
{
	uint64_t len = (uint64_t)x->head_len + x->tail_len;
	bool crosses = pos / EROFS_BLOCK != (pos + len - 1) / EROFS_BLOCK;

	if (len >= EROFS_BLOCK) {
		x->n_blocks = 1;
		x->tail_len = 0;
	}
	return crosses ? cfs_align_up(pos, EROFS_BLOCK) : pos;
}

/* The rest of the block after the inode and its xattrs. */
static uint32_t room_after(uint64_t pos, const struct extent *x)
{
	return EROFS_BLOCK - (uint32_t)((pos + x->head_len) % EROFS_BLOCK);
}

/* For other types only the tail must not cross the end of a block. When padding is not enough (a map
 * of nearly 1024 chunks) the tail goes to a data block. */
static uint64_t place_other(uint64_t pos, struct extent *x)
{
	uint32_t room = room_after(pos, x);
	uint64_t padded = pos + cfs_align_up(room, EROFS_SLOT);

	if (x->tail_len <= room)
		return pos;
	if (x->tail_len <= room_after(padded, x))
		return padded;
	x->n_blocks++;
	x->tail_len = 0;
	return cfs_align_up(pos, EROFS_BLOCK);
}

static int add_block_owner(struct cfs_plan *plan, cfs_id id, uint32_t n_blocks,
			   struct cfs_err *err)
{
	if (n_blocks == 0)
		return 0;
	if (cfs_grow(&plan->block_owners, &plan->block_owners_cap,
		     plan->n_block_owners + 1, sizeof(*plan->block_owners)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	plan->block_owners[plan->n_block_owners++] = id;
	plan->n_data_blocks += n_blocks;
	if (!S_ISDIR(cfs_plan_node(plan, id)->mode))
		plan->inodes[id].flags |= CFS_PLAN_BLOCK;
	return 0;
}

/* The builder limits the xattrs of input; a tree loaded from an image may have more. */
static int measure_xattrs(struct cfs_plan *plan, cfs_id id, struct cfs_err *err)
{
	uint64_t len = cfs_plan_measure_area(plan, id);
	char path[512];

	if (len > EROFS_XATTR_AREA_MAX)
		return cfs_fail(err, ERANGE,
				"%s: expected at most %d bytes of xattrs, got %" PRIu64,
				cfs_tree_format_path(plan->tree, id, path, sizeof(path)),
				EROFS_XATTR_AREA_MAX, len);
	plan->inodes[id].xattr_len = (uint32_t)len;
	return 0;
}

/* Places an inode after the last one. */
static int place_inode(struct cfs_plan *plan, cfs_id id, struct cfs_err *err)
{
	struct cfs_plan_inode *inode = &plan->inodes[id];
	uint64_t pos = cfs_align_up(plan->inodes_end, EROFS_SLOT);
	int rc = measure_xattrs(plan, id, err);
	struct extent x;

	if (rc < 0)
		return rc;
	x = measure_inode(plan, id);
	if (S_ISLNK(cfs_plan_node(plan, id)->mode))
		pos = place_symlink(pos, &x);
	else
		pos = place_other(pos, &x);
	inode->nid = pos / EROFS_SLOT;
	inode->tail_len = (uint16_t)x.tail_len;
	plan->inodes_end = pos + x.head_len + x.tail_len;
	plan->n_inodes++;
	return add_block_owner(plan, id, x.n_blocks, err);
}

static int place_children(struct cfs_plan *plan, cfs_id dir, struct cfs_err *err)
{
	struct cfs_plan_pos pos = CFS_PLAN_PAST_DOTS;
	struct cfs_plan_entry e;
	int rc = 0;

	while (rc == 0 && cfs_plan_next(plan, dir, &pos, &e)) {
		rc = cfs_watch_poll(plan->watch, err);
		if (rc == 0 && e.own)
			rc = place_inode(plan, e.id, err);
	}
	return rc;
}

uint64_t cfs_plan_image_len(const struct cfs_plan *plan)
{
	return plan->data_start + plan->n_data_blocks * EROFS_BLOCK;
}

int cfs_plan_check_size(const struct cfs_plan *plan, struct cfs_err *err)
{
	uint64_t blocks = cfs_plan_image_len(plan) / EROFS_BLOCK;
	uint64_t table_end = plan->inodes_end % EROFS_BLOCK + plan->shared_len;

	if (table_end / EROFS_XATTR_ALIGN > UINT32_MAX)
		return cfs_fail(
			err, EFBIG,
			"image: expected at most 16 GiB of shared xattrs, got %" PRIu64
			" bytes",
			plan->shared_len);
	if (blocks > UINT32_MAX)
		return cfs_fail(err, EFBIG,
				"image: expected at most %u blocks, got %" PRIu64,
				UINT32_MAX, blocks);
	return 0;
}

int cfs_plan_layout(struct cfs_plan *plan, struct cfs_err *err)
{
	int rc;

	plan->inodes_end = EROFS_FIRST_INODE_OFF;
	rc = place_inode(plan, CFS_ROOT, err);
	for (uint32_t i = 0; i < plan->n_dirs && rc == 0; i++)
		rc = place_children(plan, plan->dirs[i].node, err);
	if (rc < 0)
		return rc;
	plan->inodes_end = cfs_align_up(plan->inodes_end, EROFS_SLOT);
	plan->data_start = cfs_align_up(plan->inodes_end + plan->shared_len, EROFS_BLOCK);
	return cfs_plan_check_size(plan, err);
}
