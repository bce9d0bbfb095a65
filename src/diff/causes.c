/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Each difference is assigned to one slot of a table; the slots that are not empty are the causes. */
#include "diff/causes.h"

#include <errno.h>

#include "diff/diff_priv.h"

enum { N_SIDES = CFS_CAUSE_B + 1 };

/* Marks of a name in a which is the first name of an inode with other hard links in b. */
enum { FLATTENED_IN_A = 1, FLATTENED_IN_B = 2, REGROUPED = 4 };

struct finder {
	const struct cfs_diff *d;
	const struct cfs_watch *watch;
	struct diff_facts facts;
	struct cfs_cause slots[CFS_CAUSE_N_KINDS][N_SIDES][CFS_CAUSE_N_CLASSES];
	uint32_t (*xattr_slots)[N_SIDES]; /* by key: which of xattrs, counted from 1 */
	struct cfs_cause *xattrs;
	size_t n_xattrs, xattrs_cap;
	uint8_t *marks; /* by name in a */
};

static const enum cfs_cause_side sides[] = {CFS_CAUSE_A, CFS_CAUSE_B};

static enum cfs_cause_class class_of(const struct cfs_node *n)
{
	if (S_ISDIR(n->mode))
		return CFS_CAUSE_DIRECTORIES;
	if (S_ISREG(n->mode))
		return CFS_CAUSE_FILES;
	return S_ISLNK(n->mode) ? CFS_CAUSE_SYMLINKS : CFS_CAUSE_SPECIALS;
}

/* Returns the slot, borrowed from f. The slot_of_ functions below choose one for a
 * difference. */
static struct cfs_cause *get_slot(struct finder *f, enum cfs_cause_kind kind,
				  enum cfs_cause_side side, enum cfs_cause_class class)
{
	struct cfs_cause *c = &f->slots[kind][side][class];

	c->kind = kind;
	c->side = side;
	c->class = class;
	return c;
}

/* --- selection of the slot ------------------------------------------------------------- */

/* A name that is on one side only: a is NULL if b has it. */
static struct cfs_cause *slot_of_entry(struct finder *f, const struct cfs_node *a)
{
	int i = a ? 0 : 1;

	return get_slot(f, f->facts.only_devices[i] ? CFS_CAUSE_DEVICES : CFS_CAUSE_ONLY,
			sides[i], CFS_CAUSE_ENTRIES);
}

/* A tree may have the same time everywhere, or times without fractions of a second. */
static struct cfs_cause *slot_of_mtime(struct finder *f, const struct cfs_node *a,
				       const struct cfs_node *b)
{
	const struct diff_facts *facts = &f->facts;
	bool one_a = facts->mtime_is_one[0], one_b = facts->mtime_is_one[1];
	struct cfs_cause *c;

	if (facts->a.mtimes_are_zero || facts->b.mtimes_are_zero)
		return get_slot(f, CFS_CAUSE_MTIME_ZERO,
				facts->a.mtimes_are_zero ? CFS_CAUSE_A : CFS_CAUSE_B,
				CFS_CAUSE_ENTRIES);
	if (a->mtime_sec == b->mtime_sec)
		return get_slot(f, CFS_CAUSE_MTIME_SUBSECOND,
				a->mtime_nsec == 0   ? CFS_CAUSE_A
				: b->mtime_nsec == 0 ? CFS_CAUSE_B
						     : CFS_CAUSE_BOTH,
				CFS_CAUSE_ENTRIES);
	if (!one_a && !one_b)
		return get_slot(f, CFS_CAUSE_MTIME, CFS_CAUSE_BOTH, class_of(a));
	c = get_slot(f, CFS_CAUSE_MTIME_ONE,
		     !one_b   ? CFS_CAUSE_A
		     : !one_a ? CFS_CAUSE_B
			      : CFS_CAUSE_BOTH,
		     CFS_CAUSE_ENTRIES);
	c->value = facts->mtime_sec[one_a ? 0 : 1];
	c->value2 = facts->mtime_sec[1];
	return c;
}

