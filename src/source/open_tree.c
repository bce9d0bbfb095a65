/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opens an argument of a command as a tree. */
#include "source/open_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/dump.h"
#include "source/own_places.h"
#include "scan/scan.h"
#include "source/read_file.h"

enum { DIGEST_FIELD = 10 }; /* field of a dump line, counted from 0 */

/* The kind that the prefix of a name selects. */
enum prefix_kind { ANY_KIND, KIND_DIRECTORY, KIND_DUMP, KIND_IMAGE, KIND_REPOSITORY };

/* Moves *name behind a prefix such as "dump:". Without one, the content decides what
 * the source is. */
static enum prefix_kind strip_prefix(const char **name)
{
	static const struct {
		struct cfs_text prefix;
		enum prefix_kind kind;
	} rows[] = {
		{{"dir:", 4}, KIND_DIRECTORY},
		{{"dump:", 5}, KIND_DUMP},
		{{"image:", 6}, KIND_IMAGE},
		{{"repo:", 5}, KIND_REPOSITORY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!cfs_text_has_prefix(cfs_text(*name), rows[i].prefix))
			continue;
		*name += rows[i].prefix.len;
		return rows[i].kind;
	}
	return ANY_KIND;
}

bool cfs_source_is_stdin(const char *name)
{
	enum prefix_kind kind = strip_prefix(&name);

	return strcmp(name, "-") == 0 && kind != KIND_DIRECTORY &&
	       kind != KIND_REPOSITORY;
}

/* --- Directories -------------------------------------------------------------------- */

/* Scans the directory behind fd, which s takes over. Leaving out the repository makes
 * its ID equal to that of create-image. */
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

/* Computes the digest of one file of a scanned directory. -ESTALE when it is not the
 * file that the scan saw. */
static int digest_source_file(const struct cfs_source *s, cfs_id file,
			      enum cfs_hash_alg alg, struct cfs_digest *out,
			      struct cfs_err *err)
{
	cfs_autofd int fd = cfs_source_open_below(s->dirfd, s->tree, file, err);
	struct stat st;
	uint64_t size;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, ESTALE, "changed while it was compared");
	rc = cfs_verity_digest_fd(alg, fd, 1, s->watch, out, &size, err);
	if (rc == 0 && size != s->tree->nodes[file].size)
		rc = cfs_fail(err, ESTALE, "changed while it was compared");
	return rc;
}

static int read_source_digest(void *ctx, unsigned worker, cfs_id file,
			      enum cfs_hash_alg alg, struct cfs_digest *out,
			      struct cfs_err *err)
{
	const struct cfs_source *s = ctx;
	int rc = digest_source_file(s, file, alg, out, err);
	char path[512];

	(void)worker;
	if (rc == 0)
		return 0;
	return cfs_context(err, rc, "%s%s", s->name,
			   cfs_tree_format_path(s->tree, file, path, sizeof(path)));
}

struct cfs_diff_side cfs_source_get_diff_side(struct cfs_source *s)
{
	struct cfs_diff_side out = {.tree = s->tree};

	if (s->kind == CFS_SOURCE_DIRECTORY) {
		out.read = read_source_digest;
		out.read_ctx = s;
	}
	return out;
}

/* --- Files -------------------------------------------------------------------------- */

/* Returns the length of a field of a line. Fields are counted from 0 and separated by one
 * space. */
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

/* Returns the algorithm of the first digest, or SHA-256 if there is none. The parser
 * validates the digest. */
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

/* Loads each inode at the name where our writer stored it. This fails for images of other
 * writers and for formats that ours does not write; then each inode is loaded at its
 * first name. */
static int load_tree(struct cfs_source *s, struct cfs_err *err)
{
	static const struct cfs_load_opts writers = {.writers_names = true}, first;
	int rc = cfs_image_load(&s->image, &writers, &s->tree, err);

	return rc == -EUCLEAN ? cfs_image_load(&s->image, &first, &s->tree, err) : rc;
}

