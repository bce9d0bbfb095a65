/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Completes images, references, streams and paths inside images. Errors give no
 * candidates. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/repo_option.h"
#include "composefs/repo/commands.h"
#include "source/source.h"

/* --- names and IDs ------------------------------------------------------------------ */

static void put_refs(struct cli_completion *c, const struct cfs_repo *repo,
		     enum cfs_repo_kind kind, const char *prefix)
{
	struct cfs_repo_list list = {0};
	struct cfs_err err;
	char text[CFS_REPO_REF_MAX + 16];

	if (cfs_repo_list_refs(repo, kind, &list, &err) == 0)
		for (size_t i = 0; i < list.n; i++) {
			snprintf(text, sizeof(text), "%s%s", prefix, list.v[i].name);
			if (list.v[i].code == 0)
				cli_complete_put(c, text, list.v[i].target);
		}
	cfs_repo_list_fini(&list);
}

/* Prints image IDs only if a part was typed, because there are many and they are long. */
static void put_ids(struct cli_completion *c, const struct cfs_repo *repo)
{
	struct cfs_repo_list list = {0};
	struct cfs_err err;
	char text[WHERE_ID_MAX];

	if (!*c->word)
		return;
	if (cfs_repo_list_entries(repo, CFS_REPO_IMAGES, &list, &err) == 0)
		for (size_t i = 0; i < list.n; i++) {
			if (list.v[i].code != 0)
				continue;
			cli_complete_put(c, list.v[i].name, "image ID");
			cli_complete_put(c, where_format_id(&list.v[i].id, text),
					 "image ID");
		}
	cfs_repo_list_fini(&list);
}

static void put_streams(struct cli_completion *c, const struct cfs_repo *repo)
{
	struct cfs_repo_list list = {0};
	struct cfs_err err;

	if (cfs_repo_list_entries(repo, CFS_REPO_STREAMS, &list, &err) == 0)
		for (size_t i = 0; i < list.n; i++)
			if (list.v[i].code == 0)
				cli_complete_put(c, list.v[i].name, "stream");
	cfs_repo_list_fini(&list);
	put_refs(c, repo, CFS_REPO_STREAMS, "refs/");
}

/* --- paths inside an image ---------------------------------------------------------- */

/* Puts the names in one directory of an image as candidates. Errors end the list
 * silently, since completion must not print messages. */
static void put_directory(struct cli_completion *c, const struct cfs_image *im,
			  const struct cfs_inode *dir, const char *typed, size_t len)
{
	struct cfs_dirent entry;
	struct cfs_inode inode;
	struct cfs_dir it;
	struct cfs_err err;
	char text[2 * PATH_MAX];

	if (cfs_dir_open(im, dir, &it, &err) < 0)
		return;
	while (cfs_dir_next(&it, &entry, &err) > 0) {
		if (cfs_dirent_read_inode(im, &entry, &inode, &err) < 0)
			return;
		if (cfs_inode_is_hidden(im, &inode))
			continue;
		snprintf(text, sizeof(text), "%.*s%.*s%s", (int)len, typed,
			 (int)entry.name.len, entry.name.s,
			 S_ISDIR(inode.mode) ? "/" : "");
		cli_complete_put(c, text, NULL);
	}
}

/* Prints the entries of the directory of the typed path. */
static void put_paths(struct cli_completion *c, const struct cfs_image *im)
{
	const char *slash = strrchr(c->word, '/');
	const char *typed = slash ? c->word : "/";
	size_t len = slash ? (size_t)(slash - c->word) + 1 : 1;
	struct cfs_inode dir;
	struct cfs_err err;

	if (len >= PATH_MAX || (*c->word && *c->word != '/'))
		return;
	if (cfs_image_lookup(im, (struct cfs_text){typed, len - 1}, &dir, &err) == 0 &&
	    S_ISDIR(dir.mode))
		put_directory(c, im, &dir, typed, len);
}

static void put_image_paths(struct cli_completion *c)
{
	struct where w = where_get_completed(c);
	struct cfs_image im;
	struct cfs_map map;
	struct cfs_err err;
	int rc = -ENOENT;

	if (!c->image)
		return;
	if (!where_is_given(&w))
		rc = cfs_source_open_image(c->image, &map, &im, &err);
	if (rc < 0)
		rc = where_open_image(&w, c->image, &map, &im, NULL, &err);
	if (rc < 0)
		return;
	put_paths(c, &im);
	cfs_map_close(&map);
}

/* ------------------------------------------------------------------------------------ */

void repo_complete_kind(struct cli_completion *c, const char *kind)
{
	bool image = strcmp(kind, "IMAGE") == 0 || strcmp(kind, "A") == 0 ||
		     strcmp(kind, "B") == 0;
	bool stream = strcmp(kind, "STREAM") == 0;
	struct cfs_repo *repo;

	if (strcmp(kind, "PATH") == 0) {
		put_image_paths(c);
		return;
	}
	if (!image && !stream && strcmp(kind, "NAME") != 0)
		return;
	if (where_open_completed(c, &repo) < 0)
		return;
	if (stream) {
		put_streams(c, repo);
	} else {
		put_refs(c, repo, CFS_REPO_IMAGES, "");
		if (image)
			put_ids(c, repo);
	}
	cfs_repo_close(repo);
}
