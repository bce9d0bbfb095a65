/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the writer's files share: the plan.
 *
 * The tree is never changed or copied. What composefs adds to an inode is told by overlay.c to
 * all who ask: to those who count and measure (plan) and to those who write (emit).
 */
#ifndef CFS_EROFS_PLAN_H
#define CFS_EROFS_PLAN_H

#include "erofs/format.h"
#include "erofs/write.h"

/* --- The xattrs of an image ---------------------------------------------------------- */

/* The xattrs that the writer adds, in byte order of their keys. */
enum cfs_added {
	CFS_ADDED_METACOPY,
	CFS_ADDED_ROOT_OPAQUE,
	CFS_ADDED_OPAQUE,
	CFS_ADDED_WHITEOUT,
	CFS_ADDED_WHITEOUTS,
	CFS_ADDED_REDIRECT,
	CFS_ADDED_USER_OPAQUE,
	CFS_ADDED_USER_WHITEOUT,
	CFS_ADDED_USER_WHITEOUTS,
	CFS_N_ADDED
};

/* A (key, value) pair of the image: below n_pairs a pair of the tree, then one for each of
 * enum cfs_added with its fixed value, and two whose value is the inode's own. */
typedef uint32_t cfs_pair;

#define CFS_PAIR_METACOPY (UINT32_MAX - 1)
#define CFS_PAIR_REDIRECT UINT32_MAX

/* The two as an index. */
enum { CFS_OWN_METACOPY, CFS_OWN_REDIRECT, CFS_N_OWN };

/* Where a pair lies in the shared table: an index, or one of these. */
#define CFS_PAIR_UNSEEN UINT32_MAX
#define CFS_PAIR_ONCE	(UINT32_MAX - 1)

static inline bool cfs_is_shared(uint32_t share)
{
	return share < CFS_PAIR_ONCE;
}

/* A key as the image has it. */
struct cfs_key {
	const char *suffix; /* behind the prefix that index stands for */
	uint8_t suffix_len;
	uint8_t index;	 /* enum erofs_xattr_index */
	bool is_acl;	 /* exactly one of the two keys of POSIX ACLs */
	uint32_t filter; /* its bit of h_name_filter */
	uint32_t rank;	 /* place in the byte order of all keys */
};

/* An entry of the shared table. */
struct cfs_shared {
	cfs_pair pair;
	cfs_id node;  /* an inode that has it */
	uint32_t pos; /* from the start of the table, in units of 4 bytes */
};

/* --- Inodes and directories ---------------------------------------------------------- */

enum cfs_plan_flag {
	CFS_PLAN_COMPACT = 1,
	CFS_PLAN_BLOCK = 2,	     /* not a directory, and has one data block */
	CFS_PLAN_WHITEOUT = 4,	     /* a whiteout of the input: shown as an empty file */
	CFS_PLAN_HOLDS_WHITEOUT = 8, /* its directory */
};

struct cfs_plan_inode {
	uint64_t nid;
	union {
		uint32_t own_shares[CFS_N_OWN]; /* files: as cfs_plan.shares */
		uint32_t dir;			/* directories: index in cfs_plan.dirs */
	};
	uint32_t xattr_len; /* the whole area, 0 when there are no xattrs */
	uint16_t tail_len;  /* bytes behind the xattrs */
	uint8_t flags;
	uint8_t n_refs; /* xattrs that are references to the shared table */
};

/* Where an iteration over a directory stands: the next child of the tree and the next of the names
 * that composefs adds. */
struct cfs_plan_pos {
	uint32_t child;
	uint32_t special;
};

struct cfs_plan_dir {
	cfs_id node;
	uint32_t nlink;
	uint32_t n_blocks;
	struct cfs_plan_pos tail; /* first entry behind the blocks */
	uint32_t n_tail;	  /* entries there */
};

/* Names that composefs adds, in byte order: every directory has the first two, the root all. */
enum {
	CFS_SPECIAL_DOT,
	CFS_SPECIAL_DOTDOT,
	CFS_SPECIAL_WHITEOUT, /* "00".."ff" */
	CFS_N_WHITEOUTS = 256,
	CFS_N_SPECIAL = CFS_SPECIAL_WHITEOUT + CFS_N_WHITEOUTS,
};

