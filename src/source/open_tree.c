/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From an argument to a tree. */
#include "source/open_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/dump.h"
#include "source/own_places.h"
#include "scan/scan.h"

enum { DIGEST_FIELD = 10 }; /* of a line of a dump, counted from 0 */

/* The kind that the prefix of a name selects. */
enum meant { ANYTHING, A_DIRECTORY, A_DUMP, AN_IMAGE, OF_REPOSITORY };

static enum meant strip_prefix(const char **name)
{
	static const struct {
		struct cfs_text prefix;
		enum meant meant;
	} rows[] = {
		{{"dir:", 4}, A_DIRECTORY},
		{{"dump:", 5}, A_DUMP},
		{{"image:", 6}, AN_IMAGE},
		{{"repo:", 5}, OF_REPOSITORY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!cfs_text_has_prefix(cfs_text(*name), rows[i].prefix))
			continue;
		*name += rows[i].prefix.len;
		return rows[i].meant;
	}
	return ANYTHING;
}

bool cfs_source_is_stdin(const char *name)
{
	enum meant meant = strip_prefix(&name);

	return strcmp(name, "-") == 0 && meant != A_DIRECTORY && meant != OF_REPOSITORY;
}

/* --- Directories -------------------------------------------------------------------- */

static int open_directory(struct cfs_source *s, int fd, const struct cfs_source_opts *o,
			  struct cfs_err *err)
{
	struct cfs_scan_opts scan = {.alg = o->alg,
				     .hardlinks = true,
				     .one_file_system = o->one_file_system,
				     .no_digests = !o->digests};
	struct cfs_own_places own = {0};
	const char *path;
	int rc;

	s->kind = CFS_SOURCE_DIRECTORY;
	s->dirfd = fd;
	/* create-image leaves the repository out, so that this does too. A default repository may be inaccessible. */
	rc = o->repo.find(o->repo.ctx, &path, err);
	if (rc == 0)
		rc = cfs_own_places_add_dir(&own, path, "the repository", err);
	if (rc < 0 && o->repo.is_given)
		return rc;
	scan.exclude = own.v;
	scan.n_exclude = own.n;
	return cfs_context(err, cfs_scan(fd, ".", &scan, &s->tree, err), "%s", s->name);
}

