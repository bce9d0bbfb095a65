/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking objects: their names, files and contents. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check/check_priv.h"

size_t check_find_object(const struct check *c, const struct cfs_digest *id)
{
	size_t i = cfs_ids_find(&c->present, id->bytes);

	if (i >= c->present.n ||
	    memcmp(c->present.v + i * c->present.len, id->bytes, c->present.len) != 0)
		return SIZE_MAX;
	return i;
}

bool check_get_size(const struct check *c, const struct cfs_digest *id, uint64_t *out)
{
	size_t i = check_find_object(c, id);

	if (i == SIZE_MAX)
		return false;
	*out = c->sizes[i];
	return true;
}

/* --- listing ------------------------------------------------------------------------ */

static int list_checked_name(struct check *c, const char *prefix, const char *name,
			     struct cfs_err *err)
{
	char place[600];
	struct cfs_digest id;

	if (cfs_repo_parse_object_name(prefix, name, c->present.alg, &id))
		return cfs_ids_add(&c->present, id.bytes, err);
	snprintf(place, sizeof(place), "objects/%s/%s", prefix, name);
	return check_add_finding(c, CFS_CHECK_OBJECT_NAME, NULL, place,
				 "not the name of an object", err);
}

/* Takes over fd. errno tells the end of a directory from an error: a list that stops
 * early would report good objects as missing. */
