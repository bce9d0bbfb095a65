/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An operand that is an image file or an image of the repository. */
#include "cli/any_image.h"

#include <errno.h>

#include "source/open_image.h"

/* A file, or else an image of the repository, if there is one. */
static int open_file_first(struct where *w, const char *name, struct cfs_map *map,
			   struct cfs_image *im, bool *is_file, struct cfs_err *err)
{
	struct cfs_err no_file, no_image;
	int rc = cfs_source_open_image(name, map, im, &no_file), rc_image;

	*is_file = rc == 0;
	*err = no_file;
	if (rc != -ENOENT)
		return rc;
	rc_image = where_open_image(w, name, map, im, NULL, &no_image);
	if (rc_image == -ENOTSUP) /* built without repositories */
		return rc;
	if (rc_image < 0 && rc_image != -ENOENT)
		*err = no_image;
	else if (rc_image < 0)
		return cfs_fail(err, ENOENT, "%s; %s", no_file.msg, no_image.msg);
	return rc_image;
}

/* An image of the repository that $COMPOSEFS_REPO names, or else a file. */
static int open_image_first(struct where *w, const char *name, struct cfs_map *map,
			    struct cfs_image *im, bool *is_file, struct cfs_err *err)
{
	struct cfs_err no_file, no_image;
	int rc = where_open_image(w, name, map, im, NULL, &no_image), rc_file;

	*is_file = false;
	*err = no_image;
	if (rc != -ENOENT && rc != -EINVAL)
		return rc;
	rc_file = cfs_source_open_image(name, map, im, &no_file);
	*is_file = rc_file == 0;
	if (rc_file == 0 || rc_file == -ENOENT)
		return rc_file == 0 ? 0 : rc;
	if (rc == -EINVAL) /* not the name of an image: "/dev/null" */
		return cfs_fail(err, -rc_file, "%s", no_file.msg);
	return cfs_fail(err, -rc_file, "%s; %s", no_file.msg, no_image.msg);
}

int any_image_open(struct where *w, const char *name, struct cfs_map *map,
		   struct cfs_image *im, bool *is_file, struct cfs_err *err)
{
	*is_file = false;
	if (w->repo || w->user || w->system)
		return where_open_image(w, name, map, im, NULL, err);
	return where_is_given(w) ? open_image_first(w, name, map, im, is_file, err)
				 : open_file_first(w, name, map, im, is_file, err);
}
