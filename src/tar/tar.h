/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar: tar archives: entries and contents from a stream of bytes, and back.
 * Owns:  the header formats (v7, ustar, pax, GNU, sparse files), their limits, names as paths.
 * Uses:  base, tree (an inode as a tree describes it).
 * Never: opens files, decompresses, knows layers, whiteouts or stores.
 *
 * Archives are untrusted input. Memory is bounded: a buffer, and the extension headers of one entry. Failures name the
 * entry and its offset in the archive: -EINVAL, -EFBIG (a limit), -ENOTSUP (a type of entry that is not supported).
 */
#ifndef CFS_TAR_H
#define CFS_TAR_H

#include "base/base.h"
#include "tree/tree.h"

enum {
	CFS_TAR_BLOCK = 512,
	CFS_TAR_EXTENSIONS_MAX = 1
				 << 20, /* bytes of the extension headers of one entry */
	CFS_TAR_RECORDS_MAX = 32768,	/* pax records of one entry */
	CFS_TAR_PATH_MAX = 65535,
	CFS_TAR_SEGMENTS_MAX = 10000, /* of a sparse file */
};

#define CFS_TAR_HOLES_DEFAULT (UINT64_C(64) << 30)

/* A part of a sparse file that is stored; between the segments there are zeros. */
struct cfs_tar_segment {
	uint64_t off, len;
};

/* An entry. Everything is borrowed until the next call of cfs_tar_next. */
struct cfs_tar_entry {
	uint64_t off;	      /* of its first header block in the archive */
	struct cfs_text name; /* as the archive has it */
	struct cfs_text
		path; /* the name without ".", and without slashes but one between two
			       * names; empty: the root */
	/* A hard link: of inode only mode (without a type) has a meaning, and target is the path that it leads to. */
	bool is_link;
	struct cfs_text target;
	/* mode with type bits; the payload is the target of a symlink; no content and no digest. nlink is 1. */
	struct cfs_inode_spec inode;
	uint64_t
		stored_len; /* bytes of content in the archive; of types other than regular files 0 */
	bool is_sparse; /* else the content is stored as it is */
	const struct cfs_tar_segment *segments;
	size_t n_segments;
};

/* The kinds of bytes of an archive that are not content. */
enum cfs_tar_raw {
	CFS_TAR_RAW_HEADER, /* a block, or the data of an extension header with its padding */
	CFS_TAR_RAW_PADDING, /* behind the content of an entry */
	CFS_TAR_RAW_END,     /* zero blocks, and what follows them */
};

/* Starts zeroed; zero is the default. Borrowed until cfs_tar_close. */
struct cfs_tar_opts {
	const struct cfs_watch *watch; /* warnings and cancellation; may be NULL */
	/* Holes of all sparse files of the archive, in bytes; 0: CFS_TAR_HOLES_DEFAULT. A hole costs nothing in the
	 * archive, and time where the content is digested. */
	uint64_t max_holes;
	/* "%3D" and "%25" in the name of an xattr stand for "=" and "%", as GNU tar writes them. */
	bool encoded_xattr_names;
	/* NULL, or receives all bytes that are not content, in order. With the content as it is stored they are the
	 * archive; so the caller has to read all of it, see cfs_tar_copy. */
	int (*raw)(void *ctx, enum cfs_tar_raw kind, struct cfs_span bytes,
		   struct cfs_err *err);
	void *raw_ctx;
};

struct cfs_tar;

/* from and opts are borrowed until cfs_tar_close. -ENOMEM. */
int cfs_tar_open(struct cfs_feed from, const struct cfs_tar_opts *opts,
		 struct cfs_tar **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_tar_close(struct cfs_tar *t); /* NULL is fine */

/* The next entry: 1, or 0 at the end, when all bytes of the feed have been read. Content of the entry before that was
 * not read is skipped. Not to be called again after an error or the end. */
int cfs_tar_next(struct cfs_tar *t, const struct cfs_tar_entry **out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the content of the entry to a sink: inode.size bytes, the holes of a sparse file as zeros. stored: NULL, or
 * a sink for the bytes as the archive has them, stored_len. Once for each entry. */
int cfs_tar_copy(struct cfs_tar *t, struct cfs_sink content,
		 const struct cfs_sink *stored, struct cfs_err *err) CFS_MUST_CHECK;

/* Puts the name of the entry and its offset in front of a message, for callers that refuse an entry. Returns rc. */
int cfs_tar_add_place(const struct cfs_tar *t, int rc, struct cfs_err *err);

/* Counts the content of the entry as read although the feed leaves it out: the caller has it elsewhere, as a split stream
 * keeps it. Instead of cfs_tar_copy; not for a sparse file. -EINVAL: the feed had a part of it. */
int cfs_tar_take_content(struct cfs_tar *t, struct cfs_err *err) CFS_MUST_CHECK;

/* Bytes of the archive that have been read. */
uint64_t cfs_tar_get_offset(const struct cfs_tar *t);

/* The path of a name: see cfs_tar_entry. out: name.len bytes. -EINVAL: a NUL byte, or the component ".."; -ENAMETOOLONG:
 * a component is longer than CFS_NAME_MAX. */
int cfs_tar_clean_path(struct cfs_text name, char *out, size_t *len,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- writing ------------------------------------------------------------------------ */

/* Writes an archive: pax headers where ustar cannot hold a value, else ustar alone. The bytes depend on the entries only. */
struct cfs_tar_writer;

/* to is borrowed until cfs_tar_writer_free. */
int cfs_tar_writer_new(struct cfs_sink to, struct cfs_tar_writer **out,
		       struct cfs_err *err) CFS_MUST_CHECK;
void cfs_tar_writer_free(struct cfs_tar_writer *w); /* NULL is fine */

/* Entries are named "path" instead of "./path", for readers that compare names byte by byte. To be called before the
 * first entry. */
void cfs_tar_writer_omit_dot(struct cfs_tar_writer *w);

/* Writes the headers of an entry; of e, path, is_link, target and inode are used. A regular file with a size, be its
 * content in inode.content or not, has to be followed by just so many bytes. Names are written as "./path". -EINVAL:
 * the time has more than a second of nanoseconds, or the archive cannot hold the type (a socket); -EFBIG: a limit of
 * the reader. */
int cfs_tar_write_entry(struct cfs_tar_writer *w, const struct cfs_tar_entry *e,
			struct cfs_err *err) CFS_MUST_CHECK;
int cfs_tar_write_content(struct cfs_tar_writer *w, const void *p, size_t len,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Ends the archive and flushes it. */
int cfs_tar_write_end(struct cfs_tar_writer *w, struct cfs_err *err) CFS_MUST_CHECK;

#endif
