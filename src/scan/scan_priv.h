/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan, inside: what the walk writes down, for the stages that follow it. */
#ifndef CFS_SCAN_PRIV_H
#define CFS_SCAN_PRIV_H

#include <limits.h>
#include <stdatomic.h>

#include "scan/scan.h"

enum {
	SCAN_NAMES_LEN = 65536, /* the kernel's limit for a list of keys */
	SCAN_VALUE_MAX = 65536, /* ... and for one value */
	SCAN_XATTR_LEN =
		SCAN_VALUE_MAX + 65536, /* one value above the budget, and its key */
	SCAN_DENTS_LEN = 65536,
	SCAN_THREADS_MAX = 256, /* each has buffers of its own */
};

#define SCAN_NONE UINT32_MAX

/* One name, as lstat saw it. Names and data lie in the arena of the worker that found them. */
struct scan_entry {
	const char *name;
	const uint8_t *data; /* symlink: target; regular file, later: content or digest */
	const struct cfs_xattr *xattrs;
	uint64_t dev, ino, size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
	uint32_t mode, uid, gid, rdev;
	uint32_t nlink; /* what the disk says */
	/* Directory: in scan.dirs; other: in scan.groups; excluded: in cfs_scan_opts.exclude; or SCAN_NONE. */
	uint32_t index;
	uint32_t n_xattrs;
	uint32_t left; /* 0, or 1 + enum cfs_scan_left_kind */
};

/* A directory that is walked. Parents come first, as do the siblings of a parent. */
struct scan_dir {
	struct scan_entry *self;
	struct scan_entry *entries; /* by name, in byte order */
	uint32_t n_entries;
	uint32_t parent; /* index; of the root: the root */
};

/* A regular file with content, to be read once. */
struct scan_file {
	struct scan_entry *entry;
	uint32_t dir;
	uint32_t order; /* in which the walk met it */
};

/* The names of one inode with several. */
struct scan_group {
	struct scan_entry *leader; /* the name that is read */
	uint32_t n_names;
	cfs_id id; /* of the inode, once it is in the tree */
};

/* A name while its directory is listed; the head decides most comparisons. */
struct scan_name {
	uint64_t head; /* first 8 bytes, as a big-endian number */
	const char *name;
};

/* What belongs to one thread. */
struct scan_worker {
	struct cfs_arena arena;
	struct cfs_verity_batch *batch; /* with file == NULL: computes digests */
	uint32_t dir;			/* the directory behind fd, or SCAN_NONE */
	int fd;
	uint32_t *chain; /* the way to a directory, deepest first */
	size_t chain_cap;
	struct scan_name *names;
	size_t names_cap;
	char *dents;	     /* SCAN_DENTS_LEN */
	char *keys;	     /* SCAN_NAMES_LEN */
	uint8_t *xattr;	     /* SCAN_XATTR_LEN: keys and values of one inode */
	const uint8_t *last; /* the same of the last inode that had some, in the arena */
	size_t last_len;
	const struct cfs_xattr *last_xattrs;
	bool no_xattrat; /* as far as this thread knows */
	char path[PATH_MAX];
	/* Read by the thread that reports progress. */
	atomic_uint_fast64_t n_entries, n_files, bytes, n_files_done, bytes_done;
};

struct scan {
	const struct cfs_scan_opts *opts;
	enum cfs_hash_alg alg;
	unsigned threads;
	uint64_t inline_max;
	const char *path; /* SOURCE, as it was given */
	int rootfd;
	uint64_t mount; /* of the root; 0: not asked, or not known */
	struct scan_entry root;
	struct scan_dir *dirs; /* level by level */
	size_t n_dirs, dirs_cap;
	struct scan_file *files;
	size_t n_files, files_cap;
	struct scan_group *groups;
	size_t n_groups;
	struct scan_worker *workers; /* one a thread */
	bool is_reading;	     /* the walk is done */
};

/* Is the content of a regular file to be kept in the image? */
static inline bool cfs_scan_is_inline(const struct scan *s, const struct scan_entry *e)
{
	return e->size <= s->inline_max &&
	       !(s->opts->no_inline_executables && (e->mode & 0111));
}

