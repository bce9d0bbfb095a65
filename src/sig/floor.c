/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: rollback floors. An old version is signed as well as a new one; a floor refuses
 * it. */
#include "sig/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "sig/sig_priv.h"

enum { FLOOR_FILE_MAX = 1 << 20 }; /* bytes */

struct floor {
	uint64_t version;
	struct cfs_text name;
};

/* Takes the next line of a file of rollback floors. A malformed line is an error: a
 * floor that is not understood must not be ignored. */
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
			"floors: expected lines \"VERSION NAME\", got another");
}

static int check_above(const struct cfs_sig_statement *s, uint64_t floor,
		       struct cfs_err *err)
{
	if (s->version >= floor)
		return 0;
	return cfs_fail(err, ESTALE,
			"%.*s: rolled back: expected version %" PRIu64
			" or newer, got %" PRIu64,
			(int)s->name.len, s->name.s, floor, s->version);
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

/* The size is checked before the file is read: it may be sparse. */
static int read_floors(int fd, const struct stat *st, struct cfs_mem *out,
		       struct cfs_err *err)
{
	ssize_t n;

	if (st->st_size > FLOOR_FILE_MAX)
		return cfs_fail(err, EINVAL, "floors: expected at most %d bytes",
				FLOOR_FILE_MAX);
	if (cfs_grow(&out->p, &out->cap, (size_t)st->st_size + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(fd, out->p, (size_t)st->st_size + 1, 0, err);
	if (n < 0)
		return (int)n;
	if (n > st->st_size)
		return cfs_fail(err, EINVAL, "floors: the file grew while it was read");
	out->len = (size_t)n;
	return 0;
}

/* Appends the text that the file would have to out. */
static int check_floors(int fd, const struct stat *st, const struct cfs_sig_statement *s,
			struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = read_floors(fd, st, &text, err);

	if (rc == 0)
		rc = cfs_sig_floor_replace(cfs_mem_text(&text), s, out, err);
	free(text.p);
	return rc;
}

/* A file that was just replaced counts like the new one. A file that was deleted and is
 * bind-mounted at path does not: its floors are no longer raised. */
static int open_floors(const char *path, struct stat *st, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, 0, err);
	struct stat now;

	if (fd < 0)
		return cfs_context(err, fd, "floors");
	if (fstat(fd, st) < 0)
		return cfs_fail_errno(err, "floors: stat");
	if (st->st_nlink == 0 && stat(path, &now) == 0 && now.st_dev == st->st_dev &&
	    now.st_ino == st->st_ino)
		return cfs_fail(err, ESTALE,
				"floors: the file was deleted, and is only mounted here");
	return cfs_steal_fd(&fd);
}

int cfs_sig_floor_check(const char *path, const struct cfs_sig_statement *s,
			struct cfs_err *err)
{
	struct cfs_mem text = {0};
	struct stat st;
	cfs_autofd int fd = open_floors(path, &st, err);
	int rc = fd < 0 ? fd : check_floors(fd, &st, s, &text, err);

	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

/* A second hard link would keep the old floors, because only the file at this name is
 * replaced. */
static int raise_floors(struct cfs_update *u, const struct cfs_sig_statement *s,
			struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc;

	if (u->fd >= 0 && u->st.st_nlink > 1)
		rc = cfs_fail(err, EMLINK,
			      "floors: expected a file with one name, got %ju hard links",
			      (uintmax_t)u->st.st_nlink);
	else
		rc = u->fd >= 0 ? check_floors(u->fd, &u->st, s, &text, err)
				: append_floor(&text, s->name, s->version, err);
	if (rc == 0)
		rc = cfs_update_commit(u, text.p, text.len, err);
	free(text.p);
	return rc;
}

int cfs_sig_floor_raise(const char *path, const struct cfs_sig_statement *s,
			const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	struct cfs_update u;
	int rc = cfs_context(err, cfs_update_begin(path, wait, &u, err), "floors");

	if (rc == 0) {
		rc = raise_floors(&u, s, err);
		cfs_update_end(&u);
	}
	return cfs_context(err, rc, "%s", path);
}
