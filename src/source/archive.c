/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Connects tar, decompress, store and the builder of trees. */
#include "source/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "decompress/decompress.h"
#include "source/read_file.h"
#include "tar/tar.h"

enum { RATIO_WARN = 1000, REPORT_EVERY = 64 };

struct archive {
	const struct cfs_ingest *in;
	struct cfs_store *store;   /* NULL: compute digests only */
	struct cfs_verity *verity; /* used without a store */
	struct cfs_tar *tar;
	struct cfs_place place;
	struct cfs_mem content;	  /* content of a file that is stored in the image */
	struct cfs_xattr *xattrs; /* the xattrs to keep */
	size_t xattrs_cap;
	cfs_id *skipped; /* devices that are left out, and their hard links */
	size_t n_skipped, skipped_cap;
	uint64_t n_entries;
};

/* --- contents --------------------------------------------------------------------------- */

static bool is_inline(const struct archive *a, const struct cfs_inode_spec *inode)
{
	const struct cfs_scan_opts *o = &a->in->scan;
	int max = o->inline_max ? o->inline_max : CFS_SCAN_INLINE_DEFAULT;

	if (o->no_inline_executables && (inode->mode & 0111))
		return false;
	return max > 0 && inode->size <= (uint64_t)max;
}

static int read_inline_content(struct archive *a, struct cfs_inode_spec *inode,
			       struct cfs_err *err)
{
	int rc;

	a->content.len = 0;
	rc = cfs_tar_copy(a->tar, cfs_sink_mem(&a->content), NULL, err);
	inode->content = cfs_mem_span(&a->content);
	return rc;
}

static int store_content(struct archive *a, uint64_t size, struct cfs_digest *out,
			 struct cfs_err *err)
{
	struct cfs_store_writer *w;
	int rc = cfs_store_writer_open(a->store, 0, size, &w, err);

	if (rc < 0)
		return rc;
	rc = cfs_tar_copy(a->tar, cfs_store_writer_get_sink(w), NULL, err);
	if (rc == 0)
		return cfs_store_writer_finish(w, NULL, out, err);
	cfs_store_writer_drop(w);
	return rc;
}

