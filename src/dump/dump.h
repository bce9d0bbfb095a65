/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: the text form of a tree, one line per entry.
 * Owns:  the grammar of a line, escaping, the limits of each field.
 * Uses:  base, hash (digest lengths), tree (builder).
 * Never: opens files, knows EROFS, prints.
 *
 * A line is
 *   PATH SIZE MODE NLINK UID GID RDEV MTIME PAYLOAD CONTENT DIGEST [KEY=VALUE]...
 * and the rules are those of composefs-dump(5).
 */
#ifndef CFS_DUMP_H
#define CFS_DUMP_H

#include "base/base.h"
#include "hash/hash.h"
#include "tree/tree.h"

/* --- Reading ----------------------------------------------------------------------- */

/* A longer line is refused. The format has no limit of its own (a number may have leading
 * zeros, a digest any text after it), but the useful part of a line is bounded: 64 KiB of
 * xattrs, 20 KB of content, 16 KB of payload, and a path of 16,000 names of the maximal
 * length with every byte escaped. */
#define CFS_DUMP_LINE_MAX ((size_t)16 << 20)

struct cfs_dump_opts {
	const char *name; /* of the text, the first part of messages; NULL: none */
	bool strict;	  /* the additional rules of strict mode */
	/* May be NULL. Is warned of a field that the tree cannot store, with NAME: line N: SENTENCE; in strict mode
	 * such a field is an error instead. */
	const struct cfs_watch *watch;
};

/* Reads a whole text from a descriptor (a file, a pipe) and builds the tree that it
 * describes. The text passes through one buffer. Messages are NAME: line N: FIELD:
 * expected X, got Y; Y is escaped, and cut when it is long. -EINVAL: bad text; the codes of cfs_builder_add, _set_target and _freeze; the codes of
 * read(2). */
int cfs_dump_read_fd(int fd, enum cfs_hash_alg alg, const struct cfs_dump_opts *opts,
		     struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same from memory, which is not changed. */
int cfs_dump_read_mem(struct cfs_text text, enum cfs_hash_alg alg,
		      const struct cfs_dump_opts *opts, struct cfs_tree **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* --- Writing ----------------------------------------------------------------------- */

/* The bytes that are printed unescaped. */
enum cfs_dump_plain {
	CFS_DUMP_FIELD = 1,  /* 0x21..0x7e but the backslash */
	CFS_DUMP_XATTR = 2,  /* the same but "=" */
	CFS_DUMP_SPACES = 4, /* the same as FIELD, and the space */
};

/* Writes bytes with the escapes \\ \n \r \t \xhh. */
void cfs_dump_escape(struct cfs_out *out, struct cfs_text bytes,
		     enum cfs_dump_plain plain);

/* One name of a tree. */
struct cfs_dump_entry {
	struct cfs_text path; /* absolute; "/" is the root */
	struct cfs_text
		link; /* hard link: the path of the first name of the inode; else len 0 */
	const struct cfs_inode_spec *inode; /* hard link: that of its target */
	enum cfs_hash_alg alg;		    /* of the digest */
};

/* Writes the line of an entry, xattrs in the given order. Errors are kept in out, whose buffer has at
 * least 2 * CFS_HASH_MAX_LEN bytes. */
void cfs_dump_put(struct cfs_out *out, const struct cfs_dump_entry *e);

#endif
