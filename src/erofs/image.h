/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading: images as bytes that nobody vouches for.
 *
 * The image stays where it is; everything handed out is lent from its bytes, which the
 * caller maps or copies and keeps for as long. Each bound is checked here, for all who
 * read: -EUCLEAN names structure, inode, offset and rule. The layers, lowest first: image
 * (superblock, inodes), directories, contents, xattrs, specs (what a tree would say),
 * walks, and whole trees. Work and memory of each are bounded by the length of the image.
 */
#ifndef CFS_EROFS_IMAGE_H
#define CFS_EROFS_IMAGE_H

#include "base/base.h"
#include "tree/tree.h"

/* --- The image ----------------------------------------------------------------------- */

struct cfs_image_rules; /* what differs between format versions: image_priv.h */

/* An image whose header, superblock and root inode were found good. Read only. */
struct cfs_image {
	struct cfs_span bytes; /* lent from the caller */
	const struct cfs_image_rules *rules;
	uint32_t version; /* format: 0, 1, or 2 (older images of composefs-rs) */
	bool has_acl;	  /* the header says that some inode has a POSIX ACL */
	bool no_blocks;	  /* the superblock says 0 blocks, and not how many there are */
	uint64_t root_nid;
	uint64_t inos;	     /* number of inodes, as the superblock says */
	uint64_t meta_off;   /* where an inode of nid 0 would lie */
	uint64_t shared_off; /* where a reference 0 to a shared xattr would lead */
	uint64_t data_off;   /* no data block lies before it */
	int64_t build_sec;   /* mtime of compact inodes */
	uint32_t build_nsec;
};

/* Whether a file that begins with these bytes is meant to be a composefs image. */
bool cfs_image_has_magic(const uint8_t head[4]);

/* Checks header, superblock and root inode. -EINVAL: no composefs image (too short, wrong
 * magic); -ENOTSUP: a container or format version that is not known; -EUCLEAN: damaged. */
