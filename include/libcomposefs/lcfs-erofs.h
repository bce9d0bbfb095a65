/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libcomposefs: the composefs header at the start of each image. */
#ifndef _LCFS_EROFS_H
#define _LCFS_EROFS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the header itself, not of the format: see composefs_version. */
#define LCFS_EROFS_VERSION 1
#define LCFS_EROFS_MAGIC   0xd078629aU

typedef enum {
	/* An inode has a POSIX ACL. An image without this flag is mounted with
	 * "noacl". */
	LCFS_EROFS_FLAGS_HAS_ACL = (1 << 0)
} lcfs_erofs_flag_t;

/* The first 32 bytes of an image; the fields are little-endian in the file. */
struct lcfs_erofs_header_s {
	uint32_t magic;		    /* LCFS_EROFS_MAGIC */
	uint32_t version;	    /* LCFS_EROFS_VERSION */
	uint32_t flags;		    /* lcfs_erofs_flag_t */
	uint32_t composefs_version; /* format version: 0 or 1 */
	uint32_t unused[4];	    /* 0 */
} __attribute__((__packed__));

#ifdef __cplusplus
}
#endif

#endif