struct cfs_plan {
	const struct cfs_tree *tree;
	uint32_t version;
	bool has_acl;
	bool no_blocks; /* the superblock does not tell them */
	bool unsigned_times;
	bool both_marks;
	uint64_t n_inodes;
	int64_t mtime_sec; /* the smallest of all inodes, as cfs_image_opts.unsigned_times has it */
	uint32_t mtime_nsec;

	/* By node, then the whiteouts of the root, which are no nodes of the tree: they are
	 * numbered from n_nodes on, and all look like this one. */
	struct cfs_plan_inode *inodes;
	struct cfs_node whiteout;
	cfs_pair whiteout_label; /* its xattr, if it has one */
	uint32_t n_whiteouts;	 /* names that are not taken */
	char special_names[CFS_N_SPECIAL][2];

	struct cfs_plan_dir *dirs; /* breadth-first, the root first */
	uint32_t n_dirs;
	cfs_id *block_owners; /* inodes with data blocks, breadth-first */
	size_t n_block_owners, block_owners_cap;

	struct cfs_arena arena; /* escaped keys */
	struct cfs_key *keys; /* those of the tree, then one for each of enum cfs_added */
	cfs_pair added[CFS_N_ADDED];
	uint32_t *shares;	   /* by pair; see CFS_PAIR_UNSEEN */
	struct cfs_shared *shared; /* in order of discovery */
	size_t n_shared, shared_cap;
	uint32_t *shared_order; /* in order of the table */

	uint64_t inodes_end, shared_len, data_start, n_data_blocks; /* bytes, blocks */
};

static inline uint32_t cfs_plan_inode_len(const struct cfs_plan_inode *inode)
{
	return inode->flags & CFS_PLAN_COMPACT ? sizeof(struct erofs_inode_compact)
					       : sizeof(struct erofs_inode_extended);
}

/* Nodes and inodes by number, the whiteouts of the root included. */
static inline const struct cfs_node *cfs_plan_node(const struct cfs_plan *plan, cfs_id id)
{
	return id < plan->tree->n_nodes ? &plan->tree->nodes[id] : &plan->whiteout;
}

/* plan.c: was the smallest mtime that is given found as if seconds had no sign? False where that makes no difference. */
bool cfs_plan_has_unsigned_times(const struct cfs_tree *tree, int64_t build_sec,
				 uint32_t build_nsec);

/* --- overlay.c: the rules ------------------------------------------------------------ */

struct cfs_added_def {
	struct cfs_text key;
	struct cfs_text value;
};

const struct cfs_added_def *cfs_overlay_added(enum cfs_added which);

/* A key of the input as the image has it: itself, or an escaped copy in arena. NULL text: out of
 * memory. */
struct cfs_text cfs_overlay_key(struct cfs_arena *arena, struct cfs_text key);

/* The pairs of an inode, ascending by key: those of the tree, and between them those that are added. */
struct cfs_pairs {
	const struct cfs_plan *plan;
	const struct cfs_node *node;
	uint32_t next; /* of the node's own */
	unsigned adds; /* that are still to come */
};

struct cfs_pairs cfs_overlay_pairs(const struct cfs_plan *plan, cfs_id id);
bool cfs_overlay_next(struct cfs_pairs *pairs, cfs_pair *out);

/* Mode with type bits, and size, as the image shows them. */
static inline uint32_t cfs_overlay_mode(const struct cfs_node *node,
					const struct cfs_plan_inode *inode)
{
	if (inode->flags & CFS_PLAN_WHITEOUT)
		return (node->mode & ~(uint32_t)S_IFMT) | S_IFREG;
	return node->mode;
}

static inline uint64_t cfs_overlay_size(const struct cfs_node *node,
					const struct cfs_plan_inode *inode)
{
	return inode->flags & CFS_PLAN_WHITEOUT ? 0 : node->size;
}

/* --- plan_keys.c: keys and values --------------------------------------------------------- */

