/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_ETCMERGE_PRIV_H
#define CFS_ETCMERGE_PRIV_H

#include <sys/stat.h>

#include "etcmerge/etcmerge.h"

/* One side of an image at a name. */
struct etc_side {
	const struct cfs_image *im;
	bool exists;
	struct cfs_inode inode;
};

/* A file of the layer. */
struct etc_file {
	int fd; /* O_PATH; the file itself, also if it is a symbolic link */
	struct stat st;
	char *xattrs; /* names, each with a NUL; those of overlayfs are left out */
	size_t xattrs_len;
	bool is_opaque; /* a directory that hides the one of the image */
};

/* --- file.c --------------------------------------------------------------------------- */

/* Opens a name of the layer. -ENOTSUP: it refers to the old image. Free it with
 * etc_file_close in any case. */
int etc_file_open(int dirfd, const char *name, struct etc_file *out,
		  struct cfs_err *err) CFS_MUST_CHECK;
void etc_file_close(struct etc_file *file);

/* Opens a regular file for reading: the descriptor. */
int etc_open_content(const struct etc_file *file, struct cfs_err *err) CFS_MUST_CHECK;

static inline bool etc_is_whiteout(const struct etc_file *file)
{
	return S_ISCHR(file->st.st_mode) && file->st.st_rdev == 0;
}

/* Reads an xattr; the caller frees *value. */
int etc_read_xattr(int fd, const char *key, uint8_t **value, size_t *len,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* A path to the file itself. Returns out. */
enum { ETC_PROC_FD = 32 };
const char *etc_fd_path(int fd, char out[ETC_PROC_FD]);

/* --- compare.c ------------------------------------------------------------------------ */

/* Whether a file of the layer is as the image has it: type, owner, mode, xattrs, and
 * content unless it is a directory. 1 or 0. */
int etc_equals_image(const struct etc_file *file, const struct etc_side *side,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Whether both images have the same here, or both nothing. 1 or 0. */
int etc_equals(const struct etc_side *a, const struct etc_side *b,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* --- copy.c --------------------------------------------------------------------------- */

/* Copies a file that is not a directory, with all its attributes, to a new name. */
int etc_copy_file(const struct etc_file *file, int to, const char *name,
		  const struct cfs_watch *watch, struct cfs_err *err) CFS_MUST_CHECK;

/* Gives fd (O_PATH is enough) owner, mode, xattrs and times of a file of the layer. */
int etc_copy_attributes(const struct etc_file *file, int fd,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same from an image. */
int etc_give_attributes(const struct etc_side *side, int fd,
			struct cfs_err *err) CFS_MUST_CHECK;

/* --- links.c -------------------------------------------------------------------------- */

/* Names of files with several names that were copied. Starts zeroed. */
struct etc_links {
	struct etc_link {
		dev_t dev;
		ino_t ino;
		char *path; /* below out */
	} * v;
	size_t n, cap;
};

/* Makes a further name of a file that was copied: 1, or 0 if it was not copied yet, and
 * path is then remembered. */
int etc_link_copied(struct etc_links *links, const struct etc_file *file, int out,
		    const char *path, int to, const char *name,
		    struct cfs_err *err) CFS_MUST_CHECK;
void etc_links_fini(struct etc_links *links);

#endif
