/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Disk usage of images. Images are read twice: first to collect all objects and number
 * them, then to list the numbers of each image. So an image needs four bytes of memory
 * for each of its objects. */
#include "gc/usage.h"

#include <errno.h>
#include <string.h>

#include "gc/usage_priv.h"

/* --- which images, and their names -------------------------------------------------- */

/* Entries that cannot be read are counted, not errors: usage is a question, and deletes
 * nothing. */
static int list_usage_images(struct cfs_gc_usage *u, struct cfs_err *err)
{
	const struct cfs_repo_list *l = &u->mark.side[CFS_REPO_IMAGES].entries;
	const struct cfs_repo_list *refs = &u->mark.side[CFS_REPO_IMAGES].refs;

	u->images = calloc(l->n + 1, sizeof(*u->images));
	u->lists = calloc(l->n + 1, sizeof(*u->lists));
	u->entry_of = calloc(l->n + 1, sizeof(*u->entry_of));
	if (!u->images || !u->lists || !u->entry_of)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].code) {
			u->total.n_passed_over++;
			continue;
		}
		u->images[u->n_images].id = l->v[i].id;
		u->entry_of[u->n_images++] = i;
	}
	for (size_t i = 0; i < refs->n; i++)
		u->total.n_passed_over += refs->v[i].code != 0;
	return 0;
}

struct naming {
	size_t image;
	const char *name;
};