int cfs_plan_keys(struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

static inline const struct cfs_key *cfs_pair_key(const struct cfs_plan *plan,
						 cfs_pair pair)
{
	const struct cfs_tree *t = plan->tree;

	if (pair < t->n_pairs)
		return &plan->keys[t->pairs[pair].key];
	if (pair == CFS_PAIR_METACOPY)
		return &plan->keys[t->n_keys + CFS_ADDED_METACOPY];
	if (pair == CFS_PAIR_REDIRECT)
		return &plan->keys[t->n_keys + CFS_ADDED_REDIRECT];
	return &plan->keys[t->n_keys + (pair - t->n_pairs)];
}

/* The value of a pair of this node: its length, and its bytes written to p. */
uint32_t cfs_pair_value_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node);
uint8_t *cfs_pair_put_value(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p);

/* --- plan_shared.c: what several inodes have ---------------------------------------------- */

/* A new entry of the table; its index goes to *share. */
int cfs_plan_share(struct cfs_plan *plan, cfs_pair pair, cfs_id id, uint32_t *share,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Counts every pair of every inode and makes the table of those that occur twice or more. Needs the
 * flags of all inodes. n_contents: an upper bound of the digests and backing paths in the tree. */
int cfs_plan_shared(struct cfs_plan *plan, size_t n_contents,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- plan_contents.c: digests and backing paths that several files have -------------------- */

struct cfs_contents {
	struct cfs_contents_slot *slots; /* open addressing */
	size_t n_slots;
	uint64_t seed;
};

int cfs_contents_init(struct cfs_contents *c, size_t n_contents,
		      struct cfs_err *err) CFS_MUST_CHECK;
void cfs_contents_fini(struct cfs_contents *c);

/* Has the slot of a node fetched from memory, some nodes before it is counted. */
void cfs_contents_expect(const struct cfs_contents *c, const struct cfs_plan *plan,
			 cfs_id id);

/* Counts the own pairs of a file outside the image; the second inode with a value makes it
 * shared. */
int cfs_contents_count(struct cfs_contents *c, struct cfs_plan *plan, cfs_id id,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- plan_xattrs.c: entries and areas ------------------------------------------------------ */

/* One entry of an area or of the shared table: its length, and its bytes written to p. */
uint32_t cfs_pair_entry_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node);
uint8_t *cfs_pair_put_entry(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p);

/* The whole area of an inode: likewise. Measuring it sets n_refs, which writing needs. */
uint64_t cfs_plan_measure_area(struct cfs_plan *plan, cfs_id id);
uint8_t *cfs_plan_put_area(const struct cfs_plan *plan, cfs_id id, uint8_t *p);

/* --- plan_dirs.c: entries of directories --------------------------------------------------- */

/* An entry as a directory of the image has it. */
struct cfs_plan_entry {
	const char *name;
	uint32_t name_len;
	bool own;  /* the inode's first name: not a dot, not a hard link */
	cfs_id id; /* the inode */
};

/* Where to begin for an inode's own names alone. The place of the dots among the others is not asked
 * for then, which needs the bytes of names that lie all over the memory. */
#define CFS_PLAN_PAST_DOTS ((struct cfs_plan_pos){.special = CFS_SPECIAL_WHITEOUT})

/* The entry at pos, in byte order; moves pos behind it. False: there is none. */
bool cfs_plan_next(const struct cfs_plan *plan, cfs_id dir, struct cfs_plan_pos *pos,
		   struct cfs_plan_entry *out);

/* The entries that fill one block. */
struct cfs_plan_group {
	struct cfs_plan_pos end;
	uint32_t n;
	uint32_t len; /* bytes; 0: no entry is left */
};

/* The group that starts at pos. */
struct cfs_plan_group cfs_plan_group_at(const struct cfs_plan *plan, cfs_id dir,
					struct cfs_plan_pos pos);

/* The next n entries from pos on, as a block or a tail has them. */
void cfs_plan_put_entries(const struct cfs_plan *plan, cfs_id dir,
			  struct cfs_plan_pos pos, uint32_t n, uint8_t *p);

/* Finds all directories, breadth-first, and how each is cut into blocks. */
int cfs_plan_dirs(struct cfs_plan *plan, uint32_t n_dirs,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* --- plan_layout.c: positions ------------------------------------------------------------- */

/* Chunks of a file outside the image. size > 0. */
uint32_t cfs_chunk_bits(uint64_t size);
uint32_t cfs_chunk_count(uint64_t size);

/* Finds the place of every inode and block. Needs all of the above. */
int cfs_plan_layout(struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

/* -EFBIG: the sums are beyond what the format's fields can say. */
int cfs_plan_check(const struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

#endif
