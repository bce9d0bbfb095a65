/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A layer as the archive that it was: the headers from its tar-split data, the contents of files
 * from the directory that the archive was extracted to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "decompress/decompress.h"
#include "storage/storage_priv.h"
#include "tar/tar.h"
#include "tarsplit/tarsplit.h"

/* Bytes of the lines of a layer, decompressed: two million entries with headers of 1.5 KiB. */
#define LINES_LEN_MAX (UINT64_C(4) << 30)

struct cfs_storage_layer {
	const struct cfs_watch *watch;
	int dir;		  /* of its files */
	struct cfs_watched_fd gz; /* the tar-split data */
	struct cfs_decompress *decompress;
	struct cfs_tarsplit_archive archive;
	int file; /* whose content is read, or -1 */
	uint64_t left, crc, expected_crc;
	bool has_crc;
	char path[CFS_TAR_PATH_MAX + 1]; /* of file */
	char other_path[CFS_TAR_PATH_MAX + 1];
};

/* --- contents ----------------------------------------------------------------------- */

/* Links lead from one directory of the layer to another when an archive has a link and then
 * entries below its name. The file itself is never a link. */
static int open_through_links(int dir, char *path, struct cfs_err *err)
{
	char *slash = strrchr(path, '/');
	cfs_autofd int parent = -1;

	if (!slash)
		return cfs_fail(err, ELOOP, "expected a regular file, got a symlink");
	*slash = '\0';
	parent = cfs_beneath_open_dir_chroot(dir, path);
	*slash = '/';
	if (parent < 0)
		return cfs_beneath_fail(parent, "its directory", err);
	return cfs_input_open(parent, slash + 1, CFS_INPUT_BENEATH, err);
}

/* Opens a file of a layer by the name in tar-split, which may lead out of the layer if
 * the store is hostile. */
static int open_named_file(const struct cfs_storage_layer *l, struct cfs_text name,
			   char path[CFS_TAR_PATH_MAX + 1], struct cfs_err *err)
{
	size_t len;
	int rc;

	if (name.len > CFS_TAR_PATH_MAX)
		return cfs_fail(err, ENAMETOOLONG, "expected at most %d bytes, got %zu",
				CFS_TAR_PATH_MAX, name.len);
	rc = cfs_tar_clean_path(name, path, &len, err);
	if (rc < 0)
		return rc;
	path[len] = '\0';
	rc = cfs_input_open(l->dir, path, CFS_INPUT_BENEATH, err);
	return rc == -ELOOP ? open_through_links(l->dir, path, err) : rc;
}

int cfs_storage_layer_open_file(struct cfs_storage_layer *l, struct cfs_text path)
{
	return open_named_file(l, path, l->other_path, NULL);
}

static int check_layer_file_size(int fd, uint64_t expected, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "fstat");
	if ((uint64_t)st.st_size != expected)
		return cfs_fail(err, EILSEQ, "expected %" PRIu64 " bytes, got %" PRIu64,
				expected, (uint64_t)st.st_size);
	return 0;
}

static int add_entry_name(int rc, struct cfs_text name, struct cfs_err *err)
{
	return cfs_context(err, rc, "%.*s", (int)(name.len < 300 ? name.len : 300),
			   name.s);
}

/* Callback of the tar-split reader: opens the next file of podman's layer. Size and
 * checksum are compared, because the store may have changed. */
static int begin_layer_file(void *ctx, const struct cfs_tarsplit_entry *e,
			    struct cfs_err *err)
{
	struct cfs_storage_layer *l = ctx;
	int fd = open_named_file(l, e->name, l->path, err), rc;

	if (fd < 0)
		return add_entry_name(fd, e->name, err);
	l->file = fd;
	l->left = e->size;
	l->crc = 0;
	l->has_crc = e->has_crc64;
	l->expected_crc = e->crc64;
	rc = check_layer_file_size(fd, e->size, err);
	return add_entry_name(rc, e->name, err);
}

static int end_layer_file(struct cfs_storage_layer *l, struct cfs_err *err)
{
	close(cfs_steal_fd(&l->file));
	if (l->has_crc && l->crc != l->expected_crc)
		return cfs_fail(err, EILSEQ,
				"%.300s: expected checksum %016" PRIx64
				" of the extraction, got %016" PRIx64,
				l->path, l->expected_crc, l->crc);
	return 0;
}

/* At its end, the file has no more than it had when it was opened; what is appended meanwhile
 * is not read. */
