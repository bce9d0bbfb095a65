/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Constants for both reader and writer: the xattrs that composefs adds to an image, the layout
 * of metacopy, the types of directory entries.
 */
#ifndef CFS_EROFS_PRIV_H
#define CFS_EROFS_PRIV_H

#include <sys/stat.h>

#include "erofs/format.h"

/* xattrs that overlayfs acts on, since the image is a lower layer. */
#define CFS_OVERLAY_PREFIX "trusted.overlay."
#define CFS_OVERLAY_METACOPY                                                             \
	CFS_OVERLAY_PREFIX "metacopy" /* digest of a file's content */
#define CFS_OVERLAY_REDIRECT CFS_OVERLAY_PREFIX "redirect" /* "/" and its backing path */
#define CFS_OVERLAY_OPAQUE   CFS_OVERLAY_PREFIX "opaque"   /* the root, value "y" */

/* An input key "trusted.overlay.X" is stored as "trusted.overlay.overlay.X", so that overlayfs
 * shows it unescaped instead of acting on it. */
#define CFS_ESCAPE	   "overlay."
#define CFS_ESCAPED_PREFIX CFS_OVERLAY_PREFIX CFS_ESCAPE

/* A whiteout of the input is stored as an empty regular file with these two marks, and its
 * directory with the plural ones; since version 1 the directory is opaque, value "x", too. */
#define CFS_ESCAPED_WHITEOUT  CFS_ESCAPED_PREFIX "whiteout"
#define CFS_ESCAPED_WHITEOUTS CFS_ESCAPED_PREFIX "whiteouts"
#define CFS_ESCAPED_OPAQUE    CFS_ESCAPED_PREFIX "opaque"
#define CFS_USER_WHITEOUT     "user.overlay.whiteout"
#define CFS_USER_WHITEOUTS    "user.overlay.whiteouts"
#define CFS_USER_OPAQUE	      "user.overlay.opaque"

/* The value of metacopy: version 0, length of all of it, flags 0, number of the hash algorithm,
 * then the digest. Empty when there is no digest. */
enum {
	CFS_METACOPY_HEADER = 4,
	CFS_METACOPY_VERSION_OFF = 0,
	CFS_METACOPY_LEN_OFF = 1,
	CFS_METACOPY_FLAGS_OFF = 2,
	CFS_METACOPY_ALG_OFF = 3,
};

/* The file type in a directory entry for a mode; 0: no such type. */
static inline uint8_t cfs_mode_file_type(uint32_t mode)
{
	static const uint8_t types[16] = {
		[S_IFREG >> 12] = EROFS_FT_REG,	  [S_IFDIR >> 12] = EROFS_FT_DIR,
		[S_IFCHR >> 12] = EROFS_FT_CHR,	  [S_IFBLK >> 12] = EROFS_FT_BLK,
		[S_IFIFO >> 12] = EROFS_FT_FIFO,  [S_IFLNK >> 12] = EROFS_FT_LNK,
		[S_IFSOCK >> 12] = EROFS_FT_SOCK,
	};

	return types[(mode & S_IFMT) >> 12];
}

#endif
