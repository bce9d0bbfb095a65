/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints the disk usage as a table and as JSON. */
#include "composefs/repo/du_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "composefs/repo/image_rows.h"

/* --- rows -------------------------------------------------------------------------------- */

const struct cli_choice du_keys[] = {
	{"frees", DU_FREES},	 {"own", DU_OWN},   {"shared", DU_SHARED},
	{"total", DU_TOTAL},	 {"fair", DU_FAIR}, {"cached", DU_CACHED},
	{"entries", DU_ENTRIES}, {"name", DU_NAME}, {0},
};

/* The number that --sort=key compares. Names are compared elsewhere, so DU_NAME has
 * none. */
static uint64_t get_du_value(const struct cfs_gc_usage_image *im, enum du_key key)
{
	switch (key) {
	case DU_FREES:
		return im->frees;
	case DU_OWN:
		return im->own;
	case DU_SHARED:
		return im->bytes - im->own;
	case DU_TOTAL:
		return im->bytes;
	case DU_FAIR:
		return im->fair;
	case DU_CACHED:
		return im->cached;
	case DU_ENTRIES:
		return im->n_entries;
	case DU_NAME:
		break;
	}
	return 0;
}

struct order {
	const struct du *du;
	enum du_key key;
};

/* The largest first; the names decide where values are equal, so that the order is
 * always the same. */
static int compare_by_key(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const struct cfs_gc_usage_image *x = &o->du->images[*(const size_t *)a];
	const struct cfs_gc_usage_image *y = &o->du->images[*(const size_t *)b];
	uint64_t p = get_du_value(x, o->key), q = get_du_value(y, o->key);
	char xbuf[WHERE_ID_MAX], ybuf[WHERE_ID_MAX];

	if (p != q)
		return p > q ? -1 : 1;
	if ((x->n_names > 0) !=
	    (y->n_names > 0)) /* images without a reference come last */
		return x->n_names ? -1 : 1;
	return strcmp(du_get_name(x, xbuf), du_get_name(y, ybuf));
}

void du_sort(struct du *du, enum du_key key)
{
	struct order order = {du, key};

	if (du->n_rows)
		qsort_r(du->rows, du->n_rows, sizeof(*du->rows), compare_by_key, &order);
}

const char *du_get_name(const struct cfs_gc_usage_image *im, char buf[WHERE_ID_MAX])
{
	return im->n_names ? im->names[0] : where_format_id(&im->id, buf);
}

const char *du_get_kept_reason(const struct cfs_gc_usage_image *im)
{
	if (im->in_use)
		return "in use";
	if (im->in_stream)
		return "in a stream";
	return im->n_names ? NULL : "no name";
}

/* --- table ------------------------------------------------------------------------------- */

static void put_table_bytes(FILE *to, uint64_t n, bool known)
{
	char buf[32];

	fprintf(to, "%10s ", known ? cli_format_bytes(n, buf) : "-");
}

/* Prints a name of a list that commas separate. */
static void put_listed(FILE *to, const char *name)
{
	for (;;) {
		size_t n = strcspn(name, ",");
		char *part = strndup(name, n);

		cli_print(to, part ? part : "?");
		free(part);
		name += n;
		if (*name++ != ',')
			return;
		fputs("\\x2c", to);
	}
}

/* As du_get_name, with an ID as tables have it. */
static const char *shown_name(const struct du *du, const struct cfs_gc_usage_image *im,
			      char buf[WHERE_ID_MAX])
{
	return im->n_names ? im->names[0] : where_format_short_id(&im->id, du->full, buf);
}

/* One line of the table. Names come last, because their length is not bounded; other
 * names of the same image follow after a comma. */
static void put_table_row(FILE *to, const struct du *du,
			  const struct cfs_gc_usage_image *im)
{
	char buf[WHERE_ID_MAX];

	put_table_bytes(to, im->frees, true);
	put_table_bytes(to, im->own, true);
	put_table_bytes(to, im->bytes - im->own, true);
	put_table_bytes(to, im->bytes, true);
	put_table_bytes(to, im->cached, du->total->cached_known);
	fprintf(to, "%8" PRIu64 "  ", im->n_entries);
	put_listed(to, shown_name(du, im, buf));
	for (size_t i = 1; i < im->n_names; i++) {
		fputs(", ", to);
		put_listed(to, im->names[i]);
	}
	if (du_get_kept_reason(im))
		fprintf(to, " (%s)", du_get_kept_reason(im));
	putc('\n', to);
}

/* The second table: what each two images share. Its heading says so when it covers
 * only the first images. */
