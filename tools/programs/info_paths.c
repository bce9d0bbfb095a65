/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A sorted list of object paths. The paths are spread over the image, which makes reading
 * them slow. The list keeps their first 8 bytes, which decide almost every comparison and
 * are sorted by radix sort.
 */
#include "programs/info_paths.h"

#include <errno.h>

struct object {
	/* The first 8 bytes as a big-endian number, zeros after a shorter path. */
	uint64_t head;
	const char *s;
	size_t len;
};

int objects_add(struct objects *list, struct cfs_text path, struct cfs_err *err)
{
	struct object *o;
	uint64_t head = 0;

	if (cfs_grow(&list->v, &list->cap, list->n + 1, sizeof(*list->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(&head, path.s, path.len < sizeof(head) ? path.len : sizeof(head));
	o = &list->v[list->n++];
	*o = (struct object){be64toh(head), path.s, path.len};
	return 0;
}

/* In sorted order the paths are spread over the image, so a later one is prefetched. */
enum { AHEAD = 16 };

struct cfs_text objects_get(const struct objects *list, size_t i)
{
	if (i + AHEAD < list->n)
		__builtin_prefetch(list->v[i + AHEAD].s);
	return (struct cfs_text){list->v[i].s, list->v[i].len};
}

static int compare_object_paths(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return cfs_text_cmp((struct cfs_text){x->s, x->len},
			    (struct cfs_text){y->s, y->len});
}

enum { HEAD_BYTES = sizeof(uint64_t), BYTE_VALUES = 256 };

static uint8_t head_byte(const struct object *o, unsigned byte)
{
	return (uint8_t)(o->head >> 8 * byte);
}

/* Moves all entries to the other array, sorted by this byte of their heads. The sort is
 * stable. count: number of entries per value. */
static void sort_by_byte(const struct object *from, struct object *to, size_t n,
			 unsigned byte, const size_t *count)
{
	size_t next[BYTE_VALUES];
	size_t sum = 0;

	for (unsigned value = 0; value < BYTE_VALUES; value++) {
		next[value] = sum;
		sum += count[value];
	}
	for (size_t i = 0; i < n; i++)
		to[next[head_byte(&from[i], byte)]++] = from[i];
}

/* Sorts by heads: radix sort, last byte first. A byte that is equal in all entries, such
 * as the slash of "ab/cdef", is skipped. */
static int sort_heads(struct objects *list)
{
	size_t count[HEAD_BYTES][BYTE_VALUES] = {0};
	struct object *other = malloc(list->n * sizeof(*other)), *from = list->v;
	struct object *swap;

	if (!other)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		for (unsigned byte = 0; byte < HEAD_BYTES; byte++)
			count[byte][head_byte(&from[i], byte)]++;
	for (unsigned byte = 0; byte < HEAD_BYTES; byte++) {
		if (count[byte][head_byte(from, byte)] == list->n)
			continue;
		sort_by_byte(from, other, list->n, byte, count[byte]);
		swap = from;
		from = other;
		other = swap;
	}
	list->v = from;
	list->cap = list->n;
	free(other);
	return 0;
}

/* Sorts the few paths with equal heads, which are adjacent now. */
static void sort_equal_heads(struct objects *list)
{
	size_t start = 0;

	for (size_t i = 1; i <= list->n; i++) {
		if (i < list->n && list->v[i].head == list->v[start].head)
			continue;
		if (i - start > 1)
			qsort(list->v + start, i - start, sizeof(*list->v),
			      compare_object_paths);
		start = i;
	}
}

int objects_sort(struct objects *list, struct cfs_err *err)
{
	size_t kept = 0;

	if (list->n == 0)
		return 0;
	if (sort_heads(list) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	sort_equal_heads(list);
	for (size_t i = 1; i < list->n; i++)
		if (compare_object_paths(&list->v[kept], &list->v[i]) != 0)
			list->v[++kept] = list->v[i];
	list->n = kept + 1;
	return 0;
}

void objects_fini(struct objects *list)
{
	free(list->v);
	*list = (struct objects){0};
}
