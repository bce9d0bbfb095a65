/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The functions of repo_option.h for a build without repositories. */
#include "cli/repo_option.h"

#include <errno.h>

/* This build cannot recognize a repository. */
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

bool where_is_chosen(struct where *w)
{
	return where_is_given(w);
}

bool where_exists(struct where *w)
{
	return where_is_given(w);
}

int where_find_path(struct where *w, const char **out, struct cfs_err *err)
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