static int by_image_then_name(const void *a, const void *b)
{
	const struct naming *x = a, *y = b;

	if (x->image != y->image)
		return x->image < y->image ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The image that a reference refers to, or n_images. */
static size_t find_usage_image(const struct cfs_gc_usage *u,
			       const struct cfs_repo_entry *ref)
{
	const struct gc_side *s = &u->mark.side[CFS_REPO_IMAGES];
	const struct cfs_repo_entry *e = ref->code ? NULL : gc_find_entry(s, ref->target);
	size_t low = 0, high = u->n_images, at = e ? (size_t)(e - s->entries.v) : 0;

	if (!e || e->code)
		return u->n_images;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (u->entry_of[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Sorts the names by image, so that the names of each image are one range of u->names,
 * borrowed from the marks. */
static int name_images(struct cfs_gc_usage *u, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &u->mark.side[CFS_REPO_IMAGES].refs;
	cfs_autofree struct naming *v = calloc(refs->n + 1, sizeof(*v));
	size_t n = 0;

	u->names = calloc(refs->n + 1, sizeof(*u->names));
	if (!v || !u->names)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < refs->n; i++) {
		v[n] = (struct naming){find_usage_image(u, &refs->v[i]), refs->v[i].name};
		n += v[n].image < u->n_images;
	}
	qsort(v, n, sizeof(*v), by_image_then_name);
	for (size_t i = 0; i < n; i++) {
		struct cfs_gc_usage_image *im = &u->images[v[i].image];

		u->names[i] = v[i].name;
		if (im->n_names++ == 0)
			im->names = &u->names[i];
	}
	return 0;
}

/* --- which objects there are -------------------------------------------------------- */

/* Streams and images in use keep their objects even if all names of images are
 * removed. */
static int mark_held(struct cfs_gc_usage *u, struct cfs_err *err)
{
	int rc = gc_mark_streams(&u->mark, err);

	u->total.use_known = true;
	for (size_t i = 0; rc == 0 && i < u->n_images; i++) {
		struct cfs_gc_usage_image *im = &u->images[i];
		int use = cfs_watch_poll(u->opts->watch, err);

		if (use == 0)
			use = cfs_repo_object_use(u->repo, &im->id, err);
		if (use < 0)
			return use;
		im->in_stream = u->mark.side[CFS_REPO_IMAGES].reached[u->entry_of[i]];
		im->in_use = use != CFS_FILE_UNUSED; /* as in a collection */
		if (use == CFS_FILE_USE_UNKNOWN)
			u->total.use_known = false;
		if (im->in_use)
			rc = gc_mark_entry(&u->mark, CFS_REPO_IMAGES, u->entry_of[i],
					   err);
	}
	return rc < 0 ? rc : gc_mark_pending_images(&u->mark, err);
}

static int keep_held(struct cfs_gc_usage *u, struct cfs_err *err)
{
	const struct cfs_ids *live = &u->mark.live;

	if (cfs_grow(&u->held.v, &u->held.cap, live->n + 1, live->len) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (live->n)
		memcpy(u->held.v, live->v, live->n * live->len);
	u->held.n = live->n;
	return 0;
}

static int mark_rest(struct cfs_gc_usage *u, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < u->n_images; i++)
		rc = gc_mark_entry(&u->mark, CFS_REPO_IMAGES, u->entry_of[i], err);
	if (rc == 0)
		rc = gc_mark_pending_images(&u->mark, err);
	if (rc == 0 && u->mark.live.n > UINT32_MAX)
		rc = cfs_fail(err, EOVERFLOW, "expected at most %u objects", UINT32_MAX);
	return rc;
}

/* --- which objects each image has --------------------------------------------------- */

/* Converts the sorted IDs of an image to indexes of all objects. */
static int number_objects(const struct cfs_gc_usage *u, const struct cfs_ids *ids,
			  size_t image, struct cfs_err *err)
{
	uint32_t *v = calloc(ids->n + 1, sizeof(*v));

	u->lists[image].objects = v;
	u->lists[image].n = ids->n;
	if (!v)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < ids->n; i++) {
		const uint8_t *id = ids->v + i * ids->len;
		size_t at = cfs_ids_find(&u->mark.live, id);

		if (at == u->mark.live.n ||
		    memcmp(u->mark.live.v + at * ids->len, id, ids->len) != 0)
			return cfs_fail(err, EUCLEAN, "the image changed during the run");
		v[i] = (uint32_t)at;
	}
	return 0;
}

/* The objects of one image, and the image itself. SEALED is enough for a report: nothing is
 * removed by it. */
static int read_ids(const struct cfs_gc_usage *u, size_t image, struct cfs_ids *out,
		    struct cfs_err *err)
{
	struct cfs_gc_usage_image *to = &u->images[image];
	cfs_autofd int fd = cfs_repo_open_object(u->repo, &to->id, CFS_REPO_SEALED, err);
	struct cfs_image im;
	struct cfs_map map;
	int rc = fd < 0 ? fd : cfs_image_map(fd, cfs_map_stable, &map, err);

	if (rc < 0)
		return rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_repo_list_image_objects(&im, u->opts->watch, out, &to->n_entries,
						 err);
	if (rc == 0)
		rc = cfs_ids_add(out, to->id.bytes, err);
	cfs_map_close(&map);
	return rc;
}

/* One item of the pool: lists the objects of an image. */
static int read_usage_image(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct cfs_gc_usage *u = ctx;
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_ids ids;
	int rc;

	if (worker == 0)
		gc_report_usage(u, "images compared", i, u->n_images);
	cfs_ids_init(&ids, cfs_repo_get_meta(u->repo)->alg);
	ids.watch = u->opts->watch;
	rc = read_ids(u, i, &ids, err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, err);
	if (rc == 0)
		rc = number_objects(u, &ids, i, err);
	cfs_ids_fini(&ids);
	return cfs_context(err, rc, "images/%s", cfs_digest_hex(&u->images[i].id, hex));
}

/* Reads the objects of all images on all CPUs, then sums up what they share. */
static int count_images(struct cfs_gc_usage *u, struct cfs_err *err)
{
	int rc = cfs_pool_run(cfs_pool_count_cpus(), u->n_images, read_usage_image, u,
			      u->opts->watch, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < u->n_images; i++) {
		const struct cfs_gc_usage_image *im = &u->images[i];

		u->lists[i].removable = im->n_names && !im->in_use && !im->in_stream;
	}
	gc_sum_sharing(u->objects, u->mark.live.n, u->lists, u->n_images, u->images,
		       &u->total);
	return 0;
}

/* --- the whole ---------------------------------------------------------------------- */

/* First what is held by roots, then the rest: the difference is what a collection would
 * free. */
static int compute_usage(struct cfs_gc_usage *u, const struct cfs_gc_opts *follow,
			 struct cfs_err *err)
{
	int rc = gc_open_marks(&u->mark, u->repo, follow, NULL, err);

	cfs_ids_init(&u->held, cfs_repo_get_meta(u->repo)->alg);
	if (rc == 0)
		rc = list_usage_images(u, err);
	if (rc == 0)
		rc = name_images(u, err);
	if (rc == 0)
		rc = mark_held(u, err);
	if (rc == 0)
		rc = keep_held(u, err);
	if (rc == 0)
		rc = mark_rest(u, err);
	if (rc == 0)
		rc = gc_measure_objects(u, err);
	return rc < 0 ? rc : count_images(u, err);
}

int cfs_gc_usage_open(const struct cfs_repo *repo, const struct cfs_gc_usage_opts *opts,
		      struct cfs_gc_usage **out, struct cfs_err *err)
{
	struct cfs_gc_opts follow = {.watch = opts->watch};
	struct cfs_gc_usage *u = calloc(1, sizeof(*u));
	int rc;

	*out = NULL;
	if (!u)
		return cfs_fail(err, ENOMEM, "out of memory");
	u->repo = repo;
	u->opts = opts;
	rc = compute_usage(u, &follow, err);
	u->opts = NULL;
	u->mark.opts = NULL;
	if (rc == 0)
		*out = u;
	else
		cfs_gc_usage_close(u);
	return rc;
}

void cfs_gc_usage_close(struct cfs_gc_usage *usage)
{
	if (!usage)
		return;
	for (size_t i = 0; usage->lists && i < usage->n_images; i++)
		free(usage->lists[i].objects);
	free(usage->lists);
	free(usage->images);
	free(usage->entry_of);
	free(usage->names);
	free(usage->objects);
	cfs_ids_fini(&usage->held);
	gc_close_marks(&usage->mark);
	free(usage);
}

const struct cfs_gc_usage_image *cfs_gc_usage_get_images(const struct cfs_gc_usage *usage,
							 size_t *n_out)
{
	*n_out = usage->n_images;
	return usage->images;
}

const struct cfs_gc_usage_total *cfs_gc_usage_get_totals(const struct cfs_gc_usage *usage)
{
	return &usage->total;
}

static int by_bytes_largest_first(const void *a, const void *b)
{
	const struct cfs_gc_usage_pair *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

int cfs_gc_usage_compute_pairs(const struct cfs_gc_usage *usage, const size_t *chosen,
			       size_t n, struct cfs_gc_usage_pair *out,
			       struct cfs_err *err)
{
	size_t n_objects = usage->mark.live.n;
	cfs_autofree uint64_t *has = calloc(n_objects + 1, sizeof(*has));

	if (!has)
		return cfs_fail(err, ENOMEM, "out of memory");
	gc_sum_pairs(usage->objects, n_objects, usage->lists, chosen, n, has, out);
	if (n > 1)
		qsort(out, n * (n - 1) / 2, sizeof(*out), by_bytes_largest_first);
	return 0;
}
