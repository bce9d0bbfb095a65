/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* OCI image layouts as destinations of container images. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "transport/layout_priv.h"
#include "transport/place.h"

enum { COPY_LEN = 128 * 1024 };

struct layout_out {
	int dirfd;
	char *tag; /* NULL: none */
	const struct cfs_watch *watch;
};

static void close_layout(void *ctx)
{
	struct layout_out *l = ctx;

	if (l->dirfd >= 0)
		close(l->dirfd);
	free(l->tag);
	free(l);
}

/* --- blobs -------------------------------------------------------------------------- */

/* Passes the bytes of a file on; the digest and the number of them tell what was read. */
static int copy_file(const struct layout_out *l, int fd, struct cfs_sink to,
		     struct cfs_oci_digest *digest, uint64_t *len, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = malloc(COPY_LEN);
	struct cfs_hash h;
	ssize_t n;

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_hash_init(&h, digest->alg);
	for (*len = 0;; *len += (uint64_t)n) {
		int rc = cfs_watch_poll(l->watch, err);

		n = rc < 0 ? rc : cfs_io_pread(fd, buf, COPY_LEN, *len, err);
		if (n <= 0)
			break;
		cfs_hash_update(&h, buf, (size_t)n);
		if (to.write)
			rc = to.write(to.ctx, buf, (size_t)n, err);
		if (rc < 0)
			return rc;
	}
	cfs_oci_digest_final(&h, digest);
	return (int)n;
}

/* 1: the layout has the blob, and its bytes are right; 0: it does not, or they are wrong. */
static int find_layout_blob(const struct layout_out *l, const char *path,
			    const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct cfs_oci_digest actual = {.alg = d->digest.alg};
	cfs_autofd int fd = cfs_input_open(l->dirfd, path, CFS_INPUT_BENEATH, err);
	uint64_t len = 0;
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = copy_file(l, fd, (struct cfs_sink){0}, &actual, &len, err);
	return rc < 0 ? rc : len == d->size && cfs_oci_digest_eq(&d->digest, &actual);
}

/* The bytes are compared once more: the file is written by its name. */
static int fill_blob(const struct layout_out *l, int fd,
		     const struct cfs_oci_descriptor *d, struct cfs_replace *to,
		     struct cfs_err *err)
{
	struct cfs_oci_digest actual = {.alg = d->digest.alg};
	uint64_t len = 0;
	int rc = copy_file(l, fd, cfs_sink_fd(&to->fd), &actual, &len, err);

	if (rc == 0)
		rc = cfs_oci_digest_expect(&d->digest, &actual, err);
	if (rc < 0)
		cfs_replace_abort(to);
	return rc < 0 ? rc : cfs_replace_commit(to, err);
}

/* Writes a blob to its place in the layout; path is cut at its last component. */
static int write_layout_blob(const struct layout_out *l, int fd, char *path,
			     const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	char *name = strrchr(path, '/');
	struct cfs_replace to;
	cfs_autofd int dirfd = -1;
	int rc;

	*name++ = '\0';
	dirfd = cfs_beneath_make_dir(l->dirfd, path, 0755);
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, path, err);
	rc = cfs_replace_open_at(dirfd, name, &to, err);
	return rc < 0 ? rc : fill_blob(l, fd, d, &to, err);
}

static int put_layout_blob(void *ctx, int fd, const struct cfs_oci_descriptor *d,
			   bool *is_present, struct cfs_err *err)
{
	const struct layout_out *l = ctx;
	char path[LAYOUT_PATH_MAX];
	int rc = find_layout_blob(l, layout_format_path(&d->digest, path), d, err);

	*is_present = rc == 1;
	if (rc == 0)
		rc = write_layout_blob(l, fd, path, d, err);
	return rc < 0 ? cfs_context(err, rc, "%s", layout_format_path(&d->digest, path))
		      : 0;
}

/* --- index.json --------------------------------------------------------------------- */

static int write_layout_text(int dirfd, const char *name, struct cfs_span text,
			     struct cfs_err *err)
{
	return cfs_context(err, cfs_replace_write(dirfd, name, text, err), "%s", name);
}

/* Adds the manifest to index.json, which is replaced atomically; an absent index.json
 * counts as empty. Called under the lock of the layout. */
static int update_index(const struct layout_out *l, const struct cfs_oci_descriptor *d,
			const char *tag, struct cfs_err *err)
{
	struct cfs_mem old = {0}, new = {0};
	int rc = cfs_input_read(l->dirfd, "index.json", CFS_INPUT_BENEATH,
				CFS_OCI_MANIFEST_MAX, &old, err);

	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = cfs_oci_index_put((struct cfs_text){(char *)old.p, old.len}, d, tag,
				       &new, err);
	rc = cfs_context(err, rc, "index.json");
	if (rc == 0)
		rc = write_layout_text(l->dirfd, "index.json",
				       (struct cfs_span){new.p, new.len}, err);
	free(old.p);
	free(new.p);
	return rc;
}

