/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The image format: constants, and structs for offsetof. Values are read with cfs_le32() and
 * the like, never through these structs, since an image need not be aligned in memory.
 *
 * Source: fs/erofs/erofs_fs.h of the kernel for the EROFS part; the composefs header and
 * the overlay xattrs are defined by composefs.
 */
#ifndef CFS_EROFS_FORMAT_H
#define CFS_EROFS_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EROFS_BLOCK = 4096,
	EROFS_BLOCK_BITS = 12,
	EROFS_SLOT = 32,
	EROFS_SB_OFF = 1024,
	EROFS_FIRST_INODE_OFF = EROFS_SB_OFF + 128,
};

#define CFS_HEADER_MAGIC UINT32_C(0xd078629a)

enum {
	CFS_HEADER_VERSION = 1, /* of the container: never changes */
	CFS_HEADER_HAS_ACL = 1, /* flag: some inode has a POSIX ACL */
};

struct cfs_header {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t composefs_version; /* format: 0, 1; 2 in older images of composefs-rs */
	uint32_t unused[4];
};
static_assert(sizeof(struct cfs_header) == 32, "composefs header");

#define EROFS_MAGIC UINT32_C(0xe0f5e1e2)

enum {
	EROFS_FEATURE_COMPAT_MTIME = 2,
	EROFS_FEATURE_COMPAT_XATTR_FILTER = 4,
	/* Writers use chunks and do not set it. */
	EROFS_FEATURE_INCOMPAT_CHUNKED = 4,
};

struct erofs_super {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t blkszbits;
	uint8_t sb_extslots;
	uint16_t root_nid;
	uint64_t inos;
	uint64_t build_time;
	uint32_t build_time_nsec;
	uint32_t blocks;
	uint32_t meta_blkaddr;
	uint32_t xattr_blkaddr;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint8_t rest[44];
} __attribute__((packed));
static_assert(sizeof(struct erofs_super) == 128, "EROFS superblock");

/* i_format: bit 0 is the form, bits 1..3 are the data layout. */
enum {
	EROFS_EXTENDED = 1,
	EROFS_LAYOUT_SHIFT = 1,
	EROFS_LAYOUT_MASK = 7,
	EROFS_LAYOUT_PLAIN = 0,
	EROFS_LAYOUT_INLINE = 2, /* the last, partial block follows the inode */
	EROFS_LAYOUT_CHUNK = 4,
};

struct erofs_inode_compact {
	uint16_t i_format;
	uint16_t i_xattr_icount;
	uint16_t i_mode;
	uint16_t i_nlink;
	uint32_t i_size;
	uint32_t reserved;
	uint32_t i_u;
	uint32_t i_ino;
	uint16_t i_uid;
	uint16_t i_gid;
	uint32_t reserved2;
};
static_assert(sizeof(struct erofs_inode_compact) == 32, "compact inode");

struct erofs_inode_extended {
	uint16_t i_format;
	uint16_t i_xattr_icount;
	uint16_t i_mode;
	uint16_t reserved;
	uint64_t i_size;
	uint32_t i_u;
	uint32_t i_ino;
	uint32_t i_uid;
	uint32_t i_gid;
	uint64_t i_mtime;
	uint32_t i_mtime_nsec;
	uint32_t i_nlink;
	uint8_t reserved2[16];
};
static_assert(sizeof(struct erofs_inode_extended) == 64, "extended inode");

struct erofs_xattr_header {
	uint32_t h_name_filter;
	uint8_t h_shared_count;
	uint8_t reserved[7];
};
static_assert(sizeof(struct erofs_xattr_header) == 12, "xattr header");

struct erofs_xattr_entry {
	uint8_t e_name_len; /* without the prefix of e_name_index */
	uint8_t e_name_index;
	uint16_t e_value_size;
};
static_assert(sizeof(struct erofs_xattr_entry) == 4, "xattr entry");

/* The maximum of i_xattr_icount: header and entries of one inode. */
enum { EROFS_XATTR_AREA_MAX = 12 + (UINT16_MAX - 1) * 4 };

enum {
	EROFS_XATTR_ALIGN = 4,
	EROFS_XATTR_SHARED_MAX =
		128, /* references in one inode, as composefs writes them */
};

enum erofs_xattr_index {
	EROFS_XATTR_NONE = 0,
	EROFS_XATTR_USER = 1,
	EROFS_XATTR_ACL_ACCESS = 2,
	EROFS_XATTR_ACL_DEFAULT = 3,
	EROFS_XATTR_TRUSTED = 4,
	EROFS_XATTR_LUSTRE = 5, /* read, never written */
	EROFS_XATTR_SECURITY = 6,
};

#define EROFS_XATTR_FILTER_SEED UINT32_C(0x25BBE08F)

struct erofs_dirent {
	uint64_t nid;
	uint16_t nameoff;
	uint8_t file_type;
	uint8_t reserved;
} __attribute__((packed));
static_assert(sizeof(struct erofs_dirent) == 12, "directory entry");

enum erofs_file_type {
	EROFS_FT_REG = 1,
	EROFS_FT_DIR = 2,
	EROFS_FT_CHR = 3,
	EROFS_FT_BLK = 4,
	EROFS_FT_FIFO = 5,
	EROFS_FT_SOCK = 6,
	EROFS_FT_LNK = 7,
};

enum {
	EROFS_CHUNK_BITS_MIN = 12,
	EROFS_CHUNK_BITS_MAX = 43,
	EROFS_CHUNKS_MAX = 1024, /* of one file, as composefs writes them */
	EROFS_CHUNK_FORMAT_MASK = 31,
};

#define EROFS_NULL_ADDR UINT32_MAX

#endif
