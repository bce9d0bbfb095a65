/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adding images to a repository: from a tree, or as bytes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/repo_priv.h"

/* Creates objects/ if it is missing. The mode of the repository itself restricts access,
 * as in composefs-rs. */
static int open_object_store(const struct cfs_repo *repo)
{
	if (mkdirat(repo->dirfd, "objects", 0755) < 0 && errno != EEXIST)
		return -errno;
	return cfs_beneath_open(repo->dirfd, "objects", O_RDONLY | O_DIRECTORY, 0);
}

/* Finds out before a large source is read whether the caller can write. Other errors than
 * these two are left to the writes themselves: filters of system calls may refuse
 * faccessat2(2). */
static int check_access(int dirfd, const char *name, struct cfs_err *err)
{
	if (faccessat(dirfd, name, W_OK | X_OK, AT_EACCESS) == 0 ||
	    (errno != EROFS && errno != EACCES))
		return 0;
	return cfs_fail_errno(err, "cannot write");
}

int cfs_repo_open_store(const struct cfs_repo *repo, const struct cfs_store_opts *opts,
			struct cfs_store **out, struct cfs_err *err)
{
	struct cfs_store_opts own = *opts;
	cfs_autofd int objects = open_object_store(repo);
	int rc;

	if (objects < 0)
		return cfs_context(err, cfs_beneath_fail(objects, "objects", err),
				   "repository %s", repo->path);
	rc = check_access(objects, ".", err);
	if (rc < 0)
		return cfs_context(err, rc, "repository %s: objects", repo->path);
	rc = check_access(repo->dirfd, "images", err);
	if (rc < 0)
		return cfs_context(err, rc, "repository %s: images", repo->path);
	own.alg = repo->meta.alg;
	own.require_verity = repo->secure;
	own.accept_unsealed = !repo->secure;
	own.keep_replaced = repo_keep_replaced;
	own.drop_replaced = repo_drop_replaced;
	own.replaced_ctx = repo;
	return cfs_store_open(objects, ".", &own, out, err);
}

/* The image is written to its object directly; it is never in memory as a whole. */
static int store_image(struct cfs_store *store, const struct cfs_tree *tree,
		       const struct cfs_image_opts *form, struct cfs_digest *out,
		       struct cfs_err *err)
{
	const struct cfs_image_write how = {.form = *form,
					    .watch = cfs_store_watch(store)};
	struct cfs_store_writer *writer;
	int rc = cfs_store_writer_open(store, 0, UINT64_MAX, &writer, err);

	if (rc < 0)
		return rc;
	rc = cfs_image_write(tree, &how, cfs_store_writer_get_sink(writer), err);
	if (rc == 0)
		return cfs_store_writer_finish(writer, NULL, out, err);
	cfs_store_writer_drop(writer);
	return rc;
}

int cfs_repo_add_tree(const struct cfs_repo *repo, struct cfs_store *store,
		      const struct cfs_tree *tree, const struct cfs_image_opts *form,
		      struct cfs_digest *out, struct cfs_err *err)
{
	if (form->min_version > CFS_IMAGE_VERSION_MAX)
		return cfs_fail(
			err, ENOTSUP,
			"repository %s: images of format %u can be read here, not "
			"written",
			repo->path, form->min_version);
	return store_image(store, tree, form, out, err);
}

/* Counts objects that the repository lacks, and keeps the first for the message. */
static int count_missing(const struct cfs_repo *repo, const struct cfs_ids *ids,
			 struct cfs_repo_missing *missing, struct cfs_err *err)
{
	for (size_t i = 0; i < ids->n; i++) {
		struct cfs_digest id = cfs_ids_get(ids, i);
		int rc = cfs_repo_has_object(repo, &id, err);

		/* -EUCLEAN: another type of file, which counts as missing. */
		if (rc < 0 && rc != -EUCLEAN)
			return rc;
		if (rc <= 0 && missing->n++ == 0)
			missing->first = id;
	}
	return 0;
}

int cfs_repo_add_image(const struct cfs_repo *repo, struct cfs_store *store,
		       struct cfs_span bytes, struct cfs_digest *out,
		       struct cfs_repo_missing *missing, struct cfs_err *err)
{
	const struct cfs_watch *watch = cfs_store_watch(store);
	struct cfs_image im;
	struct cfs_ids ids;
	int rc = cfs_image_open(bytes, &im, err);

	*missing = (struct cfs_repo_missing){0};
	if (rc == 0)
		rc = cfs_image_check_kernels(&im, NULL, watch, err);
	if (rc < 0)
		return rc;
	cfs_ids_init(&ids, repo->meta.alg);
	rc = cfs_repo_list_image_objects(&im, watch, &ids, NULL, err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, err);
	if (rc == 0)
		rc = count_missing(repo, &ids, missing, err);
	cfs_ids_fini(&ids);
	return rc < 0 ? rc : cfs_store_add_mem(store, 0, bytes, out, err);
}
