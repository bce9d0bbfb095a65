/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without repositories opens none. */
#include "cli/repo_option.h"

#include <errno.h>

/* Without a reader of meta.json no directory is known as a repository. */
int where_check_writable(const char *dir, struct cfs_err *err)
{
	(void)dir;
	(void)err;
	return 0;
}

bool where_is_given(const struct where *w)
{
	return w->repo || w->user || w->system;
}

int where_path(struct where *w, const char **out, struct cfs_err *err)
{
	(void)w;
	(void)out;
	return cfs_fail(err, ENOTSUP, "this program was built without repositories");
}

int where_open_image(struct where *w, const char *name, struct cfs_map *map,
		     struct cfs_image *im, struct cfs_digest *id, struct cfs_err *err)
{
	(void)w;
	(void)map;
	(void)im;
	(void)id;
	return cfs_fail(err, ENOTSUP, "%s: this program was built without repositories",
			name);
}
