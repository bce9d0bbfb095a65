/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files with several names. */
#include <errno.h>
#include <unistd.h>

#include "etcmerge/etcmerge_priv.h"

static int link_to(const struct etc_link *link, int out, int to, const char *name,
		   struct cfs_err *err)
{
	const char *first;
	cfs_autofd int parent = cfs_beneath_open_parent(out, link->path, &first);

	if (parent < 0)
		return cfs_beneath_fail(parent, link->path, err);
	if (linkat(parent, first, to, name, 0) < 0)
		return cfs_fail_errno(err, "link to %s", link->path);
	return 1;
}

int etc_link_copied(struct etc_links *links, const struct etc_file *file, int out,
		    const char *path, int to, const char *name, struct cfs_err *err)
{
	struct etc_link *link;

	if (file->st.st_nlink < 2)
		return 0;
	for (size_t i = 0; i < links->n; i++) {
		link = &links->v[i];
		if (link->dev == file->st.st_dev && link->ino == file->st.st_ino)
			return link_to(link, out, to, name, err);
	}
	if (cfs_grow(&links->v, &links->cap, links->n + 1, sizeof(*links->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	link = &links->v[links->n];
	*link = (struct etc_link){
		.dev = file->st.st_dev, .ino = file->st.st_ino, .path = strdup(path)};
	if (!link->path)
		return cfs_fail(err, ENOMEM, "out of memory");
	links->n++;
	return 0;
}

void etc_links_fini(struct etc_links *links)
{
	for (size_t i = 0; i < links->n; i++)
		free(links->v[i].path);
	free(links->v);
	*links = (struct etc_links){0};
}
