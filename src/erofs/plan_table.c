/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The shared xattr table: every pair that two or more inodes have, descending by key and value. */
#include "erofs/plan_table.h"

#include <errno.h>
#include <stdlib.h>

#include "erofs/plan_keys.h"
#include "erofs/plan_xattrs.h"

int cfs_plan_share(struct cfs_plan *plan, cfs_pair pair, cfs_id id, uint32_t *share,
		   struct cfs_err *err)
{
	if (!cfs_is_shared((uint32_t)plan->n_shared))
		return cfs_fail(err, EFBIG,
				"image: expected at most %u shared xattrs, got more",
				CFS_PAIR_ONCE);
	if (cfs_grow(&plan->shared, &plan->shared_cap, plan->n_shared + 1,
		     sizeof(*plan->shared)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	*share = (uint32_t)plan->n_shared;
	plan->shared[plan->n_shared++] = (struct cfs_shared){.pair = pair, .node = id};
	return 0;
}

/* The part of an entry that most comparisons need. */
struct sortable {
	uint32_t rank;
	uint32_t len;
	uint64_t head; /* first bytes of the value, big-endian, padded with zeros */
	uint32_t index;
};

/* The buffer for a metacopy or redirect; values of the tree are compared in place. */
enum { OWN_VALUE_MAX = 1 + CFS_PAYLOAD_MAX };

static struct cfs_span entry_value(const struct cfs_plan *plan, uint32_t index,
				   uint8_t buf[static OWN_VALUE_MAX])
{
	const struct cfs_shared *s = &plan->shared[index];
	const struct cfs_tree *t = plan->tree;
	uint8_t *end;

	if (s->pair < t->n_pairs)
		return (struct cfs_span){t->pairs[s->pair].value,
					 t->pairs[s->pair].value_len};
	end = cfs_pair_put_value(plan, s->pair, cfs_plan_node(plan, s->node), buf);
	return (struct cfs_span){buf, (size_t)(end - buf)};
}

/* Descending by key, length of the value, bytes of the value. */
static int compare_table_entries(const void *a, const void *b, void *ctx)
{
	const struct sortable *x = a, *y = b;
	uint8_t x_buf[OWN_VALUE_MAX], y_buf[OWN_VALUE_MAX];

	if (x->rank != y->rank)
		return x->rank < y->rank ? 1 : -1;
	if (x->len != y->len)
		return x->len < y->len ? 1 : -1;
	if (x->head != y->head)
		return x->head < y->head ? 1 : -1;
	if (x->len <= sizeof(x->head))
		return 0;
	return memcmp(entry_value(ctx, y->index, y_buf).p,
		      entry_value(ctx, x->index, x_buf).p, x->len);
}

/* What an entry of the shared table is sorted by, at hand: the first bytes of the
 * value decide most comparisons. */
static struct sortable make_sortable(const struct cfs_plan *plan, uint32_t index)
{
	const struct cfs_shared *s = &plan->shared[index];
	uint8_t buf[OWN_VALUE_MAX], head[sizeof(uint64_t)] = {0};
	struct cfs_span value = entry_value(plan, index, buf);
	uint64_t first;

	if (value.len)
		memcpy(head, value.p,
		       value.len < sizeof(head) ? value.len : sizeof(head));
	memcpy(&first, head, sizeof(first));
	return (struct sortable){
		.rank = cfs_pair_key(plan, s->pair)->rank,
		.len = (uint32_t)value.len,
		.head = be64toh(first),
		.index = index,
	};
}

/* Sorts the shared table as 1.0.8 does: by rank of the key, then by value. Bytes of
 * images depend on it. */
static int sort_table(struct cfs_plan *plan, struct cfs_err *err)
{
	size_t n = plan->n_shared;
	cfs_autofree struct sortable *list = malloc(n * sizeof(*list) + 1);
	cfs_autofree uint32_t *order = malloc(n * sizeof(*order) + 1);

	if (!list || !order)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++)
		list[i] = make_sortable(plan, i);
	qsort_r(list, n, sizeof(*list), compare_table_entries, plan);
	for (size_t i = 0; i < n; i++)
		order[i] = list[i].index;
	plan->shared_order = cfs_steal(&order);
	return 0;
}

/* The position of an entry is counted in units of EROFS_XATTR_ALIGN, as inodes refer to it. */
static void place_entries(struct cfs_plan *plan)
{
	for (size_t i = 0; i < plan->n_shared; i++) {
		struct cfs_shared *s = &plan->shared[plan->shared_order[i]];
		const struct cfs_node *node = cfs_plan_node(plan, s->node);

		s->pos = (uint32_t)(plan->shared_len / EROFS_XATTR_ALIGN);
		plan->shared_len += cfs_pair_entry_len(plan, s->pair, node);
	}
}

int cfs_plan_order_table(struct cfs_plan *plan, struct cfs_err *err)
{
	int rc = sort_table(plan, err);

	if (rc == 0)
		place_entries(plan);
	return rc;
}
