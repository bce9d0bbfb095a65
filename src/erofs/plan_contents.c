/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the digests and backing paths that several files have. Nearly all are unique, so each one
 * takes only a slot, and only while the inodes are counted.
 */
#include "erofs/plan_contents.h"

#include <errno.h>
#include <stdlib.h>

#include "erofs/plan_table.h"

/* A slot for a value: a digest (also one given as a backing path), or another backing path. */
struct cfs_contents_slot {
	uint32_t tag; /* part of the hash: avoids most comparisons with other values */
	cfs_id first
		[CFS_N_OWN]; /* the first inode with it in each role, or CFS_NO_NODE */
};

struct value {
	struct cfs_span bytes;
	enum cfs_payload_kind kind;
};

/* The value of an inode in a role: its digest, or its backing path. */
static struct value get_content_value(const struct cfs_tree *t, cfs_id id, unsigned role)
{
	const struct cfs_node *n = &t->nodes[id];

	if (role == CFS_OWN_METACOPY)
		return (struct value){{n->digest, cfs_hash_len(t->alg)},
				      CFS_PAYLOAD_OBJECT};
	if (n->payload_kind == CFS_PAYLOAD_OBJECT)
		return (struct value){{n->payload, cfs_hash_len(t->alg)},
				      CFS_PAYLOAD_OBJECT};
	return (struct value){{n->payload, n->payload_len}, CFS_PAYLOAD_TEXT};
}

static bool is_free(const struct cfs_contents_slot *s)
{
	return s->first[CFS_OWN_METACOPY] == CFS_NO_NODE &&
	       s->first[CFS_OWN_REDIRECT] == CFS_NO_NODE;
}

/* Is the slot that of the value v? */
static bool has_value(const struct cfs_tree *t, const struct cfs_contents_slot *s,
		      struct value v)
{
	unsigned role = s->first[CFS_OWN_METACOPY] != CFS_NO_NODE ? CFS_OWN_METACOPY
								  : CFS_OWN_REDIRECT;
	struct value held = get_content_value(t, s->first[role], role);

	return held.kind == v.kind && cfs_span_eq(held.bytes, v.bytes);
}

static uint64_t hash_value(const struct cfs_contents *c, struct value v)
{
	return cfs_hash64(v.bytes.p, v.bytes.len, c->seed);
}

/* The first slot of a search. */
static struct cfs_contents_slot *home_slot(const struct cfs_contents *c, uint64_t hash)
{
	return &c->slots[(hash >> 32) * c->n_slots >> 32];
}

/* The slot of a value, or the free slot for it. */
static struct cfs_contents_slot *
find_content_slot(const struct cfs_contents *c, const struct cfs_tree *t, struct value v)
{
	uint64_t hash = hash_value(c, v);
	uint32_t tag = (uint32_t)hash;
	struct cfs_contents_slot *s = home_slot(c, hash);

	while (!is_free(s) && (s->tag != tag || !has_value(t, s, v)))
		s = s + 1 == c->slots + c->n_slots ? c->slots : s + 1;
	s->tag = tag;
	return s;
}

void cfs_contents_prefetch(const struct cfs_contents *c, const struct cfs_plan *plan,
			   cfs_id id)
{
	if (id < plan->tree->n_nodes && plan->tree->nodes[id].digest)
		__builtin_prefetch(
			home_slot(c, hash_value(c, get_content_value(plan->tree, id,
								     CFS_OWN_METACOPY))));
}

/* The second inode with a value makes it a shared pair, and sets the reference of the first one. */
static int count_value(struct cfs_contents_slot *s, struct cfs_plan *plan, cfs_id id,
		       unsigned role, struct cfs_err *err)
{
	uint32_t *share;
	int rc;

	if (s->first[role] == CFS_NO_NODE) {
		s->first[role] = id;
		return 0;
	}
	share = &plan->inodes[s->first[role]].own_shares[role];
	if (!cfs_is_shared(*share)) {
		rc = cfs_plan_share(plan, CFS_PAIR_METACOPY + role, s->first[role], share,
				    err);
		if (rc < 0)
			return rc;
	}
	plan->inodes[id].own_shares[role] = *share;
	return 0;
}

int cfs_contents_count(struct cfs_contents *c, struct cfs_plan *plan, cfs_id id,
		       struct cfs_err *err)
{
	const struct cfs_tree *t = plan->tree;
	const struct cfs_node *n = &t->nodes[id];
	struct cfs_contents_slot *s = NULL;
	int rc = 0;

	if (n->digest) {
		s = find_content_slot(c, t, get_content_value(t, id, CFS_OWN_METACOPY));
		rc = count_value(s, plan, id, CFS_OWN_METACOPY, err);
	}
	if (rc < 0 || n->payload_kind == CFS_PAYLOAD_NONE)
		return rc;
	if (!s || n->payload != n->digest)
		s = find_content_slot(c, t, get_content_value(t, id, CFS_OWN_REDIRECT));
	return count_value(s, plan, id, CFS_OWN_REDIRECT, err);
}

/* The table is at most two thirds full, and has at least one free slot. */
int cfs_contents_init(struct cfs_contents *c, size_t n_contents, struct cfs_err *err)
{
	size_t n = n_contents + n_contents / 2 + 1;

	*c = (struct cfs_contents){.n_slots = n, .seed = cfs_hash_make_seed()};
	c->slots = calloc(n, sizeof(*c->slots));
	if (!c->slots)
		return cfs_fail(err, ENOMEM, "out of memory");
	memset(c->slots, 0xff, n * sizeof(*c->slots)); /* CFS_NO_NODE everywhere */
	return 0;
}

void cfs_contents_fini(struct cfs_contents *c)
{
	free(c->slots);
	c->slots = NULL;
}
