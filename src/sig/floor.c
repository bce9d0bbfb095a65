/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: floors: the way back to an old version, which is signed as well as the new one, is closed. */
#include "sig/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <sys/file.h>

#include "sig/sig_priv.h"

enum { FLOOR_FILE_MAX = 1 << 20 };

struct floor {
	uint64_t version;
	struct cfs_text name;
};

static int next_floor(struct cfs_text *rest, struct floor *out, struct cfs_err *err)
{
	struct cfs_text line = {"", 0};
	const char *blank = NULL;

	if (sig_next_line(rest, &line))
		blank = memchr(line.s, ' ', line.len);
	if (blank) {
		struct cfs_text number = {line.s, (size_t)(blank - line.s)};

		out->name = (struct cfs_text){blank + 1, line.len - number.len - 1};
		if (sig_parse_number(number, &out->version) && sig_is_name(out->name))
			return 0;
	}
	return cfs_fail(err, EINVAL,
			"floors: want lines \"VERSION NAME\", found another");
}

static int check_above(const struct cfs_sig_statement *s, uint64_t floor,
		       struct cfs_err *err)
{
	if (s->version >= floor)
		return 0;
	return cfs_fail(err, ESTALE,
			"%.*s: version %" PRIu64 " is below the floor %" PRIu64
			": rolled back",
			(int)s->name.len, s->name.s, s->version, floor);
}

static int append_floor(struct cfs_mem *out, struct cfs_text name, uint64_t version,
			struct cfs_err *err)
{
	return sig_append(out, err, "%" PRIu64 " %.*s\n", version, (int)name.len, name.s);
}

int cfs_sig_floor_replace(struct cfs_text file, const struct cfs_sig_statement *s,
			  struct cfs_mem *out, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0 && file.len) {
		struct floor f;

		rc = next_floor(&file, &f, err);
		if (rc < 0)
			return rc;
		if (cfs_text_eq(f.name, s->name))
			rc = check_above(s, f.version, err);
		else
			rc = append_floor(out, f.name, f.version, err);
	}
	return rc == 0 ? append_floor(out, s->name, s->version, err) : rc;
}

static int read_floors(const char *path, struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "floors: open");
	rc = cfs_map_copy(fd, out, err);
	if (rc == 0 && out->span.len > FLOOR_FILE_MAX) {
		cfs_map_close(out);
		rc = cfs_fail(err, EINVAL, "floors: want at most %d bytes",
			      FLOOR_FILE_MAX);
	}
	return rc;
}

/* out: the text that the file would have. */
static int check_file(const char *path, const struct cfs_sig_statement *s,
		      struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_map map;
	int rc = read_floors(path, &map, err);

	if (rc < 0)
		return rc;
	rc = cfs_sig_floor_replace(cfs_span_text(map.span), s, out, err);
	cfs_map_close(&map);
	return rc;
}

int cfs_sig_floor_check(const char *path, const struct cfs_sig_statement *s,
			struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = check_file(path, s, &text, err);

	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

/* Between reading and replacing nobody else does the same: whoever does holds the directory. */
static int lock_directory(const char *path, struct cfs_err *err)
{
	cfs_autofree char *copy = strdup(path);
	cfs_autofd int fd = -1;

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return cfs_fail_errno(err, "floors: lock the directory");
	return cfs_steal_fd(&fd);
}

static int write_floors(const char *path, const struct cfs_mem *text, struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open(path, &r, err);

	if (rc == 0)
		rc = cfs_io_write(r.fd, text->p, text->len, err);
	if (rc == 0)
		return cfs_replace_commit(&r, err);
	cfs_replace_abort(&r);
	return rc;
}

int cfs_sig_floor_raise(const char *path, const struct cfs_sig_statement *s,
			struct cfs_err *err)
{
	cfs_autofd int lock = lock_directory(path, err);
	struct cfs_mem text = {0};
	int rc = lock;

	if (lock < 0)
		return cfs_context(err, rc, "%s", path);
	rc = check_file(path, s, &text, err);
	if (rc == -ENOENT)
		rc = append_floor(&text, s->name, s->version, err);
	if (rc == 0)
		rc = write_floors(path, &text, err);
	free(text.p);
	return cfs_context(err, rc, "%s", path);
}
