/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs image-objects: list the IDs of all objects of an image. */
#include <stdio.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

struct options {
	struct where where;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON array",
	 .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "List the IDs of all objects of an image of the repository, sorted and "
		 "without duplicates.",
	.example =
		(const char *const[]){"composefs image-objects --repo=repo docs", NULL},
	.options = option_table,
};

static void print_object_ids(const struct cfs_ids *ids, bool json)
{
	char text[WHERE_ID_MAX];

	for (size_t i = 0; i < ids->n; i++) {
		struct cfs_digest id = cfs_ids_get(ids, i);

		if (json)
			printf("%s\"%s\"", i ? ",\n " : "[", where_format_id(&id, text));
		else
			puts(where_format_id(&id, text));
	}
	if (json)
		puts(ids->n ? "]" : "[]");
}

int cmd_image_objects(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected an image"),
	    rc;
	struct cfs_digest id;
	struct cfs_image im;
	struct cfs_ids ids;
	struct cfs_map map;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open_image(&o.where, argv[optind], &map, &im, &id, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	cfs_ids_init(&ids, id.alg);
	rc = cfs_repo_list_image_objects(&im, NULL, &ids, NULL, &err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, &err);
	if (rc == 0)
		print_object_ids(&ids, o.json);
	cfs_ids_fini(&ids);
	cfs_map_close(&map);
	return command_end(argv[0], rc, &err);
}
