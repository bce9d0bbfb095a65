/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The arithmetic of sharing: objects of known sizes, lists of them, and every sum. */
#include "gc/sharing.h"
#include "t.h"

enum { OBJECTS = 6, IMAGES = 4 };

/* Sizes that tell which objects a sum is made of. No image has object 5. */
static struct share_object objects[OBJECTS];
static uint32_t lists[IMAGES][OBJECTS];
static struct share_image images[IMAGES];
static struct cfs_gc_usage_image out[IMAGES];
static struct cfs_gc_usage_total total;

static void fresh(void)
{
	memset(objects, 0, sizeof(objects));
	memset(images, 0, sizeof(images));
	memset(out, 0, sizeof(out));
	total = (struct cfs_gc_usage_total){0};
	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i].bytes = UINT64_C(1) << (4 * i);
		objects[i].cached = UINT64_C(2) << (4 * i);
	}
}

/* digits: the objects of the image. */
static void image(size_t at, const char *digits, bool removable)
{
	for (images[at].n = 0; digits[images[at].n]; images[at].n++)
		lists[at][images[at].n] = (uint32_t)(digits[images[at].n] - '0');
	images[at].objects = lists[at];
	images[at].removable = removable;
}

static void count(void)
{
	gc_sum_sharing(objects, OBJECTS, images, IMAGES, out, &total);
}

T(own_bytes_are_those_of_no_other_image_and_counted_once)
{
	fresh();
	image(0, "01", true);
	image(1, "12", true);
	image(2, "123", true);
	image(3, "", true);
	count();
	t_eq(out[0].own, 0x1);
	t_eq(out[0].bytes, 0x11);
	t_eq(out[0].cached, 0x22);
	t_eq(out[1].own, 0);
	t_eq(out[1].bytes, 0x110);
	t_eq(out[2].own, 0x1000);
	t_eq(out[2].n_objects, 3);
	t_eq(out[3].bytes, 0);
	t_eq(total.n_objects, 4);
	t_eq(total.bytes, 0x1111);
	t_eq(total.cached, 0x2222);
	t_eq(total.apart, 0x1231);
}

T(an_image_in_use_frees_nothing)
{
	fresh();
	image(0, "0", true);
	image(1, "1", false); /* mounted, in a stream or without a name */
	image(2, "2", true);
	image(3, "", true);
	count();
	t_eq(out[0].frees, 0x1);
	t_eq(out[1].frees, 0);
	t_eq(out[1].own, 0x10);
	t_eq(out[2].frees, 0x100);
}

T(objects_with_other_references_are_not_freed)
{
	fresh();
	objects[1].held = true;
	image(0, "012", true);
	image(1, "2", true);
	image(2, "", true);
	image(3, "", true);
	count();
	t_eq(out[0].frees, 0x1);
	t_eq(out[0].own, 0x11);
}

/* An image that the next collection removes anyway holds nothing up. */
T(frees_includes_objects_shared_with_garbage)
{
	fresh();
	image(0, "01", true);
	image(1, "12", false);
	image(2, "", true);
	image(3, "", true);
	count();
	t_eq(out[0].own, 0x1);
	t_eq(out[0].frees, 0x11);
	t_eq(out[1].frees, 0);
}

T(fair_shares_add_up_to_the_total)
{
	uint64_t sum = 0;

	fresh();
	objects[0].bytes = 1000;
	objects[1].bytes = 1;
	objects[2].bytes = 0;
	image(0, "012", true);
	image(1, "01", true);
	image(2, "0", true);
	image(3, "3", true);
	count();
	for (size_t i = 0; i < IMAGES; i++)
		sum += out[i].fair;
	t_eq(sum, total.bytes);
	t_eq(out[0].fair, 334 + 1);
	t_eq(out[1].fair, 333);
	t_eq(out[3].fair, 0x1000);
}

T(missing_objects_count_no_bytes_and_are_reported_once)
{
	fresh();
	objects[1].missing = true;
	objects[1].bytes = 0;
	image(0, "01", true);
	image(1, "1", true);
	image(2, "", true);
	image(3, "", true);
	count();
	t_eq(out[0].n_missing, 1);
	t_eq(out[1].n_missing, 1);
	t_eq(total.n_missing, 1);
	t_eq(total.bytes, 0x1);
}

T(pairs_count_the_objects_of_both)
{
	static const size_t chosen[] = {3, 0, 1};
	struct cfs_gc_usage_pair pairs[3];
	uint64_t has[OBJECTS] = {0};

	fresh();
	image(0, "012", true);
	image(1, "12", true);
	image(2, "01234", true);
	image(3, "24", true);
	gc_sum_pairs(objects, OBJECTS, images, chosen, 3, has, pairs);
	t_eq(pairs[0].a, 3);
	t_eq(pairs[0].b, 0);
	t_eq(pairs[0].bytes, 0x100);
	t_eq(pairs[1].b, 1);
	t_eq(pairs[1].bytes, 0x100);
	t_eq(pairs[2].a, 0);
	t_eq(pairs[2].b, 1);
	t_eq(pairs[2].bytes, 0x110);
	t_eq(pairs[2].n_objects, 2);
}

T(up_to_the_maximum_of_images_are_compared)
{
	enum { N = CFS_GC_PAIRS_MAX };
	static struct cfs_gc_usage_pair pairs[N * (N - 1) / 2];
	static struct share_image many[N];
	static size_t chosen[N];
	struct share_object one = {.bytes = 7};
	uint32_t list = 0;
	uint64_t has = 0;

	for (size_t i = 0; i < N; i++) {
		many[i] = (struct share_image){.objects = &list, .n = 1};
		chosen[i] = i;
	}
	gc_sum_pairs(&one, 1, many, chosen, N, &has, pairs);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		t_eq(pairs[i].bytes, 7);
}
