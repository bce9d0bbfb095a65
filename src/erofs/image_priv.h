/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the reader share: the rules of each format version, and what several
 * of them look up.
 */
#ifndef CFS_EROFS_IMAGE_PRIV_H
#define CFS_EROFS_IMAGE_PRIV_H

#include <errno.h>
#include <inttypes.h>

#include "erofs/erofs_priv.h"
#include "erofs/image.h"

/* A refusal says where. inode: a pointer to what has nid and off, the inode's place. */
#define cfs_bad_inode(err, inode, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "inode %" PRIu64 " at offset %" PRIu64 ": " fmt,          \
		 (inode)->nid, (inode)->off __VA_OPT__(, ) __VA_ARGS__)

/* The same of a field of the superblock. */
#define cfs_bad_super(err, field, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "superblock at offset %zu: " fmt,                         \
		 EROFS_SB_OFF + offsetof(struct erofs_super, field) __VA_OPT__(, )       \
					__VA_ARGS__)

struct cfs_image_rules {
	/* References to shared xattrs count from the start of the image, and data blocks may
	 * lie anywhere; else both belong behind xattr_blkaddr. */
	bool loose_areas;
	/* A whiteout of the tree is an empty file with marks, and a character device 0/0 is no
	 * part of the tree. */
	bool whiteouts_escaped;
	/* The superblock may say 0 blocks instead of those of the image. */
	bool no_blocks_allowed;
	uint8_t shared_max;	   /* references in one inode */
	uint32_t feature_compat;   /* all bits that may be set */
	uint32_t feature_incompat; /* the same */
};

/* A set of the slots of an image, to mark what is in use. */
struct cfs_slots {
	uint64_t *words;
	uint64_t n; /* slots */
};

int cfs_slots_init(struct cfs_slots *s, uint64_t n) CFS_MUST_CHECK;

static inline bool cfs_slots_has(const struct cfs_slots *s, uint64_t i)
{
	return s->words[i / 64] >> i % 64 & 1;
}

static inline void cfs_slots_add(struct cfs_slots *s, uint64_t i)
{
	s->words[i / 64] |= UINT64_C(1) << i % 64;
}

/* Whether the whole key is, or begins with, that one. */
bool cfs_raw_xattr_is(const struct cfs_raw_xattr *x, struct cfs_text key);
bool cfs_raw_xattr_begins(const struct cfs_raw_xattr *x, struct cfs_text key);

/* Bytes of the shared xattrs that an inode refers to, up to the first that makes no sense. */
uint64_t cfs_shared_len(const struct cfs_image *im, const struct cfs_inode *inode);

/* --- The names that the writer numbered ----------------------------------------------- */

/* Starts zeroed, and is finished by the caller whatever the outcome. */
struct cfs_primaries {
	const char **names;
};

/* Only for an image that a walk found sound: no directory has two names. */
int cfs_primaries_find(const struct cfs_image *im, struct cfs_primaries *out,
		       struct cfs_err *err) CFS_MUST_CHECK;
void cfs_primaries_fini(struct cfs_primaries *p);

/* Is that name, lent from the image, the one that the inode was written under? */
bool cfs_primaries_has(const struct cfs_primaries *p, const struct cfs_inode *inode,
		       struct cfs_text name);

/* --- Walks, from the inside ---------------------------------------------------------- */

struct cfs_walk_frame {
	struct cfs_dir dir;
	struct cfs_text name; /* of the directory, lent from the image */
	uint64_t parent_nid;  /* what its ".." must say */
	size_t path_len;      /* of its path in the buffer, without slash at the end */
	uint32_t trail;	      /* its number there, or NO_TRAIL */
};

/* A directory on the way to the first name of an inode with several. */
struct cfs_walk_trail {
	uint32_t parent;
	struct cfs_text name;
};

/* An inode with several names. */
struct cfs_walk_first {
	uint64_t slot;
	uint64_t cookie;
	struct cfs_text name;
	uint32_t trail; /* of the directory of its first name */
};

struct cfs_walk {
	const struct cfs_image *im;
	const struct cfs_walk_opts *opts;
	bool show_hidden;	/* yield hidden inodes too */
	struct cfs_slots used;	/* by inodes with xattrs and tails, and by data blocks */
	struct cfs_slots seen;	/* where an inode that was met begins */
	struct cfs_slots twice; /* the same, met more than once */
	bool claimed;		/* an earlier pass has filled used */
	bool started;
	struct cfs_walk_frame *frames; /* open directories, the top one first */
	size_t n_frames, frames_cap;
	char *path, *first_path;
	size_t path_cap, first_path_cap;
	size_t top_len;		 /* of the path that the walk begins at */
	uint64_t cost, cost_max; /* of printing all entries, in bytes */
	struct cfs_walk_trail *trails;
	size_t n_trails, trails_cap;
	struct cfs_walk_first *firsts; /* ascending by slot */
	size_t n_firsts, firsts_cap;
	struct cfs_walk_entry entry;
};

#endif