static int list_checked_prefix(void *ctx, int fd, const char *prefix, struct cfs_err *err)
{
	struct check *c = ctx;
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = cfs_fail_errno(err, "objects/%s", prefix);
		close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if ((rc = cfs_watch_poll(c->opts->watch, err)) == 0 &&
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = list_checked_name(c, prefix, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "objects/%s", prefix);
	closedir(dir);
	return rc;
}

static bool is_prefix_name(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

/* Lists one name of objects/ itself. */
static int list_top(struct check *c, int objects, const char *name, struct cfs_err *err)
{
	char place[300];
	int fd;

	snprintf(place, sizeof(place), "objects/%s", name);
	if (!is_prefix_name(name))
		return check_add_finding(c,
					 strncmp(name, ".tmp-", 5) == 0
						 ? CFS_CHECK_LEFTOVER
						 : CFS_CHECK_OBJECT_NAME,
					 NULL, place, "not an object directory", err);
	fd = openat(objects, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return check_add_finding(c, CFS_CHECK_FILE_TYPE, NULL, place,
					 "expected a directory", err);
	return fd < 0 ? cfs_fail_errno(err, "%s", place)
		      : list_checked_prefix(c, fd, name, err);
}

/* Opens the directory anew, because fdopendir() takes the descriptor and its offset. An
 * error of readdir() ends the check: a short list would report good objects as missing. */
static int list_checked_objects(struct check *c, int objects, struct cfs_err *err)
{
	int fd = openat(objects, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		rc = cfs_fail_errno(err, "objects");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if ((rc = cfs_watch_poll(c->opts->watch, err)) == 0 &&
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = list_top(c, objects, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "objects");
	closedir(dir);
	if (rc == 0)
		rc = cfs_ids_settle(&c->present, err);
	return rc;
}

/* --- each object -------------------------------------------------------------------- */

static enum cfs_check_fault get_fault(const struct cfs_repo *repo, int code)
{
	if (code == -ENOTTY)
		return CFS_CHECK_OBJECT_NO_VERITY;
	if (code == -EILSEQ)
		return cfs_repo_is_secure(repo) ? CFS_CHECK_OBJECT_VERITY
						: CFS_CHECK_OBJECT_DIGEST;
	/* The kernel fails the read of a block that does not match. */
	if (code == -EIO && cfs_repo_is_secure(repo))
		return CFS_CHECK_OBJECT_VERITY;
	return code == -EUCLEAN ? CFS_CHECK_FILE_TYPE : CFS_CHECK_OBJECT_OPEN;
}

/* Reads the content with this thread alone. */
static int digest_object_content(const struct check *c, const struct cfs_digest *id,
				 int fd, struct cfs_err *why)
{
	char path[CFS_OBJECT_PATH_MAX], want[CFS_DIGEST_TEXT_MAX],
		found[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest got;
	int rc = cfs_verity_digest_fd(id->alg, fd, 1, c->opts->watch, &got, NULL, why);

	if (rc == 0 && !cfs_digest_eq(&got, id))
		rc = cfs_fail(why, EILSEQ, "expected the fs-verity digest %s, got %s",
			      cfs_digest_text(id, want), cfs_digest_text(&got, found));
	return cfs_context(why, rc, "object %s", cfs_digest_path(id, path));
}

/* 0, or what is wrong. With several threads, a large file is read by all of them. */
static int open_and_read(const struct check *c, const struct cfs_digest *id,
			 struct cfs_err *why)
{
	bool secure = cfs_repo_is_secure(c->repo), background = c->opts->background;
	enum cfs_repo_trust trust =
		c->opts->metadata_only || background ? CFS_REPO_SEALED : CFS_REPO_PROVEN;
	cfs_autofd int fd = cfs_repo_open_object(c->repo, id, trust, why);

	if (fd < 0 || c->opts->metadata_only ||
	    (secure ? !c->opts->reads_sealed : !background))
		return fd < 0 ? fd : 0;
	return digest_object_content(c, id, fd, why);
}

/* Reads an object and compares its digest. Several threads call it, hence the lock; a
 * damaged object is a finding. */
static int verify_object_content(struct check *c, size_t i, const struct cfs_digest *id,
				 const char *place, struct cfs_err *err)
{
	struct cfs_err why;
	int cold = check_cold_begin(c, id);
	int rc = open_and_read(c, id, &why);

	check_cold_end(cold);
	if (rc == 0)
		return 0;
	if (rc == -ECANCELED)
		return cfs_watch_poll(c->opts->watch, err);
	c->is_bad[i] = true;
	pthread_mutex_lock(&c->lock);
	c->out->n_bad_objects++;
	pthread_mutex_unlock(&c->lock);
	return check_add_finding(c, get_fault(c->repo, rc), id, place, why.msg, err);
}

/* A user who may write to an object can change it in all images; only fs-verity detects
 * that. */
static int check_object_mode(struct check *c, const struct stat *st, const char *place,
			     struct cfs_err *err)
{
	char what[96];

	if (st->st_mode & 0022)
		snprintf(what, sizeof(what), "writable by group or others: mode %03o",
			 (unsigned)st->st_mode & 0777);
	else if (st->st_uid != c->owner && st->st_uid != 0)
		snprintf(what, sizeof(what),
			 "owned by user %u, but the repository by user %u",
			 (unsigned)st->st_uid, (unsigned)c->owner);
	else
		return 0;
	return check_add_finding(c, CFS_CHECK_OBJECT_MODE, NULL, place, what, err);
}

/* One item of the pool. Sets the size and is_bad of the object at i, which later checks
 * of images and streams rely on; slots of other indexes are not touched. */
static int check_listed_object(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	struct cfs_digest id = cfs_ids_get(&c->present, i);
	char path[CFS_OBJECT_PATH_MAX], place[CFS_OBJECT_PATH_MAX + 8];
	struct stat st;
	int rc;

	snprintf(place, sizeof(place), "objects/%s", cfs_digest_path(&id, path));
	c->sizes[i] = CHECK_NO_SIZE;
	rc = cfs_beneath_stat_near(&c->near[worker], cfs_repo_get_dirfd(c->repo), place,
				   &st);
	c->is_bad[i] = rc < 0;
	if (rc == -ENOENT && c->opts->only)
		return check_add_missing(c, CFS_CHECK_IMAGE_OBJECT, &id, place, err);
	if (rc < 0)
		return check_add_finding(c, CFS_CHECK_STAT, &id, place, strerror(-rc),
					 err);
	if (S_ISREG(st.st_mode))
		c->sizes[i] = (uint64_t)st.st_size;
	if (S_ISREG(st.st_mode))
		rc = check_object_mode(c, &st, place, err);
	/* Without fs-verity, nothing more can be checked without reading. */
	if (rc == 0 && (!c->opts->metadata_only || cfs_repo_is_secure(c->repo) ||
			!S_ISREG(st.st_mode)))
		rc = verify_object_content(c, i, &id, place, err);
	check_show_progress(c, worker, "objects", c->present.n);
	return rc;
}

/* The objects that are to be checked alone, whether they exist or not. */
static int take_chosen(struct check *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->opts->only->n; i++) {
		struct cfs_digest id = cfs_ids_get(c->opts->only, i);

		rc = cfs_ids_add(&c->present, id.bytes, err);
	}
	return rc < 0 ? rc : cfs_ids_settle(&c->present, err);
}

/* Fills c->present, sizes and is_bad, which check_repo frees. A repository without the
 * directory "objects" has none yet; a symbolic link in its place is a finding and is not
 * followed. */
int check_objects(struct check *c, struct cfs_err *err)
{
	cfs_autofd int objects = cfs_beneath_open(cfs_repo_get_dirfd(c->repo), "objects",
						  O_RDONLY | O_DIRECTORY, 0);
	int rc = 0;

	if (objects == -ELOOP || objects == -ENOTDIR)
		return check_add_finding(c, CFS_CHECK_FILE_TYPE, NULL, "objects",
					 "expected a directory", err);
	if (objects < 0 && objects != -ENOENT)
		return cfs_beneath_fail(objects, "objects", err);
	if (c->opts->only)
		rc = take_chosen(c, err);
	else if (objects >= 0)
		rc = list_checked_objects(c, objects, err);
	if (rc < 0)
		return rc;
	c->sizes = calloc(c->present.n + 1, sizeof(*c->sizes));
	c->is_bad = calloc(c->present.n + 1, sizeof(*c->is_bad));
	c->n_near = check_get_n_threads(c);
	c->near = cfs_beneath_new_near(c->n_near);
	if (!c->sizes || !c->is_bad || !c->near)
		return cfs_fail(err, ENOMEM, "out of memory");
	c->out->n_objects = c->present.n;
	return cfs_pool_run(c->n_near, c->present.n, check_listed_object, c,
			    c->opts->watch, err);
}
