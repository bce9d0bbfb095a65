/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Contents of regular files: decided by the trees where possible; the others are read, on several
 * threads, after the walk. */
#include <errno.h>

#include "diff/diff_priv.h"

/* The knowledge about the content of a file on one side. */
enum known {
	EMPTY,
	BYTES,	/* the tree has the content */
	DIGEST, /* the tree has the digest */
	ASK,	/* the callback computes the digest */
	NOTHING,
};

static enum known get_known(const struct cfs_diff_side *side, const struct cfs_node *n)
{
	if (n->size == 0)
		return EMPTY;
	if (n->content)
		return BYTES;
	if (n->digest)
		return DIGEST;
	return side->read ? ASK : NOTHING;
}

/* -- decided by the trees ------------------------------------------------------------- */

/* The backing path is the digest, spelled as a path. */
static bool backing_is_digest(const struct cfs_tree *t, const struct cfs_node *n)
{
	return n->payload_kind == CFS_PAYLOAD_OBJECT && n->digest &&
	       memcmp(n->payload, n->digest, cfs_hash_len(t->alg)) == 0;
}

static bool backing_differs(const struct diff *d, const struct cfs_node *x,
			    const struct cfs_node *y)
{
	char in_a[CFS_PAYLOAD_BUF], in_b[CFS_PAYLOAD_BUF];

	if (backing_is_digest(d->a.tree, x) && backing_is_digest(d->b.tree, y))
		return false;
	return !cfs_text_eq(cfs_node_get_payload(d->a.tree, x, in_a),
			    cfs_node_get_payload(d->b.tree, y, in_b));
}

static int digest_inline_content(enum cfs_hash_alg alg, const struct cfs_node *n,
				 uint8_t *out, struct cfs_err *err)
{
	struct cfs_digest digest;
	int rc = cfs_verity_digest_mem(
		alg, (struct cfs_span){n->content, (size_t)n->size}, &digest, err);

	if (rc == 0)
		memcpy(out, digest.bytes, sizeof(digest.bytes));
	return rc;
}

/* One side has the bytes, the other their digest: CONTENT or STORED. */
static int compare_bytes_and_digest(struct diff *d, cfs_id a, cfs_id b,
				    const struct cfs_tree *t,
				    const struct cfs_node *bytes,
				    const struct cfs_node *digest, struct cfs_err *err)
{
	uint8_t computed[CFS_HASH_MAX_LEN];
	bool same;
	int rc = digest_inline_content(t->alg, bytes, computed, err);

	if (rc < 0)
		return rc;
	same = memcmp(computed, digest->digest, cfs_hash_len(t->alg)) == 0;
	return diff_add(d, same ? CFS_DIFF_STORED : CFS_DIFF_CONTENT, a, b, CFS_DIFF_NONE,
			err);
}

static int compare_digests(struct diff *d, cfs_id a, cfs_id b, const struct cfs_node *x,
			   const struct cfs_node *y, struct cfs_err *err)
{
	enum cfs_hash_alg alg = d->a.tree->alg;

	if (alg != d->b.tree->alg)
		return diff_add(d, CFS_DIFF_DIGEST, a, b, 0, err);
	if (memcmp(x->digest, y->digest, cfs_hash_len(alg)) != 0)
		return diff_add(d, CFS_DIFF_CONTENT, a, b, CFS_DIFF_NONE, err);
	return 0;
}

