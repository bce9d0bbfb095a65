/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The order in which objects are fetched in the background. */
#include <errno.h>
#include <string.h>

#include "lazy/lazy_priv.h"

struct ordering {
	const struct cfs_lazy_objects *objects;
	enum cfs_hash_alg alg;
	bool *is_taken; /* by index of the objects */
	struct cfs_digest *v;
	size_t n;
};

static void take_ordered_object(struct ordering *o, size_t i)
{
	struct cfs_digest *id = &o->v[o->n];

	if (o->is_taken[i])
		return;
	o->is_taken[i] = true;
	id->alg = o->alg;
	memcpy(id->bytes, o->objects->v[i].id, cfs_hash_len(o->alg));
	o->n++;
}

/* Moves an object that the recorded order names to the front. Objects of another image
 * are skipped: an order outlives its image. */
static int take_order_line(struct ordering *o, struct cfs_text line, struct cfs_err *err)
{
	const struct cfs_lazy_object *found;
	struct cfs_digest id;
	int rc;

	if (line.len == 0)
		return 0;
	rc = cfs_digest_parse(line, &id, err);
	if (rc < 0 || id.alg != o->alg)
		return rc;
	found = lazy_find_object(o->objects, &id);
	if (found)
		take_ordered_object(o, (size_t)(found - o->objects->v));
	return 0;
}

static int take_order_lines(struct ordering *o, struct cfs_text text, struct cfs_err *err)
{
	int rc = 0;

	for (size_t number = 1; rc == 0 && text.len; number++) {
		const char *end = memchr(text.s, '\n', text.len);
		struct cfs_text line = {text.s, end ? (size_t)(end - text.s) : text.len};
		size_t skip = line.len + (end != NULL);

		rc = cfs_context(err, take_order_line(o, line, err), "line %zu", number);
		text = (struct cfs_text){text.s + skip, text.len - skip};
	}
	return rc;
}

int cfs_lazy_order_objects(const struct cfs_lazy_objects *objects, enum cfs_hash_alg alg,
			   struct cfs_text order, struct cfs_digest **out,
			   struct cfs_err *err)
{
	struct ordering o = {.objects = objects,
			     .alg = alg,
			     .is_taken = calloc(objects->n + 1, sizeof(bool)),
			     .v = calloc(objects->n + 1, sizeof(*o.v))};
	int rc = o.is_taken && o.v ? take_order_lines(&o, order, err)
				   : cfs_fail(err, ENOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i < objects->n; i++)
		take_ordered_object(&o, i);
	free(o.is_taken);
	if (rc < 0)
		free(o.v);
	else
		*out = o.v;
	return rc;
}
