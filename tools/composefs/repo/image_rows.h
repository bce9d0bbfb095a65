/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* image_rows: the details of the images of a repository, for images, inspect and rm.
 * Owns:  the rows, the names of their fields in templates and in JSON.
 * Uses:  composefs, cli, repo, gc.
 * Never: decides which rows are shown.
 */
#ifndef CFS_IMAGE_ROWS_H
#define CFS_IMAGE_ROWS_H

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/repo_option.h"
#include "cli/template.h"
#include "cli/times.h"
#include "gc/gc.h"

/* An image. Everything is borrowed from the rows. */
struct image_row {
	struct cfs_digest id;
	const char *const *names; /* its references, sorted */
	size_t n_names;
	int64_t created; /* seconds: when it was added to the repository */
	uint64_t size;	 /* of its file */
	bool is_missing; /* the file does not exist; size is 0 */
	bool is_signed;	 /* a signature is stored; it was not verified */
	int use;	 /* an enum cfs_file_use */
	const struct cfs_gc_usage_image *usage; /* NULL: not computed */
};

struct image_rows {
	struct cfs_repo_list entries, refs;
	struct image_row *v; /* sorted by ID */
	size_t n;
	const char **names; /* of all rows, consecutively */
	struct cfs_gc_usage *usage;
	bool is_complete; /* no entry failed to be read */
};

/* Reads all images of the repository, which stays open until image_rows_fini. with_usage: also what they share, for
 * which every image is read. Entries that are not valid are reported under the name of the program. */
int image_rows_read(const char *program, const struct cfs_repo *repo, bool with_usage,
		    const struct cfs_watch *watch, struct image_rows *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
void image_rows_fini(struct image_rows *rows);

/* The row of the image that repo resolves name to. -EAGAIN: it appeared after the rows were read; else as
 * cfs_repo_find_image. */
int image_rows_resolve(const struct image_rows *rows, const struct cfs_repo *repo,
		       const char *name, const struct image_row **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* "yes", "no" or "-": not known. */
const char *image_row_mounted(const struct image_row *row);

/* One line of a listing: an image under one of its names. */
struct image_line {
	const struct image_row *row;
	const char *name; /* NULL: the image has none */
	bool full;	  /* IDs are not shortened */
};

/* The fields of templates; their rows are struct image_line. */
extern const struct cli_field image_fields[];

/* Does the template need usage? */
bool image_fields_need_usage(const char *template);

/* Puts the members of a JSON object. */
void image_row_put_json(struct json *j, const struct image_row *row);

/* Puts the members that count the objects of an image and their bytes. */
void image_usage_put_json(struct json *j, const struct cfs_gc_usage_image *u);

#endif