static ssize_t read_layer_file(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_storage_layer *l = ctx;
	struct cfs_watched_fd from = {l->file, l->watch};
	struct cfs_feed feed = cfs_feed_watched_fd(&from);
	ssize_t n;

	if (l->left == 0)
		return end_layer_file(l, err);
	n = feed.read(feed.ctx, p, len < l->left ? len : (size_t)l->left, err);
	if (n == 0)
		return cfs_fail(err, EILSEQ, "%.300s: truncated while it was read",
				l->path);
	if (n < 0)
		return cfs_context(err, (int)n, "%.300s", l->path);
	l->crc = cfs_crc64_update(l->crc, p, (size_t)n);
	l->left -= (uint64_t)n;
	return n;
}

/* --- opening ------------------------------------------------------------------------ */

struct cfs_feed cfs_storage_layer_feed(struct cfs_storage_layer *l)
{
	return cfs_tarsplit_feed(&l->archive);
}

void cfs_storage_layer_close(struct cfs_storage_layer *l)
{
	if (!l)
		return;
	cfs_tarsplit_close(l->archive.lines);
	cfs_decompress_close(l->decompress);
	if (l->file >= 0)
		close(l->file);
	if (l->gz.fd >= 0)
		close(l->gz.fd);
	if (l->dir >= 0)
		close(l->dir);
	free(l);
}

/* podman keeps a layer that it fetched in parts, as an image of composefs, with its files by the
 * digests of their contents. */
static int check_form(const struct storage_store *store, const char *id,
		      struct cfs_err *err)
{
	char path[STORAGE_PATH_MAX];
	struct stat st;
	int rc = storage_store_format_path(path, err, "%s/%s/composefs-data",
					   store->driver, id);

	if (rc == 0)
		rc = cfs_beneath_stat(store->fd, path, &st);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return cfs_beneath_fail(rc, path, err);
	return cfs_fail(err, ENOTSUP,
			"podman keeps this layer as an image of composefs, without an "
			"archive; pull it from where podman did");
}

static int open_layer_dir(const struct storage_store *store, const char *id, int *out,
			  struct cfs_err *err)
{
	bool is_vfs = strcmp(store->driver, "vfs") == 0;
	char path[STORAGE_PATH_MAX];
	int rc = storage_store_format_path(path, err,
					   is_vfs ? "vfs/dir/%s" : "overlay/%s/diff", id);

	if (rc < 0)
		return rc;
	*out = cfs_beneath_open_dir(store->fd, path);
	return *out < 0 ? cfs_beneath_fail(*out, path, err) : 0;
}

static int open_lines(struct cfs_storage_layer *l, const struct storage_store *store,
		      const char *id, struct cfs_err *err)
{
	char path[STORAGE_PATH_MAX];
	int rc = storage_store_format_path(path, err, "%s-layers/%s.tar-split.gz",
					   store->driver, id);

	if (rc < 0)
		return rc;
	l->gz = (struct cfs_watched_fd){
		cfs_input_open(store->fd, path, CFS_INPUT_BENEATH, err), l->watch};
	return l->gz.fd < 0 ? cfs_context(err, l->gz.fd, "%s", path) : 0;
}

/* Opens the directory and the tar-split lines of a layer under the lock of the store,
 * which another program may be changing. l owns what was opened, also after an error. */
static int open_parts(struct cfs_storage_layer *l, const struct storage_store *store,
		      const char *id, struct cfs_err *err)
{
	struct cfs_decompress_opts limits = {.watch = l->watch, .max_len = LINES_LEN_MAX};
	cfs_autofd int lock = -1;
	int rc = storage_store_lock(store, "layers", l->watch, &lock, err);

	if (rc == 0)
		rc = check_form(store, id, err);
	if (rc == 0)
		rc = open_layer_dir(store, id, &l->dir, err);
	if (rc == 0)
		rc = open_lines(l, store, id, err);
	if (rc == 0)
		rc = cfs_decompress_open(cfs_feed_watched_fd(&l->gz), &limits,
					 &l->decompress, err);
	if (rc == 0)
		rc = cfs_tarsplit_open(cfs_decompress_get_feed(l->decompress),
				       &l->archive.lines, err);
	l->archive.contents =
		(struct cfs_tarsplit_contents){begin_layer_file, read_layer_file, l};
	return rc;
}

int cfs_storage_open_layer(const struct cfs_storage *s, size_t i,
			   struct cfs_storage_layer **out, struct cfs_err *err)
{
	const struct storage_layer_id *id = &s->layers[i];
	struct cfs_storage_layer *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->watch = s->watch;
	l->dir = l->gz.fd = l->file = -1;
	rc = open_parts(l, &s->stores[id->store], id->id, err);
	if (rc < 0) {
		cfs_storage_layer_close(l);
		return cfs_context(err, rc, "%s", s->stores[id->store].root);
	}
	*out = l;
	return 0;
}