/* scan.c: the path of a name (NULL: of the directory itself) for messages, in w->path. */
const char *cfs_scan_path(const struct scan *s, struct scan_worker *w, uint32_t dir,
			  const char *name);
/* scan.c: checks the options, and takes what all scans need; cfs_scan_fini in any case. */
int cfs_scan_init(struct scan *s, struct cfs_err *err);
void cfs_scan_fini(struct scan *s);
/* scan.c: puts "error accessing PATH" in front, and notes the path. */
int cfs_scan_context(const struct scan *s, struct scan_worker *w, uint32_t dir,
		     const char *name, int rc, struct cfs_err *err);
/* scan.c: reports progress when this is the thread of the caller. */
void cfs_scan_report(struct scan *s, unsigned worker);

/* inode.c: what lstat says, written down. */
void cfs_scan_stat(struct scan_entry *e, const struct stat *st);
/* inode.c: type, device, inode, size and times back again. */
void cfs_scan_to_stat(const struct scan_entry *e, struct stat *out);
/* inode.c: -ESTALE when the name is not what was written down. */
int cfs_scan_look_again(int dirfd, const struct scan_entry *e, struct cfs_err *err);
/* inode.c: -ESTALE when st is not what was written down. */
int cfs_scan_unchanged(const struct scan_entry *e, const struct stat *st,
		       struct cfs_err *err);
/* inode.c: errno is what a look at a name gave. One that the directory listed a moment ago and that is
 * gone is a change. */
int cfs_scan_fail_look(const char *what, struct cfs_err *err);
/* xattr.c: those that are wanted, into e. 1: some that are listed have no value. */
int cfs_scan_xattrs(struct scan *s, struct scan_worker *w, int dirfd,
		    struct scan_entry *e, struct cfs_err *err);
/* inode.c: everything that lies with the name: stat, target, xattrs. 1: it is left out. e->name
 * is set. */
int cfs_scan_inode(struct scan *s, struct scan_worker *w, int dirfd, struct scan_entry *e,
		   struct cfs_err *err);

/* left.c: notes which mount the source is on, where that is asked for. */
int cfs_scan_find_mount(struct scan *s, struct cfs_err *err) CFS_MUST_CHECK;
/* left.c: sets e->left of a name of a directory that is left out, whatever it is. */
bool cfs_scan_exclude_name(const struct scan *s, uint32_t dir, struct scan_entry *e);
/* left.c: the same, for what its stat tells. */
int cfs_scan_leave(const struct scan *s, int dirfd, struct scan_entry *e,
		   struct cfs_err *err) CFS_MUST_CHECK;
/* left.c: tells the caller about a name with e->left. */
void cfs_scan_tell_left(struct scan *s, uint32_t dir, const struct scan_entry *e);

/* walk.c: a descriptor of the directory, lent until the worker opens another one. It is the
 * directory that the walk saw, whatever was done to the path since. */
int cfs_scan_open_dir(struct scan *s, struct scan_worker *w, uint32_t dir,
		      struct cfs_err *err);
/* walk.c: fills scan.dirs. */
int cfs_scan_walk(struct scan *s, struct cfs_err *err);

/* links.c: fills scan.groups. */
int cfs_scan_group(struct scan *s, struct cfs_err *err);

/* file.c: reads all regular files whose digest is not known. */
int cfs_scan_files(struct scan *s, struct cfs_err *err);
/* file.c: reads one, unless nothing is wanted of it. */
int cfs_scan_file(struct scan *s, unsigned worker, const struct scan_file *f,
		  struct cfs_err *err);

/* assemble.c: what the tree is to say of an entry. path: room for a backing path. */
void cfs_scan_describe(const struct scan *s, const struct scan_entry *e,
		       char path[CFS_OBJECT_PATH_MAX], struct cfs_inode_spec *out);
/* assemble.c: all that was written down -> tree. */
int cfs_scan_assemble(struct scan *s, struct cfs_tree **out, struct cfs_err *err);

#endif
