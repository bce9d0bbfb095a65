/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Marking the roots: references, names that the caller keeps, and images in use. */
#include <errno.h>
#include <string.h>

#include "gc/mark.h"

static void report_note(const struct gc_marks *m, enum cfs_gc_note what, const char *name,
			const char *why)
{
	if (m->opts->note)
		m->opts->note(m->opts->ctx, what, name, why);
}

/* A reference to an image whose entry is missing still keeps the object: repair creates
 * the entry again. With prune_refs the reference is removed instead. */
static int mark_missing(struct gc_marks *m, enum cfs_repo_kind kind,
			const struct cfs_repo_entry *ref, struct cfs_err *err)
{
	struct cfs_digest id;
	int has = 0;

	if (kind == CFS_REPO_IMAGES && !m->opts->prune_refs &&
	    cfs_digest_parse(cfs_text(ref->target), &id, NULL) == 0 &&
	    id.alg == cfs_repo_get_meta(m->repo)->alg)
		has = cfs_repo_has_object(m->repo, &id, err);
	if (has < 0 && has != -EUCLEAN)
		return has;
	report_note(m, CFS_GC_NOTE_DANGLING, ref->name,
		    has > 0 ? "the link of the image is missing: \"composefs repair\" "
			      "creates "
			      "it again"
			    : "the image or stream that it refers to does not exist");
	return has > 0 ? gc_mark_image(m, &id, err) : 0;
}

/* A reference that is broken in a way that we do not understand stops the collection.
 * One to a missing entry is handled by mark_missing, since that is what a crash leaves. */
int gc_mark_ref(struct gc_marks *m, enum cfs_repo_kind kind,
		const struct cfs_repo_entry *ref, struct cfs_err *err)
{
	struct gc_side *s = &m->side[kind];
	const struct cfs_repo_entry *e;
	int rc = cfs_watch_poll(m->opts->watch, err);

	if (rc < 0)
		return rc;
	if (ref->code == -EMLINK) {
		report_note(m, CFS_GC_NOTE_FOREIGN, ref->name, ref->wrong);
		return 0;
	}
	if (ref->code)
		return cfs_fail(err, -ref->code, "%s/refs/%s: %s",
				cfs_repo_get_kind_dir(kind), ref->name, ref->wrong);
	e = gc_find_entry(s, ref->target);
	if (!e)
		return mark_missing(m, kind, ref, err);
	if (e->code)
		return cfs_fail(err, -e->code, "%s/%s: %s", cfs_repo_get_kind_dir(kind),
				e->name, e->wrong);
	if (m->opts->prune_refs) {
		int has = cfs_repo_has_object(m->repo, &e->id, err);

		if (has == 0)
			report_note(m, CFS_GC_NOTE_DANGLING, ref->name,
				    "its object does not exist");
		if (has <= 0)
			return has;
	}
	return gc_mark_entry(m, kind, (size_t)(e - s->entries.v), err);
}

int gc_has_target(const struct gc_marks *m, enum cfs_repo_kind kind,
		  const struct cfs_repo_entry *ref, struct cfs_err *err)
{
	const struct cfs_repo_entry *e = gc_find_entry(&m->side[kind], ref->target);

	if (!e || e->code)
		return e != NULL;
	return cfs_repo_has_object(m->repo, &e->id, err);
}

/* All except those of referrers, which need their subject. */
static int mark_refs(struct gc_marks *m, enum cfs_repo_kind kind, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &m->side[kind].refs;
	cfs_autofree uint8_t *expired = calloc(refs->n + 1, sizeof(*expired));
	int rc = 0;

	if (!expired)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (m->opts->keep && kind == CFS_REPO_IMAGES)
		rc = gc_find_expired(refs, m->opts->keep, expired, err);
	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (expired[i] != GC_EXPIRED &&
		    !(kind == CFS_REPO_STREAMS && gc_is_referrer(&refs->v[i])))
			rc = gc_mark_ref(m, kind, &refs->v[i], err);
	return rc;
}

/* The entry of a stream: its name, or a reference. */
static const struct cfs_repo_entry *find_stream_root(const struct gc_side *s,
						     const char *name)
{
	const struct cfs_repo_entry *e = gc_find_entry(s, name);

	for (size_t i = 0; !e && i < s->refs.n; i++)
		if (strcmp(s->refs.v[i].name, cfs_repo_ref_name(name)) == 0 &&
		    s->refs.v[i].code == 0)
			e = gc_find_entry(s, s->refs.v[i].target);
	return e;
}

