/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Entries of xattrs, and the xattr areas of inodes. */
#include "erofs/plan_xattrs.h"

#include "erofs/overlay.h"
#include "erofs/plan_keys.h"

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

/* The position of a pair of this inode in the shared table. */
static uint32_t get_share(const struct cfs_plan *plan, cfs_pair pair, cfs_id id)
{
	if (pair >= CFS_PAIR_METACOPY)
		return plan->inodes[id].own_shares[pair - CFS_PAIR_METACOPY];
	return plan->shares[pair];
}

/* Whether a pair becomes a reference: if it is shared, and the inode has fewer than the maximum of
 * references, which n_refs counts. Other pairs are stored inline. */
static bool count_reference(uint32_t share, uint32_t *n_refs)
{
	if (!cfs_is_shared(share) || *n_refs == EROFS_XATTR_SHARED_MAX)
		return false;
	++*n_refs;
	return true;
}

uint64_t cfs_plan_measure_area(struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	struct cfs_pairs pairs = cfs_overlay_pairs(plan, id);
	uint32_t n_refs = 0;
	uint64_t len = 0;
	cfs_pair pair;

	while (cfs_overlay_next(&pairs, &pair)) {
		if (count_reference(get_share(plan, pair, id), &n_refs))
			len += sizeof(uint32_t);
		else
			len += cfs_pair_entry_len(plan, pair, node);
	}
	plan->inodes[id].n_refs = (uint8_t)n_refs;
	return len ? sizeof(struct erofs_xattr_header) + len : 0;
}

static void put_area_header(uint32_t filter, uint8_t n_refs, uint8_t *p)
{
	memset(p, 0, sizeof(struct erofs_xattr_header));
	cfs_put_le32(p + offsetof(struct erofs_xattr_header, h_name_filter), filter);
	p[offsetof(struct erofs_xattr_header, h_shared_count)] = n_refs;
}

/* References first, then the other entries, both ascending by key. */
uint8_t *cfs_plan_put_area(const struct cfs_plan *plan, cfs_id id, uint8_t *p)
{
	uint32_t table = (uint32_t)(plan->inodes_end % EROFS_BLOCK) / EROFS_XATTR_ALIGN;
	const struct cfs_plan_inode *inode = &plan->inodes[id];
	const struct cfs_node *node = cfs_plan_node(plan, id);
	struct cfs_pairs pairs = cfs_overlay_pairs(plan, id);
	uint8_t *ref = p + sizeof(struct erofs_xattr_header);
	uint8_t *entry = ref + inode->n_refs * sizeof(uint32_t);
	uint32_t filter = UINT32_MAX, n_refs = 0;
	cfs_pair pair;

	if (inode->xattr_len == 0)
		return p;
	while (cfs_overlay_next(&pairs, &pair)) {
		uint32_t share = get_share(plan, pair, id);

		filter &= ~cfs_pair_key(plan, pair)->filter;
		if (count_reference(share, &n_refs)) {
			cfs_put_le32(ref, table + plan->shared[share].pos);
			ref += sizeof(uint32_t);
		} else {
			entry = cfs_pair_put_entry(plan, pair, node, entry);
		}
	}
	put_area_header(filter, inode->n_refs, p);
	return entry;
}
