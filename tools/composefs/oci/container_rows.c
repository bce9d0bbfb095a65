/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lines of oci images: which, and in which order. */
#include "composefs/oci/container_rows.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/times.h"
#include "cli/cli.h"
#include "cli/repo_option.h"

/* --- rows --------------------------------------------------------------------------- */

int container_rows_add(struct container_rows *rows, const char *tag,
		       struct cfs_container *take, struct cfs_err *err)
{
	struct container_row row = {strdup(tag), *take};

	*take = (struct cfs_container){0};
	if (!row.tag ||
	    cfs_grow(&rows->v, &rows->cap, rows->n + 1, sizeof(*rows->v)) < 0) {
		free(row.tag);
		cfs_container_close(&row.container);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	rows->v[rows->n++] = row;
	return 0;
}

void container_rows_drop_last(struct container_rows *rows)
{
	struct container_row *last = &rows->v[--rows->n];

	free(last->tag);
	cfs_container_close(&last->container);
}

void container_rows_fini(struct container_rows *rows)
{
	while (rows->n)
		container_rows_drop_last(rows);
	free(rows->v);
	*rows = (struct container_rows){0};
}

/* Parses the time of RFC 3339 of the configuration. Returns false if there is none. */
static bool parse_created(const struct cfs_container *c, int64_t *out)
{
	const char *text = c->config.created, *rest;
	struct tm tm = {0}, zone = {0};

	rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!rest)
		return false;
	*out = timegm(&tm);
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!strptime(rest, "%z", &zone))
		return false;
	*out -= zone.tm_gmtoff;
	return true;
}

/* --- order -------------------------------------------------------------------------- */

static int64_t get_sort_value(const struct container_row *row, enum container_sort sort)
{
	int64_t created;

	if (sort == CONTAINERS_BY_LAYERS)
		return (int64_t)row->container.manifest.n_layers;
	if (sort != CONTAINERS_BY_CREATED)
		return 0;
	return parse_created(&row->container, &created) ? created : INT64_MIN;
}

static int compare_container_rows(const void *a, const void *b, void *sort)
{
	const struct container_row *x = a, *y = b;
	int64_t p = get_sort_value(x, *(const enum container_sort *)sort);
	int64_t q = get_sort_value(y, *(const enum container_sort *)sort);
	int rc = strcmp(x->tag, y->tag);

	if (p != q)
		return p > q ? -1 : 1;
	return rc ? rc
		  : memcmp(x->container.digest.bytes, y->container.digest.bytes,
			   sizeof(x->container.digest.bytes));
}

void container_rows_sort(struct container_rows *rows, enum container_sort sort)
{
	if (rows->n && sort != CONTAINERS_AS_FOUND)
		qsort_r(rows->v, rows->n, sizeof(*rows->v), compare_container_rows,
			&sort);
}

/* --- filters ------------------------------------------------------------------------ */

static const char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	return strncmp(text, key, len) == 0 && text[len] == '=' ? text + len + 1 : NULL;
}

/* Returns the time of since= or before=, or NULL. */
static const char *time_of(const char *text)
{
	const char *when = value_of(text, "since");

	return when ? when : value_of(text, "before");
}

static int check_container_filter(const char *text, struct cfs_err *err)
{
	const char *when = time_of(text);
	int64_t unused;

	if (when && !cli_parse_when(when, time(NULL), &unused))
		return cfs_fail(err, EINVAL,
				"--filter: expected a time such as 2026-11-30, "
				"\"2026-11-30 18:46\" or 7d, got \"%s\"",
				when);
	if (when || value_of(text, "name") || value_of(text, "platform"))
		return 0;
	return cfs_fail(err, EINVAL,
			"--filter: expected name=GLOB, platform=GLOB, since=TIME or "
			"before=TIME, got \"%s\"",
			text);
}

int container_filters_check(const struct cli_list *texts, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < texts->n; i++)
		rc = check_container_filter(texts->v[i], err);
	return rc;
}

static bool match_platform(const char *glob, const struct cfs_oci_config *c)
{
	char text[300];

	snprintf(text, sizeof(text), "%.100s/%.100s%s%.50s", c->os ? c->os : "-",
		 c->architecture ? c->architecture : "-", c->variant ? "/" : "",
		 c->variant ? c->variant : "");
	return fnmatch(glob, text, 0) == 0;
}

static bool match_container_filter(const char *text, const struct container_row *row)
{
	const char *name = value_of(text, "name"), *platform = value_of(text, "platform");
	int64_t created, when;

	if (name)
		return fnmatch(name, row->tag, 0) == 0;
	if (platform)
		return match_platform(platform, &row->container.config);
	if (!parse_created(&row->container, &created) ||
	    !cli_parse_when(time_of(text), time(NULL), &when))
		return false;
	return value_of(text, "since") ? created > when : created < when;
}

bool container_filters_match(const struct cli_list *texts,
			     const struct container_row *row)
{
	for (size_t i = 0; i < texts->n; i++)
		if (!match_container_filter(texts->v[i], row))
			return false;
	return true;
}

/* --- fields ------------------------------------------------------------------------- */

static void put_tag(FILE *to, const void *row)
{
	cli_print(to, ((const struct container_row *)row)->tag);
}

static void put_manifest_digest(FILE *to, const void *row)
{
	const struct container_row *r = row;
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	fputs(cfs_oci_digest_text(&r->container.digest, text), to);
}

static void put_config_id(FILE *to, const void *row)
{
	const struct cfs_container *c = &((const struct container_row *)row)->container;
	char text[WHERE_ID_MAX];

	if (c->has_image)
		fputs(where_format_id(&c->image, text), to);
}

static void put_os(FILE *to, const void *row)
{
	const char *os = ((const struct container_row *)row)->container.config.os;

	cli_print(to, os ? os : "");
}

static void put_architecture(FILE *to, const void *row)
{
	const char *name =
		((const struct container_row *)row)->container.config.architecture;

	cli_print(to, name ? name : "");
}

static void put_config_created(FILE *to, const void *row)
{
	const char *created =
		((const struct container_row *)row)->container.config.created;

	cli_print(to, created ? created : "");
}

static void put_n_layers(FILE *to, const void *row)
{
	fprintf(to, "%zu",
		((const struct container_row *)row)->container.manifest.n_layers);
}

const struct cli_field container_fields[] = {
	{"Tag", put_tag},
	{"Digest", put_manifest_digest},
	{"ID", put_config_id},
	{"OS", put_os},
	{"Created", put_config_created},
	{"Architecture", put_architecture},
	{"Layers", put_n_layers},
	{0},
};
