/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc, private: what is reached, from which names. */
#ifndef CFS_GC_MARK_H
#define CFS_GC_MARK_H

#include "gc/gc.h"

/* One kind of first-level entries, and which of them were reached. */
struct gc_side {
	struct cfs_repo_list entries, refs;
	uint32_t *by_id; /* indices of good entries, by id then name */
	size_t n_by_id;
	bool *reached; /* by index of entries */
};

/* A first-level entry whose content is to be followed. */
struct gc_todo {
	enum cfs_repo_kind kind;
	size_t index;
};

struct gc_marks {
	const struct cfs_repo *repo;
	const struct cfs_gc_opts *opts;
	struct gc_side side[2]; /* by enum cfs_repo_kind */
	struct cfs_ids live;
	struct gc_todo *todo; /* streams that wait */
	size_t n_todo, todo_cap;
	struct cfs_digest *images; /* that wait */
	size_t n_images, images_cap;
	struct cfs_ids used;   /* images that no name reaches, and that are in use */
	struct cfs_ids *found; /* one for each thread */
	unsigned n_threads;
};

/* before: a mark that is done, whose images and streams need not be read again, or NULL.
 * It gives its live ids away. */
int gc_open_marks(struct gc_marks *m, const struct cfs_repo *repo,
		  const struct cfs_gc_opts *opts, struct gc_marks *before,
		  struct cfs_err *err) CFS_MUST_CHECK;
void gc_close_marks(struct gc_marks *m);

/* Follows all roots to the end; m->live is settled then. */
int gc_mark_all(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* Its stages, for who asks what is reached from where: all streams with a name, and what
 * they refer to; an entry by its index; then all images that wait, and m->live is
 * settled. */
int gc_mark_streams(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;
int gc_mark_entry(struct gc_marks *m, enum cfs_repo_kind kind, size_t index,
		  struct cfs_err *err) CFS_MUST_CHECK;
int gc_mark_pending_images(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* Follows all streams that were marked and not followed yet. */
int gc_follow_streams(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

/* The entry of that name, or NULL. */
const struct cfs_repo_entry *gc_find_entry(const struct gc_side *s, const char *name);

/* Whether the ref, whose form is good, has an entry with an object: 1, 0 or -errno. */
int gc_has_target(const struct gc_marks *m, enum cfs_repo_kind kind,
		  const struct cfs_repo_entry *ref, struct cfs_err *err) CFS_MUST_CHECK;

/* expire.c: which refs are old when of each name with versions so many are kept. out:
 * flags for each of them, zeroed. Those with all flags go. */
enum {
	GC_OLD_TIME = 1,
	GC_OLD_VERSION = 2,
	GC_EXPIRED = GC_OLD_TIME | GC_OLD_VERSION,
};
int gc_find_expired(const struct cfs_repo_list *refs, unsigned keep, uint8_t *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* An object that is an image and that no entry has to lead to. */
int gc_mark_image(struct gc_marks *m, const struct cfs_digest *id,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* in_use.c: keeps an object that is in use, and what it refers to if it is an image. The
 * caller follows with gc_mark_pending_images. */
int gc_mark_if_used(struct gc_marks *m, const struct cfs_digest *id,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* in_use.c: keeps what files in CFS_REPO_ASIDE refer to that are in use. */
int gc_mark_aside(struct gc_marks *m, struct cfs_err *err) CFS_MUST_CHECK;

#endif
