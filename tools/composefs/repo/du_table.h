/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* du: the disk usage of images in all output formats.
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

/* The data to print, borrowed from the usage. */
struct du {
	const struct cfs_gc_usage_image *images; /* all images of the repository */
	size_t n_images;
	const struct cfs_gc_usage_total *total;
	size_t *rows; /* indices of the selected images, sorted */
	size_t n_rows;
	const struct cfs_gc_usage_pair *pairs;
	size_t n_pairs;
	size_t n_compared; /* number of images that were compared in pairs */
	bool with_pairs, apparent;
	bool full;	   /* IDs in the table are not shortened */
	const char *where; /* path of the repository */
};

/* The words of --sort. */
extern const struct cli_choice du_keys[];

/* Sorts the rows: largest first, or by name. */
void du_sort(struct du *du, enum du_key key);

/* Returns the first name of an image, or its ID. */
const char *du_get_name(const struct cfs_gc_usage_image *im, char buf[WHERE_ID_MAX]);

/* Returns why gc would keep the image without its references; NULL if it would not. */
const char *du_get_kept_reason(const struct cfs_gc_usage_image *im);

/* Print the report, as a table or as one JSON object. */
void du_print_table(FILE *to, const struct du *du);
void du_print_json(FILE *to, const struct du *du);

/* du_page.c: Prints a self-contained HTML page with a treemap. */
void du_print_html(FILE *to, const struct du *du);

#endif
