/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* References and first-level links in a collection: chosen, removed. */
#include <errno.h>
#include <fcntl.h>

#include "gc/collect_priv.h"

/* --- choosing ----------------------------------------------------------------------- */

int gc_choose_expired(struct gc_run *c, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[CFS_REPO_IMAGES].refs;
	int rc;

	c->expired = calloc(refs->n + 1, sizeof(*c->expired));
	if (!c->expired)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = c->opts->keep ? gc_find_expired(refs, c->opts->keep, c->expired, err) : 0;
	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (c->expired[i] && c->expired[i] != GC_EXPIRED)
			gc_note(c, CFS_GC_NOTE_KEPT, refs->v[i].name,
				c->expired[i] == GC_OLD_TIME
					? "old by time, but not by version"
					: "old by version, but not by time");
	return rc;
}

/* Chooses first-level links whose object is removed now or is missing already. */
static int choose_entries(struct gc_run *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	const struct cfs_repo_list *l = &c->mark.side[kind].entries;
	bool *gone = c->gone_entries[kind] = calloc(l->n + 1, sizeof(*gone));

	if (!gone)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];
		int has = cfs_watch_poll(c->opts->watch, err);

		if (has < 0)
			return has;
		if (e->code)
			continue;
		has = cfs_ids_has(&c->gone, e->id.bytes)
			      ? 0
			      : cfs_repo_has_object(c->repo, &e->id, err);
		if (has < 0 && has != -EUCLEAN) /* another type of file: keep the link */
			return has;
		gone[i] = has == 0;
	}
	return 0;
}

/* Chooses references to missing entries, if asked, and artifacts that lost their subject. */
static int choose_refs(struct gc_run *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	const struct gc_side *s = &c->mark.side[kind];
	bool *gone = c->gone_refs[kind] = calloc(s->refs.n + 1, sizeof(*gone));

	if (!gone)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->refs.n; i++) {
		const struct cfs_repo_entry *ref = &s->refs.v[i];
		int leads = cfs_watch_poll(c->opts->watch, err);

		if (leads < 0)
			return leads;
		gone[i] = kind == CFS_REPO_STREAMS && gc_has_lost_subject(&c->mark, ref);
		if (gone[i])
			gc_note(c, CFS_GC_NOTE_EXPIRED, ref->name,
				"no image has this subject");
		if (gone[i] || !c->opts->prune_refs || ref->code ||
		    (kind == CFS_REPO_IMAGES && c->expired[i] == GC_EXPIRED))
			continue;
		leads = gc_has_target(&c->mark, kind, ref, err);
		if (leads < 0)
			return leads;
		gone[i] = leads == 0;
	}
	return 0;
}

int gc_choose_links(struct gc_run *c, struct cfs_err *err)
{
	int rc = 0;

	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES;
	     rc == 0 && kind <= CFS_REPO_STREAMS; kind++) {
		rc = choose_entries(c, kind, err);
		if (rc == 0)
			rc = choose_refs(c, kind, err);
	}
	return rc;
}

/* --- removing ----------------------------------------------------------------------- */

static int remove_expired_ref(struct gc_run *c, enum cfs_repo_kind kind, const char *name,
			      struct cfs_err *err)
{
	int rc = cfs_watch_poll(c->opts->watch, err);

	if (rc == 0 && !c->opts->dry_run)
		rc = cfs_repo_remove_ref(c->repo, kind, name, err);
	if (rc == 0)
		c->out->n_refs++;
	return rc == -ENOENT ? 0 : rc;
}

static int remove_expired(struct gc_run *c, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[CFS_REPO_IMAGES].refs;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++) {
		if (c->expired[i] != GC_EXPIRED)
			continue;
		gc_note(c, CFS_GC_NOTE_EXPIRED, refs->v[i].name, "newer versions exist");
		rc = remove_expired_ref(c, CFS_REPO_IMAGES, refs->v[i].name, err);
	}
	return rc;
}

static int remove_entry(const struct gc_run *c, enum cfs_repo_kind kind, int dirfd,
			const char *name, struct cfs_err *err)
{
	int rc = cfs_watch_poll(c->opts->watch, err);

	if (rc < 0 || c->opts->dry_run || unlinkat(dirfd, name, 0) == 0 ||
	    errno == ENOENT)
		return rc;
	return cfs_fail_errno(err, "%s/%s", cfs_repo_get_kind_dir(kind), name);
}

/* The removal is on disk before the first object is removed: a link without an object
 * would tell others that the object exists. */
static int remove_entries(struct gc_run *c, enum cfs_repo_kind kind, uint64_t *n,
			  struct cfs_err *err)
{
	const struct cfs_repo_list *l = &c->mark.side[kind].entries;
	cfs_autofd int dirfd =
		cfs_beneath_open(cfs_repo_get_dirfd(c->repo), cfs_repo_get_kind_dir(kind),
				 O_RDONLY | O_DIRECTORY, 0);
	uint64_t before = *n;

	if (dirfd < 0 && dirfd != -ENOENT)
		return cfs_beneath_fail(dirfd, cfs_repo_get_kind_dir(kind), err);
	for (size_t i = 0; dirfd >= 0 && i < l->n; i++) {
		int rc;

		if (!c->gone_entries[kind][i])
			continue;
		rc = remove_entry(c, kind, dirfd, l->v[i].name, err);
		if (rc < 0)
			return rc;
		++*n;
	}
	if (*n > before && !c->opts->dry_run && fsync(dirfd) < 0)
		return cfs_fail_errno(err, "%s: sync directory",
				      cfs_repo_get_kind_dir(kind));
	return 0;
}

static int remove_refs(struct gc_run *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[kind].refs;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (c->gone_refs[kind][i])
			rc = remove_expired_ref(c, kind, refs->v[i].name, err);
	return rc;
}

int gc_remove_links(struct gc_run *c, struct cfs_err *err)
{
	int rc = remove_expired(c, err);

	if (rc == 0)
		rc = remove_refs(c, CFS_REPO_IMAGES, err);
	if (rc == 0)
		rc = remove_refs(c, CFS_REPO_STREAMS, err);
	if (rc == 0)
		rc = remove_entries(c, CFS_REPO_IMAGES, &c->out->n_images, err);
	return rc < 0 ? rc : remove_entries(c, CFS_REPO_STREAMS, &c->out->n_streams, err);
}
