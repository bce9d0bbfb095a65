/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pair_facts: what is to be known of two sides beside their trees: formats, writers, bytes.
 * Owns:  the facts of an image, what of them makes two digests of one tree, how both are told.
 * Uses:  pair, erofs, verity, composefs.
 * Never: compares trees.
 */
#ifndef CFS_PAIR_FACTS_H
#define CFS_PAIR_FACTS_H

#include "composefs/diff/pair.h"

/* Of a side that is an image. */
struct image_facts {
	bool is_image;
	bool is_canonical;
	bool is_judged; /* else the writer does not know the format */
	struct cfs_digest id;
	char why[CFS_ERR_MAX]; /* it is not canonical: the first difference */
};

struct pair_facts {
	struct image_facts a, b;
	bool formats_differ;
	bool blocks_differ; /* one image tells no blocks */
	bool times_differ; /* the smallest time of one was found as if times had no sign */
	/* An image is not what the writer makes of its tree, or two of one form and tree differ. */
	bool writer_differs;
	bool bytes_differ; /* of two images */
	uint64_t first_off;
};

int pair_facts_find(const struct pair *p, struct pair_facts *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A line for each side, and one for each cause that is no difference of trees. */
void pair_facts_print(const struct pair *p, const struct pair_facts *f);

/* The same as members of a JSON object: a, b, formatsDiffer, blocksDiffer, timesDiffer,
 * writerDiffers, firstByte. */
void pair_facts_json(const struct pair *p, const struct pair_facts *f);

#endif