/* Two pushes at once would lose one of their entries. */
static int update_locked(const struct layout_out *l, const struct cfs_oci_descriptor *d,
			 const char *tag, struct cfs_err *err)
{
	struct cfs_lock_wait wait = {.watch = l->watch};
	int rc = cfs_lock_take(l->dirfd, LOCK_EX, &wait, err);

	if (rc < 0)
		return rc;
	rc = update_index(l, d, tag, err);
	flock(l->dirfd, LOCK_UN);
	return rc;
}

static int put_document(const struct layout_out *l, struct cfs_span json,
			const struct cfs_oci_descriptor *d, const char *tag,
			struct cfs_err *err)
{
	cfs_autofd int fd = cfs_child_make_input(json, err);
	bool is_present;
	int rc = fd < 0 ? fd
			: put_layout_blob((void *)(uintptr_t)l, fd, d, &is_present, err);

	return rc < 0 ? rc : update_locked(l, d, tag, err);
}

static int put_layout_entry(void *ctx, struct cfs_span json,
			    const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_child_make_input(json, err);
	bool is_present;

	return fd < 0 ? fd : put_layout_blob(ctx, fd, d, &is_present, err);
}

static int put_layout_manifest(void *ctx, struct cfs_span json,
			       const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	const struct layout_out *l = ctx;

	return put_document(l, json, d, l->tag, err);
}

/* The entries of index.json are the list. */
static int put_referrer(void *ctx, struct cfs_span json,
			const struct cfs_oci_descriptor *d,
			const struct cfs_oci_digest *subject, struct cfs_err *err)
{
	(void)subject;
	return put_document(ctx, json, d, NULL, err);
}

/* --- opening ------------------------------------------------------------------------ */

/* A push may begin a layout in an empty directory. 1: empty; 0: not. */
static int is_empty_layout(int dirfd, struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool empty = true;
	int rc;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return cfs_fail_errno(err, "open");
	}
	while (errno = 0, (e = readdir(dir)))
		empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	rc = errno ? cfs_fail_errno(err, "reading the directory") : empty;
	closedir(dir);
	return rc;
}

/* A push changes only an image layout: files of a directory of another kind are not
 * touched. */
static int check_marker_at(int dirfd, struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	int rc = cfs_input_read(dirfd, "oci-layout", CFS_INPUT_BENEATH, LAYOUT_MARKER_MAX,
				&bytes, err);

	if (rc == -ENOENT)
		return cfs_fail(err, ENOTEMPTY,
				"expected an OCI image layout or an empty directory");
	rc = cfs_context(err, rc, "oci-layout");
	if (rc == 0)
		rc = layout_check_marker((struct cfs_text){(char *)bytes.p, bytes.len},
					 err);
	free(bytes.p);
	return rc;
}

static int begin_layout(int dirfd, struct cfs_err *err)
{
	int rc = is_empty_layout(dirfd, err);

	if (rc == 1)
		return write_layout_text(dirfd, "oci-layout",
					 cfs_text_span(CFS_TEXT(LAYOUT_MARKER)), err);
	return rc < 0 ? rc : check_marker_at(dirfd, err);
}

static int open_layout_dir(const char *dir, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	int rc = cfs_io_make_dirs(AT_FDCWD, dir, 0755, err);

	if (rc < 0)
		return rc;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "open");
	rc = begin_layout(fd, err);
	return rc < 0 ? rc : cfs_steal_fd(&fd);
}

int cfs_destination_open_layout(const char *spec, const struct cfs_watch *watch,
				struct cfs_destination *out, struct cfs_err *err)
{
	struct layout_out *l = calloc(1, sizeof(*l));
	cfs_autofree char *dir = NULL;
	int rc;

	*out = (struct cfs_destination){0};
	if (!l)
		return cfs_fail(err, ENOMEM, "out of memory");
	*l = (struct layout_out){.dirfd = -1, .watch = watch};
	rc = place_split(spec, &dir, &l->tag, err);
	if (rc == 0 && l->tag && !cfs_oci_is_tag(cfs_text(l->tag)))
		rc = cfs_fail(err, EINVAL, "expected a tag, got \"%.100s\"", l->tag);
	if (rc == 0) {
		l->dirfd = open_layout_dir(dir, err);
		rc = l->dirfd < 0 ? cfs_context(err, l->dirfd, "%s", dir) : 0;
	}
	if (rc < 0) {
		close_layout(l);
		return rc;
	}
	*out = (struct cfs_destination){.put_blob = put_layout_blob,
					.put_manifest = put_layout_manifest,
					.put_entry = put_layout_entry,
					.close = close_layout,
					.ctx = l,
					.put_referrer = put_referrer};
	return 0;
}
