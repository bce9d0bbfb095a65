/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writes the bytes of an image, in ascending order, from its plan. */
#include "erofs/write.h"

#include <errno.h>
#include <inttypes.h>

#include "erofs/overlay.h"
#include "erofs/plan_dirs.h"
#include "erofs/plan_layout.h"
#include "erofs/plan_xattrs.h"

/* Larger than the largest inode, one with 256 KiB of xattrs. */
enum { BUFFER_LEN = 512 * 1024 };

struct emit {
	const struct cfs_plan *plan;
	struct cfs_sink to; /* the caller's */
	struct cfs_out out;
	uint32_t ino;
	uint32_t next_blk; /* of the next inode that has data blocks */
};

/* --- the beginning ------------------------------------------------------------------- */

static void emit_header(const struct cfs_plan *plan, uint8_t *p)
{
	cfs_put_le32(p + offsetof(struct cfs_header, magic), CFS_HEADER_MAGIC);
	cfs_put_le32(p + offsetof(struct cfs_header, version), CFS_HEADER_VERSION);
	cfs_put_le32(p + offsetof(struct cfs_header, flags),
		     plan->has_acl ? CFS_HEADER_HAS_ACL : 0);
	cfs_put_le32(p + offsetof(struct cfs_header, composefs_version), plan->version);
}

/* The superblock. Each field that is not set is zero, as 1.0.8 writes it. */
static void put_super(const struct cfs_plan *plan, uint8_t *p)
{
	uint64_t blocks = plan->no_blocks ? 0 : cfs_plan_image_len(plan) / EROFS_BLOCK;

	cfs_put_le32(p + offsetof(struct erofs_super, magic), EROFS_MAGIC);
	cfs_put_le32(p + offsetof(struct erofs_super, feature_compat),
		     EROFS_FEATURE_COMPAT_MTIME | EROFS_FEATURE_COMPAT_XATTR_FILTER);
	p[offsetof(struct erofs_super, blkszbits)] = EROFS_BLOCK_BITS;
	cfs_put_le16(p + offsetof(struct erofs_super, root_nid),
		     (uint16_t)plan->inodes[CFS_ROOT].nid);
	cfs_put_le64(p + offsetof(struct erofs_super, inos), plan->n_inodes);
	cfs_put_le64(p + offsetof(struct erofs_super, build_time),
		     (uint64_t)plan->mtime_sec);
	cfs_put_le32(p + offsetof(struct erofs_super, build_time_nsec), plan->mtime_nsec);
	cfs_put_le32(p + offsetof(struct erofs_super, blocks), (uint32_t)blocks);
	cfs_put_le32(p + offsetof(struct erofs_super, xattr_blkaddr),
		     (uint32_t)(plan->inodes_end / EROFS_BLOCK));
}

static void emit_head(struct emit *e)
{
	uint8_t *p = cfs_out_room(&e->out, EROFS_FIRST_INODE_OFF);

	memset(p, 0, EROFS_FIRST_INODE_OFF);
	emit_header(e->plan, p);
	put_super(e->plan, p + EROFS_SB_OFF);
}

/* --- inodes -------------------------------------------------------------------------- */

/* The fields of both inode forms. */
struct inode_fields {
	uint64_t size;
	uint32_t mode, nlink, u, ino;
	uint16_t format, xattr_icount;
};

/* The 32-byte form of an inode, for those that fit into it. */
static void put_compact(const struct cfs_node *n, const struct inode_fields *f,
			uint8_t *p)
{
	memset(p, 0, sizeof(struct erofs_inode_compact));
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_format), f->format);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_xattr_icount),
		     f->xattr_icount);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_mode), (uint16_t)f->mode);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_nlink),
		     (uint16_t)f->nlink);
	cfs_put_le32(p + offsetof(struct erofs_inode_compact, i_size), (uint32_t)f->size);
	cfs_put_le32(p + offsetof(struct erofs_inode_compact, i_u), f->u);
	cfs_put_le32(p + offsetof(struct erofs_inode_compact, i_ino), f->ino);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_uid), (uint16_t)n->uid);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_gid), (uint16_t)n->gid);
}

/* The layout is struct erofs_inode_extended of the kernel. Fields that are not set here
 * are reserved and 0. */
static void put_extended(const struct cfs_node *n, const struct inode_fields *f,
			 uint8_t *p)
{
	memset(p, 0, sizeof(struct erofs_inode_extended));
	cfs_put_le16(p + offsetof(struct erofs_inode_extended, i_format), f->format);
	cfs_put_le16(p + offsetof(struct erofs_inode_extended, i_xattr_icount),
		     f->xattr_icount);
	cfs_put_le16(p + offsetof(struct erofs_inode_extended, i_mode),
		     (uint16_t)f->mode);
	cfs_put_le64(p + offsetof(struct erofs_inode_extended, i_size), f->size);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_u), f->u);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_ino), f->ino);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_uid), n->uid);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_gid), n->gid);
	cfs_put_le64(p + offsetof(struct erofs_inode_extended, i_mtime),
		     (uint64_t)n->mtime_sec);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_mtime_nsec),
		     n->mtime_nsec);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_nlink), f->nlink);
}

