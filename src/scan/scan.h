/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: a directory on disk -> a tree.
 * Owns:  the walk (no symlink followed, few descriptors, any depth), what of an inode enters the
 *        tree, the proof that nothing changed while it was read.
 * Uses:  base (errors, fds, worker pool), hash, verity (digests), tree (builder).
 * Never: writes anything, knows where contents go (a callback does), prints.
 */
#ifndef CFS_SCAN_H
#define CFS_SCAN_H

#include <sys/stat.h>

#include "base/base.h"
#include "hash/hash.h"
#include "tree/tree.h"
#include "verity/verity.h"

/* What one regular file holds: its fs-verity digest, and whatever else the caller does with the
 * content. fd: open for reading at offset 0, lent for the call. st: its fstat. path: SOURCE and the
 * way below it, for messages; the failure gets it as its place by itself. Called for each file that
 * is not kept in the image, on several threads at once: worker in [0, threads) names the
 * thread. */
typedef int (*cfs_scan_file_fn)(void *ctx, unsigned worker, int fd, const struct stat *st,
				const char *path, struct cfs_digest *out,
				struct cfs_err *err);

/* What is known about files from before. Both are about regular files that are not kept in the image;
 * of st, type, device, inode, size, mtime and ctime are set. */
struct cfs_scan_memory {
	/* Whether the digest of the file in this state is known: then it is not read, nor
	 * handed to cfs_scan_opts.file. On several threads at once, as there. */
	bool (*find)(void *ctx, unsigned worker, const struct stat *st,
		     struct cfs_digest *out);
	/* Told of every file once, whether it was read or found, after all succeeded; on
	 * the thread that called cfs_scan. */
	int (*keep)(void *ctx, const struct stat *st, const struct cfs_digest *digest,
		    struct cfs_err *err);
	void *ctx;
};

/* What is not to become part of the tree, though it is in the source: the places that the caller itself
 * writes to. */
struct cfs_scan_exclude {
	uint64_t dev, ino; /* of an inode: it, and for a directory all below it */
	const char *
		name; /* not NULL: dev and ino are a directory, and this name in it is meant */
	const char *what; /* for people: "the object store" */
};

enum cfs_scan_left_kind {
	CFS_SCAN_LEFT_EXCLUDED, /* named by an exclude */
	CFS_SCAN_LEFT_MOUNT, /* a directory of another mount, which stays without what is in it */
	CFS_SCAN_LEFT_MOUNTED_FILE, /* a file of another mount */
	CFS_SCAN_LEFT_NOTHING, /* SOURCE itself is excluded, and yet becomes the tree */
};

struct cfs_scan_left {
	enum cfs_scan_left_kind kind;
	const char *path; /* SOURCE and the way below it */
	const char *what; /* of the exclude, else NULL */
};

/* Told of each in a fixed order, on the thread that called cfs_scan. */
typedef void (*cfs_scan_left_fn)(void *ctx, const struct cfs_scan_left *left);

enum { CFS_SCAN_INLINE_DEFAULT = 64 };

/* Starts zeroed; zero is the default, which gives the digests of mkcomposefs 1.0.8. */
struct cfs_scan_opts {
	enum cfs_hash_alg alg;	    /* 0: SHA-256 */
	unsigned threads;	    /* 0: cfs_pool_readers(); no effect on the result */
	int inline_max;		    /* largest content kept in the image, in bytes: 0 is
				* CFS_SCAN_INLINE_DEFAULT, negative is none, at most CFS_CONTENT_MAX */
	bool no_inline_executables; /* files with an x bit are not kept in the image */
	bool use_epoch;		    /* all mtimes 0.0 */
	bool skip_xattrs;
	bool user_xattrs; /* only keys that begin with "user."; not with skip_xattrs */
	/* NULL, or whether the xattrs of that name are wanted. On several threads at once. */
	bool (*wants_xattr)(struct cfs_text key);
	bool skip_devices; /* leave out block and character devices, whiteouts included */
	bool hardlinks; /* names of one inode stay one inode; default: each name its own */
	/* Directories that are mount points stay empty, other mount points are left out: of another mount than
	 * the source, be it of the same filesystem. A subvolume of btrfs without a mount of its own is no other
	 * mount. Before Linux 5.8: directories on another device. */
	bool one_file_system;
	const struct cfs_scan_exclude *exclude;
	size_t n_exclude;
	cfs_scan_left_fn left; /* may be NULL */
	void *left_ctx;
	bool no_digests; /* what is not kept in the image is not opened, and has neither digest
				* nor backing path; not with file */
	cfs_scan_file_fn file; /* NULL: the digest alone, computed here */
	void *file_ctx;
	const struct cfs_scan_memory *memory; /* may be NULL; not with no_digests */
	/* May be NULL. Progress counts "entries" while the tree is walked, then "files" that are read. */
	const struct cfs_watch *watch;
	/* NULL, or where the path at fault goes (path and the way below it, to be freed by the
	 * caller; NULL when a failure has none). Only with one thread: several could fail at once. */
	char **failed_path;
};

/* How many threads a scan with these options uses (at most 256): for callers that keep something per
 * worker. */
unsigned cfs_scan_threads(const struct cfs_scan_opts *opts);

/* The tree of the directory path (relative to dirfd) and all below it. *out is the caller's
 * (cfs_tree_free). Source of the rules: dump-format 5.1; a final symlink is not followed
 * (-ENOTDIR). -ESTALE: something changed while it was read, the message names it. -EINVAL: options
 * that exclude each other. -ERANGE: xattrs of one inode beyond the budget. */
int cfs_scan(int dirfd, const char *path, const struct cfs_scan_opts *opts,
	     struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

/* What the tree would say of one name of any type, without what is below it. spec is lent for the
 * call. */
typedef int (*cfs_scan_one_fn)(void *ctx, const struct cfs_inode_spec *spec,
			       struct cfs_err *err);

/* Scans path (relative to dirfd, a final symlink not followed) and nothing below it, on this thread. file, memory
 * and skip_devices mean nothing here. Errors as above, and of the callback; -ENOENT: no such path. */
int cfs_scan_one(int dirfd, const char *path, const struct cfs_scan_opts *opts,
		 cfs_scan_one_fn fn, void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

#endif
