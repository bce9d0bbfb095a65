/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A sorted list of backing paths. The first bytes of a path decide almost every comparison, and are kept
 * beside it, so that sorting rarely looks at the paths, which lie all over an image.
 */
#include "objects.h"

#include <errno.h>

struct object {
	uint64_t
		head; /* the first 8 bytes as a big-endian number, zeros behind a shorter path */
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

struct cfs_text objects_get(const struct objects *list, size_t i)
{
	return (struct cfs_text){list->v[i].s, list->v[i].len};
}

static int compare(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return cfs_text_cmp((struct cfs_text){x->s, x->len},
			    (struct cfs_text){y->s, y->len});
}

void objects_sort(struct objects *list)
{
	size_t kept = 0;

	if (list->n == 0)
		return;
	qsort(list->v, list->n, sizeof(*list->v), compare);
	for (size_t i = 1; i < list->n; i++)
		if (compare(&list->v[kept], &list->v[i]) != 0)
			list->v[++kept] = list->v[i];
	list->n = kept + 1;
}

void objects_fini(struct objects *list)
{
	free(list->v);
	*list = (struct objects){0};
}
