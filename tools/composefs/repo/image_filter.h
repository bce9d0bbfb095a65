/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* image_filter: the option --filter of images.
 * Owns:  the keys and their values.
 * Uses:  cli, image_rows.
 * Never: prints.
 */
#ifndef CFS_IMAGE_FILTER_H
#define CFS_IMAGE_FILTER_H

#include "composefs/repo/image_rows.h"

struct image_filter {
	const struct image_filter_key *key;
	const char *value; /* borrowed */
	bool yes;
	int64_t when;
};

/* Starts zeroed. */
struct image_filters {
	struct image_filter *v;
	size_t n;
};

/* Checks the form KEY=VALUE of each text, but not the images that are named in one. */
int image_filters_check(const struct cli_list *texts, struct cfs_err *err) CFS_MUST_CHECK;

/* Parses KEY=VALUE of each text. Images that are named in one are looked up in rows, by the names that repo resolves.
 * -EINVAL: not a filter. */
int image_filters_parse(const struct cli_list *texts, const struct cfs_repo *repo,
			const struct image_rows *rows, struct image_filters *out,
			struct cfs_err *err) CFS_MUST_CHECK;
void image_filters_fini(struct image_filters *f);

/* The words for shell completion: "name=" and so on; NULL after the last. */
const char *image_filter_get_word(size_t i);

/* Whether a line passes all of them. */
bool image_filters_match(const struct image_filters *f, const struct image_line *line);

#endif