static int digest_content(struct archive *a, struct cfs_digest *out, struct cfs_err *err)
{
	int rc;

	if (!a->verity && cfs_verity_new(a->in->scan.alg, &a->verity) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_verity_reset(a->verity);
	rc = cfs_tar_copy(a->tar, cfs_verity_get_sink(a->verity), NULL, err);
	if (rc == 0)
		cfs_verity_final(a->verity, out);
	return rc;
}

/* Makes an object of the content and keeps it in memory, too. */
static int store_entry_content(struct archive *a, struct cfs_digest *out,
			       struct cfs_err *err)
{
	struct cfs_span content;
	int rc;

	a->content.len = 0;
	rc = cfs_tar_copy(a->tar, cfs_sink_mem(&a->content), NULL, err);
	if (rc < 0)
		return rc;
	content = (struct cfs_span){a->content.p, a->content.len};
	rc = a->store ? cfs_store_add_mem(a->store, 0, content, out, err)
		      : cfs_verity_digest_mem(a->in->scan.alg, content, out, err);
	return rc < 0 ? rc : cfs_keep_add(a->in->keep, out, content, err);
}

/* Reads the content of a regular file: into the image, or as an object. */
static int read_entry_content(struct archive *a, struct cfs_text name,
			      struct cfs_inode_spec *inode, struct cfs_digest *digest,
			      char path[CFS_OBJECT_PATH_MAX], struct cfs_err *err)
{
	int rc;

	if (!S_ISREG(inode->mode) || inode->size == 0)
		return 0;
	if (inode->size > CFS_EXTERNAL_MAX) {
		rc = cfs_fail(err, EFBIG, "size: expected at most 2^53 bytes, got %llu",
			      (unsigned long long)inode->size);
		return cfs_tar_add_place(a->tar, rc, err);
	}
	if (is_inline(a, inode))
		return read_inline_content(a, inode, err);
	if (cfs_keep_wants(a->in->keep, name, inode->size))
		rc = store_entry_content(a, digest, err);
	else if (a->store)
		rc = store_content(a, inode->size, digest, err);
	else
		rc = digest_content(a, digest, err);
	if (rc < 0)
		return rc;
	inode->digest = digest->bytes;
	inode->payload = cfs_text(cfs_digest_path(digest, path));
	return 0;
}

/* --- entries ---------------------------------------------------------------------------- */

static bool is_wanted_archive_xattr(const struct archive *a, struct cfs_text key)
{
	const struct cfs_scan_opts *o = &a->in->scan;

	if (o->user_xattrs && !cfs_text_has_prefix(key, CFS_TEXT("user.")))
		return false;
	return !o->wants_xattr || o->wants_xattr(key);
}

/* Leaves out what the options leave out of a directory. */
static int apply_options(struct archive *a, struct cfs_inode_spec *inode,
			 struct cfs_err *err)
{
	const struct cfs_scan_opts *o = &a->in->scan;
	size_t n = 0;

	if (o->use_epoch) {
		inode->mtime_sec = 0;
		inode->mtime_nsec = 0;
	}
	if (o->skip_xattrs)
		inode->n_xattrs = 0;
	if (cfs_grow(&a->xattrs, &a->xattrs_cap, inode->n_xattrs + 1,
		     sizeof(*a->xattrs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < inode->n_xattrs; i++)
		if (is_wanted_archive_xattr(a, inode->xattrs[i].key))
			a->xattrs[n++] = inode->xattrs[i];
	inode->xattrs = a->xattrs;
	inode->n_xattrs = n;
	return 0;
}

/* IDs grow with each entry, so the list is in order. */
static bool is_skipped(const struct archive *a, cfs_id id)
{
	size_t first = 0, end = a->n_skipped;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (a->skipped[middle] < id)
			first = middle + 1;
		else
			end = middle;
	}
	return first < a->n_skipped && a->skipped[first] == id;
}

/* Devices stay until the end, since hard links may lead to them. */
static int record_skipped(struct archive *a, const struct cfs_tar_entry *e,
			  struct cfs_err *err)
{
	bool is_device = S_ISCHR(e->inode.mode) || S_ISBLK(e->inode.mode);
	cfs_id id, target = CFS_NO_NODE;
	int rc = 0;

	if (e->is_link && a->n_skipped)
		rc = cfs_place_find(&a->place, e->target, &target, err);
	if (rc < 0 || !(e->is_link ? is_skipped(a, target) : is_device))
		return rc;
	rc = cfs_place_find(&a->place, e->path, &id, err);
	if (rc < 0 || is_skipped(a, id)) /* a hard link to itself */
		return rc;
	if (cfs_grow(&a->skipped, &a->skipped_cap, a->n_skipped + 1,
		     sizeof(*a->skipped)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->skipped[a->n_skipped++] = id;
	return 0;
}

/* Adds one entry and stores its content. Errors name the entry. Skipped devices are
 * remembered, because hard links to them must disappear too. */
static int add_archive_entry(struct archive *a, const struct cfs_tar_entry *e,
			     struct cfs_err *err)
{
	struct cfs_inode_spec inode = e->inode;
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_digest digest;
	int rc;

	if (e->is_link) {
		rc = cfs_place_put_link(&a->place, e->path, e->target, err);
	} else {
		rc = apply_options(a, &inode, err);
		if (rc == 0)
			rc = read_entry_content(a, e->path, &inode, &digest, path, err);
		if (rc < 0)
			return rc;
		rc = cfs_place_put(&a->place, e->path, &inode, err);
	}
	if (rc < 0)
		return cfs_tar_add_place(a->tar, rc, err);
	return a->in->scan.skip_devices ? record_skipped(a, e, err) : 0;
}

static void report_archive_progress(const struct archive *a, uint64_t done)
{
	const struct cfs_progress now = {
		.stage = "entries",
		.done = a->n_entries,
		.bytes_done = done,
	};

	cfs_watch_progress(a->in->watch, &now);
}

/* Adds all entries of the archive. An empty file is refused: it is more often a failed
 * download than an empty archive. */
static int read_archive_entries(struct archive *a, struct cfs_err *err)
{
	const struct cfs_tar_entry *e;
	int rc;

	while ((rc = cfs_tar_next(a->tar, &e, err)) > 0) {
		a->n_entries++;
		rc = add_archive_entry(a, e, err);
		if (rc < 0)
			return rc;
		if (a->n_entries % REPORT_EVERY == 1)
			report_archive_progress(a, cfs_tar_get_offset(a->tar));
	}
	if (rc == 0 && cfs_tar_get_offset(a->tar) == 0)
		rc = cfs_fail(err, EINVAL, "got an empty file");
	return rc;
}

/* --- the whole archive ------------------------------------------------------------------ */

static int begin_tree(struct archive *a, struct cfs_err *err)
{
	static const struct cfs_inode_spec root = {.mode = S_IFDIR | 0755, .nlink = 1};
	int rc = cfs_builder_new(a->in->scan.alg, &a->place.builder, err);

	if (rc < 0)
		return rc;
	cfs_builder_settle_names(a->place.builder);
	return cfs_builder_set_root(a->place.builder, &root, err);
}

static int end_tree(struct archive *a, struct cfs_tree **out, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->n_skipped; i++)
		rc = cfs_builder_remove(a->place.builder, a->skipped[i], err);
	return rc < 0 ? rc : cfs_builder_freeze(&a->place.builder, out, err);
}

/* Reads the archive to its end into *out, which the caller owns. Frees all that a was
 * given while reading, also after an error. */
static int read_archive_tree(struct archive *a, struct cfs_feed plain,
			     struct cfs_tree **out, struct cfs_err *err)
{
	const struct cfs_tar_opts opts = {.watch = a->in->watch,
					  .encoded_xattr_names = true};
	int rc = cfs_tar_open(plain, &opts, &a->tar, err);

	if (rc == 0)
		rc = begin_tree(a, err);
	if (rc == 0)
		rc = read_archive_entries(a, err);
	if (rc == 0)
		rc = end_tree(a, out, err);
	cfs_tar_close(a->tar);
	cfs_builder_free(a->place.builder);
	cfs_place_fini(&a->place);
	cfs_verity_free(a->verity);
	free(a->content.p);
	free(a->xattrs);
	free(a->skipped);
	return rc;
}

#define EXPECTED_ARCHIVE "expected a tar archive, plain or compressed by gzip or zstd"

/* A file that is not an archive fails before its first entry, or seems to have none: an ext4 filesystem begins with
 * zeros, as an archive ends. */
static int check_kind(const struct archive *a, int fd, int rc, struct cfs_err *err)
{
	const struct cfs_kind *kind;

	if ((rc != 0 && rc != -EINVAL && rc != -ENOTSUP) || a->n_entries > 0)
		return rc;
	kind = cfs_kind_find_fd(fd);
	if (kind && !kind->is_tar)
		return cfs_fail(err, EINVAL, EXPECTED_ARCHIVE ", got %s", kind->name);
	return rc == -EINVAL ? cfs_context(err, rc, EXPECTED_ARCHIVE) : rc;
}

/* Reads a tar archive through the decompressor, whose limits stop a bomb. */
static int decompress_archive_fd(struct archive *a, int fd, struct cfs_tree **out,
				 struct cfs_err *err)
{
	const struct cfs_watched_fd from = {fd, a->in->watch};
	const struct cfs_decompress_opts opts = {.watch = a->in->watch,
						 .max_len = CFS_ARCHIVE_LEN_MAX,
						 .warn_ratio = RATIO_WARN};
	struct cfs_decompress *d;
	int rc = cfs_decompress_open(cfs_feed_watched_fd(&from), &opts, &d, err);

	if (rc < 0)
		return rc;
	rc = read_archive_tree(a, cfs_decompress_get_feed(d), out, err);
	cfs_decompress_close(d);
	return rc;
}

static int read_archive_fd(struct archive *a, int fd, struct cfs_tree **out,
			   struct cfs_err *err)
{
	struct cfs_tree *tree = NULL;
	int rc = check_kind(a, fd, decompress_archive_fd(a, fd, &tree, err), err);

	if (rc < 0)
		cfs_tree_free(tree);
	else
		*out = tree;
	return rc;
}

/* Opens the archive that the user named. A terminal as standard input is a mistake:
 * an archive cannot be typed. */
static int open_archive(const char *source, struct cfs_err *err)
{
	struct stat st;

	if (strcmp(source, "-") != 0 && stat(source, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISFIFO(st.st_mode))
		return cfs_fail(err, EINVAL,
				"expected a directory or a tar archive, got %s",
				cfs_input_get_type_name(st.st_mode));
	if (strcmp(source, "-") != 0)
		return cfs_input_open(AT_FDCWD, source, CFS_INPUT_PIPE, err);
	if (isatty(STDIN_FILENO))
		return cfs_fail(err, EINVAL,
				"expected an archive on standard input, got a terminal");
	return STDIN_FILENO;
}

int cfs_ingest_archive(const struct cfs_ingest *in, struct cfs_tree **out,
		       struct cfs_err *err)
{
	struct archive a = {.in = in, .store = in->into};
	int fd, rc;

	if (in->scan.one_file_system)
		return cfs_fail(err, EINVAL,
				"%s: an archive has no mounts: --one-file-system is for "
				"directories",
				in->source);
	fd = open_archive(in->source, err);
	rc = fd < 0 ? fd : read_archive_fd(&a, fd, out, err);
	if (fd > STDERR_FILENO)
		close(fd);
	return cfs_context(err, rc, "%s",
			   strcmp(in->source, "-") == 0 ? "standard input" : in->source);
}

cfs_ingest_fn cfs_ingest_choose(const char *source)
{
	struct stat st;

	if (strcmp(source, "-") == 0)
		return cfs_ingest_archive;
	if (stat(source, &st) == 0 && !S_ISDIR(st.st_mode))
		return cfs_ingest_archive;
	return cfs_ingest_directory;
}
