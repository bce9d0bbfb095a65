/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Nodes: metadata, payload, content, digest. */
#include "compat/compat.h"

#include <errno.h>

uint32_t lcfs_node_get_mode(struct lcfs_node_s *node)
{
	return node->mode;
}

void lcfs_node_set_mode(struct lcfs_node_s *node, uint32_t mode)
{
	node->mode = mode;
}

int lcfs_node_try_set_mode(struct lcfs_node_s *node, uint32_t mode)
{
	if (!cfs_mode_is_valid(mode))
		return lcfs_fail(-EINVAL);
	node->mode = mode;
	return 0;
}

uint32_t lcfs_node_get_uid(struct lcfs_node_s *node)
{
	return node->uid;
}

void lcfs_node_set_uid(struct lcfs_node_s *node, uint32_t uid)
{
	node->uid = uid;
}

uint32_t lcfs_node_get_gid(struct lcfs_node_s *node)
{
	return node->gid;
}

void lcfs_node_set_gid(struct lcfs_node_s *node, uint32_t gid)
{
	node->gid = gid;
}

uint64_t lcfs_node_get_rdev64(struct lcfs_node_s *node)
{
	return node->rdev;
}

void lcfs_node_set_rdev64(struct lcfs_node_s *node, uint64_t rdev)
{
	node->rdev = (uint32_t)rdev;
}

uint32_t lcfs_node_get_rdev(struct lcfs_node_s *node)
{
	return node->rdev;
}

void lcfs_node_set_rdev(struct lcfs_node_s *node, uint32_t rdev)
{
	node->rdev = rdev;
}

uint32_t lcfs_node_get_nlink(struct lcfs_node_s *node)
{
	return node->nlink;
}

void lcfs_node_set_nlink(struct lcfs_node_s *node, uint32_t nlink)
{
	node->nlink = nlink;
}

uint64_t lcfs_node_get_size(struct lcfs_node_s *node)
{
	return node->size;
}

void lcfs_node_set_size(struct lcfs_node_s *node, uint64_t size)
{
	if (size != node->size)
		free(cfs_steal(&node->content));
	node->size = size;
}

void lcfs_node_get_mtime(struct lcfs_node_s *node, struct timespec *time)
{
	*time = node->mtime;
}

void lcfs_node_set_mtime(struct lcfs_node_s *node, struct timespec *time)
{
	node->mtime = *time;
}

/* --- payload, content, digest ------------------------------------------------------- */

int lcfs_node_set_payload(struct lcfs_node_s *node, const char *payload)
{
	struct cfs_text text = cfs_text(payload);
	struct lcfs_blob *blob = NULL;

	if (text.len > CFS_PAYLOAD_MAX)
		return lcfs_fail(-ENAMETOOLONG);
	if (payload) {
		blob = lcfs_blob_text(text);
		if (!blob)
			return lcfs_fail(-ENOMEM);
	}
	lcfs_blob_unref(node->payload);
	node->payload = blob;
	return 0;
}

int lcfs_node_set_symlink_payload(struct lcfs_node_s *node, const char *payload)
{
	if (!S_ISLNK(node->mode) || !payload || !*payload)
		return lcfs_fail(-EINVAL);
	if (lcfs_node_set_payload(node, payload) < 0)
		return -1;
	/* The argument may have been the old payload, which is freed now. */
	lcfs_node_set_size(node, node->payload->len);
	return 0;
}

const char *lcfs_node_get_payload(struct lcfs_node_s *node)
{
	return node->payload ? node->payload->bytes : NULL;
}

int lcfs_node_set_content(struct lcfs_node_s *node, const uint8_t *data, size_t size)
{
	uint8_t *copy = NULL;

	if (data && size) {
		if (size > CFS_CONTENT_MAX)
			return lcfs_fail(-EINVAL);
		copy = malloc(size);
		if (!copy)
			return lcfs_fail(-ENOMEM);
		memcpy(copy, data, size);
	}
	free(node->content);
	node->content = copy;
	node->size = size;
	return 0;
}

const uint8_t *lcfs_node_get_content(struct lcfs_node_s *node)
{
	return node->content;
}

void lcfs_node_set_fsverity_digest(struct lcfs_node_s *node,
				   uint8_t digest[LCFS_DIGEST_SIZE])
{
	memcpy(node->digest, digest, LCFS_DIGEST_SIZE);
	node->has_digest = true;
}

const uint8_t *lcfs_node_get_fsverity_digest(struct lcfs_node_s *node)
{
	return node->has_digest ? node->digest : NULL;
}
