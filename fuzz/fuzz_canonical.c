/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The canonical check: what our writer makes passes, and what passes tells its tree alone.
 * An input is an image; or, with a slash in front, a dump, behind whose first NUL stand changes
 * of its image: four bytes of offset, one of value each. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "trip.h"

enum { EDIT_LEN = 5, EDITS_MAX = 8 };

static struct cfs_span span_of(struct cfs_mem image)
{
	return cfs_mem_span(&image);
}

/* 0 or a reason. */
static int check_canonical_image(struct cfs_span image)
{
	struct cfs_err err = {""};
	struct cfs_image im;
	int rc = cfs_image_open(image, &im, &err);

	if (rc < 0)
		return rc;
	rc = cfs_image_check_canonical(&im, NULL, &err);
	fuzz_hold(rc == 0 || rc == -EUCLEAN || rc == -ENOTSUP);
	fuzz_hold(rc == 0 || (err.msg[0] && !strchr(err.msg, '\n')));
	return rc;
}

/* The tree of a sound image as a text, the names where the writer had them. */
static struct cfs_text format_image_text(struct cfs_span image, struct cfs_image *im)
{
	struct cfs_load_opts opts = {.writers_names = true};
	struct cfs_tree *t = NULL;
	struct cfs_text text;

	fuzz_hold(cfs_image_open(image, im, NULL) == 0);
	fuzz_hold(cfs_image_load(im, &opts, &t, NULL) == 0);
	text = trip_text(t);
	cfs_tree_free(t);
	return text;
}

/* Two images that pass say different things, or are of different forms. */
static void hold_different(struct cfs_span a, struct cfs_span b)
{
	struct cfs_image ia, ib;
	struct cfs_text x = format_image_text(a, &ia), y = format_image_text(b, &ib);

	fuzz_hold(!cfs_text_eq(x, y) || ia.version != ib.version ||
		  ia.no_blocks != ib.no_blocks);
	trip_release(x);
	trip_release(y);
}

static void edit_text(struct cfs_mem image, struct cfs_span edits)
{
	struct cfs_span one;

	for (uint64_t i = 0; i < EDITS_MAX; i++) {
		if (!cfs_span_sub(edits, i * EDIT_LEN, EDIT_LEN, &one))
			return;
		image.p[cfs_le32(one.p) % image.len] = one.p[EDIT_LEN - 1];
	}
}

/* An image that was changed is refused, or it is that of another tree. */
static void try_edits(struct cfs_mem image, struct cfs_span edits)
{
	struct cfs_mem copy = {.p = malloc(image.len), .len = image.len};

	fuzz_hold(copy.p);
	memcpy(copy.p, image.p, image.len);
	edit_text(copy, edits);
	if (!cfs_span_eq(span_of(copy), span_of(image)) &&
	    check_canonical_image(span_of(copy)) == 0)
		hold_different(span_of(copy), span_of(image));
	free(copy.p);
}

static void try_dump(struct cfs_text text, struct cfs_span edits)
{
	struct cfs_tree *t = trip_parse(text, false);
	struct cfs_mem image = {0};

	if (t)
		image = trip_image(t, edits.len & 1);
	if (image.p && trip_is_told(t)) {
		fuzz_hold(check_canonical_image(span_of(image)) == 0);
		if (edits.len >= EDIT_LEN)
			try_edits(image, edits);
	}
	free(image.p);
	cfs_tree_free(t);
}

/* What can be loaded can be written, and then passes. */
static void try_canonical_image(struct cfs_span bytes)
{
	struct cfs_tree *t = NULL;
	struct cfs_mem image = {0};
	struct cfs_image im;

	check_canonical_image(bytes);
	if (cfs_image_open(bytes, &im, NULL) == 0 &&
	    cfs_image_load(&im, NULL, &t, NULL) == 0)
		image = trip_image(t, 0);
	if (image.p && trip_is_told(t))
		fuzz_hold(check_canonical_image(span_of(image)) == 0);
	free(image.p);
	cfs_tree_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span input = {data, len}, edits = {0};
	const uint8_t *nul = len ? memchr(data, '\0', len) : NULL;

	if (len == 0 || data[0] != '/') {
		try_canonical_image(input);
		return 0;
	}
	if (nul) {
		input.len = (size_t)(nul - data);
		fuzz_hold(cfs_span_sub((struct cfs_span){data, len}, input.len + 1,
				       len - input.len - 1, &edits));
	}
	try_dump(cfs_span_text(input), edits);
	return 0;
}