int cfs_image_open(struct cfs_span bytes, struct cfs_image *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

#define CFS_IMAGE_LEN_UNKNOWN UINT64_MAX

/* The same of header and superblock alone, before the rest is read: head is the first 4096 bytes, or all when there
 * are fewer; len the length of the file, or CFS_IMAGE_LEN_UNKNOWN. out: the length that the
 * superblock says, or CFS_IMAGE_LEN_UNKNOWN where it says none. */
int cfs_image_head(struct cfs_span head, uint64_t len, uint64_t *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Maps the file as how does it, once cfs_image_head finds no fault in it: a file of 3 GB that is no image, or a device
 * without end, costs nothing. What is no regular file is read into memory, no more of it than the superblock says, or
 * 1 GiB where it says nothing. -EISDIR and -EINVAL: no file; else as cfs_image_open, which checks the rest. */
int cfs_image_map(int fd, cfs_map_fn *how, struct cfs_map *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* The part of it for a pipe. to: what was read of the image before, and then all of it. */
int cfs_image_read_stream(int fd, struct cfs_mem *to, struct cfs_err *err) CFS_MUST_CHECK;

/* --- Inodes -------------------------------------------------------------------------- */

/* An inode, decoded; its extents lie inside the image. blocks and tail together are the
 * size bytes of content, unless it is external: then tail is the chunk map, all null. */
struct cfs_inode {
	uint64_t nid;
	uint64_t off;	   /* of the inode itself */
	uint64_t len;	   /* with its xattrs and tail */
	uint64_t data_off; /* of its data blocks, when blocks.len > 0 */
	uint64_t size;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t mode; /* type and permission bits */
	uint32_t nlink, uid, gid;
	uint32_t rdev; /* CHR and BLK, else 0 */
	uint32_t ino;
	bool external;		/* a regular file whose content lies outside the image */
	bool far_chunks;	/* external, and the chunk map is not behind the inode */
	struct cfs_span xattrs; /* its xattr area with header; len 0: none */
	struct cfs_span blocks; /* bytes in data blocks: all or the first part */
	struct cfs_span tail;	/* bytes behind inode and xattrs */
};

/* -EUCLEAN is the only error; then out->off is 0 when there is no such place. */
int cfs_image_inode(const struct cfs_image *im, uint64_t nid, struct cfs_inode *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A character device 0/0 that only hides a name, and is no part of the tree. */
bool cfs_inode_is_hidden(const struct cfs_image *im, const struct cfs_inode *inode);

/* --- Directories --------------------------------------------------------------------- */

struct cfs_dirent {
	struct cfs_text name; /* lent from the image: 1..255 bytes, no '/', no NUL */
	uint64_t nid;
	uint64_t off;	   /* of the entry in the image */
	uint8_t file_type; /* EROFS_FT_*, as the entry says */
};

/* A position in a directory. Private but for parent_nid. */
struct cfs_dir {
	const struct cfs_image *im;
	uint64_t nid, off;   /* of its inode */
	uint64_t parent_nid; /* what ".." says, once the end was reached */
	struct cfs_span blocks, tail;
	struct cfs_span block;	/* the current one */
	struct cfs_text before; /* the entry before this one; len 0: none */
	uint32_t block_no;	/* of the next block */
	uint16_t entry, n_entries;
	bool has_self, has_parent;
};

/* -ENOTDIR: not a directory. */
int cfs_dir_open(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_dir *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The next entry but "." and ".."; 1, or 0 at the end. -EUCLEAN: offsets, names and their
 * order, types, "." and "..". */
int cfs_dir_next(struct cfs_dir *dir, struct cfs_dirent *out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* The entry of that name ("." and ".." too) by binary search: 1, or 0 when there is none.
 * Looks only at what it needs to look at. -ENOTDIR: not a directory. */
int cfs_dir_find(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_text name, struct cfs_dirent *out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* The inode of an entry, whose type must be what the entry says. */
int cfs_dirent_inode(const struct cfs_image *im, const struct cfs_dirent *entry,
		     struct cfs_inode *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The inode at a path: names separated by one or more '/', from the root; symlinks are not
 * followed. -ENOENT: no such name, "." and ".." among them; -ENOTDIR. */
int cfs_image_lookup(const struct cfs_image *im, struct cfs_text path,
		     struct cfs_inode *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- Contents ------------------------------------------------------------------------ */

/* The target of a symlink, lent from the image: 1..4095 bytes without NUL. */
int cfs_inode_target(const struct cfs_inode *inode, struct cfs_text *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The content of a regular file that is not external: lent from the image where it lies in
 * one piece, else put together in buf (CFS_CONTENT_MAX bytes). */
struct cfs_span cfs_inode_content(const struct cfs_inode *inode, uint8_t *buf);

/* --- xattrs as they are stored ------------------------------------------------------- */

struct cfs_raw_xattr {
	uint8_t index;		/* EROFS_XATTR_*: stands for the first part of the key */
	struct cfs_text suffix; /* the rest of the key */
	struct cfs_span value;
	uint64_t off; /* of the entry in the image */
	bool shared;
};

/* A position in the xattrs of an inode. Private. */
struct cfs_raw_xattrs {
	const struct cfs_image *im;
	uint64_t nid, off; /* of the inode */
	uint64_t area_off;
	struct cfs_span area;
	uint64_t next_off; /* of the next inline entry, in area */
	uint32_t shared, n_shared;
};

int cfs_raw_xattrs_open(const struct cfs_image *im, const struct cfs_inode *inode,
			struct cfs_raw_xattrs *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The next one, inline ones first; 1, or 0 at the end. Overlay's own are among them. */
int cfs_raw_xattrs_next(struct cfs_raw_xattrs *it, struct cfs_raw_xattr *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* --- Specs: an inode as a tree would have it ----------------------------------------- */

/* Room for what cannot be lent from the image, used again for each inode. Starts zeroed;
 * alg is the algorithm of the digest that the last spec had, twins: its inode had a key twice. Otherwise private. */
struct cfs_spec_room {
	enum cfs_hash_alg alg;
	bool twins;
	struct cfs_xattr *xattrs;
	size_t n_xattrs, xattrs_cap;
	struct cfs_xattr **order;
	size_t order_cap;
	char *keys;
	size_t keys_len, keys_cap;
	uint8_t content[CFS_CONTENT_MAX];
};

void cfs_spec_room_fini(struct cfs_spec_room *room);

/* What the tree said before overlay's xattrs were added: backing path and digest instead of
 * redirect and metacopy, keys unescaped, whiteouts character devices again. xattrs in image order; of a key
 * that is there twice the first, as kernels read it.
 * Lent from the image and from room until its next use. -ENOMEM, else -EUCLEAN. */
int cfs_image_spec(const struct cfs_image *im, const struct cfs_inode *inode,
		   struct cfs_spec_room *room, struct cfs_inode_spec *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The backing path of a regular file as cfs_image_spec would give it, and nothing else;
 * len 0: none. Lent from the image. */
int cfs_image_backing(const struct cfs_image *im, const struct cfs_inode *inode,
		      struct cfs_text *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- Walks --------------------------------------------------------------------------- */

/* Zero is the default: everything from the root. */
struct cfs_walk_opts {
	struct cfs_text top;	      /* path of the entry to begin at; empty: the root */
	const struct cfs_text *names; /* of the entries below it that are wanted */
	size_t n_names;		      /* 0: all */
	bool first_names; /* tell the first name of later ones: costs a first pass */
	bool no_paths;	  /* of all but the first entry: path and first stay empty */
};

struct cfs_walk_entry {
	struct cfs_text path; /* "/" or "/a/b" */
	struct cfs_text name; /* of the first entry: empty */
	uint32_t depth;	      /* below the first entry */
	bool again;	      /* a later name of an inode that was met before */
	/* With first_names: */
	struct cfs_text first; /* again: the path of the first name; else empty */
	uint64_t *cookie; /* a word of the caller's, one for all names of the inode, at
				* first 0; NULL when it has one name only */
	struct cfs_inode inode;
};

/* Depth first, a directory before its entries, entries in order. -EUCLEAN too when two
 * inodes share bytes, a directory has two names, ".." is wrong, or paths and the inodes of
 * later names, with the xattrs that they share, come to more than 1 GiB and 64 times the
 * image (not asked with no_paths, where they are not made): so work and memory are bounded
 * by the image, whatever it says. Memory: about 1/85 of the image, 300 bytes for each open
 * directory, 96 for each inode with several names. */
struct cfs_walk;

/* opts are lent for the whole walk. -ENOENT, -ENOTDIR: no such top. */
int cfs_walk_new(const struct cfs_image *im, const struct cfs_walk_opts *opts,
		 struct cfs_walk **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_walk_free(struct cfs_walk *walk);

static inline void cfs_auto_walk_fn(struct cfs_walk **walk)
{
	cfs_walk_free(*walk);
}

/* A local walk that is freed when it goes out of scope. */
#define cfs_auto_walk __attribute__((cleanup(cfs_auto_walk_fn)))

/* The next entry, lent until the next call; 1, or 0 at the end. The first is the root, or the
 * top that was asked for. Not to be called again after an error. */
int cfs_walk_next(struct cfs_walk *walk, const struct cfs_walk_entry **out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* --- Checking ------------------------------------------------------------------------ */

/* Reads all of an image and wants each byte of it to have its place: what a walk and the specs of its
 * inodes refuse, and besides padding that is not 0, bytes or blocks that belong to nothing, counts and
 * flags that do not agree with the inodes, xattrs that a kernel would not find, and overlay xattrs that
 * would show another tree than the image tells. (For format 2, whose layout is not known to the byte,
 * gaps are not looked at.) An image that passes need not be the one that the writer makes of the
 * same tree. -ENOMEM, else -EUCLEAN. */
int cfs_image_check(const struct cfs_image *im, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, and in the same walk finds the inodes that each rule of quirks.h is about, whatever the kernel version:
 * kernel has CFS_KERNEL_N_RULES. After an error the findings mean nothing. */
struct cfs_kernel_finding;
int cfs_image_check_kernels(const struct cfs_image *im, struct cfs_kernel_finding *kernel,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Is the image byte for byte what the writer makes of its content? Then nothing is hidden in it, and its
 * tree has no other image of this format version, but the one whose superblock says 0 blocks, or does
 * not. A tree that an image cannot give back as it was (with
 * xattrs of its own that mark whiteouts, see composefs-dump(5)) has a good image that is not this one.
 * -EUCLEAN: the message names the structure at the first difference, or the damage; -ENOTSUP: a format
 * version that the writer does not know; -ENOMEM. */
int cfs_image_check_canonical(const struct cfs_image *im,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* --- Whole trees --------------------------------------------------------------------- */

/* The algorithm of the digests in an image: that of the first file that has one; SHA-256 when none
 * has. */
int cfs_image_alg(const struct cfs_image *im, enum cfs_hash_alg *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Zero is the default. */
struct cfs_load_opts {
	const struct cfs_text *names; /* of the entries at the top that are wanted */
	size_t n_names;		      /* 0: all */
	bool writers_names; /* with all names wanted: an inode of several stands where the writer's
			     * tree had it, at the cost of a pass; else at the first of a walk */
};

/* The tree of an image; it does not need the image any more. -ENOMEM, else -EUCLEAN. */
int cfs_image_load(const struct cfs_image *im, const struct cfs_load_opts *opts,
		   struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
