/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The entries of an image and the contents of its objects, as a tar archive. */
#include "export/export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tar/tar.h"

enum { BUF_LEN = 256 * 1024 };

struct job {
	const struct cfs_repo *repo;
	const struct cfs_watch *watch;
	struct cfs_watch_kind sockets;
	const struct cfs_image *im;
	struct cfs_tar_writer *tar;
	struct cfs_spec_room room;
	struct cfs_verity *verity;
	uint8_t *buf; /* BUF_LEN */
	uint64_t n_entries;
};

/* --- contents --------------------------------------------------------------------------- */

/* Digests the object as it is written: the archive has no digest of its own, and a
 * damaged object must not get into it without an error. */
static int export_object(struct job *j, int fd, uint64_t size, struct cfs_err *err)
{
	uint64_t left = size;

	cfs_verity_reset(j->verity);
	while (left) {
		size_t want = left < BUF_LEN ? (size_t)left : BUF_LEN;
		ssize_t n = cfs_watch_poll(j->watch, err);

		if (n == 0)
			n = cfs_io_read(fd, j->buf, want, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return cfs_fail(err, EUCLEAN,
					"object: expected %" PRIu64
					" bytes, got %" PRIu64,
					size, size - left);
		cfs_verity_update(j->verity, j->buf, (size_t)n);
		n = cfs_tar_write_content(j->tar, j->buf, (size_t)n, err);
		if (n < 0)
			return (int)n;
		left = size - cfs_verity_get_size(j->verity);
	}
	return 0;
}

static int check_export_size(int fd, uint64_t size, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "object");
	if ((uint64_t)st.st_size == size)
		return 0;
	return cfs_fail(err, EUCLEAN,
			"object: expected %" PRIu64
			" bytes, as in the image, got %" PRIu64,
			size, (uint64_t)st.st_size);
}

/* The object is proven before its first byte is written; what is written is compared once more, since without fs-verity
 * the file may have changed in between. */
static int put_external(struct job *j, const struct cfs_inode *inode, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	struct cfs_digest id, got;
	int rc = cfs_repo_find_inode_object(j->repo, j->im, inode, &id, err);

	if (rc < 0)
		return rc;
	fd = cfs_repo_open_object(j->repo, &id, CFS_REPO_PROVEN, err);
	rc = fd < 0 ? fd : check_export_size(fd, inode->size, err);
	if (rc == 0)
		rc = export_object(j, fd, inode->size, err);
	if (rc < 0)
		return rc;
	cfs_verity_final(j->verity, &got);
	if (!cfs_digest_eq(&got, &id))
		return cfs_fail(err, EILSEQ, "object: it changed while it was read");
	return 0;
}

static int put_content(struct job *j, const struct cfs_inode *inode, struct cfs_err *err)
{
	uint8_t buf[CFS_CONTENT_MAX];
	struct cfs_span content;

	if (inode->external)
		return put_external(j, inode, err);
	content = cfs_inode_read_content(inode, buf);
	return cfs_tar_write_content(j->tar, content.p, content.len, err);
}

/* --- entries ---------------------------------------------------------------------------- */

/* Without the slash at the front. */
static struct cfs_text skip_leading_slash(struct cfs_text path)
{
	return path.len ? (struct cfs_text){path.s + 1, path.len - 1} : path;
}

/* Writes one name with its content. Later names of an inode are hard links to the first.
 * tar has no sockets: they are left out with a warning. */
static int export_entry(struct job *j, const struct cfs_walk_entry *w,
			struct cfs_err *err)
{
	struct cfs_tar_entry e = {
		.path = skip_leading_slash(w->path),
		.is_link = w->again,
		.target = skip_leading_slash(w->first),
	};
	int rc;

	if (S_ISSOCK(w->inode.mode)) {
		cfs_watch_warn_kind(&j->sockets,
				    "%.*s: left out of the archive: it is a socket",
				    (int)w->path.len, w->path.s);
		return 0;
	}
	rc = cfs_image_read_spec(j->im, &w->inode, &j->room, &e.inode, err);
	if (rc == 0)
		rc = cfs_tar_write_entry(j->tar, &e, err);
	if (rc == 0 && S_ISREG(w->inode.mode) && !w->again && w->inode.size)
		rc = put_content(j, &w->inode, err);
	return cfs_context(err, rc, "%.*s", (int)w->path.len, w->path.s);
}

/* Writes each file at its first name, and hard links to it later, so that readers of
 * the archive need one pass. */
static int export_entries(struct job *j, struct cfs_err *err)
{
	static const struct cfs_walk_opts opts = {.first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(j->im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		const struct cfs_progress now = {
			.stage = "entries", .done = j->n_entries, .all = j->im->inos};

		rc = cfs_watch_poll(j->watch, err);
		if (rc == 0)
			rc = export_entry(j, e, err);
		j->n_entries++;
		cfs_watch_progress(j->watch, &now);
	}
	return rc < 0 ? rc : cfs_tar_write_end(j->tar, err);
}

/* Writes the archive with the verifier and the buffer of the job, and frees them. */
static int write_export_archive(struct job *j, struct cfs_sink to, struct cfs_err *err)
{
	int rc = cfs_tar_writer_new(to, &j->tar, err);

	if (rc < 0)
		return rc;
	j->buf = cfs_page_alloc(BUF_LEN);
	if (!j->buf || cfs_verity_new(cfs_repo_get_meta(j->repo)->alg, &j->verity) < 0)
		rc = cfs_fail(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = export_entries(j, err);
	cfs_watch_end_kind(&j->sockets, "sockets");
	cfs_tar_writer_free(j->tar);
	cfs_spec_room_fini(&j->room);
	cfs_verity_free(j->verity);
	free(j->buf);
	return rc;
}

/* --- the file --------------------------------------------------------------------------- */

static int open_export_output(const char *path, struct cfs_replace *out,
			      struct cfs_err *err)
{
	*out = (struct cfs_replace){.fd = -1, .dirfd = -1};
	if (strcmp(path, "-") != 0)
		return cfs_context(err, cfs_replace_open(path, out, err),
				   "cannot write %s", path);
	if (isatty(STDOUT_FILENO))
		return cfs_fail(err, EINVAL,
				"an archive is not written to a terminal: redirect "
				"standard output, or name a file");
	return 0;
}

/* Opens the image with its digest checked, and writes it as an archive to fd. id gets
 * its ID. */
static int export_to(struct job *j, const char *name, int fd, struct cfs_digest *id,
		     struct cfs_err *err)
{
	const struct cfs_watched_fd to = {fd, j->watch};
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_repo_open_image(j->repo, name, &map, &im, id, err);

	if (rc < 0)
		return rc;
	j->im = &im;
	rc = write_export_archive(j, cfs_sink_watched_fd(&to), err);
	cfs_map_close(&map);
	return rc;
}

/* The output is opened first, so that a place that cannot be written is reported before gigabytes are read. */
int cfs_export_image(const struct cfs_repo *repo, const char *name, const char *path,
		     const struct cfs_watch *watch, struct cfs_digest *id,
		     struct cfs_err *err)
{
	struct job j = {.repo = repo, .watch = watch, .sockets.watch = watch};
	struct cfs_replace file;
	int rc = open_export_output(path, &file, err);

	if (rc < 0)
		return rc;
	rc = export_to(&j, name, file.fd < 0 ? STDOUT_FILENO : file.fd, id, err);
	if (rc == 0 && file.fd >= 0)
		rc = cfs_context(err, cfs_replace_commit(&file, err), "cannot write %s",
				 path);
	cfs_replace_abort(&file);
	return rc;
}
