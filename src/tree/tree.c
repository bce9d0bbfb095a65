/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Queries of a frozen tree. */
#include "tree/tree.h"

#include "tree/tree_priv.h"

struct cfs_text cfs_node_get_payload(const struct cfs_tree *t, const struct cfs_node *n,
				     char *buf)
{
	size_t len = cfs_hash_len(t->alg);

	switch (n->payload_kind) {
	case CFS_PAYLOAD_TEXT:
		return (struct cfs_text){n->payload, n->payload_len};
	case CFS_PAYLOAD_OBJECT:
		cfs_hex_encode(n->payload, 1, buf);
		buf[2] = '/';
		cfs_hex_encode((const uint8_t *)n->payload + 1, len - 1, buf + 3);
		return (struct cfs_text){buf, 2 * len + 1};
	default:
		return (struct cfs_text){0};
	}
}

cfs_id cfs_tree_find(const struct cfs_tree *t, cfs_id dir, struct cfs_text name)
{
	const struct cfs_node *d = &t->nodes[dir];
	uint32_t low = 0, high = d->n_children;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		cfs_id child = t->children[d->first + mid];
		int c = cfs_text_cmp(name, cfs_node_name(&t->nodes[child]));

		if (c == 0)
			return child;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return CFS_NO_NODE;
}

/* Written from the end of the buffer to its front, so that a long path loses its front. */
const char *cfs_nodes_format_path(const struct cfs_node *nodes, cfs_id id, char *buf,
				  size_t buf_len)
{
	char *p = buf + buf_len - 1;

	*p = '\0';
	if (id == CFS_ROOT)
		*--p = '/';
	for (; id != CFS_ROOT; id = nodes[id].parent) {
		size_t len = nodes[id].name_len;

		if (len + 1 + strlen("...") > (size_t)(p - buf)) {
			p -= strlen("...");
			return memcpy(p, "...", strlen("..."));
		}
		p -= len;
		memcpy(p, nodes[id].name, len);
		*--p = '/';
	}
	return p;
}

const char *cfs_tree_format_path(const struct cfs_tree *t, cfs_id id, char *buf,
				 size_t buf_len)
{
	return cfs_nodes_format_path(t->nodes, id, buf, buf_len);
}
