/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents of a repository: split streams that consist of a single object. */
#include <errno.h>

#include "containers/container.h"
#include "repo/repo.h"

static int expect_one_object(const struct cfs_stream *s, const char *type,
			     struct cfs_err *err)
{
	if (strcmp(s->type, type) != 0)
		return cfs_fail(err, EUCLEAN, "expected a stream of type %s, got %s",
				type, s->type);
	if (cfs_stream_count_ids(s, s->object_refs) != 1)
		return cfs_fail(err, EUCLEAN, "expected one object, got %zu",
				cfs_stream_count_ids(s, s->object_refs));
	return 0;
}

static int read_document_object(const struct cfs_repo *repo, const struct cfs_stream *s,
				size_t max, struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_digest id = cfs_stream_get_id(s, s->object_refs, 0);
	cfs_autofd int fd = cfs_repo_open_object(repo, &id, CFS_REPO_PROVEN, err);
	int rc = fd < 0 ? fd : cfs_input_read_fd(fd, max, out, err);

	if (rc == 0 && out->len != s->size)
		rc = cfs_fail(err, EUCLEAN, "expected %llu bytes, got %zu",
			      (unsigned long long)s->size, out->len);
	return rc;
}

/* *out is the caller's after success, and empty after a failure. The object is compared
 * with the size in the stream; its digest was proven when it was opened. */
int cfs_containers_read_document(const struct cfs_repo *repo, const char *name,
				 const char *type, size_t max, struct cfs_mem *out,
				 struct cfs_digest *stream, struct cfs_err *err)
{
	char entry[CFS_REPO_LINK_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc = 0;

	*out = (struct cfs_mem){0};
	if (stream)
		rc = cfs_repo_find_stream(repo, name, entry, stream, err);
	if (rc == 0)
		rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	rc = expect_one_object(&s, type, err);
	if (rc == 0)
		rc = read_document_object(repo, &s, max, out, err);
	cfs_map_close(&map);
	if (rc < 0)
		free(cfs_steal(&out->p));
	return cfs_context(err, rc, "stream %s", name);
}
