/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Keys in their final form, and the values of pairs. */
#include "erofs/plan_keys.h"

#include <errno.h>
#include <stdlib.h>

#include "erofs/erofs_priv.h"
#include "erofs/key_prefix.h"
#include "erofs/overlay.h"

/* Splits a key into the prefix that the format has a number for and the rest, and
 * computes its bit in the filter of Linux 6.6. */
static void encode_key(struct cfs_text key, struct cfs_key *out)
{
	uint8_t index = cfs_xattr_find_prefix(key);
	size_t prefix_len = cfs_xattr_prefix(index).len;
	struct cfs_text suffix = {key.s + prefix_len, key.len - prefix_len};
	uint32_t hash = cfs_xxh32(suffix.s, suffix.len, EROFS_XATTR_FILTER_SEED + index);

	*out = (struct cfs_key){
		.suffix = suffix.s,
		.suffix_len = (uint8_t)suffix.len,
		.index = index,
		.is_acl = suffix.len == 0 && (index == EROFS_XATTR_ACL_ACCESS ||
					      index == EROFS_XATTR_ACL_DEFAULT),
		.filter = UINT32_C(1) << (hash & 31),
	};
}

struct ranked {
	struct cfs_text text;
	uint32_t key;
};

static int compare_text(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return cfs_text_cmp(x->text, y->text);
}

/* Keys that are equal in their final form, one of the input and one added, get the same rank. */
static void rank_keys(struct cfs_plan *plan, struct ranked *r, uint32_t n)
{
	uint32_t rank = 0;

	qsort(r, n, sizeof(*r), compare_text);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && !cfs_text_eq(r[i - 1].text, r[i].text))
			rank++;
		plan->keys[r[i].key].rank = rank;
	}
}

/* Encodes the keys of the tree and those that the writer adds; xattrs for overlayfs in
 * the tree are escaped. */
static int encode_keys(struct cfs_plan *plan, struct ranked *r, uint32_t n)
{
	const struct cfs_tree *t = plan->tree;

	for (uint32_t i = 0; i < n; i++) {
		if (i < t->n_keys)
			r[i].text = cfs_overlay_key(&plan->arena, t->keys[i]);
		else
			r[i].text = cfs_overlay_added(i - t->n_keys)->key;
		if (!r[i].text.s)
			return -ENOMEM;
		r[i].key = i;
		encode_key(r[i].text, &plan->keys[i]);
	}
	return 0;
}

/* An input pair that is equal to an added one after the escape is the same pair, and counted with it. */
static void merge_added(struct cfs_plan *plan, enum cfs_added which)
{
	const struct cfs_tree *t = plan->tree;
	struct cfs_text value = cfs_overlay_added(which)->value;
	uint32_t rank = plan->keys[t->n_keys + which].rank;
	uint32_t key = 0;

	plan->added[which] = t->n_pairs + which;
	while (key < t->n_keys && plan->keys[key].rank != rank)
		key++;
	for (cfs_pair p = 0; key < t->n_keys && p < t->n_pairs; p++) {
		struct cfs_span v = {t->pairs[p].value, t->pairs[p].value_len};

		if (t->pairs[p].key == key && cfs_span_eq(v, cfs_text_span(value)))
			plan->added[which] = p;
	}
}

int cfs_plan_keys(struct cfs_plan *plan, struct cfs_err *err)
{
	uint32_t n = plan->tree->n_keys + CFS_N_ADDED;
	cfs_autofree struct ranked *r = calloc(n, sizeof(*r));

	plan->keys = calloc(n, sizeof(*plan->keys));
	if (!r || !plan->keys || encode_keys(plan, r, n) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rank_keys(plan, r, n);
	for (unsigned which = 0; which < CFS_N_ADDED; which++)
		merge_added(plan, which);
	return 0;
}

static uint32_t redirect_len(const struct cfs_plan *plan, const struct cfs_node *node)
{
	if (node->payload_kind == CFS_PAYLOAD_OBJECT)
		return (uint32_t)(2 + 2 * cfs_hash_len(plan->tree->alg));
	return 1 + (uint32_t)node->payload_len;
}

/* As put_metacopy. The path is /XX/REST, the place of the object, or the text of the
 * node. */
static uint8_t *put_redirect(const struct cfs_plan *plan, const struct cfs_node *node,
			     uint8_t *p)
{
	size_t len = cfs_hash_len(plan->tree->alg);

	*p++ = '/';
	if (node->payload_kind == CFS_PAYLOAD_TEXT) {
		memcpy(p, node->payload, node->payload_len);
		return p + node->payload_len;
	}
	/* Encode all digits at once, then move the first two to make room for the slash. */
	cfs_hex_encode(node->payload, len, (char *)p + 1);
	memmove(p, p + 1, 2);
	p[2] = '/';
	return p + 1 + 2 * len;
}

/* Writes the value to p, which has room for cfs_pair_value_len bytes, and returns its
 * end. */
static uint8_t *put_metacopy(const struct cfs_plan *plan, const struct cfs_node *node,
			     uint8_t *p)
{
	size_t len = cfs_hash_len(plan->tree->alg);

	p[CFS_METACOPY_VERSION_OFF] = 0;
	p[CFS_METACOPY_LEN_OFF] = (uint8_t)(CFS_METACOPY_HEADER + len);
	p[CFS_METACOPY_FLAGS_OFF] = 0;
	p[CFS_METACOPY_ALG_OFF] = (uint8_t)plan->tree->alg;
	memcpy(p + CFS_METACOPY_HEADER, node->digest, len);
	return p + CFS_METACOPY_HEADER + len;
}

uint32_t cfs_pair_value_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node)
{
	const struct cfs_tree *t = plan->tree;

	if (pair < t->n_pairs)
		return t->pairs[pair].value_len;
	if (pair == CFS_PAIR_METACOPY)
		return CFS_METACOPY_HEADER + (uint32_t)cfs_hash_len(t->alg);
	if (pair == CFS_PAIR_REDIRECT)
		return redirect_len(plan, node);
	return (uint32_t)cfs_overlay_added(pair - t->n_pairs)->value.len;
}

uint8_t *cfs_pair_put_value(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p)
{
	const struct cfs_tree *t = plan->tree;
	struct cfs_span value;

	if (pair == CFS_PAIR_METACOPY)
		return put_metacopy(plan, node, p);
	if (pair == CFS_PAIR_REDIRECT)
		return put_redirect(plan, node, p);
	if (pair < t->n_pairs)
		value = (struct cfs_span){t->pairs[pair].value, t->pairs[pair].value_len};
	else
		value = cfs_text_span(cfs_overlay_added(pair - t->n_pairs)->value);
	if (value.len)
		memcpy(p, value.p, value.len);
	return p + value.len;
}