/* A tree may have one owner, or all IDs may be shifted by the same number. */
static struct cfs_cause *slot_of_owner(struct finder *f)
{
	const struct diff_tree_facts *a = &f->facts.a, *b = &f->facts.b;
	struct cfs_cause *c;

	if (a->has_one_owner || b->has_one_owner) {
		const struct diff_tree_facts *one = b->has_one_owner ? b : a;

		c = get_slot(f, CFS_CAUSE_OWNER_ALL, one == a ? CFS_CAUSE_A : CFS_CAUSE_B,
			     CFS_CAUSE_ENTRIES);
		c->value = one->uid;
		c->value2 = one->gid;
	} else if (f->facts.owner_is_shifted) {
		c = get_slot(f, CFS_CAUSE_OWNER_SHIFT, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
		c->value = f->facts.owner_shift;
	} else {
		c = get_slot(f, CFS_CAUSE_OWNER, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
	}
	return c;
}

/* All modes may differ in the same bits: then the cause is these bits. */
static struct cfs_cause *slot_of_mode(struct finder *f, const struct cfs_node *a)
{
	const struct diff_facts *facts = &f->facts;
	struct cfs_cause *c;

	if (!facts->mode_bits_are_one)
		return get_slot(f, CFS_CAUSE_MODE, CFS_CAUSE_BOTH, class_of(a));
	c = get_slot(f, CFS_CAUSE_MODE_BITS,
		     facts->mode_bits_in[0]   ? CFS_CAUSE_A
		     : facts->mode_bits_in[1] ? CFS_CAUSE_B
					      : CFS_CAUSE_BOTH,
		     CFS_CAUSE_ENTRIES);
	c->value = facts->mode_bits;
	return c;
}

/* The inode of the side with the hard links is counted once, at its first name that is a separate inode on the other. */
static struct cfs_cause *slot_of_link(struct finder *f, const struct cfs_difference *v)
{
	const struct cfs_diff *d = f->d;
	cfs_id a = d->first_a[cfs_tree_inode(d->a, v->a)];
	cfs_id b = d->first_b[cfs_tree_inode(d->b, v->b)];
	bool alone_in_a = a == v->a, alone_in_b = b == v->a;
	cfs_id group = alone_in_b ? a : b;
	uint8_t mark = alone_in_b   ? FLATTENED_IN_B
		       : alone_in_a ? FLATTENED_IN_A
				    : REGROUPED;
	struct cfs_cause *c;

	if (mark == REGROUPED) {
		f->marks[a] |= REGROUPED;
		c = get_slot(f, CFS_CAUSE_LINKS, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
	} else {
		c = get_slot(f, CFS_CAUSE_LINKS_FLATTENED,
			     alone_in_b ? CFS_CAUSE_B : CFS_CAUSE_A, CFS_CAUSE_ENTRIES);
		c->n_groups += !(f->marks[group] & mark);
		f->marks[v->a] |= mark;
	}
	f->marks[group] |= mark;
	return c;
}

/* Slots of xattrs are allocated when needed: a tree may have a million keys. */
static struct cfs_cause *get_xattr_slot(struct finder *f, enum cfs_cause_kind kind,
					enum cfs_cause_side side, uint32_t key)
{
	uint32_t *at = &f->xattr_slots[key][side];

	if (*at == 0) {
		if (cfs_grow(&f->xattrs, &f->xattrs_cap, f->n_xattrs + 1,
			     sizeof(*f->xattrs)) < 0)
			return NULL;
		f->xattrs[f->n_xattrs++] =
			(struct cfs_cause){.kind = kind, .side = side, .key = key};
		*at = (uint32_t)f->n_xattrs;
	}
	return &f->xattrs[*at - 1];
}

static bool is_mark_value(struct cfs_span value, char mark)
{
	return value.len == 1 && value.p[0] == mark;
}

/* The side on which an opaque directory became a directory with whiteouts; BOTH: another difference. */
static enum cfs_cause_side find_lost_opaque(struct cfs_text key, struct cfs_span a,
					    struct cfs_span b)
{
	if (!cfs_text_eq(key, CFS_TEXT("trusted.overlay.opaque")) &&
	    !cfs_text_eq(key, CFS_TEXT("user.overlay.opaque")))
		return CFS_CAUSE_BOTH;
	if (is_mark_value(a, 'y') && is_mark_value(b, 'x'))
		return CFS_CAUSE_B;
	return is_mark_value(a, 'x') && is_mark_value(b, 'y') ? CFS_CAUSE_A
							      : CFS_CAUSE_BOTH;
}

/* A tree may have no xattrs at all, or have lost this one. */
static struct cfs_cause *slot_of_xattr(struct finder *f, const struct cfs_difference *v,
				       const struct cfs_node *a, const struct cfs_node *b)
{
	const struct cfs_diff *d = f->d;
	const struct cfs_diff_key *key = &d->keys[v->at];
	struct cfs_span value_a, value_b;
	bool in_a =
		cfs_diff_find_xattr(d->a, (cfs_id)(a - d->a->nodes), key->a, &value_a);
	bool in_b =
		cfs_diff_find_xattr(d->b, (cfs_id)(b - d->b->nodes), key->b, &value_b);
	enum cfs_cause_side lost;

	if (!f->facts.a.has_xattrs || !f->facts.b.has_xattrs)
		return get_slot(f, CFS_CAUSE_XATTRS_NONE,
				f->facts.a.has_xattrs ? CFS_CAUSE_B : CFS_CAUSE_A,
				CFS_CAUSE_ENTRIES);
	lost = in_a && in_b ? find_lost_opaque(key->name, value_a, value_b)
			    : CFS_CAUSE_BOTH;
	if (lost != CFS_CAUSE_BOTH && S_ISDIR(a->mode))
		return get_slot(f, CFS_CAUSE_DELETIONS, lost, CFS_CAUSE_DIRECTORIES);
	if (in_a && in_b)
		return get_xattr_slot(f, CFS_CAUSE_XATTR_VALUE, CFS_CAUSE_BOTH, v->at);
	return get_xattr_slot(f, CFS_CAUSE_XATTR_ONLY, in_a ? CFS_CAUSE_A : CFS_CAUSE_B,
			      v->at);
}

/* One of the trees may have no digests, or digests of another algorithm. */
static struct cfs_cause *slot_of_digest(struct finder *f, const struct cfs_node *a,
					const struct cfs_node *b)
{
	if (a->digest && b->digest)
		return get_slot(f, CFS_CAUSE_DIGEST_ALG, CFS_CAUSE_BOTH, CFS_CAUSE_FILES);
	return get_slot(f, CFS_CAUSE_DIGEST_NONE, a->digest ? CFS_CAUSE_B : CFS_CAUSE_A,
			CFS_CAUSE_FILES);
}

/* NULL: out of memory. */
static struct cfs_cause *find_cause_slot(struct finder *f, const struct cfs_difference *v,
					 const struct cfs_node *a,
					 const struct cfs_node *b)
{
	switch ((enum cfs_diff_field)v->field) {
	case CFS_DIFF_ENTRY:
		return slot_of_entry(f, a);
	case CFS_DIFF_TYPE:
		return get_slot(f, CFS_CAUSE_TYPE, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
	case CFS_DIFF_MODE:
		return slot_of_mode(f, a);
	case CFS_DIFF_UID:
	case CFS_DIFF_GID:
		return slot_of_owner(f);
	case CFS_DIFF_SIZE:
		return get_slot(f, S_ISREG(a->mode) ? CFS_CAUSE_CONTENT : CFS_CAUSE_SIZE,
				CFS_CAUSE_BOTH, class_of(a));
	case CFS_DIFF_MTIME:
		return slot_of_mtime(f, a, b);
	case CFS_DIFF_LINK:
		return slot_of_link(f, v);
	case CFS_DIFF_RDEV:
		return get_slot(f, CFS_CAUSE_RDEV, CFS_CAUSE_BOTH, CFS_CAUSE_SPECIALS);
	case CFS_DIFF_TARGET:
		return get_slot(f, CFS_CAUSE_TARGET, CFS_CAUSE_BOTH, CFS_CAUSE_SYMLINKS);
	case CFS_DIFF_CONTENT:
		return get_slot(f, CFS_CAUSE_CONTENT, CFS_CAUSE_BOTH, CFS_CAUSE_FILES);
	case CFS_DIFF_STORED:
		return get_slot(f, CFS_CAUSE_STORED,
				a->content ? CFS_CAUSE_A : CFS_CAUSE_B, CFS_CAUSE_FILES);
	case CFS_DIFF_BACKING:
		return get_slot(f, CFS_CAUSE_BACKING, CFS_CAUSE_BOTH, CFS_CAUSE_FILES);
	case CFS_DIFF_DIGEST:
		return slot_of_digest(f, a, b);
	case CFS_DIFF_XATTR:
		return slot_of_xattr(f, v, a, b);
	default:
		return get_slot(f, CFS_CAUSE_NLINK, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
	}
}

/* --- assigning differences ------------------------------------------------------------- */

static bool is_difference_of_name(const struct cfs_difference *v,
				  const struct cfs_difference *w)
{
	return v->a == w->a && v->b == w->b;
}

/* Counts the name of a difference once for each cause. Differences are ordered by name. */
static void add_difference(struct finder *f, struct cfs_cause *c, size_t i)
{
	const struct cfs_diff *d = f->d;

	c->fields |= 1U << d->v[i].field;
	if (c->n && is_difference_of_name(&d->v[c->last], &d->v[i]))
		return;
	c->last = i;
	c->n++;
	if (c->n_first < CFS_CAUSE_EXAMPLES)
		c->first[c->n_first++] = i;
}

/* A different link count that follows from different hard links is not a separate cause. */
static void add_nlink_difference(struct finder *f, size_t i)
{
	const struct cfs_diff *d = f->d;
	const struct cfs_difference *v = &d->v[i];
	uint8_t marks = f->marks[d->first_a[cfs_tree_inode(d->a, v->a)]] |
			f->marks[d->first_b[cfs_tree_inode(d->b, v->b)]];

	if (!marks)
		add_difference(f, find_cause_slot(f, v, NULL, NULL), i);
	else if (marks & REGROUPED)
		get_slot(f, CFS_CAUSE_LINKS, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES)->fields |=
			1U << CFS_DIFF_NLINK;
	else
		get_slot(f, CFS_CAUSE_LINKS_FLATTENED,
			 marks & FLATTENED_IN_B ? CFS_CAUSE_B : CFS_CAUSE_A,
			 CFS_CAUSE_ENTRIES)
			->fields |= 1U << CFS_DIFF_NLINK;
}

/* A difference of nlink follows from other causes, so it is assigned after all others
 * have their slot. */
static int fill_slots(struct finder *f, struct cfs_err *err)
{
	const struct cfs_diff *d = f->d;
	struct cfs_cause *holders;

	for (size_t i = 0; i < d->n; i++) {
		const struct cfs_difference *v = &d->v[i];
		struct cfs_cause *c;
		int rc = cfs_watch_poll(f->watch, err);

		if (rc < 0)
			return rc;
		if (v->field == CFS_DIFF_NLINK)
			continue;
		c = find_cause_slot(f, v, diff_inode(d->a, v->a), diff_inode(d->b, v->b));
		if (!c)
			return cfs_fail(err, ENOMEM, "out of memory");
		add_difference(f, c, i);
	}
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].field == CFS_DIFF_NLINK)
			add_nlink_difference(f, i);
	holders = get_slot(f, CFS_CAUSE_LINKS_HOLDER, CFS_CAUSE_BOTH, CFS_CAUSE_ENTRIES);
	holders->n = holders->n_groups = d->n_holders;
	return 0;
}

/* --- the result ------------------------------------------------------------------------ */

static bool holds_for_a_tree(const struct cfs_cause *c)
{
	return c->kind == CFS_CAUSE_MTIME_ZERO || c->kind == CFS_CAUSE_OWNER_ALL ||
	       c->kind == CFS_CAUSE_XATTRS_NONE;
}

/* The root is often made by another program than the entries below it. */
static bool is_of_root(const struct finder *f, const struct cfs_cause *c)
{
	return c->n == 1 && c->n_first && f->d->v[c->first[0]].a == CFS_ROOT &&
	       c->kind != CFS_CAUSE_ROOT && !holds_for_a_tree(c);
}

/* Copies a slot into the list, unless it is empty. Differences of the root alone become
 * one cause: they come from how the image was made. */
static int add_cause(struct finder *f, struct cfs_causes *out, size_t *cap,
		     const struct cfs_cause *c, struct cfs_err *err)
{
	struct cfs_cause *root;

	if (c->n == 0)
		return 0;
	if (is_of_root(f, c)) {
		root = get_slot(f, CFS_CAUSE_ROOT, CFS_CAUSE_BOTH, CFS_CAUSE_DIRECTORIES);
		root->n = 1;
		root->fields |= c->fields;
		root->last = c->last;
		if (root->n_first < CFS_CAUSE_EXAMPLES)
			root->first[root->n_first++] = c->first[0];
		return 0;
	}
	if (cfs_grow(&out->v, cap, out->n + 1, sizeof(*out->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->v[out->n++] = *c;
	return 0;
}

static int compare_weight(const void *a, const void *b)
{
	const struct cfs_cause *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	return (int)x->class - (int)y->class;
}

static int list_causes(struct finder *f, struct cfs_causes *out, struct cfs_err *err)
{
	const struct cfs_cause *flat = &f->slots[0][0][0];
	size_t n_flat = sizeof(f->slots) / sizeof(*flat), cap = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->n_xattrs; i++)
		rc = add_cause(f, out, &cap, &f->xattrs[i], err);
	for (size_t i = 0; rc == 0 && i < n_flat; i++)
		rc = add_cause(f, out, &cap, &flat[i], err); /* ROOT is the last kind */
	if (rc == 0 && out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_weight);
	return rc;
}

/* One slot for each possible cause is filled in one pass over the differences, then the
 * slots become the list. *out borrows diff. */
int cfs_causes_find(const struct cfs_diff *diff, const struct cfs_watch *watch,
		    struct cfs_causes *out, struct cfs_err *err)
{
	cfs_autofree struct finder *f = calloc(1, sizeof(*f));
	cfs_autofree uint8_t *marks = calloc(diff->a->n_nodes, 1);
	cfs_autofree void *slots =
		calloc((size_t)diff->n_keys + 1, sizeof(*f->xattr_slots));
	int rc;

	*out = (struct cfs_causes){.diff = diff};
	if (!f || !marks || !slots)
		return cfs_fail(err, ENOMEM, "out of memory");
	f->d = diff;
	f->watch = watch;
	f->marks = marks;
	f->xattr_slots = slots;
	diff_find_facts(diff, &f->facts);
	rc = cfs_watch_poll(watch, err);
	if (rc == 0)
		rc = fill_slots(f, err);
	if (rc == 0)
		rc = list_causes(f, out, err);
	free(f->xattrs);
	if (rc < 0)
		cfs_causes_fini(out);
	return rc;
}

void cfs_causes_fini(struct cfs_causes *causes)
{
	free(causes->v);
	*causes = (struct cfs_causes){0};
}
