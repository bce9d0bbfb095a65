/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The details of the images of a repository. */
#include "composefs/repo/image_rows.h"
#include "cli/verbosity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- reading ------------------------------------------------------------------------ */

/* Entries whose name has another form are not images. Entries that could not be read may be images. */
static void report_bad(const char *program, const char *place,
		       const struct cfs_repo_list *l, struct image_rows *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];
		bool read = e->code == -EMLINK || e->code == -EUCLEAN;

		if (e->code == 0)
			continue;
		if (read)
			cli_print_warning(program, "images/%s%s: %s", place, e->name,
					  e->wrong);
		else
			cli_print_message(program, "images/%s%s: %s", place, e->name,
					  e->wrong);
		out->is_complete &= read;
	}
}

static int read_image_stat(const struct cfs_repo *repo, struct image_row *row,
			   struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	struct stat st;
	int rc;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(&row->id, path));
	rc = cfs_beneath_stat(cfs_repo_get_dirfd(repo), below, &st);
	row->is_missing = rc == -ENOENT;
	if (rc < 0)
		return rc == -ENOENT ? 0 : cfs_beneath_fail(rc, below, err);
	row->size = (uint64_t)st.st_size;
	row->use = cfs_repo_object_use(repo, &row->id, err);
	return row->use < 0 ? row->use : 0;
}

static int read_row(const struct cfs_repo *repo, const struct cfs_repo_entry *e,
		    struct image_row *row, struct cfs_err *err)
{
	struct cfs_repo_signatures signatures = {0};
	int rc;

	row->id = e->id;
	row->created = e->mtime_sec;
	rc = read_image_stat(repo, row, err);
	if (rc == 0)
		rc = cfs_repo_list_signatures(repo, &row->id, &signatures, err);
	row->is_signed = signatures.n > 0;
	cfs_repo_signatures_fini(&signatures);
	return rc;
}

/* The index of the row of that ID, or n. */
static size_t find_row_by_id(const struct image_rows *rows, const struct cfs_digest *id)
{
	size_t low = 0, high = rows->n, len = cfs_hash_len(id->alg);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = memcmp(rows->v[mid].id.bytes, id->bytes, len);

		if (c == 0)
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return rows->n;
}

static size_t find_target_row(const struct image_rows *rows,
			      const struct cfs_repo_entry *ref)
{
	struct cfs_digest id;

	if (ref->code || cfs_digest_parse(cfs_text(ref->target), &id, NULL) < 0)
		return rows->n;
	return find_row_by_id(rows, &id);
}

/* Two passes, so that the names of a row are consecutive: count, then fill. References are sorted by name. */
static int name_rows(const char *program, struct image_rows *rows, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &rows->refs;
	size_t n = 0;

	rows->names = calloc(refs->n + 1, sizeof(*rows->names));
	if (!rows->names)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < refs->n; i++) {
		size_t at = find_target_row(rows, &refs->v[i]);

		if (at < rows->n)
			rows->v[at].n_names++;
		else if (refs->v[i].code == 0)
			cli_print_warning(program,
					  "images/refs/%s: its image does not exist",
					  refs->v[i].name);
	}
	for (size_t i = 0; i < rows->n; i++) {
		rows->v[i].names = rows->names + n;
		n += rows->v[i].n_names;
		rows->v[i].n_names = 0;
	}
	for (size_t i = 0; i < refs->n; i++) {
		size_t at = find_target_row(rows, &refs->v[i]);

		if (at < rows->n)
			rows->names[rows->v[at].names - rows->names +
				    rows->v[at].n_names++] = refs->v[i].name;
	}
	return 0;
}

static int read_usage(const struct cfs_repo *repo, const struct cfs_watch *watch,
		      struct image_rows *rows, struct cfs_err *err)
{
	struct cfs_gc_usage_opts opts = {.no_cached = true, .watch = watch};
	const struct cfs_gc_usage_image *images;
	size_t n;
	int rc = cfs_gc_usage_open(repo, &opts, &rows->usage, err);

	if (rc < 0)
		return rc;
	images = cfs_gc_usage_get_images(rows->usage, &n);
	for (size_t i = 0; i < n; i++) {
		size_t at = find_row_by_id(rows, &images[i].id);

		if (at < rows->n)
			rows->v[at].usage = &images[i];
	}
	return 0;
}

int image_rows_read(const char *program, const struct cfs_repo *repo, bool with_usage,
		    const struct cfs_watch *watch, struct image_rows *out,
		    struct cfs_err *err)
{
	int rc = cfs_repo_list_entries(repo, CFS_REPO_IMAGES, &out->entries, err);

	out->is_complete = true;
	if (rc == 0)
		rc = cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &out->refs, err);
	if (rc < 0)
		return rc;
	out->v = calloc(out->entries.n + 1, sizeof(*out->v));
	if (!out->v)
		return cfs_fail(err, ENOMEM, "out of memory");
	report_bad(program, "", &out->entries, out);
	report_bad(program, "refs/", &out->refs, out);
	for (size_t i = 0; rc == 0 && i < out->entries.n; i++) {
		rc = cfs_watch_poll(watch, err);
		if (rc == 0 && out->entries.v[i].code == 0)
			rc = read_row(repo, &out->entries.v[i], &out->v[out->n++], err);
	}
	if (rc == 0)
		rc = name_rows(program, out, err);
	if (rc == 0 && with_usage)
		rc = read_usage(repo, watch, out, err);
	return rc;
}

