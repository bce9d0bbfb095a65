/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: content-addressed objects, xx/rest below one directory, each named by its
 * fs-verity digest.
 * Owns:  adding objects: copied and digested once, sealed with fs-verity, made durable,
 *        then named; when an existing object is accepted.
 * Uses:  base (errors, fds), hash, verity.
 * Never: knows trees, images or references; removes an intact object.
 *
 * Durability: objects are written to files without a name. When enough of them wait, or
 * at cfs_store_commit, one syncfs by one of the workers brings all of them to disk, then
 * each gets its name. A name therefore always means the whole content. A process that is
 * killed leaves nothing behind if the filesystem supports O_TMPFILE. Elsewhere its
 * temporary files remain until the next cfs_store_open, which removes those that no
 * process has locked. Any number of processes may add to one store at once.
 */
#ifndef CFS_STORE_H
#define CFS_STORE_H

#include "base/base.h"
#include "hash/hash.h"
#include "verity/verity.h"

/* Starts zeroed; zero is the default. */
struct cfs_store_opts {
	enum cfs_hash_alg alg; /* 0: SHA-256 */
	unsigned n_workers;    /* threads that add at the same time; 0: 1 */
	unsigned
		max_pending; /* objects of all workers that wait for their name, each an open
				* descriptor; 0: CFS_STORE_PENDING_DEFAULT, at most half of those
				* that the process may have */
	bool accept_unsealed; /* do not warn about a filesystem without fs-verity: the user knows */
	/* Compute the digest of an existing object without fs-verity; else one of the
	 * right size counts as the same. */
	bool reads_existing;
	bool require_verity; /* -ENOTTY if the filesystem does not support fs-verity */
	/* Called when a damaged file is replaced; may be NULL. keep_replaced may give the
	 * file a second name before, and returns a number >= 0. drop_replaced gets that
	 * number afterwards. An error of either one fails the add. Called on the thread
	 * of any worker. */
	int (*keep_replaced)(const void *ctx, const struct cfs_digest *digest,
			     struct cfs_err *err);
	int (*drop_replaced)(const void *ctx, const struct cfs_digest *digest, int number,
			     struct cfs_err *err);
	const void *replaced_ctx;
	/* May be NULL. Warnings name what was damaged and is replaced; cancellation ends
	 * the adding of a large file. */
	const struct cfs_watch *watch;
};

enum { CFS_STORE_PENDING_DEFAULT = 512 };

struct cfs_store;

/* Opens the object directory path, made with its parents when missing: with mode 0700,
 * they with 0755. With AT_FDCWD, symbolic links in the path are followed where they are
 * the user's own (base/path.h); beneath another dirfd, and below the object directory,
 * none is. The store is the caller's until cfs_store_close. */
int cfs_store_open(int dirfd, const char *path, const struct cfs_store_opts *opts,
		   struct cfs_store **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Discards what was not committed. NULL is fine. */
void cfs_store_close(struct cfs_store *store);

/* The watch of its options; may be NULL. */
const struct cfs_watch *cfs_store_watch(const struct cfs_store *s);

/* Adds the content of the regular file fd, size bytes from offset 0, and sets *out to its
 * digest. The object may have its name only after cfs_store_commit. worker in [0,
 * n_workers): two threads never use the same one at once. -ESTALE: the file holds less or
 * more than size, or changed while it was read; -ENOSPC, -EDQUOT, -EACCES...: the store
 * cannot take it; nothing of it is left then. */
int cfs_store_add_fd(struct cfs_store *store, unsigned worker, int fd, uint64_t size,
		     struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but -EILSEQ, and nothing is added, if the content has another digest than
 * expected. */
int cfs_store_add_expected(struct cfs_store *store, unsigned worker, int fd,
			   uint64_t size, const struct cfs_digest *expected,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The same as cfs_store_add_fd for bytes in memory. */
int cfs_store_add_mem(struct cfs_store *store, unsigned worker, struct cfs_span data,
		      struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Content that arrives in pieces: a tar entry, the body of an HTTP response, a
 * splitstream. The writer uses the buffers of its worker, which adds nothing else until
 * the writer is finished or dropped. max_len: more bytes fail with -EFBIG. The sink is
 * valid as long as the writer. */
struct cfs_store_writer;
int cfs_store_writer_open(struct cfs_store *store, unsigned worker, uint64_t max_len,
			  struct cfs_store_writer **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
struct cfs_sink cfs_store_writer_get_sink(struct cfs_store_writer *writer);

/* Names a file that probably has the same content: where the filesystem can, the object shares its
 * blocks. What was written counts, whatever the file has. To be called before the first write; fd
 * is borrowed until the writer is finished or dropped. Nothing happens for contents of less than
 * CFS_STORE_SHARE_MIN bytes. */
enum { CFS_STORE_SHARE_MIN = 4096 };
void cfs_store_writer_share(struct cfs_store_writer *writer, int fd);

/* False once the store has found that its filesystem shares no blocks. Any thread. */
bool cfs_store_may_share(const struct cfs_store *store);

/* Adds what was written, and frees the writer whatever it returns. expected: NULL, or the
 * digest that the content must have: -EILSEQ, and nothing is added, if it has another.
 * Otherwise the codes of cfs_store_add_fd. Not to be called after the sink failed: then
 * cfs_store_writer_drop. */
int cfs_store_writer_finish(struct cfs_store_writer *writer,
			    const struct cfs_digest *expected, struct cfs_digest *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Frees the writer; nothing was added. NULL is fine. */
void cfs_store_writer_drop(struct cfs_store_writer *writer);

/* Whether an object exists and is intact, checked as when its content is added. Counts as
 * added: cfs_store_commit makes its name durable. Any thread. */
bool cfs_store_has(struct cfs_store *store, const struct cfs_digest *digest,
		   uint64_t size);

/* Makes all that was added durable, names included. One thread, no adding meanwhile.
 * After a failure the store is good for nothing but cfs_store_close; objects that already
 * have their name are whole. */
int cfs_store_commit(struct cfs_store *store, struct cfs_err *err) CFS_MUST_CHECK;

#endif