static int add_pending(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err)
{
	if (cfs_grow(&d->pending, &d->pending_cap, d->n_pending + 1,
		     sizeof(*d->pending)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	d->pending[d->n_pending++] = d->d.n;
	return diff_add(d, CFS_DIFF_CONTENT, a, b, CFS_DIFF_NONE, err);
}

/* Files of equal size, which is not 0. */
static int compare_equal_sizes(struct diff *d, cfs_id a, cfs_id b,
			       const struct cfs_node *x, const struct cfs_node *y,
			       struct cfs_err *err)
{
	enum known in_a = get_known(&d->a, x), in_b = get_known(&d->b, y);

	if (in_a == BYTES && in_b == BYTES) {
		if (memcmp(x->content, y->content, x->size) == 0)
			return 0;
		return diff_add(d, CFS_DIFF_CONTENT, a, b, CFS_DIFF_NONE, err);
	}
	if (in_a == DIGEST && in_b == DIGEST)
		return compare_digests(d, a, b, x, y, err);
	if (in_a == BYTES && in_b == DIGEST)
		return compare_bytes_and_digest(d, a, b, d->b.tree, x, y, err);
	if (in_a == DIGEST && in_b == BYTES)
		return compare_bytes_and_digest(d, a, b, d->a.tree, y, x, err);
	if (in_a != NOTHING && in_b != NOTHING)
		return add_pending(d, a, b, err);
	d->d.n_unproven++;
	if (in_a == ASK || in_b == ASK || in_a == in_b)
		return 0;
	return diff_add(
		d, in_a == BYTES || in_b == BYTES ? CFS_DIFF_STORED : CFS_DIFF_DIGEST, a,
		b, 0, err);
}

int diff_content(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err)
{
	const struct cfs_node *x = &d->a.tree->nodes[cfs_tree_inode(d->a.tree, a)];
	const struct cfs_node *y = &d->b.tree->nodes[cfs_tree_inode(d->b.tree, b)];
	enum known in_a = get_known(&d->a, x), in_b = get_known(&d->b, y);
	int rc = 0;

	/* Different sizes mean different contents, which need not be read. */
	if (x->size == y->size && x->size)
		rc = compare_equal_sizes(d, a, b, x, y, err);
	else if (x->size != y->size && in_a < ASK && in_b < ASK)
		rc = diff_add(d, CFS_DIFF_CONTENT, a, b, CFS_DIFF_NONE, err);
	if (rc < 0 || in_a < DIGEST || in_b < DIGEST || in_a == ASK || in_b == ASK)
		return rc;
	return backing_differs(d, x, y) ? diff_add(d, CFS_DIFF_BACKING, a, b, 0, err) : 0;
}

/* -- read ----------------------------------------------------------------------------- */

/* The digest of a content, by the algorithm of the comparison: both trees may use
 * others. */
static int get_digest(struct diff *d, unsigned worker, const struct cfs_diff_side *side,
		      cfs_id file, uint8_t *out, struct cfs_err *err)
{
	const struct cfs_node *n = &side->tree->nodes[file];
	struct cfs_digest digest;
	int rc;

	if (n->content)
		return digest_inline_content(d->d.contents_alg, n, out, err);
	if (n->digest) {
		memcpy(out, n->digest, cfs_hash_len(side->tree->alg));
		return 0;
	}
	rc = side->read(side->read_ctx, worker, file, d->d.contents_alg, &digest, err);
	if (rc == 0)
		memcpy(out, digest.bytes, sizeof(digest.bytes));
	return rc;
}

static int read_content_pair(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct diff *d = ctx;
	const struct cfs_difference *diff = &d->v[d->pending[i]];
	int rc = get_digest(d, worker, &d->a, cfs_tree_inode(d->a.tree, diff->a),
			    d->contents[i].a, err);

	if (rc < 0)
		return rc;
	return get_digest(d, worker, &d->b, cfs_tree_inode(d->b.tree, diff->b),
			  d->contents[i].b, err);
}

static bool is_content_of_name(const struct diff *d, size_t i, size_t k)
{
	return d->v[i].a == d->v[k].a && d->v[i].b == d->v[k].b;
}

/* Whether a difference that is dropped is the only one of its name. */
static bool stands_alone(const struct diff *d, size_t i, size_t used)
{
	return !(used && is_content_of_name(d, used - 1, i)) &&
	       !(i + 1 < d->d.n && is_content_of_name(d, i, i + 1));
}

/* Drops the pending differences whose contents are equal, in place. */
static void drop_equal(struct diff *d)
{
	size_t used = 0, p = 0;

	for (size_t i = 0; i < d->d.n; i++) {
		struct cfs_difference diff = d->v[i];
		bool is_pending = p < d->n_pending && d->pending[p] == i;

		if (is_pending) {
			const struct cfs_diff_contents *c = &d->contents[p];

			diff.at = (uint32_t)p++;
			if (memcmp(c->a, c->b, cfs_hash_len(d->d.contents_alg)) == 0) {
				d->d.n_changed -= stands_alone(d, i, used);
				continue;
			}
		}
		d->v[used++] = diff;
	}
	d->d.n = used;
}

/* The algorithm of the side without callback, which has digests by that one only. */
static enum cfs_hash_alg choose_alg(const struct diff *d)
{
	return d->a.read ? d->b.tree->alg : d->a.tree->alg;
}

int diff_read(struct diff *d, unsigned threads, struct cfs_err *err)
{
	int rc;

	d->d.contents_alg = choose_alg(d);
	if (d->n_pending == 0)
		return 0;
	d->contents = calloc(d->n_pending, sizeof(*d->contents));
	if (!d->contents)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_pool_run(threads, d->n_pending, read_content_pair, d, d->watch, err);
	if (rc == 0)
		drop_equal(d);
	return rc;
}
