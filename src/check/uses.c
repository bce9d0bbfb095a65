/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Damaged and missing objects, and the images that use them: one finding for each
 * object. */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check_priv.h"

/* Limits of a finding: names of images, bytes of a path, bytes in total. */
enum { NAMES_MAX = 8, PATH_SHOWN_MAX = 1024, WHAT_MAX = 4096 };

/* A missing or damaged object, and the images that use it. */
struct check_use {
	struct cfs_digest id;
	enum cfs_check_fault fault;
	const char *what; /* is wrong, according to the first image */
	const char *path; /* of a file of that image */
	size_t first;	  /* the first of the images, all indexes of entries */
	size_t *images;
	size_t n, cap;
};

static int compare_use_ids(const void *a, const void *b)
{
	const struct check_use *x = a, *y = b;

	return memcmp(x->id.bytes, y->id.bytes, cfs_hash_len(x->id.alg));
}

/* --- collecting --------------------------------------------------------------------- */

/* Returns the uses of an object, borrowed from uses, and adds them first if needed. NULL:
 * out of memory. */
static struct check_use *get_use(struct check_uses *uses, const struct cfs_digest *id)
{
	struct check_use key = {.id = *id},
			 **found = tfind(&key, &uses->tree, compare_use_ids);
	struct check_use *use;

	if (found)
		return *found;
	use = cfs_arena_alloc(&uses->arena, sizeof(*use), _Alignof(struct check_use));
	if (!use ||
	    cfs_grow(&uses->v, &uses->cap, uses->n + 1, sizeof(struct check_use *)) < 0)
		return NULL;
	*use = (struct check_use){.id = *id, .first = SIZE_MAX};
	if (!tsearch(use, &uses->tree, compare_use_ids))
		return NULL;
	uses->v[uses->n++] = use;
	return use;
}

/* Images are checked in parallel: the result must not depend on which one is checked
 * first. */
static int record_use(struct check_uses *uses, const struct check_used *used)
{
	struct check_use *use = get_use(uses, &used->id);

	if (!use)
		return -ENOMEM;
	if (used->image < use->first) {
		use->first = used->image;
		use->fault = used->fault;
		use->what = cfs_arena_copy(&uses->arena, used->what, strlen(used->what));
		use->path = cfs_arena_copy(&uses->arena, used->path.s, used->path.len);
		if (!use->what || !use->path)
			return -ENOMEM;
	}
	if (use->n && use->images[use->n - 1] == used->image)
		return 0;
	if (cfs_grow(&use->images, &use->cap, use->n + 1, sizeof(*use->images)) < 0)
		return -ENOMEM;
	use->images[use->n++] = used->image;
	return 0;
}

int check_add_use(struct check *c, const struct check_used *used, struct cfs_err *err)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	rc = record_use(&c->uses, used);
	pthread_mutex_unlock(&c->lock);
	return rc < 0 ? cfs_fail(err, ENOMEM, "out of memory") : 0;
}

/* --- reporting ---------------------------------------------------------------------- */

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* Sorts the images of a finding, of which there is at least one, and removes repeated
 * ones. */
static void sort_unique_images(struct check_use *use)
{
	size_t kept = 0;

	qsort(use->images, use->n, sizeof(*use->images), by_index);
	for (size_t i = 1; i < use->n; i++)
		if (use->images[i] != use->images[kept])
			use->images[++kept] = use->images[i];
	use->n = kept + 1;
}

/* A name of an image, or its ID where it has none. */
static const char *get_image_name(const struct check *c, size_t image)
{
	const struct cfs_repo_list *refs = &c->refs[CFS_REPO_IMAGES];
	const char *entry = c->entries[CFS_REPO_IMAGES].v[image].name;

	for (size_t i = 0; i < refs->n; i++)
		if (refs->v[i].code == 0 && strcmp(refs->v[i].target, entry) == 0)
			return refs->v[i].name;
	return entry;
}

