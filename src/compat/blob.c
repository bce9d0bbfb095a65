/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Shared, immutable bytes. */
#include "compat/compat.h"

struct lcfs_blob *lcfs_blob_new(size_t len)
{
	struct lcfs_blob *blob = malloc(sizeof(*blob) + len + 1);

	if (!blob)
		return NULL;
	atomic_init(&blob->refs, 1);
	blob->len = (uint32_t)len;
	blob->bytes[len] = '\0';
	return blob;
}

struct lcfs_blob *lcfs_blob_ref(struct lcfs_blob *blob)
{
	atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

void lcfs_blob_unref(struct lcfs_blob *blob)
{
	if (blob && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1)
		free(blob);
}

struct lcfs_blob *lcfs_blob_text(struct cfs_text text)
{
	struct lcfs_blob *blob = lcfs_blob_new(text.len);

	if (blob && text.len)
		memcpy(blob->bytes, text.s, text.len);
	return blob;
}

struct lcfs_blob *lcfs_blob_xattr(struct cfs_text key, struct cfs_span value)
{
	struct lcfs_blob *blob = lcfs_blob_new(key.len + 1 + value.len);

	if (!blob)
		return NULL;
	memcpy(blob->bytes, key.s, key.len);
	blob->bytes[key.len] = '\0';
	if (value.len)
		memcpy(blob->bytes + key.len + 1, value.p, value.len);
	return blob;
}
