/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc, private: marking what the roots refer to. */
#ifndef CFS_GC_MARK_H
#define CFS_GC_MARK_H

#include "gc/gc.h"

/* The first-level entries of one kind, and which of them are marked. */
struct gc_side {
	struct cfs_repo_list entries, refs;
	uint32_t *by_id; /* indexes of valid entries, sorted by ID, then name */
	size_t n_by_id;
	bool *reached; /* by index of entries */
};

/* A marked stream whose content is not followed yet. */
struct gc_todo {
	enum cfs_repo_kind kind;
	size_t index;
};

struct gc_marks {
	const struct cfs_repo *repo;
	const struct cfs_gc_opts *opts;
	struct gc_side side[2]; /* by enum cfs_repo_kind */
	struct cfs_ids live;
	struct gc_todo *todo; /* streams to follow */
	size_t n_todo, todo_cap;
	struct cfs_digest *images; /* images to read */
	size_t n_images, images_cap;
	struct cfs_ids used;   /* images in use without a name */
	struct cfs_ids *found; /* one for each thread */
	unsigned n_threads;
};

/* before: completed marks, whose unchanged images and streams are not read again, or
 * NULL. Its live IDs are moved to m. */
int gc_open_marks(struct gc_marks *m, const struct cfs_repo *repo,
		  const struct cfs_gc_opts *opts, struct gc_marks *before,
		  struct cfs_err *err) CFS_MUST_CHECK;
void gc_close_marks(struct gc_marks *m);

/* Marks everything that the roots refer to, and settles m->live. */
int gc_mark_all(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* Its stages: all streams with a name and what they refer to; an entry by its index; then
 * all images that were marked, after which m->live is settled. */
int gc_mark_streams(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;
int gc_mark_entry(struct gc_marks *m, enum cfs_repo_kind kind, size_t index,
		  struct cfs_err *err) CFS_MUST_CHECK;
int gc_mark_pending_images(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* Follows all streams that were marked and not followed yet. */
int gc_follow_streams(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* The entry of that name, or NULL. */
const struct cfs_repo_entry *gc_find_entry(const struct gc_side *s, const char *name);

/* Marks what a reference refers to. */
int gc_mark_ref(struct gc_marks *m, enum cfs_repo_kind kind,
		const struct cfs_repo_entry *ref, struct cfs_err *err) CFS_MUST_CHECK;

/* referrers.c: whether a reference of streams is that of an artifact to its subject; whether
 * it is one whose subject is not marked, which is meaningful after gc_mark_referrers. */
bool gc_is_referrer(const struct cfs_repo_entry *ref);
bool gc_has_lost_subject(const struct gc_marks *m, const struct cfs_repo_entry *ref);

/* referrers.c: marks the artifacts whose subject is marked, and follows them. All other
 * streams are marked and followed. */
int gc_mark_referrers(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* Whether a valid reference has an entry with an object: 1, 0 or -errno. */
int gc_has_target(const struct gc_marks *m, enum cfs_repo_kind kind,
		  const struct cfs_repo_entry *ref, struct cfs_err *err) CFS_MUST_CHECK;

/* expire.c: finds the references that are old if so many of each name are kept. out:
 * flags for each, zeroed. Those with GC_EXPIRED are removed. */
enum {
	GC_OLD_TIME = 1,
	GC_OLD_VERSION = 2,
	GC_EXPIRED = GC_OLD_TIME | GC_OLD_VERSION,
};
int gc_find_expired(const struct cfs_repo_list *refs, unsigned keep, uint8_t *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Marks an object that is an image, with or without an entry. */
int gc_mark_image(struct gc_marks *m, const struct cfs_digest *id,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* in_use.c: marks an object if it is in use. The caller calls gc_mark_pending_images
 * afterwards. */
int gc_mark_if_used(struct gc_marks *m, const struct cfs_digest *id,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* in_use.c: marks what the files in CFS_REPO_ASIDE refer to that are in use. */
int gc_mark_aside(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

#endif