static void put_table_pairs(FILE *to, const struct du *du)
{
	char a[WHERE_ID_MAX], b[WHERE_ID_MAX];

	if (du->n_compared < du->n_rows)
		fprintf(to, "\nPairs, of the first %zu images:\n", du->n_compared);
	else
		fputs("\nPairs:\n", to);
	fprintf(to, "%10s %8s  %s\n", "BOTH HAVE", "OBJECTS", "IMAGES");
	for (size_t i = 0; i < du->n_pairs; i++) {
		const struct cfs_gc_usage_pair *p = &du->pairs[i];

		put_table_bytes(to, p->bytes, true);
		fprintf(to, "%8" PRIu64 "  ", p->n_objects);
		cli_print(to, shown_name(du, &du->images[p->a], a));
		fputs("  ", to);
		cli_print(to, shown_name(du, &du->images[p->b], b));
		putc('\n', to);
	}
}

static void put_table_total(FILE *to, const struct du *du)
{
	const struct cfs_gc_usage_total *t = du->total;
	uint64_t saved = t->apart - t->bytes;
	char apart[32], bytes[32], less[32], cached[32];

	fprintf(to,
		"%zu %s, %" PRIu64 " %s: %s if each image were alone, %s together, "
		"%s saved",
		du->n_images, cfs_plural(du->n_images, "image", "images"), t->n_objects,
		cfs_plural(t->n_objects, "object", "objects"),
		cli_format_bytes(t->apart, apart), cli_format_bytes(t->bytes, bytes),
		cli_format_bytes(saved, less));
	if (t->apart)
		fprintf(to, " (%.0f %%)", 100.0 * (double)saved / (double)t->apart);
	if (t->cached_known)
		fprintf(to, "; %s in memory", cli_format_bytes(t->cached, cached));
	putc('\n', to);
}

void du_print_table(FILE *to, const struct du *du)
{
	fprintf(to, "%10s %10s %10s %10s %10s %8s  %s\n", "FREES", "OWN", "SHARED",
		"TOTAL", "CACHED", "ENTRIES", "IMAGE");
	for (size_t i = 0; i < du->n_rows; i++)
		put_table_row(to, du, &du->images[du->rows[i]]);
	if (du->with_pairs)
		put_table_pairs(to, du);
	putc('\n', to);
	put_table_total(to, du);
}

/* --- JSON -------------------------------------------------------------------------------- */

static void put_cached(struct json *j, const struct du *du, uint64_t bytes)
{
	if (du->total->cached_known)
		json_put_uint(j, "cached_bytes", bytes);
	else
		json_put_null(j, "cached_bytes");
}

static void put_image_usage(struct json *j, const struct du *du,
			    const struct cfs_gc_usage_image *im)
{
	json_begin_object(j, NULL);
	where_put_id(j, "id", &im->id);
	json_put_strings(j, "names", im->names, im->n_names);
	image_usage_put_json(j, im);
	json_put_uint(j, "fair_bytes", im->fair);
	json_put_uint(j, "frees_bytes", im->frees);
	put_cached(j, du, im->cached);
	json_put_bool(j, "in_use", im->in_use);
	json_put_bool(j, "in_stream", im->in_stream);
	json_end(j);
}

static void put_pair_list(struct json *j, const struct du *du)
{
	json_begin_array(j, "pairs");
	for (size_t i = 0; i < du->n_pairs; i++) {
		const struct cfs_gc_usage_pair *p = &du->pairs[i];

		json_begin_object(j, NULL);
		json_begin_array(j, "ids");
		where_put_id(j, NULL, &du->images[p->a].id);
		where_put_id(j, NULL, &du->images[p->b].id);
		json_end(j);
		json_put_uint(j, "objects", p->n_objects);
		json_put_uint(j, "bytes", p->bytes);
		json_end(j);
	}
	json_end(j);
}

void du_print_json(FILE *to, const struct du *du)
{
	const struct cfs_gc_usage_total *t = du->total;
	struct json j = {.to = to};

	json_begin_object(&j, NULL);
	json_put_string(&j, "bytes_are", du->apparent ? "apparent" : "blocks");
	json_begin_array(&j, "images");
	for (size_t i = 0; i < du->n_rows; i++)
		put_image_usage(&j, du, &du->images[du->rows[i]]);
	json_end(&j);
	if (du->with_pairs)
		put_pair_list(&j, du);
	json_begin_object(&j, "repository");
	json_put_uint(&j, "images", du->n_images);
	json_put_uint(&j, "objects", t->n_objects);
	json_put_uint(&j, "objects_missing", t->n_missing);
	json_put_uint(&j, "apart_bytes", t->apart);
	json_put_uint(&j, "together_bytes", t->bytes);
	json_put_uint(&j, "saved_bytes", t->apart - t->bytes);
	put_cached(&j, du, t->cached);
	json_put_bool(&j, "use_known", t->use_known);
	json_finish(&j);
}
