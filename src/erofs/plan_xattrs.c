/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Entries, and the xattr areas of inodes. */
#include "erofs/plan.h"

uint32_t cfs_pair_entry_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node)
{
	uint32_t len = (uint32_t)sizeof(struct erofs_xattr_entry) +
		       cfs_pair_key(plan, pair)->suffix_len +
		       cfs_pair_value_len(plan, pair, node);

	return (uint32_t)cfs_align_up(len, EROFS_XATTR_ALIGN);
}

uint8_t *cfs_pair_put_entry(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p)
{
	const struct cfs_key *key = cfs_pair_key(plan, pair);
	uint8_t *head = p, *value;

	p[offsetof(struct erofs_xattr_entry, e_name_len)] = key->suffix_len;
	p[offsetof(struct erofs_xattr_entry, e_name_index)] = key->index;
	p += sizeof(struct erofs_xattr_entry);
	memcpy(p, key->suffix, key->suffix_len);
	value = p + key->suffix_len;
	p = cfs_pair_put_value(plan, pair, node, value);
	cfs_put_le16(head + offsetof(struct erofs_xattr_entry, e_value_size),
		     (uint16_t)(p - value));
	while ((p - head) % EROFS_XATTR_ALIGN)
		*p++ = 0;
	return p;
}

/* Where the pair of this inode lies in the shared table. */
static uint32_t share_of(const struct cfs_plan *plan, cfs_pair pair, cfs_id id)
{
	if (pair >= CFS_PAIR_METACOPY)
		return plan->inodes[id].own_shares[pair - CFS_PAIR_METACOPY];
	return plan->shares[pair];
}

/* The pairs of an inode, divided: references[0..n_references) into the shared table and
 * the others, both ascending by key. What is shared but does not find room among the references
 * is stored as if it were not. */
struct divided {
	const cfs_pair *pairs;
	uint32_t n;
	uint32_t n_references;
	uint32_t references[EROFS_XATTR_SHARED_MAX]; /* indices in cfs_plan.shared */
	uint32_t n_inline;
	cfs_pair inline_pairs[CFS_INODE_PAIRS_MAX];
	cfs_pair buf[CFS_INODE_PAIRS_MAX];
};

static void divide(const struct cfs_plan *plan, cfs_id id, struct divided *d)
{
	d->n = cfs_overlay_pairs(plan, id, d->buf, &d->pairs);
	d->n_references = 0;
	d->n_inline = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		uint32_t share = share_of(plan, d->pairs[i], id);

		if (cfs_is_shared(share) && d->n_references < EROFS_XATTR_SHARED_MAX)
			d->references[d->n_references++] = share;
		else
			d->inline_pairs[d->n_inline++] = d->pairs[i];
	}
}

uint32_t cfs_plan_area_len(const struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	struct divided d;
	uint32_t len = sizeof(struct erofs_xattr_header);

	divide(plan, id, &d);
	if (d.n == 0)
		return 0;
	len += d.n_references * (uint32_t)sizeof(uint32_t);
	for (uint32_t i = 0; i < d.n_inline; i++)
		len += cfs_pair_entry_len(plan, d.inline_pairs[i], node);
	return len;
}

uint8_t *cfs_plan_put_area(const struct cfs_plan *plan, cfs_id id, uint8_t *p)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	uint32_t base = (uint32_t)(plan->inodes_end % EROFS_BLOCK);
	uint32_t filter = UINT32_MAX;
	struct divided d;

	divide(plan, id, &d);
	if (d.n == 0)
		return p;
	for (uint32_t i = 0; i < d.n; i++)
		filter &= ~cfs_pair_key(plan, d.pairs[i])->filter;
	memset(p, 0, sizeof(struct erofs_xattr_header));
	cfs_put_le32(p + offsetof(struct erofs_xattr_header, h_name_filter), filter);
	p[offsetof(struct erofs_xattr_header, h_shared_count)] = (uint8_t)d.n_references;
	p += sizeof(struct erofs_xattr_header);
	for (uint32_t i = 0; i < d.n_references; i++, p += sizeof(uint32_t))
		cfs_put_le32(p, base / EROFS_XATTR_ALIGN +
					plan->shared[d.references[i]].pos);
	for (uint32_t i = 0; i < d.n_inline; i++)
		p = cfs_pair_put_entry(plan, d.inline_pairs[i], node, p);
	return p;
}
