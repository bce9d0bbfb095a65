/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: the data that the walk records for the later stages. */
#ifndef CFS_SCAN_PRIV_H
#define CFS_SCAN_PRIV_H

#include <limits.h>
#include <stdatomic.h>

#include "scan/scan.h"

enum {
	SCAN_NAMES_LEN = 65536, /* limit of the kernel for a list of keys */
	SCAN_VALUE_MAX = 65536, /* limit of the kernel for one value */
	SCAN_XATTR_LEN =
		SCAN_VALUE_MAX + 65536, /* one value beyond the budget, and its key */
	SCAN_DENTS_LEN = 65536,
	SCAN_THREADS_MAX = 256, /* each thread has its own buffers */
};

#define SCAN_NONE UINT32_MAX

/* One name and its lstat() data. Names and data are in the arena of the worker that found
 * them. */
struct scan_entry {
	const char *name;
	const uint8_t *data; /* symlink: target; regular file, later: content or digest */
	const struct cfs_xattr *xattrs;
	uint64_t dev, ino, size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
	uint32_t mode, uid, gid, rdev;
	uint32_t nlink; /* of the source inode */
	/* Index of a directory in scan.dirs, of a hard link in scan.groups, of an
	 * excluded entry in cfs_scan_opts.exclude; or SCAN_NONE. */
	uint32_t index;
	uint32_t n_xattrs;
	uint32_t left; /* 0, or 1 + enum cfs_scan_left_kind */
};

/* A directory. Parents come before children, level by level. */
struct scan_dir {
	struct scan_entry *self;
	struct scan_entry *entries; /* by name, in byte order */
	uint32_t n_entries;
	uint32_t parent; /* index; the parent of the root is the root */
};

/* A regular file with content, to be read once. */
struct scan_file {
	struct scan_entry *entry;
	uint32_t dir;
	uint32_t order; /* order of the walk */
};

/* An inode with several names. */
struct scan_group {
	struct scan_entry *leader; /* the name that is read; the others copy its data */
	uint32_t n_names;
	cfs_id id; /* node in the tree, or CFS_NO_NODE */
};

/* A name of a directory that is being listed. The head decides most comparisons. */
struct scan_name {
	uint64_t head; /* first 8 bytes, as a big-endian number */
	const char *name;
};

/* The data of one thread. */
struct scan_worker {
	struct cfs_arena arena;
	struct cfs_verity_batch *batch; /* computes digests; NULL if opts->file is set */
	uint32_t dir; /* the directory that fd is open on, or SCAN_NONE */
	int fd;
	uint32_t *chain; /* path from the root to a directory, deepest first */
	size_t chain_cap;
	struct scan_name *names;
	size_t names_cap;
	char *dents;	     /* SCAN_DENTS_LEN */
	char *keys;	     /* SCAN_NAMES_LEN */
	uint8_t *xattr;	     /* SCAN_XATTR_LEN: keys and values of one inode */
	const uint8_t *last; /* xattrs of the last inode that had some, in the arena */
	size_t last_len;
	const struct cfs_xattr *last_xattrs;
	bool no_xattrat; /* listxattrat() and getxattrat() are missing */
	char path[PATH_MAX];
	/* Also read by the thread that reports progress. */
	atomic_uint_fast64_t n_entries, n_files, bytes, n_files_done, bytes_done;
};

struct scan {
	const struct cfs_scan_opts *opts;
	enum cfs_hash_alg alg;
	unsigned threads;
	uint64_t inline_max;
	const char *path; /* the source, as given by the caller */
	int rootfd;
	uint64_t mount; /* mount ID of the root; 0: not needed or unknown */
	struct scan_entry root;
	struct scan_dir *dirs; /* level by level */
	size_t n_dirs, dirs_cap;
	struct scan_file *files;
	size_t n_files, files_cap;
	struct scan_group *groups;
	size_t n_groups;
	struct scan_worker *workers; /* one per thread */
	bool is_reading;	     /* the walk is complete */
};

/* Returns true if the content of a regular file is stored in the image. */
static inline bool cfs_scan_is_inline(const struct scan *s, const struct scan_entry *e)
{
	return e->size <= s->inline_max &&
	       !(s->opts->no_inline_executables && (e->mode & 0111));
}

