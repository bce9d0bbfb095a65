/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Extended attributes of a tree under construction: limits and interning. Most inodes of a
 * real tree have one of few pairs (an SELinux label), so a pair is stored once and an inode
 * has numbers. The image format also needs to know which pairs occur twice.
 */
#include "tree/tree_priv.h"

#include <errno.h>

void cfs_intern_fini(struct cfs_intern *x)
{
	free(x->keys);
	free(x->key_use);
	free(x->pairs);
	free(x->key_slots);
	free(x->pair_slots);
	free(x->list);
	*x = (struct cfs_intern){0};
}

static uint64_t hash_key(const struct cfs_builder *b, struct cfs_text key)
{
	return cfs_hash64(key.s, key.len, b->seed);
}

static uint64_t hash_pair(const struct cfs_builder *b, uint32_t key,
			  struct cfs_span value)
{
	return cfs_hash64(value.p, value.len, b->seed ^ (key + UINT64_C(1)) << 32);
}

/* An empty table of twice the size, or NULL; the caller fills it. */
static uint32_t *alloc_bigger_table(size_t *n_slots)
{
	size_t n = *n_slots ? *n_slots * 2 : 64;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (slots)
		*n_slots = n;
	return slots;
}

static void insert_xattr_slot(uint32_t *slots, size_t n_slots, uint64_t hash, uint32_t i)
{
	size_t s = hash & (n_slots - 1);

	while (slots[s])
		s = (s + 1) & (n_slots - 1);
	slots[s] = i + 1;
}

/* Doubles the table before it is half full, so that searches stay short. */
static int grow_key_slots(struct cfs_builder *b)
{
	struct cfs_intern *x = &b->xattrs;
	uint32_t *slots;

	if ((size_t)(x->n_keys + 1) * 2 <= x->n_key_slots)
		return 0;
	slots = alloc_bigger_table(&x->n_key_slots);
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < x->n_keys; i++)
		insert_xattr_slot(slots, x->n_key_slots, hash_key(b, x->keys[i]), i);
	free(x->key_slots);
	x->key_slots = slots;
	return 0;
}

/* Keeps the table at most half full, so that a search always ends. -ENOMEM leaves the
 * former table in place. */
static int grow_pair_slots(struct cfs_builder *b)
{
	struct cfs_intern *x = &b->xattrs;
	uint32_t *slots;

	if ((size_t)(x->n_pairs + 1) * 2 <= x->n_pair_slots)
		return 0;
	slots = alloc_bigger_table(&x->n_pair_slots);
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < x->n_pairs; i++) {
		const struct cfs_xattr_pair *p = &x->pairs[i];
		struct cfs_span value = {p->value, p->value_len};

		insert_xattr_slot(slots, x->n_pair_slots, hash_pair(b, p->key, value), i);
	}
	free(x->pair_slots);
	x->pair_slots = slots;
	return 0;
}

/* Adds a key that the table lacks. A tree has few different keys, so nodes refer to
 * them by number. */
static int add_key(struct cfs_builder *b, struct cfs_text key, uint64_t hash,
		   uint32_t *out)
{
	struct cfs_intern *x = &b->xattrs;
	const char *copy = cfs_arena_copy(&b->arena, key.s, key.len);

	if (!copy ||
	    cfs_grow(&x->keys, &x->keys_cap, x->n_keys + 1, sizeof(*x->keys)) < 0 ||
	    cfs_grow(&x->key_use, &x->key_use_cap, x->n_keys + 1, sizeof(*x->key_use)) <
		    0)
		return -ENOMEM;
	*out = x->n_keys;
	x->keys[x->n_keys] = (struct cfs_text){copy, key.len};
	x->key_use[x->n_keys] = (struct cfs_intern_key){0};
	insert_xattr_slot(x->key_slots, x->n_key_slots, hash, x->n_keys++);
	return 0;
}

/* Finds or adds a key. *out is its number. */
static int intern_key(struct cfs_builder *b, struct cfs_text key, uint32_t *out)
{
	struct cfs_intern *x = &b->xattrs;
	uint64_t hash = hash_key(b, key);

	if (grow_key_slots(b) < 0)
		return -ENOMEM;
	for (size_t s = hash; x->key_slots[s &= x->n_key_slots - 1]; s++) {
		uint32_t i = x->key_slots[s] - 1;

		if (cfs_text_eq(x->keys[i], key)) {
			*out = i;
			return 0;
		}
	}
	return add_key(b, key, hash, out);
}

static int add_pair(struct cfs_builder *b, uint32_t key, struct cfs_span value,
		    uint64_t hash, uint32_t *out)
{
	struct cfs_intern *x = &b->xattrs;
	const uint8_t *copy = cfs_arena_copy(&b->arena, value.p, value.len);

	if (!copy ||
	    cfs_grow(&x->pairs, &x->pairs_cap, x->n_pairs + 1, sizeof(*x->pairs)) < 0)
		return -ENOMEM;
	*out = x->n_pairs;
	x->pairs[x->n_pairs] = (struct cfs_xattr_pair){copy, (uint32_t)value.len, key};
	insert_xattr_slot(x->pair_slots, x->n_pair_slots, hash, x->n_pairs++);
	return 0;
}