static int load_source_image(struct cfs_source *s, struct cfs_err *err)
{
	int rc;

	s->kind = CFS_SOURCE_IMAGE;
	rc = cfs_image_open(s->map.span, &s->image, err);
	if (rc == 0)
		rc = load_tree(s, err);
	return cfs_context(err, rc, "%s", s->name);
}

static bool is_dump_file(int fd)
{
	char first;

	return cfs_io_pread(fd, &first, 1, 0, NULL) == 1 && first == '/';
}

/* Reads a dump or an image. The first byte decides which. */
static int read_source_stream(struct cfs_source *s, int fd, bool *is_dump,
			      struct cfs_err *err)
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

/* Loads a dump or an image from fd, which stays with the caller; s->map borrows
 * nothing from it. Standard input and pipes are read as a stream, since they cannot be
 * mapped. */
static int open_source_file(struct cfs_source *s, int fd, enum prefix_kind kind,
			    struct cfs_err *err)
{
	bool is_dump = kind == KIND_DUMP;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", s->name);
	if (kind == ANY_KIND && !S_ISREG(st.st_mode)) {
		rc = read_source_stream(s, fd, &is_dump, err);
	} else {
		is_dump |= kind == ANY_KIND && is_dump_file(fd);
		rc = is_dump ? cfs_map_stable(fd, &s->map, err)
			     : cfs_image_map(fd, cfs_map_stable, &s->map, err);
	}
	if (rc < 0)
		return cfs_context(err, rc, "%s", s->name);
	return is_dump ? load_dump(s, err) : load_source_image(s, err);
}

/* --- Selection ---------------------------------------------------------------------- */

static int open_repository_image(struct cfs_source *s, const struct cfs_source_opts *o,
				 struct cfs_err *err)
{
	int rc;

	s->kind = CFS_SOURCE_IMAGE;
	rc = o->repo.open_image(o->repo.ctx, s->name, &s->map, &s->image, err);
	if (rc < 0)
		return rc;
	return cfs_context(err, load_tree(s, err), "%s", s->name);
}

/* A name that is no file may be an image of the repository. If the user gave no
 * repository, the message says that neither exists. */
static int open_missing(struct cfs_source *s, int rc, const struct cfs_source_opts *o,
			enum prefix_kind kind, struct cfs_err *err)
{
	if (rc != -ENOENT || kind != ANY_KIND)
		return cfs_context(err, rc, "Failed to open %s", s->name);
	rc = open_repository_image(s, o, err);
	if (rc < 0 && !o->repo.is_given)
		cfs_context(err, rc, "%s: no such file, nor in a repository", s->name);
	return rc;
}

/* Opens the source and finds out what it is, unless a prefix says it. */
static int open_existing(struct cfs_source *s, const struct cfs_source_opts *o,
			 enum prefix_kind kind, struct cfs_err *err)
{
	cfs_autofd int fd = -1;

	if (kind != KIND_DIRECTORY && cfs_source_is_stdin(s->name))
		return open_source_file(s, STDIN_FILENO, kind, err);
	fd = kind == KIND_DIRECTORY
		     ? -EISDIR
		     : cfs_input_open(AT_FDCWD, s->name, CFS_INPUT_PIPE, err);
	if (fd >= 0)
		return open_source_file(s, fd, kind, err);
	if (fd != -EISDIR || (kind != KIND_DIRECTORY && kind != ANY_KIND))
		return open_missing(s, fd, o, kind, err);
	fd = open(s->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "Failed to open %s", s->name);
	return open_directory(s, cfs_steal_fd(&fd), o, err);
}

int cfs_source_open(struct cfs_source *s, const char *name,
		    const struct cfs_source_opts *opts, struct cfs_err *err)
{
	enum prefix_kind kind = strip_prefix(&name);
	int rc;

	*s = (struct cfs_source){.name = name, .dirfd = -1};
	rc = kind == KIND_REPOSITORY ? open_repository_image(s, opts, err)
				     : open_existing(s, opts, kind, err);
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