static uint32_t n_blocks(const struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_plan_inode *inode = &plan->inodes[id];

	if (S_ISDIR(cfs_plan_node(plan, id)->mode))
		return plan->dirs[inode->dir].n_blocks;
	return inode->flags & CFS_PLAN_BLOCK ? 1 : 0;
}

static uint64_t inode_size(const struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *n = cfs_plan_node(plan, id);
	const struct cfs_plan_inode *inode = &plan->inodes[id];

	if (S_ISDIR(n->mode))
		return (uint64_t)n_blocks(plan, id) * EROFS_BLOCK + inode->tail_len;
	if (S_ISREG(n->mode) || S_ISLNK(n->mode))
		return n->size;
	return 0;
}

static uint16_t inode_format(const struct cfs_node *n, const struct cfs_plan_inode *inode)
{
	unsigned layout = EROFS_LAYOUT_PLAIN;

	if (cfs_node_is_external(n))
		layout = EROFS_LAYOUT_CHUNK;
	else if (inode->tail_len)
		layout = EROFS_LAYOUT_INLINE;
	return (uint16_t)(layout << EROFS_LAYOUT_SHIFT |
			  (inode->flags & CFS_PLAN_COMPACT ? 0 : EROFS_EXTENDED));
}

/* i_u: the device, the chunk format or the first data block. A chunk map in a data block has the upper
 * half of its address beside the format. */
static uint32_t inode_union(const struct emit *e, cfs_id id)
{
	const struct cfs_node *n = cfs_plan_node(e->plan, id);
	uint32_t blk = n_blocks(e->plan, id) ? e->next_blk : 0;

	if (cfs_node_is_external(n))
		return (blk & ~UINT32_C(0xffff)) |
		       (cfs_chunk_choose_bits(n->size) - EROFS_CHUNK_BITS_MIN);
	if (S_ISCHR(n->mode) || S_ISBLK(n->mode))
		return n->rdev;
	return blk;
}

/* The tail after the inode: the part of its content that is not in data blocks. */
static void put_tail(const struct cfs_plan *plan, cfs_id id, uint8_t *p)
{
	const struct cfs_node *n = cfs_plan_node(plan, id);
	const struct cfs_plan_inode *inode = &plan->inodes[id];

	if (inode->tail_len == 0)
		return;
	if (S_ISDIR(n->mode)) {
		const struct cfs_plan_dir *d = &plan->dirs[inode->dir];

		cfs_plan_put_entries(plan, id, d->tail, d->n_tail, p);
	} else if (S_ISLNK(n->mode)) {
		memcpy(p, n->payload, inode->tail_len);
	} else if (n->content) {
		memcpy(p, n->content + n->size - inode->tail_len, inode->tail_len);
	} else {
		memset(p, 0xff,
		       inode->tail_len); /* null addresses: the chunks are in the object */
	}
}

/* The fields that compact and extended inodes share, from tree and plan. The count of
 * xattrs is in units of 4 bytes behind the header, plus 1, as EROFS defines it. */
static struct inode_fields inode_fields(const struct emit *e, cfs_id id)
{
	const struct cfs_plan *plan = e->plan;
	const struct cfs_node *n = cfs_plan_node(plan, id);
	const struct cfs_plan_inode *inode = &plan->inodes[id];
	struct inode_fields f = {
		.size = inode_size(plan, id),
		.mode = cfs_overlay_mode(n, inode),
		.nlink = S_ISDIR(n->mode) ? plan->dirs[inode->dir].nlink : n->nlink,
		.u = inode_union(e, id),
		.ino = e->ino,
		.format = inode_format(n, inode),
	};

	if (inode->xattr_len)
		f.xattr_icount = (uint16_t)((inode->xattr_len -
					     sizeof(struct erofs_xattr_header)) /
						    EROFS_XATTR_ALIGN +
					    1);
	return f;
}

/* Writes what the plan has measured. A length that differs is an error of this program,
 * found here before a wrong image is complete. */
static void emit_inode(struct emit *e, cfs_id id)
{
	const struct cfs_plan *plan = e->plan;
	const struct cfs_node *n = cfs_plan_node(plan, id);
	const struct cfs_plan_inode *inode = &plan->inodes[id];
	struct inode_fields f = inode_fields(e, id);
	uint32_t head_len = cfs_plan_inode_len(inode);
	uint8_t *p, *end;

	cfs_out_put_zeros(&e->out, inode->nid * EROFS_SLOT - e->out.total);
	p = cfs_out_room(&e->out, head_len + inode->xattr_len + inode->tail_len);
	if (inode->flags & CFS_PLAN_COMPACT)
		put_compact(n, &f, p);
	else
		put_extended(n, &f, p);
	end = cfs_plan_put_area(plan, id, p + head_len);
	if (end != p + head_len + inode->xattr_len && e->out.rc == 0)
		e->out.rc = cfs_fail(&e->out.err, EOVERFLOW,
				     "xattrs of an inode: expected %u bytes, got %td",
				     (unsigned)inode->xattr_len, end - p - head_len);
	put_tail(plan, id, p + head_len + inode->xattr_len);
	e->next_blk += n_blocks(plan, id);
	e->ino++;
}

