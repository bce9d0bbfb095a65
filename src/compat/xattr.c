/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Nodes: extended attributes, in the order in which they were set. */
#include "compat/compat.h"

#include <errno.h>

static uint32_t cost_of(const struct lcfs_blob *xattr)
{
	return (uint32_t)cfs_xattr_cost(lcfs_xattr_key(xattr).len,
					lcfs_xattr_value(xattr).len);
}

/* Returns the place of the xattr in the list of the node; NULL: it has none of that
 * name. */
static struct lcfs_blob **find_xattr(const struct lcfs_node_s *node, const char *name)
{
	for (size_t i = 0; i < node->n_xattrs; i++)
		if (strcmp(node->xattrs[i]->bytes, name) == 0)
			return &node->xattrs[i];
	return NULL;
}

int lcfs_xattrs_append(struct lcfs_node_s *node, struct lcfs_blob *xattr)
{
	if (cfs_grow(&node->xattrs, &node->xattrs_cap, node->n_xattrs + 1,
		     sizeof(struct lcfs_blob *)) < 0)
		return -ENOMEM;
	node->xattrs[node->n_xattrs++] = xattr;
	node->xattrs_cost += cost_of(xattr);
	return 0;
}

int lcfs_xattrs_copy(struct lcfs_node_s *to, const struct lcfs_node_s *from)
{
	if (cfs_grow(&to->xattrs, &to->xattrs_cap, from->n_xattrs,
		     sizeof(struct lcfs_blob *)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_xattrs; i++)
		to->xattrs[i] = lcfs_blob_ref(from->xattrs[i]);
	to->n_xattrs = from->n_xattrs;
	to->xattrs_cost = from->xattrs_cost;
	return 0;
}

void lcfs_xattrs_fini(struct lcfs_node_s *node)
{
	for (size_t i = 0; i < node->n_xattrs; i++)
		lcfs_blob_unref(node->xattrs[i]);
	free(node->xattrs);
}

const char *lcfs_node_get_xattr(struct lcfs_node_s *node, const char *name,
				size_t *length)
{
	struct lcfs_blob **x = find_xattr(node, name);
	struct cfs_span value;

	if (!x)
		return NULL;
	value = lcfs_xattr_value(*x);
	if (length)
		*length = value.len;
	return (const char *)value.p;
}

/* The limits are those of an image, so that an attribute that can be set can be written.
 * A value that is replaced gives back its share of the budget. ERANGE: it does not fit. */
int lcfs_node_set_xattr(struct lcfs_node_s *node, const char *name, const char *value,
			size_t value_len)
{
	struct lcfs_blob **old = find_xattr(node, name), *new;
	struct cfs_text key = cfs_text(name);
	uint32_t spared = old ? cost_of(*old) : 0;

	if (key.len < 1 || key.len > CFS_XATTR_KEY_MAX)
		return lcfs_fail(-ERANGE);
	if (value_len > CFS_XATTR_VALUE_MAX)
		return lcfs_fail(-EINVAL);
	if (CFS_XATTR_COST_FIRST + node->xattrs_cost - spared +
		    cfs_xattr_cost(key.len, value_len) >
	    CFS_XATTR_BUDGET)
		return lcfs_fail(-ERANGE);
	new = lcfs_blob_xattr(key, (struct cfs_span){(const uint8_t *)value, value_len});
	if (!new)
		return lcfs_fail(-ENOMEM);
	if (!old) {
		if (lcfs_xattrs_append(node, new) == 0)
			return 0;
		lcfs_blob_unref(new);
		return lcfs_fail(-ENOMEM);
	}
	node->xattrs_cost += cost_of(new) - spared;
	lcfs_blob_unref(*old);
	*old = new;
	return 0;
}

/* The last xattr takes the free place: existing programs see this order. */
int lcfs_node_unset_xattr(struct lcfs_node_s *node, const char *name)
{
	struct lcfs_blob **x = find_xattr(node, name);

	if (!x)
		return lcfs_fail(-ENODATA);
	node->xattrs_cost -= cost_of(*x);
	lcfs_blob_unref(*x);
	*x = node->xattrs[--node->n_xattrs];
	return 0;
}

size_t lcfs_node_get_n_xattr(struct lcfs_node_s *node)
{
	return node->n_xattrs;
}

const char *lcfs_node_get_xattr_name(struct lcfs_node_s *node, size_t index)
{
	return index < node->n_xattrs ? node->xattrs[index]->bytes : NULL;
}
