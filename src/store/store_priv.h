/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store, private: an object from its bytes to its name. */
#ifndef CFS_STORE_PRIV_H
#define CFS_STORE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

enum {
	STORE_BUF_LEN =
		1 << 20, /* what a worker reads at once; smaller files are held whole */
	STORE_HOLE_LEN = 64 << 10, /* zeros of this length, so aligned, become a hole */
	STORE_TMP_NAME_MAX = 32,
	STORE_PREFIX_LEN = 3, /* "xx/" of the path of an object */
};

/* A complete object that waits for a sync and then for its name. */
struct store_object {
	int fd;		/* -1: none */
	uint64_t after; /* a sync with a higher number than this has it on disk */
	uint64_t size;
	struct cfs_digest digest;
	char tmp[STORE_TMP_NAME_MAX]; /* its temporary name; empty where it has none */
};

/* What belongs to one thread. */
struct store_worker {
	struct cfs_verity *verity;
	uint8_t *buf;	/* STORE_BUF_LEN + 1 */
	uint8_t *again; /* STORE_BUF_LEN, for reading back; made at the first need */
	struct store_object *pending; /* as they came */
	unsigned n_pending;
};

enum store_verity {
	STORE_VERITY_UNKNOWN, /* no object was sealed yet */
	STORE_VERITY_YES,
	STORE_VERITY_NO,
};

struct cfs_store {
	struct cfs_store_opts opts;
	unsigned
		max_pending; /* of all workers; at this number each worker waits for a sync */
	unsigned sync_every; /* so many new objects, one worker while the others go on */
	atomic_uint n_pending, n_new; /* n_new: since the last sync began */
	int dirfd; /* opened before anything is written: syncfs reports failed writes
			       * since then */
	struct store_worker *workers;
	pthread_mutex_t lock; /* guards syncing and warnings */
	int sync_rc; /* the first failure; it is kept, because the kernel reports it only once */
	/* Syncs are numbered from 1: the last one that began, and the last that
	 * succeeded. */
	atomic_uint_fast64_t n_begun, n_synced;
	atomic_bool
		dirty; /* something was added since the last sync; existing objects count too, because their names may be as new */
	/* Findings about the filesystem. Each thread may find them again. */
	atomic_bool no_tmpfile;
	atomic_int verity; /* enum store_verity */
	atomic_bool no_clone;
};

/* sync.c: Makes everything durable that was written when `after` was the last sync that
 * had begun. Another thread may have done so meanwhile. */
int store_sync(struct cfs_store *s, uint64_t after, struct cfs_err *err) CFS_MUST_CHECK;
/* sync.c: the same, unless a sync is under way already. */
int store_try_sync(struct cfs_store *s, uint64_t after,
		   struct cfs_err *err) CFS_MUST_CHECK;
/* sync.c: Reports a warning to the caller. */
void store_warn(struct cfs_store *s, const char *fmt, ...) CFS_PRINTF(2, 3);

/* sparse.c: writes all len bytes at off, as they are. */
int store_write_at(int fd, const uint8_t *p, size_t len, uint64_t off,
		   struct cfs_err *err) CFS_MUST_CHECK;
/* sparse.c: the same, with holes for aligned runs of zeros. off is a multiple of
 * STORE_HOLE_LEN; the caller sets the length of the file at the end. */
int store_write_sparse(int fd, const uint8_t *p, size_t len, uint64_t off,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* add.c: adds bytes in memory whose digest was computed. like: a file that may have the same
 * content, see cfs_store_writer_share, or -1. */
int store_add_known(struct cfs_store *s, unsigned worker, struct cfs_span data, int like,
		    const struct cfs_digest *digest, struct cfs_err *err) CFS_MUST_CHECK;
/* add.c: shares the blocks of src. False: they have to be copied. */
bool store_share_blocks(struct cfs_store *s, int src, const struct store_object *o);
/* add.c: writes bytes to a clone at off, where it has others. */
int store_write_over(struct store_worker *w, struct cfs_span data, int fd, uint64_t off,
		     struct cfs_err *err) CFS_MUST_CHECK;
/* add.c: truncates or extends a file of another length. Where it has that length already, xfs would
 * copy a last block that is shared. */
int store_set_length(int fd, uint64_t len, struct cfs_err *err) CFS_MUST_CHECK;
/* add.c: hands over a temporary file that holds the content of o->digest. */
int store_finish(struct cfs_store *s, unsigned worker, struct store_object *o,
		 uint64_t size, struct cfs_err *err) CFS_MUST_CHECK;

/* write.c: -EILSEQ if the content should have another digest. expected: NULL, or that
 * digest. */
int store_check_digest(const struct cfs_digest *got, const struct cfs_digest *expected,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* temp.c: a new empty file of mode 0644, open for reading and writing, without a name
 * where the filesystem can. */
int store_open_temp(struct cfs_store *s, struct store_object *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
/* temp.c: gives a file without a name a temporary one. */
int store_name_temp(struct cfs_store *s, struct store_object *o,
		    struct cfs_err *err) CFS_MUST_CHECK;
/* temp.c: closes the file, and removes its temporary name. */
void store_drop(struct cfs_store *s, struct store_object *o);
/* temp.c: removes the temporary names that no living process holds. */
void store_remove_leftovers(struct cfs_store *s);

/* seal.c: Inspects the object with the name of a digest. */
enum store_found {
	STORE_MISSING,
	STORE_GOOD,
	STORE_BAD,     /* err has the reason */
	STORE_UNKNOWN, /* err has the reason; the object is not replaced */
};
enum store_found store_find(struct cfs_store *s, const struct cfs_digest *d,
			    uint64_t size, struct cfs_err *err) CFS_MUST_CHECK;
/* seal.c: the same with the directory of the object, which is held. */
enum store_found store_find_in(struct cfs_store *s, int dir, const struct cfs_digest *d,
			       uint64_t size, struct cfs_err *err) CFS_MUST_CHECK;
/* seal.c: Enables fs-verity where possible, and accepts only what the kernel measures
 * afterwards. */
int store_seal(struct cfs_store *s, struct store_object *o,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* publish.c: takes the file over, which then waits for its name. */
int store_enqueue(struct cfs_store *s, unsigned worker, struct store_object *o,
		  struct cfs_err *err) CFS_MUST_CHECK;
/* publish.c: names those that wait and are on disk. */
int store_publish_pending(struct cfs_store *s, unsigned worker,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
