/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where missing objects come from, as the user names it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "composefs/mount/trigger.h"
#include "fetch/fetch.h"

/* The URL may have credentials, which a message must not show. */
static int open_lazy_source(const char *place, const char *option,
			    struct cfs_lazy_source *out, struct cfs_err *err)
{
	enum { SHOWN_MAX = 512 };
	char shown[SHOWN_MAX];

	*out = (struct cfs_lazy_source){.url = place, .dirfd = -1};
	if (cfs_fetch_is_url(place))
		return 0;
	if (strstr(place, "://"))
		return cfs_fail(err, EINVAL,
				"%s: expected a directory, or an http or https URL, "
				"got \"%s\"",
				option,
				cfs_fetch_public_url(place, shown, sizeof(shown)));
	*out = (struct cfs_lazy_source){
		.dirfd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	return out->dirfd < 0 ? cfs_fail_errno(err, "%s=%s", option, place) : 0;
}

/* A server changes its working directory, so it needs an absolute path. */
int mount_open_sources(const struct cli_list *list, const char *option,
		       const struct cfs_repo *repo,
		       struct cfs_lazy_source sources[MOUNT_SOURCES_MAX],
		       struct cfs_lazy *out, char **repo_path, struct cfs_err *err)
{
	int rc = 0;

	if (list->n > MOUNT_SOURCES_MAX)
		return cfs_fail(err, E2BIG, "%s: expected at most %d sources, got %zu",
				option, MOUNT_SOURCES_MAX, list->n);
	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		rc = open_lazy_source(list->v[i], option, &sources[i], err);
		out->n_sources += rc == 0;
	}
	if (rc < 0 || list->n == 0)
		return rc;
	*repo_path = realpath(cfs_repo_get_path(repo), NULL);
	if (!*repo_path)
		return cfs_fail_errno(err, "%s", cfs_repo_get_path(repo));
	out->repo_path = *repo_path;
	out->sources = sources;
	return 0;
}

void mount_close_sources(struct cfs_lazy_source sources[MOUNT_SOURCES_MAX],
			 struct cfs_lazy *lazy)
{
	for (size_t i = 0; i < lazy->n_sources; i++)
		if (sources[i].dirfd >= 0)
			close(cfs_steal_fd(&sources[i].dirfd));
	lazy->n_sources = 0;
}
