/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Archives as places: one pass finds the place of each member and its digest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "tar/tar.h"
#include "transport/place.h"

enum {
	MEMBERS_MAX = 65536,
	LINKS_MAX = 8, /* links that lead to links */
	MAGIC_LEN = 2,
};

struct member {
	char *path;   /* without leading "./" */
	char *target; /* of a link; NULL: a regular file */
	uint64_t off, size;
	struct cfs_oci_digest digest;
	uint8_t magic[MAGIC_LEN];
};

struct archive {
	int fd;
	const struct cfs_watch *watch;
	struct member *members;
	size_t n, cap;
};

static void archive_close(void *ctx)
{
	struct archive *a = ctx;

	for (size_t i = 0; i < a->n; i++) {
		free(a->members[i].path);
		free(a->members[i].target);
	}
	free(a->members);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* --- the index ---------------------------------------------------------------------- */

/* Takes the content of a member: its digest and first bytes. */
struct digester {
	struct cfs_hash hash;
	uint8_t magic[MAGIC_LEN];
	size_t n_magic;
};

static int digest_member_bytes(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct digester *d = ctx;

	(void)err;
	for (size_t i = 0; i < len && d->n_magic < MAGIC_LEN; i++)
		d->magic[d->n_magic++] = ((const uint8_t *)p)[i];
	cfs_hash_update(&d->hash, p, len);
	return 0;
}

/* The target of a symbolic link is relative to its directory; it may begin with "../". */
static char *resolve_target(struct cfs_text path, struct cfs_text target)
{
	const char *slash = path.len ? memrchr(path.s, '/', path.len) : NULL;
	size_t dir_len = slash ? (size_t)(slash - path.s) : 0;
	size_t cap = dir_len + target.len + 2;
	char *out;

	while (cfs_text_skip_prefix(&target, CFS_TEXT("../"))) {
		const char *above = dir_len ? memrchr(path.s, '/', dir_len) : NULL;

		dir_len = above ? (size_t)(above - path.s) : 0;
	}
	out = calloc(1, cap);
	if (out && dir_len)
		snprintf(out, cap, "%.*s/%.*s", (int)dir_len, path.s, (int)target.len,
			 target.s);
	else if (out)
		snprintf(out, cap, "%.*s", (int)target.len, target.s);
	return out;
}

static int describe_member_link(struct member *m, const struct cfs_tar_entry *e,
				struct cfs_err *err)
{
	m->target = e->is_link ? strndup(e->target.s, e->target.len)
			       : resolve_target(e->path, e->inode.payload);
	return m->target ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Notes where the content of a member lies, its digest and its first bytes, which tell
 * the compression. */
static int describe_member_file(struct member *m, struct cfs_tar *tar,
				const struct cfs_tar_entry *e, struct cfs_err *err)
{
	struct digester d = {0};
	int rc;

	if (e->is_sparse)
		return cfs_fail(err, ENOTSUP, "a sparse file");
	m->off = cfs_tar_get_offset(tar);
	m->size = e->stored_len;
	cfs_hash_init(&d.hash, CFS_SHA256);
	rc = cfs_tar_copy(tar, (struct cfs_sink){digest_member_bytes, &d}, NULL, err);
	cfs_oci_digest_final(&d.hash, &m->digest);
	memcpy(m->magic, d.magic, MAGIC_LEN);
	return rc;
}

/* Notes a member of the archive. Its digest is computed in the one pass that is needed
 * to find the members. */
static int add_member(struct archive *a, struct cfs_tar *tar,
		      const struct cfs_tar_entry *e, struct cfs_err *err)
{
	struct member *m;

	if (a->n == MEMBERS_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d members", MEMBERS_MAX);
	if (cfs_grow(&a->members, &a->cap, a->n + 1, sizeof(*a->members)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	m = &a->members[a->n];
	*m = (struct member){.path = strndup(e->path.s, e->path.len)};
	if (!m->path)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->n++;
	if (e->is_link || S_ISLNK(e->inode.mode))
		return describe_member_link(m, e, err);
	return describe_member_file(m, tar, e, err);
}

/* Reads the archive once and remembers where each member lies, so that blobs can be
 * read in any order. Only files and links can hold blobs. */
static int index_members(struct archive *a, struct cfs_err *err)
{
	struct cfs_watched_fd from = {.fd = a->fd, .watch = a->watch};
	struct cfs_tar_opts opts = {.watch = a->watch};
	const struct cfs_tar_entry *e;
	struct cfs_tar *tar;
	int rc = cfs_tar_open(cfs_feed_watched_fd(&from), &opts, &tar, err);

	if (rc < 0)
		return rc;
	while ((rc = cfs_tar_next(tar, &e, err)) > 0) {
		bool is_file =
			e->is_link || S_ISREG(e->inode.mode) || S_ISLNK(e->inode.mode);

		rc = is_file ? add_member(a, tar, e, err) : 0;
		if (rc < 0)
			break;
	}
	cfs_tar_close(tar);
	return rc;
}

/* --- lookup ------------------------------------------------------------------------- */

/* The last member of a name counts, as when the archive is extracted. */
static const struct member *find_archive_member(const struct archive *a, const char *path)
{
	for (size_t i = a->n; i-- > 0;)
		if (strcmp(a->members[i].path, path) == 0)
			return &a->members[i];
	return NULL;
}

/* Finds a member by path, through the links that docker save writes for layers that
 * occur twice. */
static int find_member(const struct archive *a, const char *path,
		       const struct member **out, struct cfs_err *err)
{
	const struct member *m = find_archive_member(a, path);

	for (int i = 0; m && m->target && i < LINKS_MAX; i++)
		m = find_archive_member(a, m->target);
	if (!m)
		return cfs_fail(err, ENOENT, "the archive has no such member");
	if (m->target)
		return cfs_fail(err, ELOOP, "links that lead to links");
	*out = m;
	return 0;
}

int place_find_member(const struct place *archive, const char *path,
		      struct cfs_oci_digest *digest, uint64_t *size, bool *is_gzip,
		      struct cfs_err *err)
{
	static const uint8_t gzip[MAGIC_LEN] = {0x1f, 0x8b};
	const struct member *m;
	int rc = find_member(archive->ctx, path, &m, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", path);
	*digest = m->digest;
	*size = m->size;
	*is_gzip = memcmp(m->magic, gzip, MAGIC_LEN) == 0;
	return 0;
}

/* --- contents ----------------------------------------------------------------------- */

struct range {
	int fd;
	uint64_t off, left;
	const struct cfs_watch *watch;
};

/* Feed of a part of the archive. One that became shorter meanwhile is an error, not an
 * end. */
static ssize_t range_read(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct range *r = ctx;
	ssize_t n = cfs_watch_poll(r->watch, err);

	if (n < 0 || r->left == 0)
		return n;
	n = cfs_io_pread(r->fd, p, len < r->left ? len : (size_t)r->left, r->off, err);
	if (n == 0)
		return cfs_fail(err, EIO, "the archive was truncated while it was read");
	if (n > 0) {
		r->off += (uint64_t)n;
		r->left -= (uint64_t)n;
	}
	return n;
}

static int open_member(const struct archive *a, const struct member *m,
		       struct cfs_blob *out, struct cfs_err *err)
{
	struct range *r = malloc(sizeof(*r));

	if (!r)
		return cfs_fail(err, ENOMEM, "out of memory");
	*r = (struct range){
		.fd = a->fd, .off = m->off, .left = m->size, .watch = a->watch};
	*out = (struct cfs_blob){{range_read, r}, free};
	return 0;
}

static int archive_open(void *ctx, const char *path, struct cfs_blob *out, uint64_t *size,
			struct cfs_err *err)
{
	const struct member *m;
	int rc = find_member(ctx, path, &m, err);

	if (rc < 0)
		return rc;
	*size = m->size;
	return open_member(ctx, m, out, err);
}

int place_open_digest(const struct place *archive, const struct cfs_oci_digest *digest,
		      struct cfs_blob *out, struct cfs_err *err)
{
	const struct archive *a = archive->ctx;
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	for (size_t i = 0; i < a->n; i++)
		if (!a->members[i].target &&
		    cfs_oci_digest_eq(&a->members[i].digest, digest))
			return open_member(a, &a->members[i], out, err);
	return cfs_fail(err, ENOENT, "the archive has no blob %s",
			cfs_oci_digest_text(digest, text));
}

int place_open_archive(const char *path, const struct cfs_watch *watch, struct place *out,
		       struct cfs_err *err)
{
	struct archive *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->watch = watch;
	a->fd = cfs_input_open(AT_FDCWD, path, 0, err);
	rc = a->fd < 0 ? a->fd : index_members(a, err);
	if (rc < 0) {
		archive_close(a);
		return cfs_context(err, rc, "%s", path);
	}
	*out = (struct place){archive_open, archive_close, a};
	return 0;
}