/* report.c: Builds the path of a name (NULL: of the directory itself) for messages, in
 * w->path. */
const char *cfs_scan_path(const struct scan *s, struct scan_worker *w, uint32_t dir,
			  const char *name);
/* report.c: Stores the path of a failure for opts->failed_path. */
void cfs_scan_keep_path(const struct scan *s, const char *path);
/* report.c: Puts "error accessing PATH" in front of the error, and stores the path for
 * opts->failed_path. */
int cfs_scan_context(const struct scan *s, struct scan_worker *w, uint32_t dir,
		     const char *name, int rc, struct cfs_err *err);
/* report.c: Reports progress if worker is the thread of the caller. */
void cfs_scan_report(struct scan *s, unsigned worker);
/* report.c: Reports errno of an operation on a name. ENOENT becomes -ESTALE, because the
 * directory has just listed the name. */
int cfs_scan_fail_name(const char *what, struct cfs_err *err);

/* scan.c: Checks the options and allocates the data of all stages. Call cfs_scan_fini
 * also on failure. */
int cfs_scan_init(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_scan_fini(struct scan *s);
/* inode.c: Records lstat() data. */
void cfs_scan_set_stat(struct scan_entry *e, const struct stat *st);
/* inode.c: Restores type, device, inode, size and times. */
void cfs_scan_get_stat(const struct scan_entry *e, struct stat *out);
/* inode.c: Calls lstat() again. Returns -ESTALE if the name has changed since it was
 * recorded. */
int cfs_scan_check_name(int dirfd, const struct scan_entry *e,
			struct cfs_err *err) CFS_MUST_CHECK;
/* inode.c: Returns -ESTALE if st differs from what was recorded. */
int cfs_scan_check_stat(const struct scan_entry *e, const struct stat *st,
			struct cfs_err *err) CFS_MUST_CHECK;
/* xattr.c: Reads the xattrs to keep into e. Returns 1 if some listed keys have no
 * value. */
int cfs_scan_read_xattrs(struct scan *s, struct scan_worker *w, int dirfd,
			 struct scan_entry *e, struct cfs_err *err) CFS_MUST_CHECK;
/* inode.c: Reads stat, symlink target and xattrs of e->name. Returns 1 if the entry is
 * left out. */
int cfs_scan_read_inode(struct scan *s, struct scan_worker *w, int dirfd,
			struct scan_entry *e, struct cfs_err *err) CFS_MUST_CHECK;

/* left.c: Finds the mount of the source, if opts->one_file_system is set. */
int cfs_scan_find_mount(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;
/* left.c: Sets e->left if the name in this directory is excluded. */
bool cfs_scan_exclude_name(const struct scan *s, uint32_t dir, struct scan_entry *e);
/* left.c: Sets e->left if the inode is excluded or on another mount. */
int cfs_scan_exclude_inode(const struct scan *s, int dirfd, struct scan_entry *e,
			   struct cfs_err *err) CFS_MUST_CHECK;
/* left.c: Reports an entry with e->left to the caller. */
void cfs_scan_report_left(struct scan *s, uint32_t dir, const struct scan_entry *e);

/* walk.c: Returns a descriptor of the directory, borrowed until the worker opens another
 * one. It is the directory that the walk found, even if the path now leads to another
 * one. */
int cfs_scan_open_dir(struct scan *s, struct scan_worker *w, uint32_t dir,
		      struct cfs_err *err) CFS_MUST_CHECK;
/* walk.c: Lists all directories into scan.dirs. */
int cfs_scan_walk(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;

/* links.c: Groups the names of each inode into scan.groups. */
int cfs_scan_group_links(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;

/* file.c: Reads all regular files whose digest is not known. */
int cfs_scan_read_files(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;
/* file.c: Reads one file, if its content or digest is needed. */
int cfs_scan_read_file(struct scan *s, unsigned worker, const struct scan_file *f,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* assemble.c: Describes an entry for the tree builder. path: buffer for an object
 * path. */
void cfs_scan_describe(const struct scan *s, const struct scan_entry *e,
		       char path[CFS_OBJECT_PATH_MAX], struct cfs_inode_spec *out);
/* assemble.c: Builds the tree from the recorded entries. */
int cfs_scan_assemble(struct scan *s, struct cfs_tree **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
