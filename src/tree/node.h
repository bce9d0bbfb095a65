/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The limits of a tree, an inode as sources describe it, and the frozen tree. */
#ifndef CFS_TREE_NODE_H
#define CFS_TREE_NODE_H

#include <sys/stat.h>

#include "base/base.h"
#include "hash/hash.h"

/* --- Limits ------------------------------------------------------------------------ */

enum {
	CFS_NAME_MAX = 255,
	CFS_PAYLOAD_MAX = 4095,	 /* symlink target (at least 1), backing path */
	CFS_CONTENT_MAX = 5000,	 /* inline content */
	CFS_XATTR_KEY_MAX = 255, /* at least 1 */
	CFS_XATTR_VALUE_MAX = 65535,
	CFS_XATTR_BUDGET = 32767, /* per inode: 12 + sum of (7 + key + value) */
};

/* The part of the budget that one xattr uses; the first one of an inode uses CFS_XATTR_COST_FIRST more. */
enum { CFS_XATTR_COST_FIRST = 12 };

static inline size_t cfs_xattr_cost(size_t key_len, size_t value_len)
{
	return 7 + key_len + value_len;
}

/* Whether the type bits are those of one of the seven file types. */
bool cfs_mode_is_valid(uint32_t mode);

#define CFS_EXTERNAL_MAX (UINT64_C(1) << 53) /* size of a file kept outside the image */

/* --- Inodes of sources ------------------------------------------------------------- */

struct cfs_xattr {
	struct cfs_text key;
	struct cfs_span value;
};

/* An inode as a source describes it. Everything is borrowed for the call only. Zero is the
 * default. Used by the sources of a builder and by the reader of images. */
struct cfs_inode_spec {
	uint64_t size; /* overridden by the length of content or of a symlink target */
	int64_t mtime_sec;
	uint32_t mtime_nsec; /* no range check: the format has none */
	uint32_t mode;	     /* with type bits */
	uint32_t nlink;	     /* directories: ignored, computed by the image format */
	uint32_t uid, gid;
	uint32_t rdev;		 /* CHR and BLK only */
	struct cfs_text payload; /* symlink target, or backing path of a regular file; len
				    0: none */
	struct cfs_span content; /* inline content of a regular file; len 0: none */
	const uint8_t *digest; /* fs-verity digest of the backing file, cfs_hash_len(alg)
				* bytes, or NULL */
	const struct cfs_xattr
		*xattrs; /* a later one with the same key replaces an earlier one */
	size_t n_xattrs;
};

/* --- The frozen tree --------------------------------------------------------------- */

typedef uint32_t cfs_id; /* index of a node; the root is 0 */
#define CFS_ROOT    ((cfs_id)0)
#define CFS_NO_NODE UINT32_MAX

enum cfs_payload_kind {
	CFS_PAYLOAD_NONE,
	CFS_PAYLOAD_TEXT,   /* symlink targets, unusual backing paths */
	CFS_PAYLOAD_OBJECT, /* "xx/rest", lowercase: kept as the digest's bytes */
};

enum cfs_node_flag {
	CFS_NODE_LINK = 1,     /* a hard link: only name, parent and target are used */
	CFS_NODE_UNSORTED = 2, /* builder: children are not in order yet */
	CFS_NODE_REMOVED = 4,  /* builder: with everything below it */
};

/* One name, and the inode behind it unless it is a hard link. 104 bytes; read only. */
struct cfs_node {
	const char *name; /* NUL-terminated; the root's is "" */
	uint64_t size;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t mode;
	uint32_t nlink, uid, gid, rdev;
	const void *payload; /* payload_len bytes, or a digest when the kind is OBJECT */
	const uint8_t *content; /* size bytes of a regular file, or NULL */
	const uint8_t *digest;	/* or NULL */
	const uint32_t *xattrs; /* n_xattrs pair numbers, ascending by raw key; or NULL */
	cfs_id parent;		/* of the root: the root */
	union {
		cfs_id first;  /* directories: index of the first in cfs_tree.children */
		cfs_id target; /* hard links: the inode, chains resolved */
	};
	union {
		uint32_t n_children;
		cfs_id last; /* builder: last child so far */
	};
	cfs_id next; /* builder: next sibling in order of arrival */
	uint16_t n_xattrs;
	uint16_t payload_len;
	uint8_t name_len;
	uint8_t payload_kind;
	uint8_t flags;
};

/* A (key, value) pair, stored once for all inodes that have it. */
struct cfs_xattr_pair {
	const uint8_t *value;
	uint32_t value_len;
	uint32_t key; /* index in cfs_tree.keys */
};

struct cfs_tree {
	enum cfs_hash_alg alg;
	const struct cfs_node *nodes; /* root first */
	uint32_t n_nodes;
	const cfs_id *children; /* of all directories, each directory's in byte order */
	const struct cfs_xattr_pair *pairs;
	uint32_t n_pairs;
	const struct cfs_text *keys;
	uint32_t n_keys;
};

/* Frees a frozen tree; NULL is fine. */
void cfs_tree_free(struct cfs_tree *tree);

static inline bool cfs_node_is_link(const struct cfs_node *n)
{
	return n->flags & CFS_NODE_LINK;
}

/* The inode of a name: the node itself, or the target of a hard link. */
static inline cfs_id cfs_tree_inode(const struct cfs_tree *t, cfs_id id)
{
	return cfs_node_is_link(&t->nodes[id]) ? t->nodes[id].target : id;
}

static inline struct cfs_text cfs_node_name(const struct cfs_node *n)
{
	return (struct cfs_text){n->name, n->name_len};
}

/* A regular file whose content lies outside the image. */
static inline bool cfs_node_is_external(const struct cfs_node *n)
{
	return S_ISREG(n->mode) && n->size > 0 && !n->content;
}

/* A character device 0/0, which overlayfs treats as a deleted name. */
static inline bool cfs_node_is_whiteout(const struct cfs_node *n)
{
	return S_ISCHR(n->mode) && n->rdev == 0;
}

enum { CFS_PAYLOAD_BUF = CFS_HASH_MAX_LEN * 2 + 2 };

/* The payload as text. An OBJECT is written to buf (CFS_PAYLOAD_BUF bytes), a TEXT is
 * borrowed from the tree. len 0: none. */
struct cfs_text cfs_node_get_payload(const struct cfs_tree *t, const struct cfs_node *n,
				     char *buf);

/* The child of that name, or CFS_NO_NODE. dir must be a directory. Binary search. */
cfs_id cfs_tree_find(const struct cfs_tree *t, cfs_id dir, struct cfs_text name);

/* The path of a node for messages, NUL-terminated, cut at the front with "..." when buf
 * is too small. */
const char *cfs_tree_format_path(const struct cfs_tree *t, cfs_id id, char *buf,
				 size_t buf_len);

#endif
