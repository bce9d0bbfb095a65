/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Findings of a check, and their names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/check_priv.h"

/* These words are in the JSON output, and some are those of composefs-rs: they do not
 * change. */
const char *cfs_check_get_fault_name(enum cfs_check_fault fault)
{
	static const char *const names[CFS_CHECK_N_FAULTS] = {
		[CFS_CHECK_OBJECT_NAME] = "object-invalid-name",
		[CFS_CHECK_OBJECT_OPEN] = "object-open-failed",
		[CFS_CHECK_OBJECT_DIGEST] = "object-digest-mismatch",
		[CFS_CHECK_OBJECT_VERITY] = "object-verity-failed",
		[CFS_CHECK_OBJECT_NO_VERITY] = "object-verity-missing",
		[CFS_CHECK_ENTRY_NO_LINK] = "entry-not-symlink",
		[CFS_CHECK_LINK_BROKEN] = "broken-symlink",
		[CFS_CHECK_STAT] = "stat-failed",
		[CFS_CHECK_FILE_TYPE] = "unexpected-file-type",
		[CFS_CHECK_STREAM_OPEN] = "stream-open-failed",
		[CFS_CHECK_STREAM_OBJECT] = "missing-object-ref",
		[CFS_CHECK_STREAM_READ] = "stream-read-failed",
		[CFS_CHECK_STREAM_NAME] = "missing-named-ref",
		[CFS_CHECK_IMAGE_OPEN] = "image-open-failed",
		[CFS_CHECK_IMAGE_INVALID] = "image-invalid",
		[CFS_CHECK_IMAGE_OBJECT] = "image-missing-object",
		[CFS_CHECK_LINK_TARGET] = "link-target-invalid",
		[CFS_CHECK_REF_NAME] = "ref-name-invalid",
		[CFS_CHECK_OBJECT_SIZE] = "object-size-mismatch",
		[CFS_CHECK_OBJECT_MODE] = "object-mode",
		[CFS_CHECK_LEFTOVER] = "leftover-temporary",
		[CFS_CHECK_IMAGE_SHOWN] = "image-shown-otherwise",
		[CFS_CHECK_EXPOSED] = "objects-exposed",
		[CFS_CHECK_STREAM_DIGEST] = "stream-digest-mismatch",
	};

	return names[fault];
}

bool cfs_check_fault_is_remark(enum cfs_check_fault fault)
{
	return fault == CFS_CHECK_OBJECT_MODE || fault == CFS_CHECK_LEFTOVER ||
	       fault == CFS_CHECK_REF_NAME || fault == CFS_CHECK_IMAGE_SHOWN ||
	       fault == CFS_CHECK_EXPOSED;
}

bool cfs_check_report_is_bad(const struct cfs_check_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		if (!cfs_check_fault_is_remark(report->v[i].fault))
			return true;
	return false;
}

void cfs_check_report_fini(struct cfs_check_report *report)
{
	cfs_arena_fini(&report->arena);
	free(report->v);
	*report = (struct cfs_check_report){0};
}

static int append_finding(struct cfs_check_report *r, const struct cfs_check_finding *f)
{
	struct cfs_check_finding own = *f;

	own.place = cfs_arena_copy(&r->arena, f->place, strlen(f->place));
	own.what = cfs_arena_copy(&r->arena, f->what, strlen(f->what));
	if (!own.place || !own.what ||
	    cfs_grow(&r->v, &r->cap, r->n + 1, sizeof(own)) < 0)
		return -ENOMEM;
	r->v[r->n++] = own;
	return 0;
}

int check_add_finding(struct check *c, enum cfs_check_fault fault,
		      const struct cfs_digest *id, const char *place, const char *what,
		      struct cfs_err *err)
{
	struct cfs_check_finding f = {.fault = fault, .place = place, .what = what};
	int rc;

	if (id)
		f.id = *id;
	pthread_mutex_lock(&c->lock);
	rc = append_finding(c->out, &f);
	pthread_mutex_unlock(&c->lock);
	return rc < 0 ? cfs_fail(err, ENOMEM, "out of memory") : 0;
}

void check_count(struct check *c, uint64_t *n)
{
	pthread_mutex_lock(&c->lock);
	++*n;
	pthread_mutex_unlock(&c->lock);
}

/* An object that something refers to is not there. */
int check_add_missing(struct check *c, enum cfs_check_fault fault,
		      const struct cfs_digest *id, const char *place, struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX], what[CFS_DIGEST_TEXT_MAX + 64];

	check_count(c, &c->out->n_missing);
	snprintf(what, sizeof(what), "object %s does not exist",
		 cfs_digest_text(id, text));
	return check_add_finding(c, fault, id, place, what, err);
}

/* qsort_r cannot be interrupted. Once the watch is cancelled, all are equal: that ends it soon. */
static int by_place(const void *a, const void *b, void *ctx)
{
	const struct cfs_check_finding *x = a, *y = b;
	const struct check *c = ctx;
	int n;

	if (cfs_watch_is_cancelled(c->opts->watch))
		return 0;
	n = strcmp(x->place, y->place);
	if (n == 0)
		n = (int)x->fault - (int)y->fault;
	return n ? n : strcmp(x->what, y->what);
}

int check_sort_report(struct check *c, struct cfs_err *err)
{
	struct cfs_check_report *r = c->out;

	if (r->n)
		qsort_r(r->v, r->n, sizeof(*r->v), by_place, c);
	return cfs_watch_poll(c->opts->watch, err);
}

void check_show_progress(struct check *c, unsigned worker, const char *stage, size_t all)
{
	size_t done = atomic_fetch_add(&c->n_done, 1);

	if (worker == 0)
		cfs_watch_progress(
			c->opts->watch,
			&(struct cfs_progress){.stage = stage, .done = done, .all = all});
}