/* Finds or adds the pair of key and value: equal xattrs of many files are stored once.
 * *out is its number. */
static int intern_pair(struct cfs_builder *b, uint32_t key, struct cfs_span value,
		       uint32_t *out)
{
	struct cfs_intern *x = &b->xattrs;
	uint64_t hash = hash_pair(b, key, value);

	if (grow_pair_slots(b) < 0)
		return -ENOMEM;
	for (size_t s = hash; x->pair_slots[s &= x->n_pair_slots - 1]; s++) {
		uint32_t i = x->pair_slots[s] - 1;
		const struct cfs_xattr_pair *p = &x->pairs[i];

		if (p->key == key &&
		    cfs_span_eq((struct cfs_span){p->value, p->value_len}, value)) {
			*out = i;
			return 0;
		}
	}
	return add_pair(b, key, value, hash, out);
}

static int check_xattr_limits(const struct cfs_xattr *x, struct cfs_err *err)
{
	if (x->key.len < 1 || x->key.len > CFS_XATTR_KEY_MAX)
		return cfs_fail(err, ERANGE, "xattr key: expected 1 to %d bytes, got %zu",
				CFS_XATTR_KEY_MAX, x->key.len);
	if (memchr(x->key.s, '\0', x->key.len))
		return cfs_fail(err, EINVAL, "xattr key: expected no NUL byte, got one");
	if (x->value.len > CFS_XATTR_VALUE_MAX)
		return cfs_fail(
			err, EINVAL,
			"xattr %.*s: expected a value of at most %d bytes, got %zu",
			(int)x->key.len, x->key.s, CFS_XATTR_VALUE_MAX, x->value.len);
	return 0;
}

/* Adds one xattr to the list. It replaces one with the same key, whose cost is subtracted. */
static int list_xattr(struct cfs_builder *b, const struct cfs_xattr *xattr,
		      uint16_t *n_list, size_t *spent, struct cfs_err *err)
{
	struct cfs_intern *x = &b->xattrs;
	uint32_t key, pair;
	size_t sum;

	if (intern_key(b, xattr->key, &key) < 0 ||
	    intern_pair(b, key, xattr->value, &pair) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	sum = *spent + cfs_xattr_cost(xattr->key.len, xattr->value.len);
	if (x->key_use[key].stamp == x->stamp) {
		uint32_t *old = &x->list[x->key_use[key].pos];

		sum -= cfs_xattr_cost(xattr->key.len, x->pairs[*old].value_len);
		*old = pair;
	} else {
		/* Reached only without the budget. */
		if (*n_list == UINT16_MAX)
			return cfs_fail(err, ERANGE,
					"xattrs: expected at most %d of one inode",
					UINT16_MAX);
		if (cfs_grow(&x->list, &x->list_cap, *n_list + 1U, sizeof(*x->list)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		x->key_use[key] = (struct cfs_intern_key){x->stamp, *n_list};
		x->list[(*n_list)++] = pair;
	}
	if (sum > b->xattr_budget)
		return cfs_fail(
			err, ERANGE,
			"xattr %.*s: expected at most %d bytes of xattrs on one inode "
			"(12, and 7 + key + value each), got %zu",
			(int)xattr->key.len, xattr->key.s, CFS_XATTR_BUDGET, sum);
	*spent = sum;
	return 0;
}

static int compare_pairs(const void *a, const void *b, void *ctx)
{
	const struct cfs_intern *x = ctx;

	return cfs_text_cmp(x->keys[x->pairs[*(const uint32_t *)a].key],
			    x->keys[x->pairs[*(const uint32_t *)b].key]);
}

static void sort_list(struct cfs_intern *x, uint16_t n)
{
	for (uint16_t i = 1; i < n; i++) {
		if (compare_pairs(&x->list[i - 1], &x->list[i], x) > 0) {
			qsort_r(x->list, n, sizeof(*x->list), compare_pairs, x);
			return;
		}
	}
}

int cfs_intern_node(struct cfs_builder *b, const struct cfs_inode_spec *spec,
		    struct cfs_node *node, struct cfs_err *err)
{
	struct cfs_intern *x = &b->xattrs;
	size_t spent = CFS_XATTR_COST_FIRST;
	uint16_t n = 0;
	uint32_t *list;

	if (spec->n_xattrs == 0)
		return 0;
	x->stamp++;
	for (size_t i = 0; i < spec->n_xattrs; i++) {
		int rc = check_xattr_limits(&spec->xattrs[i], err);

		if (rc == 0)
			rc = list_xattr(b, &spec->xattrs[i], &n, &spent, err);
		if (rc < 0)
			return rc;
	}
	sort_list(x, n);
	list = cfs_arena_alloc(&b->arena, n * sizeof(*list), sizeof(*list));
	if (!list)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(list, x->list, n * sizeof(*list));
	node->xattrs = list;
	node->n_xattrs = n;
	return 0;
}
