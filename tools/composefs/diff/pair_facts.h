/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pair_facts: facts about two sides besides their trees: formats, writers, bytes.
 * Owns:  the facts of an image, which of them make two digests of one tree, their text and JSON.
 * Uses:  source, erofs, verity, cli.
 * Never: compares trees.
 */
#ifndef CFS_PAIR_FACTS_H
#define CFS_PAIR_FACTS_H

#include "cli/json.h"
#include "source/source.h"

/* All but is_image are set when the side is an image. */
struct image_facts {
	bool is_image;
	bool is_canonical;
	bool is_judged; /* false: the writer does not know the format */
	struct cfs_digest id;
	char why[CFS_ERR_MAX]; /* the first difference, when not canonical */
};

struct pair_facts {
	struct image_facts a, b;
	bool formats_differ;
	bool blocks_differ; /* one superblock has 0 blocks */
	bool times_differ; /* the smallest time of one was computed from unsigned numbers */
	/* An image is not what the writer makes of its tree, or two of the same form and tree differ. */
	bool writer_differs;
	bool bytes_differ; /* set for two images */
	uint64_t first_off;
};

/* watch may be NULL. */
int pair_facts_find(const struct cfs_source_pair *p, const struct cfs_watch *watch,
		    struct pair_facts *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Prints a line for each side, and one for each cause that is no difference between the trees. */
void pair_facts_print(const struct cfs_source_pair *p, const struct pair_facts *f);

/* The same as members of a JSON object: a, b, formatsDiffer, blocksDiffer, timesDiffer,
 * writerDiffers, firstByte. */
void pair_facts_put_json(struct json *j, const struct cfs_source_pair *p,
			 const struct pair_facts *f);

#endif
