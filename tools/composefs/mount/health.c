/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Damage of mounted images, as far as it was noticed. */
#include "composefs/mount/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/times.h"
#include "cli/verbosity.h"

void health_fini(struct health *h)
{
	free(h->damaged.v);
	*h = (struct health){0};
}

bool health_read_log(const char *path, const char *program, struct cfs_damage_list *out)
{
	struct cfs_damage_log log;
	struct cfs_err err;
	int rc = cfs_damage_log_open(path, false, &log, &err);

	if (rc == 0)
		rc = cfs_damage_log_read(&log, out, &err);
	if (rc < 0)
		cli_print_detail(program, "%s", err.msg);
	cfs_damage_log_close(&log);
	return rc == 0;
}

void health_find_damage(struct health *h, const struct cfs_image_mount *m,
			const struct cfs_damage_list *messages,
			struct cfs_mount_table *table, const char *program)
{
	struct cfs_err err;

	h->knows_damage = cfs_damage_find(m, table, messages, &table->arena, &h->damaged,
					  &err) == 0;
	if (!h->knows_damage)
		cli_print_detail(program, "%s: %s", m->place, err.msg);
}

void health_find_scrub(struct health *h, const struct cfs_repo *repo)
{
	h->has_scrub = cfs_check_scrub_read(repo, &h->scrub, NULL) > 0;
}

static uint64_t count_health_messages(const struct health *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->damaged.n; i++)
		n += h->damaged.v[i].n;
	return n;
}

const char *health_format_errors(const struct health *h, char out[HEALTH_COUNT_MAX])
{
	strcpy(out, "-");
	if (h->knows_damage)
		snprintf(out, HEALTH_COUNT_MAX, "%" PRIu64, count_health_messages(h));
	return out;
}

const char *health_format_scrub(const struct health *h, char out[HEALTH_SCRUB_MAX])
{
	char when[CLI_TIME_MAX];

	if (!h->has_scrub)
		return NULL;
	snprintf(out, HEALTH_SCRUB_MAX,
		 "%s: %s%" PRIu64 " object%s, %" PRIu64 " damaged, %" PRIu64 " missing",
		 cli_format_local_time((int64_t)h->scrub.end_sec, when),
		 h->scrub.whole ? "" : "of some images, ", h->scrub.n_objects,
		 h->scrub.n_objects == 1 ? "" : "s", h->scrub.n_damaged,
		 h->scrub.n_missing);
	return out;
}

static void put_scrub(struct json *j, const struct cfs_check_scrub *s)
{
	char text[CLI_TIME_MAX];

	json_begin_object(j, "last_scrub");
	json_put_string(j, "began", cli_format_utc_time((int64_t)s->begin_sec, text));
	json_put_string(j, "ended", cli_format_utc_time((int64_t)s->end_sec, text));
	json_put_string(j, "scope", s->whole ? "repository" : "images");
	json_put_uint(j, "objects_checked", s->n_objects);
	json_put_uint(j, "objects_damaged", s->n_damaged);
	json_put_uint(j, "objects_missing", s->n_missing);
	json_put_uint(j, "objects_repaired", s->n_repaired);
	json_end(j);
}

void health_put_json(struct json *j, const struct health *h)
{
	if (h->knows_damage)
		json_put_uint(j, "verity_errors", count_health_messages(h));
	else
		json_put_null(j, "verity_errors");
	if (h->has_scrub)
		put_scrub(j, &h->scrub);
	else
		json_put_null(j, "last_scrub");
}
