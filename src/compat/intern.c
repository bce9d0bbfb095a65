/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One blob for each place in the image. */
#include "compat/intern.h"

#include <errno.h>

#include "hash/hash.h"

/* The shortest xattr of an image, 4 bytes, can have a key of 24 bytes: all blobs of a
 * valid image have at most 6 times its length. */
enum { BYTES_PER_IMAGE_BYTE = 8 };

void lcfs_share_init(struct lcfs_share *share, uint64_t image_len)
{
	*share = (struct lcfs_share){.seed = cfs_hash_make_seed(),
				     .left = image_len * BYTES_PER_IMAGE_BYTE};
}

void lcfs_share_fini(struct lcfs_share *share)
{
	for (size_t i = 0; i < share->n_slots; i++)
		lcfs_blob_unref(share->slots[i].blob);
	free(share->slots);
	share->slots = NULL;
}

static int make_shared_blob(struct cfs_text key, struct cfs_span bytes,
			    struct lcfs_blob **out)
{
	*out = key.len ? lcfs_blob_xattr(key, bytes)
		       : lcfs_blob_text(cfs_span_text(bytes));
	return *out ? 0 : -ENOMEM;
}

static bool is_blob_equal(const struct lcfs_share_slot *slot, struct cfs_text key,
			  struct cfs_span bytes)
{
	size_t len = key.len ? key.len + 1 + bytes.len : bytes.len;

	return slot->p == bytes.p && slot->key_len == key.len && slot->blob->len == len &&
	       memcmp(slot->blob->bytes, key.s, key.len) == 0;
}

/* The slot of these bytes, or the free slot for them. There is always one. */
static struct lcfs_share_slot *find_blob_slot(const struct lcfs_share *s,
					      struct cfs_text key, struct cfs_span bytes)
{
	uint64_t at = cfs_hash64(&bytes.p, sizeof(bytes.p), s->seed);

	for (;; at++) {
		struct lcfs_share_slot *slot = &s->slots[at & (s->n_slots - 1)];

		if (!slot->blob || is_blob_equal(slot, key, bytes))
			return slot;
	}
}

/* Keeps at least half of the slots free, so that a search ends at a free one. On failure
 * the old table stays as it was. */
static int grow_blob_slots(struct lcfs_share *s)
{
	struct lcfs_share old = *s;

	if ((s->n + 1) * 2 <= s->n_slots)
		return 0;
	s->n_slots = old.n_slots ? old.n_slots * 2 : 64;
	s->slots = calloc(s->n_slots, sizeof(*s->slots));
	if (!s->slots) {
		*s = old;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old.n_slots; i++) {
		uint64_t at =
			cfs_hash64(&old.slots[i].p, sizeof(old.slots[i].p), s->seed);

		if (!old.slots[i].blob)
			continue;
		while (s->slots[at & (s->n_slots - 1)].blob)
			at++;
		s->slots[at & (s->n_slots - 1)] = old.slots[i];
	}
	free(old.slots);
	return 0;
}

/* *out is a reference that the caller drops. Bytes inside the inode are not shared,
 * since no other inode has them. -EINVAL: the image refers to more bytes than it has. */
int lcfs_share_blob(struct lcfs_share *share, struct cfs_text key, struct cfs_span bytes,
		    struct lcfs_blob **out)
{
	struct lcfs_share_slot *slot;

	if (!share || cfs_span_holds(share->own, bytes))
		return make_shared_blob(key, bytes, out);
	if (grow_blob_slots(share) < 0)
		return -ENOMEM;
	slot = find_blob_slot(share, key, bytes);
	if (!slot->blob) {
		if (key.len + bytes.len > share->left)
			return -EINVAL;
		if (make_shared_blob(key, bytes, &slot->blob) < 0)
			return -ENOMEM;
		slot->p = bytes.p;
		slot->key_len = key.len;
		share->left -= key.len + bytes.len;
		share->n++;
	}
	*out = lcfs_blob_ref(slot->blob);
	return 0;
}
