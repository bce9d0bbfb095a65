/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "composefs/repo/image_contents.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "erofs/erofs.h"

/* Counts one entry. A further name of a hard link counts as an entry, but not as a
 * file. -EOVERFLOW for sizes that only a forged image has. */
static int add_counted_entry(struct image_contents *c, const struct cfs_walk_entry *e)
{
	const struct cfs_inode *inode = &e->inode;

	c->n_entries++;
	if (e->again)
		return 0;
	if (S_ISDIR(inode->mode))
		c->n_directories++;
	else if (S_ISREG(inode->mode))
		c->n_files++;
	else if (S_ISLNK(inode->mode))
		c->n_symlinks++;
	else
		c->n_others++;
	if (c->n_entries == 1 || inode->mtime_sec < c->mtime_min)
		c->mtime_min = inode->mtime_sec;
	if (c->n_entries == 1 || inode->mtime_sec > c->mtime_max)
		c->mtime_max = inode->mtime_sec;
	if (S_ISREG(inode->mode) && !cfs_add(c->file_bytes, inode->size, &c->file_bytes))
		return -EOVERFLOW;
	return 0;
}

static int count_image_entries(const struct cfs_image *im, const struct cfs_watch *watch,
			       struct image_contents *c, struct cfs_err *err)
{
	const struct cfs_walk_opts everything = {.watch = watch};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (add_counted_entry(c, e) < 0)
			return cfs_fail(err, EOVERFLOW,
					"the sum of all file sizes exceeds 2^64");
	return rc;
}

/* Adds the disk usage of the objects. An absent one is counted as missing; any other
 * error ends the run, as it could hide an object. */
static int measure_image_objects(const struct cfs_repo *repo, const struct cfs_ids *ids,
				 const struct cfs_watch *watch, struct image_contents *c,
				 struct cfs_err *err)
{
	for (size_t i = 0; i < ids->n; i++) {
		char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
		struct cfs_digest id = cfs_ids_get(ids, i);
		struct stat st;
		int rc = cfs_watch_poll(watch, err);

		if (rc < 0)
			return rc;
		snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(&id, path));
		rc = cfs_beneath_stat(cfs_repo_get_dirfd(repo), below, &st);
		if (rc < 0 && rc != -ENOENT)
			return cfs_beneath_fail(rc, below, err);
		c->n_objects++;
		if (rc < 0)
			c->n_missing++;
		else
			c->object_bytes += (uint64_t)st.st_blocks * 512;
	}
	return 0;
}

/* The image itself is one of its objects, as in du. */
static int count_objects(const struct cfs_repo *repo, const struct cfs_image *im,
			 const struct cfs_digest *id, const struct cfs_watch *watch,
			 struct image_contents *c, struct cfs_err *err)
{
	struct cfs_ids ids;
	int rc;

	cfs_ids_init(&ids, cfs_repo_get_meta(repo)->alg);
	ids.watch = watch;
	rc = cfs_repo_list_image_objects(im, watch, &ids, NULL, err);
	if (rc == 0)
		rc = cfs_ids_add(&ids, id->bytes, err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, err);
	if (rc == 0)
		rc = measure_image_objects(repo, &ids, watch, c, err);
	cfs_ids_fini(&ids);
	return rc;
}

int image_contents_read(const struct cfs_repo *repo, const struct cfs_watch *watch,
			const struct cfs_digest *id, struct image_contents *c,
			struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_repo_open_image(repo, cfs_digest_text(id, text), &map, &im, NULL,
				     err);

	if (rc < 0)
		return rc;
	c->version = im.version;
	rc = count_image_entries(&im, watch, c, err);
	if (rc == 0)
		rc = count_objects(repo, &im, id, watch, c, err);
	cfs_map_close(&map);
	return cfs_context(err, rc, "image %s", text);
}
