/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs tag, untag: add and remove references of images. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "cli/repo_option.h"
#include "composefs/repo/reference.h"

struct options {
	struct where where;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax tag_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE NAME", NULL},
	.about = "Add the reference NAME to an image, which is given by its ID or by a "
		 "reference. An image\nthat had this reference loses it.",
	.example =
		(const char *const[]){"composefs tag --repo=repo os/7 os/latest", NULL},
	.options = option_table,
};

static const struct cli_syntax untag_syntax = {
	.usage = (const char *const[]){"[OPTIONS] NAME...", NULL},
	.about = "Remove references. Images without a reference stay until the next gc.",
	.example = (const char *const[]){"composefs untag --repo=repo os/7", NULL},
	.options = option_table,
};

/* Adds the reference name to the image, and returns its ID. The lock is held until the
 * link is written, so that gc cannot remove the image in between. */
static int run_tag(struct options *o, const char *image, const char *name,
		   struct cfs_digest *id, struct cfs_err *err)
{
	struct cfs_repo_link link = {.kind = CFS_REPO_IMAGES, .ref = name};
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	where_record_as(repo, "tag");
	rc = cfs_repo_find_image(repo, image, id, err);
	link.id = *id;
	if (rc == 0)
		rc = cfs_repo_publish(repo, &link, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_tag(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&tag_syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE NAME"),
	    rc;
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];
	struct cfs_digest id;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_tag(&o, argv[optind], argv[optind + 1], &id, &err);
	if (rc == 0 && o.json) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "id", where_format_id(&id, text));
		json_put_string(&j, "name", cfs_repo_ref_name(argv[optind + 1]));
		json_finish(&j);
	}
	return command_end(argv[0], rc, &err);
}

static bool has_listed_name(const struct cfs_repo_list *refs, const char *name)
{
	for (size_t i = 0; i < refs->n; i++)
		if (strcmp(refs->v[i].name, name) == 0)
			return true;
	return false;
}

/* Removes all references or, if one does not exist, none. */
static int untag_all(struct cfs_repo *repo, char **names, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc = cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &refs, err);

	for (char **n = names; rc == 0 && *n; n++)
		rc = cfs_repo_check_unused_ref(*n, err);
	/* The removal of one that does not exist fails, and says why. */
	for (char **n = names; rc == 0 && *n; n++)
		if (!has_listed_name(&refs, cfs_repo_ref_name(*n)))
			rc = repo_fail_reference(
				repo, *n, cfs_repo_untag(repo, CFS_REPO_IMAGES, *n, err),
				err);
	cfs_repo_list_fini(&refs);
	for (; rc == 0 && *names; names++)
		rc = cfs_repo_untag(repo, CFS_REPO_IMAGES, *names, err);
	return rc;
}

static int run_untag(struct options *o, char **names, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	where_record_as(repo, "untag");
	rc = untag_all(repo, names, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_untag(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&untag_syntax, argc, argv, &o, 1, argc,
				   "expected a name"),
	    rc;
	struct json j = {.to = stdout};
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_untag(&o, argv + optind, &err);
	if (rc == 0 && o.json) {
		json_begin_object(&j, NULL);
		json_put_int(&j, "names_removed", argc - optind);
		json_finish(&j);
	}
	return command_end(argv[0], rc, &err);
}
