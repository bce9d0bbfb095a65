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

/* True when a pair of this share becomes a reference: if it is shared, and among the first of its
 * inode that are; n_refs counts them. The others are stored as if they were not shared. */
static bool takes_reference(uint32_t share, uint32_t *n_refs)
{
	if (!cfs_is_shared(share) || *n_refs == EROFS_XATTR_SHARED_MAX)
		return false;
	++*n_refs;
	return true;
}

uint32_t cfs_plan_area_len(const struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	uint32_t len = sizeof(struct erofs_xattr_header), n_refs = 0;
	cfs_pair buf[CFS_INODE_PAIRS_MAX];
	const cfs_pair *pairs;
	uint32_t n = cfs_overlay_pairs(plan, id, buf, &pairs);

	for (uint32_t i = 0; i < n; i++) {
		if (takes_reference(share_of(plan, pairs[i], id), &n_refs))
			len += (uint32_t)sizeof(uint32_t);
		else
			len += cfs_pair_entry_len(plan, pairs[i], node);
	}
	return n ? len : 0;
}

static void put_area_header(uint32_t filter, uint32_t n_refs, uint8_t *p)
{
	memset(p, 0, sizeof(struct erofs_xattr_header));
	cfs_put_le32(p + offsetof(struct erofs_xattr_header, h_name_filter), filter);
	p[offsetof(struct erofs_xattr_header, h_shared_count)] = (uint8_t)n_refs;
}

/* The references first, then the other entries, both ascending by key. */
uint8_t *cfs_plan_put_area(const struct cfs_plan *plan, cfs_id id, uint8_t *p)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	uint32_t table = (uint32_t)(plan->inodes_end % EROFS_BLOCK) / EROFS_XATTR_ALIGN;
	uint32_t filter = UINT32_MAX, n_refs = 0, n_met = 0;
	cfs_pair buf[CFS_INODE_PAIRS_MAX];
	const cfs_pair *pairs;
	uint32_t n = cfs_overlay_pairs(plan, id, buf, &pairs);
	uint8_t *header = p;

	if (n == 0)
		return p;
	p += sizeof(struct erofs_xattr_header);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t share = share_of(plan, pairs[i], id);

		filter &= ~cfs_pair_key(plan, pairs[i])->filter;
		if (!takes_reference(share, &n_refs))
			continue;
		cfs_put_le32(p, table + plan->shared[share].pos);
		p += sizeof(uint32_t);
	}
	put_area_header(filter, n_refs, header);
	for (uint32_t i = 0; i < n; i++)
		if (!takes_reference(share_of(plan, pairs[i], id), &n_met))
			p = cfs_pair_put_entry(plan, pairs[i], node, p);
	return p;
}
