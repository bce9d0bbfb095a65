/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* du: what images occupy, in the forms in which it is told.
 * Owns:  the rows and their order, the table, the JSON, the page.
 * Uses:  composefs, where, repo.
 * Never: reads the repository.
 */
#ifndef CFS_DU_H
#define CFS_DU_H

#include "composefs/composefs.h"
#include "cli/repo_option.h"
#include "gc/gc.h"

enum du_key {
	DU_FREES,
	DU_OWN,
	DU_SHARED,
	DU_TOTAL,
	DU_FAIR,
	DU_CACHED,
	DU_ENTRIES,
	DU_NAME,
};

/* What is told, all lent from the usage. */
struct du {
	const struct cfs_gc_usage_image *images; /* of the repository */
	size_t n_images;
	const struct cfs_gc_usage_total *total;
	size_t *rows; /* indices of those that are shown, in order */
	size_t n_rows;
	const struct cfs_gc_usage_pair *pairs;
	size_t n_pairs;
	size_t n_compared; /* images, for the pairs */
	bool with_pairs, apparent;
	const char *where; /* the repository */
};

/* The words of --sort. */
extern const struct cli_choice du_keys[];

/* Largest first; by name: in order. */
void du_sort(struct du *du, enum du_key key);

/* How an image is called in one word: its first name, else its id. */
const char *du_name(const struct cfs_gc_usage_image *im, char buf[WHERE_ID_MAX]);

/* Why the image stays when its names go, or NULL: it goes. */
const char *du_stays(const struct cfs_gc_usage_image *im);

void du_table(FILE *to, const struct du *du);
void du_json(FILE *to, const struct du *du);

/* du_html.c: one page that needs nothing else, with a treemap. */
void du_html(FILE *to, const struct du *du);

#endif