/* Opens component by component without following symlinks: a directory may have been replaced by one since the scan. */
static int open_below(int top, const struct cfs_tree *t, cfs_id file, struct cfs_err *err)
{
	cfs_autofree cfs_id *way = NULL;
	cfs_autofd int at = -1;
	size_t n = 0, cap = 0;

	for (cfs_id id = file; id != CFS_ROOT; id = t->nodes[id].parent) {
		if (cfs_grow(&way, &cap, n + 1, sizeof(*way)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		way[n++] = id;
	}
	while (n--) {
		int how = n ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
		int fd = openat(at < 0 ? top : at, t->nodes[way[n]].name,
				how | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return cfs_fail_errno(err, "open");
		if (at >= 0)
			close(at);
		at = fd;
	}
	return cfs_steal_fd(&at);
}

static int digest_file(const struct cfs_source *s, cfs_id file, enum cfs_hash_alg alg,
		       struct cfs_digest *out, struct cfs_err *err)
{
	cfs_autofd int fd = open_below(s->dirfd, s->tree, file, err);
	struct stat st;
	uint64_t size;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, ESTALE, "changed while it was compared");
	rc = cfs_verity_digest_fd(alg, fd, 1, NULL, out, &size, err);
	if (rc == 0 && size != s->tree->nodes[file].size)
		rc = cfs_fail(err, ESTALE, "changed while it was compared");
	return rc;
}

static int read_file(void *ctx, unsigned worker, cfs_id file, enum cfs_hash_alg alg,
		     struct cfs_digest *out, struct cfs_err *err)
{
	const struct cfs_source *s = ctx;
	int rc = digest_file(s, file, alg, out, err);
	char path[512];

	(void)worker;
	if (rc == 0)
		return 0;
	return cfs_context(err, rc, "%s%s", s->name,
			   cfs_tree_path(s->tree, file, path, sizeof(path)));
}

struct cfs_diff_side cfs_source_for_diff(struct cfs_source *s)
{
	struct cfs_diff_side out = {.tree = s->tree};

	if (s->kind == CFS_SOURCE_DIRECTORY) {
		out.read = read_file;
		out.read_ctx = s;
	}
	return out;
}

/* --- Files -------------------------------------------------------------------------- */

/* The length of a field of a line, counted from 0; a space follows each but the last. */
static size_t field_len(struct cfs_text line, int field)
{
	const char *space;

	for (;; field--) {
		space = line.len ? memchr(line.s, ' ', line.len) : NULL;
		if (field == 0 || !space)
			break;
		line.len -= (size_t)(space + 1 - line.s);
		line.s = space + 1;
	}
	if (field)
		return 0;
	return space ? (size_t)(space - line.s) : line.len;
}

/* The algorithm of the first digest; SHA-256 when there is none. The parser validates the digest itself. */
static enum cfs_hash_alg dump_alg(struct cfs_text text)
{
	const char *end = text.s + text.len;

	for (const char *at = text.s; at < end;) {
		size_t left = (size_t)(end - at);
		const char *eol = memchr(
			at, '\n', left < CFS_DUMP_LINE_MAX ? left : CFS_DUMP_LINE_MAX);
		struct cfs_text line = {at, eol ? (size_t)(eol - at) : left};
		size_t len;

		if (line.len > CFS_DUMP_LINE_MAX) /* the parser refuses it */
			break;
		len = field_len(line, DIGEST_FIELD);
		if (len > 1)
			return len == 2 * CFS_SHA512_LEN ? CFS_SHA512 : CFS_SHA256;
		at += line.len + 1;
	}
	return CFS_SHA256;
}

static int load_dump(struct cfs_source *s, struct cfs_err *err)
{
	struct cfs_text text = cfs_span_text(s->map.span);
	struct cfs_dump_opts opts = {.name = s->name};

	s->kind = CFS_SOURCE_DUMP;
	return cfs_dump_read_mem(text, dump_alg(text), &opts, &s->tree, err);
}

/* Loads each inode at the name where the writer had it. That fails for images of other writers and of formats that ours
 * does not write; these are loaded with each inode at its first name. */
static int load_tree(struct cfs_source *s, struct cfs_err *err)
{
	static const struct cfs_load_opts writers = {.writers_names = true}, first;
	int rc = cfs_image_load(&s->image, &writers, &s->tree, err);

	return rc == -EUCLEAN ? cfs_image_load(&s->image, &first, &s->tree, err) : rc;
}

static int load_image(struct cfs_source *s, struct cfs_err *err)
{
	int rc;

	s->kind = CFS_SOURCE_IMAGE;
	rc = cfs_image_open(s->map.span, &s->image, err);
	if (rc == 0)
		rc = load_tree(s, err);
	return cfs_context(err, rc, "%s", s->name);
}

static bool begins_like_a_dump(int fd)
{
	char first;

	return cfs_io_pread(fd, &first, 1, 0, NULL) == 1 && first == '/';
}

/* Reads a dump or an image; the first byte tells which. */
static int read_stream(struct cfs_source *s, int fd, bool *is_dump, struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	int rc;

	if (cfs_grow(&bytes.p, &bytes.cap, 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = (int)cfs_io_read(fd, bytes.p, 1, err);
	if (rc == 1) {
		bytes.len = 1;
		*is_dump = bytes.p[0] == '/';
		rc = *is_dump ? cfs_input_read_fd(fd, SIZE_MAX / 2, &bytes, err)
			      : cfs_image_read_stream(fd, &bytes, err);
	}
	s->map = (struct cfs_map){.span = {bytes.p, bytes.len}};
	if (rc < 0)
		cfs_map_close(&s->map);
	return rc;
}

static int open_file(struct cfs_source *s, int fd, enum meant meant, struct cfs_err *err)
{
	bool is_dump = meant == A_DUMP;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", s->name);
	if (meant == ANYTHING && !S_ISREG(st.st_mode)) {
		rc = read_stream(s, fd, &is_dump, err);
	} else {
		is_dump |= meant == ANYTHING && begins_like_a_dump(fd);
		rc = is_dump ? cfs_map_stable(fd, &s->map, err)
			     : cfs_image_map(fd, cfs_map_stable, &s->map, err);
	}
	if (rc < 0)
		return cfs_context(err, rc, "%s", s->name);
	return is_dump ? load_dump(s, err) : load_image(s, err);
}

/* --- Selection ---------------------------------------------------------------------- */

static int open_of_repository(struct cfs_source *s, const struct cfs_source_opts *o,
			      struct cfs_err *err)
{
	int rc;

	s->kind = CFS_SOURCE_IMAGE;
	rc = o->repo.open_image(o->repo.ctx, s->name, &s->map, &s->image, err);
	if (rc < 0)
		return rc;
	return cfs_context(err, load_tree(s, err), "%s", s->name);
}

/* A name without a file may be an image of the repository. When no repository was given, the message names both. */
static int open_missing(struct cfs_source *s, int rc, const struct cfs_source_opts *o,
			enum meant meant, struct cfs_err *err)
{
	if (rc != -ENOENT || meant != ANYTHING)
		return cfs_context(err, rc, "Failed to open %s", s->name);
	rc = open_of_repository(s, o, err);
	if (rc < 0 && !o->repo.is_given)
		cfs_context(err, rc, "%s: no such file, nor in a repository", s->name);
	return rc;
}

static int open_existing(struct cfs_source *s, const struct cfs_source_opts *o,
			 enum meant meant, struct cfs_err *err)
{
	cfs_autofd int fd = -1;

	if (meant != A_DIRECTORY && cfs_source_is_stdin(s->name))
		return open_file(s, STDIN_FILENO, meant, err);
	fd = meant == A_DIRECTORY
		     ? -EISDIR
		     : cfs_input_open(AT_FDCWD, s->name, CFS_INPUT_PIPE, err);
	if (fd >= 0)
		return open_file(s, fd, meant, err);
	if (fd != -EISDIR || (meant != A_DIRECTORY && meant != ANYTHING))
		return open_missing(s, fd, o, meant, err);
	fd = open(s->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "Failed to open %s", s->name);
	return open_directory(s, cfs_steal_fd(&fd), o, err);
}

int cfs_source_open(struct cfs_source *s, const char *name,
		    const struct cfs_source_opts *opts, struct cfs_err *err)
{
	enum meant meant = strip_prefix(&name);
	int rc;

	*s = (struct cfs_source){.name = name, .dirfd = -1};
	rc = meant == OF_REPOSITORY ? open_of_repository(s, opts, err)
				    : open_existing(s, opts, meant, err);
	if (rc < 0) {
		cfs_source_close(s);
		*s = (struct cfs_source){.dirfd = -1};
	} else if (s->kind == CFS_SOURCE_DUMP) {
		cfs_map_close(&s->map); /* the tree does not borrow from the text */
	}
	return rc;
}

void cfs_source_close(struct cfs_source *s)
{
	cfs_tree_free(cfs_steal(&s->tree));
	cfs_map_close(&s->map);
	if (s->kind == CFS_SOURCE_DIRECTORY && s->dirfd >= 0)
		close(s->dirfd);
}
