/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* container_rows: the lines of oci images, each a tag and a container image of it.
 * Owns:  the options --filter and --sort of oci images, and the fields of --format.
 * Uses:  cli, containers.
 * Never: prints.
 */
#ifndef CFS_CONTAINER_ROWS_H
#define CFS_CONTAINER_ROWS_H

#include "cli/options.h"
#include "cli/template.h"
#include "containers/container.h"

struct container_row {
	char *tag;
	struct cfs_container container;
};

/* Starts zeroed. */
struct container_rows {
	struct container_row *v;
	size_t n, cap;
};

/* Adds a line and takes the container image, which is zeroed, also after an error. -ENOMEM. */
int container_rows_add(struct container_rows *rows, const char *tag,
		       struct cfs_container *take, struct cfs_err *err) CFS_MUST_CHECK;
void container_rows_drop_last(struct container_rows *rows);
void container_rows_fini(struct container_rows *rows);

/* Newest and most layers first; those that are equal by tag. */
enum container_sort {
	CONTAINERS_AS_FOUND,
	CONTAINERS_BY_NAME,
	CONTAINERS_BY_CREATED,
	CONTAINERS_BY_LAYERS
};
void container_rows_sort(struct container_rows *rows, enum container_sort sort);

/* Checks that each text is name=GLOB, platform=GLOB, since=TIME or before=TIME. -EINVAL: it is not. */
int container_filters_check(const struct cli_list *texts,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Whether the line passes all filters, which were checked. An image without a time of creation is neither since nor before one. */
bool container_filters_match(const struct cli_list *texts,
			     const struct container_row *row);

/* The fields of --format. A row is a struct container_row. */
extern const struct cli_field container_fields[];

#endif
