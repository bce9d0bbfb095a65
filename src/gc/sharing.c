/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Computes how images share objects. First the users of each object are counted, then the
 * sums of each image. */
#include "gc/sharing.h"

static void count_users(struct share_object *objects, const struct share_image *im)
{
	for (size_t i = 0; i < im->n; i++) {
		struct share_object *o = &objects[im->objects[i]];

		o->users++;
		o->removable_users += im->removable;
	}
}

/* Images that come first get the remainder of the division, so that all shares add up to
 * the total. */
static uint64_t take_share(struct share_object *o)
{
	return o->bytes / o->users + (o->served++ < o->bytes % o->users);
}

/* Sums up the objects of one image: what it has, what it alone has, and what removing
 * it would free. */
static void sum_image(struct share_object *objects, const struct share_image *im,
		      struct cfs_gc_usage_image *out)
{
	out->n_objects = im->n;
	for (size_t i = 0; i < im->n; i++) {
		struct share_object *o = &objects[im->objects[i]];

		out->n_missing += o->missing;
		out->bytes += o->bytes;
		out->cached += o->cached;
		out->fair += take_share(o);
		if (o->users == 1)
			out->own += o->bytes;
		if (im->removable && o->removable_users == 1 && !o->held)
			out->frees += o->bytes;
	}
}

void gc_sum_sharing(struct share_object *objects, size_t n_objects,
		    const struct share_image *images, size_t n_images,
		    struct cfs_gc_usage_image *out, struct cfs_gc_usage_total *total)
{
	for (size_t i = 0; i < n_images; i++)
		count_users(objects, &images[i]);
	for (size_t i = 0; i < n_images; i++) {
		sum_image(objects, &images[i], &out[i]);
		total->apart += out[i].bytes;
	}
	for (size_t i = 0; i < n_objects; i++) {
		if (objects[i].users == 0) /* used only by streams */
			continue;
		total->n_objects++;
		total->n_missing += objects[i].missing;
		total->bytes += objects[i].bytes;
		total->cached += objects[i].cached;
	}
}

/* The index of the pair (a, b), a < b, in the sequence (0,1) (0,2) ... (1,2) ... */
static size_t pair_at(size_t n, size_t a, size_t b)
{
	return a * (2 * n - a - 1) / 2 + b - a - 1;
}

/* Counts the object for each pair of images that has it; the bits of has are those
 * images. */
static void add_pairs(uint64_t has, const struct share_object *o, size_t n,
		      struct cfs_gc_usage_pair *out)
{
	for (; has & (has - 1); has &= has - 1) {
		size_t a = (size_t)__builtin_ctzll(has);

		for (uint64_t rest = has & (has - 1); rest; rest &= rest - 1) {
			size_t b = (size_t)__builtin_ctzll(rest);
			struct cfs_gc_usage_pair *p = &out[pair_at(n, a, b)];

			p->n_objects++;
			p->bytes += o->bytes;
		}
	}
}

void gc_sum_pairs(const struct share_object *objects, size_t n_objects,
		  const struct share_image *images, const size_t *chosen, size_t n,
		  uint64_t *has, struct cfs_gc_usage_pair *out)
{
	for (size_t a = 0; a < n; a++)
		for (size_t b = a + 1; b < n; b++)
			out[pair_at(n, a, b)] = (struct cfs_gc_usage_pair){
				.a = chosen[a], .b = chosen[b]};
	for (size_t k = 0; k < n; k++) {
		const struct share_image *im = &images[chosen[k]];

		for (size_t i = 0; i < im->n; i++)
			has[im->objects[i]] |= UINT64_C(1) << k;
	}
	for (size_t i = 0; i < n_objects; i++)
		add_pairs(has[i], &objects[i], n, out);
}