void image_rows_fini(struct image_rows *rows)
{
	cfs_gc_usage_close(rows->usage);
	cfs_repo_list_fini(&rows->entries);
	cfs_repo_list_fini(&rows->refs);
	free(rows->v);
	free(rows->names);
	*rows = (struct image_rows){0};
}

int image_rows_resolve(const struct image_rows *rows, const struct cfs_repo *repo,
		       const char *name, const struct image_row **out,
		       struct cfs_err *err)
{
	struct cfs_digest id;
	int rc = cfs_repo_find_image(repo, name, &id, err);
	size_t at = rc < 0 ? 0 : find_row_by_id(rows, &id);

	if (rc == 0 && at == rows->n)
		rc = cfs_fail(err, EAGAIN, "image %s appeared during the run; try again",
			      name);
	*out = rc < 0 ? NULL : &rows->v[at];
	return rc;
}

/* --- text --------------------------------------------------------------------------- */

const char *image_row_mounted(const struct image_row *row)
{
	static const char *const texts[] = {[CFS_FILE_UNUSED] = "no",
					    [CFS_FILE_USED] = "yes",
					    [CFS_FILE_USE_UNKNOWN] = "-"};

	return texts[row->use];
}

/* --- fields of templates ------------------------------------------------------------ */

static void put_row_name(FILE *to, const void *row)
{
	const struct image_line *l = row;

	cli_print(to, l->name ? l->name : "<none>");
}

static void put_row_names(FILE *to, const void *row)
{
	const struct image_line *l = row;

	for (size_t i = 0; i < l->row->n_names; i++) {
		fputs(i ? "," : "", to);
		cli_print(to, l->row->names[i]);
	}
}

static void put_row_id(FILE *to, const void *row)
{
	const struct image_line *l = row;
	char text[WHERE_ID_MAX];

	fputs(where_format_short_id(&l->row->id, l->full, text), to);
}

static void put_row_digest(FILE *to, const void *row)
{
	const struct image_line *l = row;
	char text[WHERE_ID_MAX];

	fputs(cfs_digest_text(&l->row->id, text), to);
}

static void put_row_created(FILE *to, const void *row)
{
	const struct image_line *l = row;
	char text[CLI_TIME_MAX];

	fputs(cli_format_utc_time(l->row->created, text), to);
}

static void put_size(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu64, ((const struct image_line *)row)->row->size);
}

static void put_mounted(FILE *to, const void *row)
{
	fputs(image_row_mounted(((const struct image_line *)row)->row), to);
}

static void put_signed(FILE *to, const void *row)
{
	fputs(((const struct image_line *)row)->row->is_signed ? "yes" : "no", to);
}

/* An image that appeared after the sharing was computed has no usage. */
static void put_row_number(FILE *to, const struct image_line *l, uint64_t n)
{
	if (l->row->usage)
		fprintf(to, "%" PRIu64, n);
	else
		putc('-', to);
}

static void put_objects(FILE *to, const void *row)
{
	const struct image_line *l = row;

	put_row_number(to, l, l->row->usage ? l->row->usage->n_objects : 0);
}

static void put_own(FILE *to, const void *row)
{
	const struct image_line *l = row;

	put_row_number(to, l, l->row->usage ? l->row->usage->own : 0);
}

static void put_shared(FILE *to, const void *row)
{
	const struct image_line *l = row;

	put_row_number(to, l,
		       l->row->usage ? l->row->usage->bytes - l->row->usage->own : 0);
}

const struct cli_field image_fields[] = {
	{"Name", put_row_name},	      {"Names", put_row_names},
	{"ID", put_row_id},	      {"Digest", put_row_digest},
	{"Created", put_row_created}, {"Size", put_size},
	{"Mounted", put_mounted},     {"Signed", put_signed},
	{"Objects", put_objects},     {"Own", put_own},
	{"Shared", put_shared},	      {0},
};

bool image_fields_need_usage(const char *template)
{
	return cli_template_has(template, "Objects") ||
	       cli_template_has(template, "Own") || cli_template_has(template, "Shared");
}

/* --- JSON --------------------------------------------------------------------------- */

void image_usage_put_json(struct json *j, const struct cfs_gc_usage_image *u)
{
	json_put_uint(j, "entries", u->n_entries);
	json_put_uint(j, "objects", u->n_objects);
	json_put_uint(j, "objects_missing", u->n_missing);
	json_put_uint(j, "total_bytes", u->bytes);
	json_put_uint(j, "own_bytes", u->own);
	json_put_uint(j, "shared_bytes", u->bytes - u->own);
}

void image_row_put_json(struct json *j, const struct image_row *row)
{
	char text[WHERE_ID_MAX], when[CLI_TIME_MAX];

	json_put_string(j, "id", where_format_id(&row->id, text));
	json_put_strings(j, "names", row->names, row->n_names);
	json_put_string(j, "created", cli_format_utc_time(row->created, when));
	if (row->is_missing)
		json_put_null(j, "size");
	else
		json_put_uint(j, "size", row->size);
	if (row->use == CFS_FILE_USE_UNKNOWN)
		json_put_null(j, "in_use");
	else
		json_put_bool(j, "in_use", row->use == CFS_FILE_USED);
	json_put_bool(j, "signed", row->is_signed);
	if (!row->usage)
		return;
	image_usage_put_json(j, row->usage);
	json_put_uint(j, "frees_bytes", row->usage->frees);
}