/* Writes all inodes in the order of the plan: breadth first, each at its first name. */
static void emit_inodes(struct emit *e)
{
	const struct cfs_plan *plan = e->plan;

	emit_inode(e, CFS_ROOT);
	for (uint32_t i = 0; i < plan->n_dirs && e->out.rc == 0; i++) {
		struct cfs_plan_pos pos = CFS_PLAN_PAST_DOTS;
		struct cfs_plan_entry entry;

		while (e->out.rc == 0 &&
		       cfs_plan_next(plan, plan->dirs[i].node, &pos, &entry))
			if (entry.own)
				emit_inode(e, entry.id);
	}
	cfs_out_put_zeros(&e->out, plan->inodes_end - e->out.total);
}

/* --- other areas --------------------------------------------------------------------- */

static void emit_shared(struct emit *e)
{
	const struct cfs_plan *plan = e->plan;

	for (size_t i = 0; i < plan->n_shared && e->out.rc == 0; i++) {
		const struct cfs_shared *s = &plan->shared[plan->shared_order[i]];
		const struct cfs_node *n = cfs_plan_node(plan, s->node);
		uint32_t len = cfs_pair_entry_len(plan, s->pair, n);

		cfs_pair_put_entry(plan, s->pair, n, cfs_out_room(&e->out, len));
	}
	cfs_out_put_zeros(&e->out, plan->data_start - e->out.total);
}

static void emit_dir_blocks(struct emit *e, const struct cfs_plan_dir *d)
{
	struct cfs_plan_pos pos = {0};

	for (uint32_t i = 0; i < d->n_blocks && e->out.rc == 0; i++) {
		struct cfs_plan_group g = cfs_plan_group_at(e->plan, d->node, pos);
		uint8_t *p = cfs_out_room(&e->out, EROFS_BLOCK);

		cfs_plan_put_entries(e->plan, d->node, pos, g.n, p);
		memset(p + g.len, 0, EROFS_BLOCK - g.len);
		pos = g.end;
	}
}

static void emit_block(struct emit *e, const struct cfs_node *n)
{
	uint8_t *p = cfs_out_room(&e->out, EROFS_BLOCK);
	size_t len = n->size < EROFS_BLOCK ? (size_t)n->size : EROFS_BLOCK;

	if (cfs_node_is_external(n)) {
		memset(p, 0xff, EROFS_BLOCK);
		return;
	}
	memcpy(p, S_ISLNK(n->mode) ? n->payload : n->content, len);
	memset(p + len, 0, EROFS_BLOCK - len);
}

static void emit_data(struct emit *e)
{
	const struct cfs_plan *plan = e->plan;

	for (size_t i = 0; i < plan->n_block_owners && e->out.rc == 0; i++) {
		cfs_id id = plan->block_owners[i];
		const struct cfs_node *n = cfs_plan_node(plan, id);

		if (S_ISDIR(n->mode))
			emit_dir_blocks(e, &plan->dirs[plan->inodes[id].dir]);
		else
			emit_block(e, n);
	}
}

/* A sink in front of the caller's: between two pieces the watch is polled. */
static int write_piece(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct emit *e = ctx;
	int rc = cfs_watch_poll(e->plan->watch, err);

	return rc < 0 ? rc : e->to.write(e->to.ctx, p, len, err);
}

/* Header and superblock, inodes, shared xattrs, data: one pass without seeking, so the
 * sink can be a pipe or a digest. Errors of the sink end in e.out. */
int cfs_emit(const struct cfs_plan *plan, struct cfs_sink sink, struct cfs_err *err)
{
	struct emit e = {
		.plan = plan,
		.to = sink,
		.next_blk = (uint32_t)(plan->data_start / EROFS_BLOCK),
	};
	int rc = cfs_out_init(&e.out, (struct cfs_sink){write_piece, &e}, BUFFER_LEN);

	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	emit_head(&e);
	emit_inodes(&e);
	emit_shared(&e);
	emit_data(&e);
	if (e.out.rc == 0 && e.out.total != cfs_plan_image_len(plan))
		e.out.rc = cfs_fail(&e.out.err, EOVERFLOW,
				    "image: expected %" PRIu64 " bytes, got %" PRIu64,
				    cfs_plan_image_len(plan), e.out.total);
	rc = cfs_out_flush(&e.out, err);
	cfs_out_fini(&e.out);
	return rc;
}
