/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Children of a node. Adding is cheap in any order: one comparison in byte order,
 * otherwise one lookup in a hash table. Children that were added since the array was last
 * read are sorted when it is read. */
#include "compat/compat.h"

#include <errno.h>

#include "hash/hash.h"

/* Up to this many are inserted one by one instead of sorting all. */
enum { FEW = 1000 };

static uint64_t hash_node_name(const struct lcfs_children *c, const char *name)
{
	return cfs_hash64(name, strlen(name), c->seed);
}

static void insert_into_table(struct lcfs_children *c, struct lcfs_node_s *child)
{
	size_t s = hash_node_name(c, child->name);

	while (c->slots[s &= c->n_slots - 1])
		s++;
	c->slots[s] = child;
}

/* Rebuilds the hash table with room for twice as many. */
static int rebuild_slots(struct lcfs_children *c)
{
	size_t n_slots = 64;
	struct lcfs_node_s **slots;

	while (n_slots < (c->n + 1) * 4)
		n_slots *= 2;
	slots = calloc(n_slots, sizeof(struct lcfs_node_s *));
	if (!slots)
		return -ENOMEM;
	if (!c->slots)
		c->seed = cfs_hash_make_seed();
	free(c->slots);
	c->slots = slots;
	c->n_slots = n_slots;
	for (size_t i = 0; i < c->n; i++)
		insert_into_table(c, c->v[i]);
	return 0;
}

/* The index of a name among the first n, which are sorted. */
static size_t place_of(const struct lcfs_children *c, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(c->v[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Inserts v[n] in order among those before it. */
static void insert_by_name(struct lcfs_children *c, size_t n)
{
	struct lcfs_node_s *child = c->v[n];
	size_t at = place_of(c, n, child->name);

	memmove(&c->v[at + 1], &c->v[at], (n - at) * sizeof(struct lcfs_node_s *));
	c->v[at] = child;
}

static int compare_sorted_nodes(const void *a, const void *b)
{
	return strcmp((*(struct lcfs_node_s *const *)a)->name,
		      (*(struct lcfs_node_s *const *)b)->name);
}

/* Moving pointers is much cheaper than comparing names: a caller that reads after each
 * addition must not compare all of them each time. */
static void sort_by_name(struct lcfs_children *c)
{
	size_t n = atomic_load_explicit(&c->n_sorted, memory_order_relaxed);

	if (c->n - n > FEW)
		qsort(c->v, c->n, sizeof(struct lcfs_node_s *), compare_sorted_nodes);
	else
		while (n < c->n)
			insert_by_name(c, n++);
	atomic_store_explicit(&c->n_sorted, c->n, memory_order_release);
}

struct lcfs_node_s **lcfs_children_sorted(const struct lcfs_node_s *dir)
{
	struct lcfs_children *c = dir->children;

	if (atomic_load_explicit(&c->n_sorted, memory_order_acquire) < c->n) {
		pthread_mutex_lock(&c->sorting);
		sort_by_name(c);
		pthread_mutex_unlock(&c->sorting);
	}
	return c->v;
}

/* Returns a borrowed child, or NULL. Needs the hash table. */
static struct lcfs_node_s *find_by_hash(const struct lcfs_children *c, const char *name)
{
	for (size_t s = hash_node_name(c, name); c->slots[s &= c->n_slots - 1]; s++)
		if (strcmp(c->slots[s]->name, name) == 0)
			return c->slots[s];
	return NULL;
}

/* Returns a borrowed child, or NULL. Needs the children sorted by name. */
static struct lcfs_node_s *find_by_order(const struct lcfs_children *c, const char *name)
{
	size_t at = place_of(c, c->n, name);

	return at < c->n && strcmp(c->v[at]->name, name) == 0 ? c->v[at] : NULL;
}

static bool comes_last(const struct lcfs_children *c, const char *name)
{
	return c->n == 0 || strcmp(c->v[c->n - 1]->name, name) < 0;
}

/* Without a hash table all children were added in order. */
struct lcfs_node_s *lcfs_children_find(const struct lcfs_node_s *dir, const char *name)
{
	const struct lcfs_children *c = dir->children;

	if (!c)
		return NULL;
	if (c->slots)
		return find_by_hash(c, name);
	return comes_last(c, name) ? NULL : find_by_order(c, name);
}

/* Returns the list of dir, which owns it, and makes it first if there is none. NULL: out
 * of memory. */
static struct lcfs_children *children_of(struct lcfs_node_s *dir)
{
	if (!dir->children) {
		dir->children = calloc(1, sizeof(*dir->children));
		if (dir->children)
			pthread_mutex_init(&dir->children->sorting, NULL);
	}
	return dir->children;
}

int lcfs_children_add(struct lcfs_node_s *dir, struct lcfs_node_s *child)
{
	struct lcfs_children *c = children_of(dir);
	bool in_order;

	if (!c || cfs_grow(&c->v, &c->cap, c->n + 1, sizeof(struct lcfs_node_s *)) < 0)
		return -ENOMEM;
	in_order = comes_last(c, child->name);
	if ((c->slots ? (c->n + 1) * 2 > c->n_slots : !in_order) && rebuild_slots(c) < 0)
		return -ENOMEM;
	if (in_order && atomic_load_explicit(&c->n_sorted, memory_order_relaxed) == c->n)
		atomic_store_explicit(&c->n_sorted, c->n + 1, memory_order_relaxed);
	if (c->slots)
		insert_into_table(c, child);
	c->v[c->n++] = child;
	return 0;
}

void lcfs_children_free(struct lcfs_children *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->sorting);
	free(c->v);
	free(c->slots);
	free(c);
}