/* Appends to a text, truncated to WHAT_MAX. */
__attribute__((format(printf, 2, 3))) static void append_use_text(char text[WHAT_MAX],
								  const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, WHAT_MAX - len, fmt, ap);
	va_end(ap);
}

/* "WHAT: used by os/1 (/dir/a), os/2 and 3 more". */
static void describe_use(const struct check *c, const char *what,
			 const struct check_use *use, char text[WHAT_MAX])
{
	text[0] = '\0';
	append_use_text(text, "%s: used by %s (%.*s)", what,
			get_image_name(c, use->first), PATH_SHOWN_MAX, use->path);
	for (size_t i = 1; i < use->n && i < NAMES_MAX; i++)
		append_use_text(text, ", %s", get_image_name(c, use->images[i]));
	if (use->n > NAMES_MAX)
		append_use_text(text, " and %zu more", use->n - NAMES_MAX);
}

/* By object; for the same object, the finding of the object check first. */
static int by_object(const void *a, const void *b)
{
	const struct cfs_check_finding *x = a, *y = b;
	int order = (int)x->id.alg - (int)y->id.alg;

	if (order == 0)
		order = memcmp(x->id.bytes, y->id.bytes, sizeof(x->id.bytes));
	if (order == 0)
		order = (strncmp(x->place, "objects/", 8) != 0) -
			(strncmp(y->place, "objects/", 8) != 0);
	return order;
}

/* qsort_r cannot be interrupted. Once the watch is cancelled, all are equal: that ends it
 * soon. */
static int by_object_watched(const void *a, const void *b, void *watch)
{
	return cfs_watch_is_cancelled(watch) ? 0 : by_object(a, b);
}

/* The finding of the object check, or NULL. The first n findings are sorted. */
static struct cfs_check_finding *find_finding(struct cfs_check_report *r, size_t n,
					      const struct cfs_digest *id)
{
	struct cfs_check_finding key = {.id = *id, .place = "objects/"};

	return n ? bsearch(&key, r->v, n, sizeof(key), by_object) : NULL;
}

/* Says which image needs a lost object: in the finding about that object if there is
 * one, else in a finding of its own. */
static int report_lost_use(struct check *c, size_t n_before, const struct check_use *use,
			   struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], place[CFS_OBJECT_PATH_MAX + 8], what[WHAT_MAX];
	struct cfs_check_finding *f = find_finding(c->out, n_before, &use->id);

	describe_use(c, f ? f->what : use->what, use, what);
	if (f) {
		f->what = cfs_arena_copy(&c->out->arena, what, strlen(what));
		return f->what ? 0 : cfs_fail(err, ENOMEM, "out of memory");
	}
	snprintf(place, sizeof(place), "objects/%s", cfs_digest_path(&use->id, path));
	c->out->n_missing += use->fault == CFS_CHECK_IMAGE_OBJECT;
	return check_add_finding(c, use->fault, &use->id, place, what, err);
}

int check_report_uses(struct check *c, struct cfs_err *err)
{
	size_t n_before = c->out->n;
	int rc = 0;

	if (n_before)
		qsort_r(c->out->v, n_before, sizeof(*c->out->v), by_object_watched,
			(void *)(uintptr_t)c->opts->watch);
	for (size_t i = 0; rc == 0 && i < c->uses.n; i++) {
		rc = cfs_watch_poll(c->opts->watch, err);
		if (rc < 0)
			return rc;
		sort_unique_images(c->uses.v[i]);
		rc = report_lost_use(c, n_before, c->uses.v[i], err);
	}
	return rc;
}

/* The arena holds them. */
static void keep_use(void *use)
{
	(void)use;
}

void check_uses_fini(struct check_uses *uses)
{
	tdestroy(uses->tree, keep_use);
	for (size_t i = 0; i < uses->n; i++)
		free(uses->v[i]->images);
	free(uses->v);
	cfs_arena_fini(&uses->arena);
	*uses = (struct check_uses){0};
}
