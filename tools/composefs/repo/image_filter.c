/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The filters of images. */
#include "composefs/repo/image_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/times.h"

struct image_filter_key {
	const char *name, *word; /* "name", "name=" */
	enum { IS_GLOB, IS_BOOL, IS_TIME } kind;
	bool (*match)(const struct image_filter *f, const struct image_line *line);
};

/* --- keys --------------------------------------------------------------------------- */

static bool match_name_filter(const struct image_filter *f, const struct image_line *line)
{
	return line->name && fnmatch(f->value, line->name, 0) == 0;
}

/* Unknown is neither. */
static bool match_mounted(const struct image_filter *f, const struct image_line *line)
{
	return line->row->use == (f->yes ? CFS_FILE_USED : CFS_FILE_UNUSED);
}

static bool match_signed(const struct image_filter *f, const struct image_line *line)
{
	return line->row->is_signed == f->yes;
}

static bool match_dangling(const struct image_filter *f, const struct image_line *line)
{
	return (line->row->n_names == 0) == f->yes;
}

static bool match_since(const struct image_filter *f, const struct image_line *line)
{
	return line->row->created > f->when;
}

static bool match_before(const struct image_filter *f, const struct image_line *line)
{
	return line->row->created < f->when;
}

/* The name of a key, and the word that completes it. */
#define KEY(name) name, name "="

static const struct image_filter_key keys[] = {
	{KEY("name"), IS_GLOB, match_name_filter},
	{KEY("mounted"), IS_BOOL, match_mounted},
	{KEY("signed"), IS_BOOL, match_signed},
	{KEY("dangling"), IS_BOOL, match_dangling},
	{KEY("since"), IS_TIME, match_since},
	{KEY("before"), IS_TIME, match_before},
	{0},
};

const char *image_filter_get_word(size_t i)
{
	return i < sizeof(keys) / sizeof(keys[0]) ? keys[i].word : NULL;
}

/* --- parsing ------------------------------------------------------------------------ */

static int parse_bool(struct image_filter *f, struct cfs_err *err)
{
	/* The table has yes and no. */
	f->yes = strcmp(f->value, "true") == 0 || strcmp(f->value, "yes") == 0;
	if (!f->yes && strcmp(f->value, "false") != 0 && strcmp(f->value, "no") != 0)
		return cfs_fail(err, EINVAL,
				"--filter: %s: expected true or false, got \"%s\"",
				f->key->name, f->value);
	return 0;
}

/* An image stands for the time of its creation. */
static int parse_time_filter(struct image_filter *f, const struct cfs_repo *repo,
			     const struct image_rows *rows, struct cfs_err *err)
{
	const struct image_row *row;
	int rc = image_rows_resolve(rows, repo, f->value, &row, err);

	if (rc == 0) {
		f->when = row->created;
		return 0;
	}
	if (rc != -ENOENT && rc != -EINVAL)
		return rc;
	if (cli_parse_when(f->value, time(NULL), &f->when))
		return 0;
	return cfs_fail(err, EINVAL,
			"--filter: %s: expected an image, or a time such as 2026-11-30, "
			"\"2026-11-30 18:46\" or 7d, got \"%s\"",
			f->key->name, f->value);
}

/* Everything but a time, which may be an image. */
static int split_filter(const char *text, struct image_filter *f, struct cfs_err *err)
{
	size_t len = strcspn(text, "=");

	for (f->key = keys; f->key->name; f->key++)
		if (strlen(f->key->name) == len && strncmp(f->key->name, text, len) == 0)
			break;
	if (!f->key->name || text[len] != '=')
		return cfs_fail(
			err, EINVAL,
			"--filter: expected name=GLOB, mounted=BOOL, signed=BOOL, "
			"dangling=BOOL, since=WHEN or before=WHEN, got \"%s\"",
			text);
	f->value = text + len + 1;
	return f->key->kind == IS_BOOL ? parse_bool(f, err) : 0;
}

int image_filters_check(const struct cli_list *texts, struct cfs_err *err)
{
	struct image_filter f = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < texts->n; i++)
		rc = split_filter(texts->v[i], &f, err);
	return rc;
}

static int parse_filter(const char *text, const struct cfs_repo *repo,
			const struct image_rows *rows, struct image_filter *f,
			struct cfs_err *err)
{
	int rc = split_filter(text, f, err);

	if (rc < 0 || f->key->kind != IS_TIME)
		return rc;
	return parse_time_filter(f, repo, rows, err);
}

int image_filters_parse(const struct cli_list *texts, const struct cfs_repo *repo,
			const struct image_rows *rows, struct image_filters *out,
			struct cfs_err *err)
{
	int rc = 0;

	out->v = calloc(texts->n + 1, sizeof(*out->v));
	if (!out->v)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (; rc == 0 && out->n < texts->n; out->n++)
		rc = parse_filter(texts->v[out->n], repo, rows, &out->v[out->n], err);
	return rc;
}

void image_filters_fini(struct image_filters *f)
{
	free(f->v);
	*f = (struct image_filters){0};
}

bool image_filters_match(const struct image_filters *f, const struct image_line *line)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->v[i].key->match(&f->v[i], line))
			return false;
	return true;
}
