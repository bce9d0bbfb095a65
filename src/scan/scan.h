/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: a directory on disk -> a tree.
 * Owns:  the walk (follows no symlink, needs few descriptors, has no depth limit), the
 *        rules for what enters the tree, the detection of changes during the scan.
 * Uses:  base (errors, fds, worker pool), hash, verity (digests), tree (builder).
 * Never: writes, decides where contents go (a callback does), prints.
 */
#ifndef CFS_SCAN_H
#define CFS_SCAN_H

#include <sys/stat.h>

#include "base/base.h"
#include "hash/hash.h"
#include "tree/tree.h"
#include "verity/verity.h"

/* Stores the content of a regular file, or does anything else with it, and sets *out to
 * its fs-verity digest. fd is open for reading at offset 0 and borrowed. st: its fstat.
 * path: the path of the source and below, for warnings; errors get it in front
 * automatically. Called for each file that is not stored in the image, on several threads
 * at once. worker in [0, threads) is the number of the thread. */
typedef int (*cfs_scan_file_fn)(void *ctx, unsigned worker, int fd, const struct stat *st,
				const char *path, struct cfs_digest *out,
				struct cfs_err *err);

/* Digests of an earlier scan. Both functions get regular files that are not stored in the
 * image. In st, only type, device, inode, size, mtime and ctime are set. */
struct cfs_scan_memory {
	/* Returns true if the digest of the file in this state is known. The file is then
	 * neither read nor passed to cfs_scan_opts.file. Called on several threads at
	 * once. */
	bool (*find)(void *ctx, unsigned worker, const struct stat *st,
		     struct cfs_digest *out);
	/* Called once for each file, read or found, after the scan has succeeded, on the
	 * thread that called cfs_scan. */
	int (*keep)(void *ctx, const struct stat *st, const struct cfs_digest *digest,
		    struct cfs_err *err);
	void *ctx;
};

/* Excludes a place that the caller itself writes to. */
struct cfs_scan_exclude {
	uint64_t dev,
		ino;	  /* the inode to exclude; of a directory also everything below */
	const char *name; /* if not NULL: exclude this name in the directory dev, ino */
	const char *what; /* description for messages: "the object store" */
};

enum cfs_scan_left_kind {
	CFS_SCAN_LEFT_EXCLUDED,	    /* matches a cfs_scan_exclude */
	CFS_SCAN_LEFT_MOUNT,	    /* a mount point, which becomes an empty directory */
	CFS_SCAN_LEFT_MOUNTED_FILE, /* a file on which another file is mounted */
	CFS_SCAN_LEFT_NOTHING, /* the source itself is excluded, but is scanned nevertheless */
};

struct cfs_scan_left {
	enum cfs_scan_left_kind kind;
	const char *path; /* path of the source and below */
	const char *what; /* of the exclude, else NULL */
};

/* Reports one entry. Called in a fixed order, on the thread that called cfs_scan. */
typedef void (*cfs_scan_left_fn)(void *ctx, const struct cfs_scan_left *left);

enum { CFS_SCAN_INLINE_DEFAULT = 64 };

/* Options. Zero values are the defaults, which give the digests of mkcomposefs 1.0.8. */
struct cfs_scan_opts {
	enum cfs_hash_alg alg; /* 0: SHA-256 */
	unsigned threads;      /* 0: cfs_pool_count_readers(); no effect on the result */
	int inline_max; /* largest content stored in the image, in bytes: 0 is CFS_SCAN_INLINE_DEFAULT, negative is none, at most CFS_CONTENT_MAX */
	bool no_inline_executables; /* files with an x bit are not stored in the image */
	bool use_epoch;		    /* set all mtimes to 0.0 */
	bool skip_xattrs;
	bool user_xattrs; /* only keys that begin with "user."; not with skip_xattrs */
	/* If not NULL: returns true for xattrs to keep. Called on several threads at
	 * once. */
	bool (*wants_xattr)(struct cfs_text key);
	bool skip_devices; /* leave out block and character devices, whiteouts included */
	bool hardlinks;	   /* keep hard links; default: each name gets its own inode */
	/* Leave out other mounts, also of the same filesystem: a directory that is a
	 * mount point stays empty, other mount points are left out. A btrfs subvolume
	 * that is not mounted itself is not another mount. Before Linux 5.8, only
	 * directories on another device are found. */
	bool one_file_system;
	const struct cfs_scan_exclude *exclude;
	size_t n_exclude;
	cfs_scan_left_fn left; /* may be NULL */
	void *left_ctx;
	bool no_digests; /* files that are not stored in the image are not opened, and have neither digest nor object path; not with file */
	cfs_scan_file_fn file; /* NULL: only compute the digest */
	void *file_ctx;
	const struct cfs_scan_memory *memory; /* may be NULL; not with no_digests */
	/* May be NULL. Progress counts "entries" during the walk, then "files" that are
	 * read. */
	const struct cfs_watch *watch;
	/* If not NULL: receives the path of the failure, to be freed by the caller, or
	 * NULL if a failure has no path. Only with one thread, because several could fail
	 * at once. */
	char **failed_path;
};

/* The number of threads of a scan with these options, at most 256, for callers with data
 * per worker. */
unsigned cfs_scan_threads(const struct cfs_scan_opts *opts);

/* Scans the directory path (relative to dirfd) and everything below it. The caller frees
 * *out with cfs_tree_free. The rules are in section 5.1 of the dump format; a final
 * symlink is not followed (-ENOTDIR). -ESTALE: an entry, named in the message, changed
 * during the scan. -EINVAL: options that exclude each other. -ERANGE: the xattrs of an
 * inode are too large. */
int cfs_scan(int dirfd, const char *path, const struct cfs_scan_opts *opts,
	     struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Receives the description of one inode of any type. spec is borrowed. */
typedef int (*cfs_scan_one_fn)(void *ctx, const struct cfs_inode_spec *spec,
			       struct cfs_err *err);

/* Scans path (relative to dirfd; a final symlink is not followed) and nothing below it,
 * on this thread. file, memory and skip_devices are ignored. Errors as above, and of the
 * callback. -ENOENT: no such path. */
int cfs_scan_one(int dirfd, const char *path, const struct cfs_scan_opts *opts,
		 cfs_scan_one_fn fn, void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

#endif
