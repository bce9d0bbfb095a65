/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The inside of the builder, which the files of the room share. */
#ifndef CFS_TREE_PRIV_H
#define CFS_TREE_PRIV_H

#include "base/watch.h"
#include "tree/tree.h"

/* Interned xattrs: each distinct key and each distinct (key, value) pair once. */
struct cfs_intern_key {
	uint64_t stamp; /* the last inode that used it; pos: where in its list */
	uint32_t pos;
};

struct cfs_intern {
	struct cfs_text *keys;
	struct cfs_intern_key *key_use;
	struct cfs_xattr_pair *pairs;
	uint32_t *key_slots, *pair_slots; /* open addressing; index + 1, 0 is free */
	size_t keys_cap, key_use_cap, pairs_cap;
	size_t n_key_slots, n_pair_slots;
	uint32_t n_keys, n_pairs;
	uint64_t stamp;
	uint32_t *list; /* pairs of the current inode */
	size_t list_cap;
};

/* Names by (parent, name), made by the first lookup that needs it. */
struct cfs_name_slot {
	uint32_t hash;
	cfs_id id; /* CFS_NO_NODE: free */
};

struct cfs_name_index {
	struct cfs_name_slot *slots; /* open addressing, a power of two of them */
	size_t n_slots, n_used;
};

struct cfs_builder {
	enum cfs_hash_alg alg;
	struct cfs_node *nodes;
	size_t nodes_cap;
	uint32_t n_nodes;
	uint32_t n_links;
	uint32_t n_removed;
	struct cfs_arena arena;
	struct cfs_intern xattrs;
	struct cfs_name_index index;
	uint64_t seed;
	size_t xattr_budget;
	bool settles_names;	       /* see cfs_builder_settle_names */
	const struct cfs_watch *watch; /* may be NULL */
};

/* Checks and interns the xattrs of one inode; stores its sorted list in node. */
int cfs_intern_node(struct cfs_builder *b, const struct cfs_inode_spec *spec,
		    struct cfs_node *node, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_intern_fini(struct cfs_intern *x);

/* Finds a child by name, or CFS_NO_NODE. Makes the index when there is none yet. */
int cfs_index_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a new node to the index, if there is one. */
int cfs_index_add(struct cfs_builder *b, cfs_id id, struct cfs_err *err) CFS_MUST_CHECK;

/* Takes removed nodes out of the arrays; hard links must be resolved. The others get new ids, in the same order.
 * -ENOMEM. */
int cfs_drop_removed(struct cfs_builder *b, cfs_id *children,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Counts the names of each inode, and puts it at the first of them; hard links must be resolved. -ENOMEM. */
int cfs_settle_first_names(struct cfs_builder *b, const cfs_id *children,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Turns a hard link into the node of the inode that it was a link to. */
void cfs_node_inherit(struct cfs_node *link, const struct cfs_node *inode);

/* The path of a node in any array of nodes; see cfs_tree_format_path. */
const char *cfs_nodes_format_path(const struct cfs_node *nodes, cfs_id id, char *buf,
				  size_t buf_len);

#endif
