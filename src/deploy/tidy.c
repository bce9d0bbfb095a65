/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What no deployment needs any more, also after a run that ended early. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "deploy/deploy_priv.h"

/* Whether an entry before this one, which the boot loader therefore prefers, boots the
 * same image and is ours as well. */
static bool is_replaced(const struct cfs_bootentries *entries, size_t at)
{
	const struct cfs_bootentry *e = &entries->v[at];
	struct deploy_name name;

	if (!e->has_image || e->type != CFS_BOOTENTRY_TYPE1 ||
	    !deploy_parse_name(e->id, &name))
		return false;
	for (size_t i = 0; i < at; i++) {
		const struct cfs_bootentry *other = &entries->v[i];

		if (other->has_image && !other->problem &&
		    other->type == CFS_BOOTENTRY_TYPE1 &&
		    deploy_parse_name(other->id, &name) &&
		    cfs_digest_eq(&other->image, &e->image))
			return true;
	}
	return false;
}

static int remove_replaced(const struct cfs_deploy_place *place,
			   const struct cfs_bootentries *entries, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < entries->n; i++)
		if (is_replaced(entries, i))
			rc = deploy_remove_entry(place, entries->v[i].file, err);
	return rc;
}

/* Whether an entry mentions the directory. In doubt it does: an entry that was not read may
 * be the one. */
static bool is_needed(const struct cfs_bootentries *entries, const char *key)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct cfs_bootentry *e = &entries->v[i];

		if (e->type == CFS_BOOTENTRY_TYPE1 &&
		    (!e->text || strcasestr(e->text, key)))
			return true;
	}
	return false;
}

static bool is_key(const char *name)
{
	struct cfs_digest key;

	return strlen(name) == DEPLOY_KEY_MAX - 1 &&
	       cfs_digest_parse(cfs_text(name), &key, NULL) == 0;
}

/* Removes kernel files that no entry needs. Only directories whose name is a key are
 * ours. dirfd is closed. */
static int remove_files(int dirfd, const struct cfs_bootentries *entries,
			struct cfs_err *err)
{
	DIR *dir = fdopendir(dirfd);
	const struct dirent *e;
	int rc = 0;

	if (!dir) {
		rc = cfs_fail_errno(err, "%s", DEPLOY_FILES);
		close(dirfd);
		return rc;
	}
	while (rc == 0 && (errno = 0, e = readdir(dir)))
		if (is_key(e->d_name) && !is_needed(entries, e->d_name)) {
			rc = cfs_repo_remove_tree(dirfd, e->d_name);
			if (rc < 0)
				rc = cfs_beneath_fail(rc, e->d_name, err);
		}
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "%s", DEPLOY_FILES);
	closedir(dir);
	return rc;
}

int deploy_tidy(const struct cfs_deploy_place *place, struct cfs_err *err)
{
	struct cfs_bootentries entries = {0};
	int fd, rc = cfs_bootentries_read(place->bootfd, &entries, err);

	if (rc == 0) {
		deploy_sort_entries(&entries);
		rc = remove_replaced(place, &entries, err);
	}
	cfs_bootentries_fini(&entries);
	if (rc == 0)
		rc = cfs_bootentries_read(place->bootfd, &entries, err);
	fd = rc < 0 ? rc
		    : cfs_beneath_open(place->bootfd, DEPLOY_FILES,
				       O_RDONLY | O_DIRECTORY, 0);
	if (rc == 0 && fd >= 0)
		rc = remove_files(fd, &entries, err);
	else if (rc == 0 && fd != -ENOENT)
		rc = cfs_beneath_fail(fd, DEPLOY_FILES, err);
	cfs_bootentries_fini(&entries);
	return cfs_context(err, rc, "%s", place->boot);
}