/* The entry of an image; NULL: no image has this name. -EAGAIN: it was not listed. */
static int find_image_root(const struct gc_marks *m, const char *name,
			   const struct cfs_repo_entry **out, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest id;
	int rc = cfs_repo_find_image(m->repo, name, &id, err);

	*out = NULL;
	if (rc == -ENOENT || rc == -EINVAL)
		return 0;
	if (rc < 0)
		return cfs_context(err, rc, "root %s", name);
	*out = gc_find_entry(&m->side[CFS_REPO_IMAGES], cfs_digest_hex(&id, hex));
	return *out ? 0
		    : cfs_fail(err, EAGAIN,
			       "root %s: the image appeared during the run; try again",
			       name);
}

/* A root that the user named may be an image, a stream, or both. An unknown one is an
 * error by default: a misspelled root would cost its objects. */
static int mark_root(struct gc_marks *m, const char *name, struct cfs_err *err)
{
	bool known = false;
	int rc = 0;

	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES;
	     rc == 0 && kind <= CFS_REPO_STREAMS; kind++) {
		const struct gc_side *s = &m->side[kind];
		const struct cfs_repo_entry *e = NULL;

		if (kind == CFS_REPO_IMAGES)
			rc = find_image_root(m, name, &e, err);
		else
			e = find_stream_root(s, name);
		if (rc < 0 || !e)
			continue;
		known = true;
		rc = e->code ? cfs_fail(err, -e->code, "%s/%s: %s",
					cfs_repo_get_kind_dir(kind), e->name, e->wrong)
			     : gc_mark_entry(m, kind, (size_t)(e - s->entries.v), err);
	}
	if (rc < 0 || known)
		return rc;
	if (!m->opts->ignore_unknown_roots)
		return cfs_fail(err, ENOENT,
				"root %s: no image and no stream has this name", name);
	report_note(m, CFS_GC_NOTE_NO_ROOT, name, "no image and no stream has this name");
	return 0;
}

/* Marks an image without a name if it is in use. */
static int mark_used_entry(struct gc_marks *m, size_t index, struct cfs_err *err)
{
	const struct cfs_repo_entry *e = &m->side[CFS_REPO_IMAGES].entries.v[index];
	int use = cfs_watch_poll(m->opts->watch, err);

	if (use < 0)
		return use;
	use = cfs_repo_object_use(m->repo, &e->id, err);
	if (use <= CFS_FILE_UNUSED)
		return cfs_context(err, use, "images/%s", e->name);
	report_note(m, CFS_GC_NOTE_IN_USE, e->name, cfs_file_get_use_reason(use));
	use = cfs_ids_add(&m->used, e->id.bytes, err);
	return use < 0 ? use : gc_mark_entry(m, CFS_REPO_IMAGES, index, err);
}

/* Images without a valid entry are checked later, by gc_mark_if_used. */
static int mark_used(struct gc_marks *m, struct cfs_err *err)
{
	const struct gc_side *s = &m->side[CFS_REPO_IMAGES];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->entries.n; i++)
		if (!s->reached[i] && s->entries.v[i].code == 0)
			rc = mark_used_entry(m, i, err);
	return rc < 0 ? rc : gc_mark_aside(m, err);
}

int gc_mark_streams(struct gc_marks *m, struct cfs_err *err)
{
	int rc = mark_refs(m, CFS_REPO_STREAMS, err);

	if (rc == 0)
		rc = gc_follow_streams(m, err);
	return rc < 0 ? rc : gc_mark_referrers(m, err);
}

/* Streams before images: streams may refer to images. */
int gc_mark_all(struct gc_marks *m, struct cfs_err *err)
{
	int rc = mark_refs(m, CFS_REPO_STREAMS, err);

	if (rc == 0)
		rc = mark_refs(m, CFS_REPO_IMAGES, err);
	for (size_t i = 0; rc == 0 && i < m->opts->n_roots; i++)
		rc = mark_root(m, m->opts->roots[i], err);
	if (rc == 0)
		rc = gc_follow_streams(m, err);
	if (rc == 0)
		rc = gc_mark_referrers(m, err);
	if (rc == 0)
		rc = mark_used(m, err);
	return rc < 0 ? rc : gc_mark_pending_images(m, err);
}
