/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: the text form of a tree, one line an entry.
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

/* A longer line is refused. The format has no limit of its own (zeros may stand in front
 * of a number, any text behind a digest), but what a line can say is bounded: 64 KiB of
 * xattrs, 20 KB of content, 16 KB of payload, and a path of 16,000 longest names with
 * every byte escaped. */
#define CFS_DUMP_LINE_MAX ((size_t)16 << 20)

struct cfs_dump_opts {
	const char *name; /* of the text, put in front of messages; NULL: none */
	bool strict;	  /* the additional rules of strict mode */
	/* May be NULL. Warns of what a line says and the tree cannot have, as NAME: line N: SENTENCE; in strict
	 * mode it is an error. */
	const struct cfs_watch *watch;
};

/* Reads a whole text from the descriptor (a file, a pipe) and builds the tree that it
 * describes. The text passes through one buffer. Messages say NAME: line N: FIELD: what
 * was wanted, what was found with foreign bytes escaped and long values shortened.
 * -EINVAL: bad text; the codes of cfs_builder_add, _set_target and _freeze; the codes of
 * read(2). */
int cfs_dump_read_fd(int fd, enum cfs_hash_alg alg, const struct cfs_dump_opts *opts,
		     struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same from memory, which is not changed. */
int cfs_dump_read_mem(struct cfs_text text, enum cfs_hash_alg alg,
		      const struct cfs_dump_opts *opts, struct cfs_tree **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* --- Writing ----------------------------------------------------------------------- */

/* What is printed as it is; every other byte is escaped. */
enum cfs_dump_plain {
	CFS_DUMP_FIELD = 1,  /* 0x21..0x7e but the backslash */
	CFS_DUMP_XATTR = 2,  /* the same but "=" */
	CFS_DUMP_SPACES = 4, /* the same as FIELD, and the space */
};

/* Puts bytes with the escapes \\ \n \r \t \xhh. */
void cfs_dump_escape(struct cfs_out *out, struct cfs_text bytes,
		     enum cfs_dump_plain plain);

/* One name of a tree. */
struct cfs_dump_entry {
	struct cfs_text path; /* absolute; "/" is the root */
	struct cfs_text
		link; /* of a hard link: the path of the inode's first name; else len 0 */
	const struct cfs_inode_spec *inode; /* of a hard link: its target's */
	enum cfs_hash_alg alg;		    /* says how long the digest is */
};

/* Puts the line of an entry, xattrs in the order given. Errors are kept in out. */
void cfs_dump_put(struct cfs_out *out, const struct cfs_dump_entry *e);

#endif
