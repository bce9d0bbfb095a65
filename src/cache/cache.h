/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cache: the digests of files that did not change since they were read, kept in a file
 * between runs.
 * Owns:  the format of that file, whose files are trusted, when a file counts as
 *        unchanged.
 * Uses:  base (errors, spans, replacing files), hash, verity.
 * Never: reads a file of the tree, knows trees, images or stores.
 *
 * A file is the one that was read when device, inode, size, mtime and ctime are the same
 * to the nanosecond. The kernel sets the ctime at each change of the content or of an
 * attribute, the mtime included, and no program can set it back. What this does not
 * cover:
 * - A change so soon after the reading that both fall into one tick of the filesystem's
 *   clock. Therefore nothing is remembered whose times lie less than CFS_CACHE_RACY_SEC
 *   before the run.
 * - Filesystems that are images: their ctimes are what the program that made them wrote,
 *   and another image may come with the same ones. Therefore nothing is remembered of a
 *   source that is mounted read-only, nor of files on another device than the source
 *   itself.
 * - Writing by a shared mapping: the kernel sets the times when a page becomes dirty, not
 *   again before it was written back. Who maps files so has to msync or unmap them before
 *   they are read.
 */
#ifndef CFS_CACHE_H
#define CFS_CACHE_H

#include <sys/stat.h>

#include "base/base.h"
#include "base/replace.h"
#include "hash/hash.h"
#include "verity/verity.h"

enum {
	/* The coarsest clock of a filesystem that is in use: 2 s, of FAT. */
	CFS_CACHE_RACY_SEC = 2,
};

/* Starts zeroed; zero is the default. */
struct cfs_cache_opts {
	enum cfs_hash_alg alg; /* 0: SHA-256 */
	const struct cfs_watch
		*watch; /* may be NULL. Warnings say why the file is not used */
};

struct cfs_cache;

/* Opens the cache in the file path for the files below the directory source, and prepares
 * the one that will replace it. No file, or an empty one: nothing is known. A damaged
 * one, or one of another version or algorithm, is not used, with a warning. Refused, and
 * left as it is: what is no cache at all (-EINVAL), what belongs to somebody else or can
 * be written by others (-EPERM): who can write it decides what images say. */
int cfs_cache_open(const char *path, const char *source,
		   const struct cfs_cache_opts *opts, struct cfs_cache **out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The file that cfs_cache_save replaces, on its way; dirfd is -1 where none is. Borrowed
 * until then. */
const struct cfs_replace *cfs_cache_get_file(const struct cfs_cache *c);

/* Without cfs_cache_save the file stays as it was. NULL is fine. */
void cfs_cache_close(struct cfs_cache *c);

/* The digest that the file with these times had. Any number of threads. */
bool cfs_cache_find(const struct cfs_cache *c, const struct stat *st,
		    struct cfs_digest *out);

/* Remembers a digest for the next run, if st allows it. One thread, without concurrent
 * cfs_cache_find.
 * -ENOMEM. */
int cfs_cache_add(struct cfs_cache *c, const struct stat *st,
		  const struct cfs_digest *digest, struct cfs_err *err) CFS_MUST_CHECK;

/* Replaces the file by what was added, whole or not at all; the last of several processes
 * wins. What is there already is not written again. Only cfs_cache_close may follow. */
int cfs_cache_save(struct cfs_cache *c, struct cfs_err *err) CFS_MUST_CHECK;

#endif
