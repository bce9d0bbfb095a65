/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The fields of a line before its xattrs, each parsed by its function in the table. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "dump/dump_priv.h"

enum column {
	PATH,
	SIZE,
	MODE,
	NLINK,
	UID,
	GID,
	RDEV,
	MTIME,
	PAYLOAD,
	CONTENT,
	DIGEST,
};

static_assert(DIGEST + 1 == DUMP_N_COLUMNS, "the last field");

static bool is_absent(struct cfs_text f)
{
	return f.len == 1 && f.s[0] == '-';
}

/* Most lines have no escapes, or only in their last xattr. */
static bool has_escapes(const struct cfs_dump_parser *p, struct cfs_text f)
{
	return p->first_escape < f.s + f.len && memchr(f.s, '\\', f.len);
}

int dump_unescape_field(struct cfs_dump_parser *p, struct cfs_text *f,
			struct cfs_err *err)
{
	char *to;
	ssize_t n;

	if (!has_escapes(p, *f))
		return 0;
	to = p->scratch + p->scratch_len;
	n = cfs_dump_unescape(*f, to, err);
	if (n < 0)
		return (int)n;
	p->scratch_len += (size_t)n;
	*f = (struct cfs_text){to, (size_t)n};
	return 0;
}

int dump_unescape_string(struct cfs_dump_parser *p, struct cfs_text *f,
			 struct cfs_err *err)
{
	int rc;

	if (!has_escapes(p, *f))
		return 0; /* no NUL either: the line was searched for it */
	rc = dump_unescape_field(p, f, err);
	if (rc == 0 && memchr(f->s, '\0', f->len))
		return cfs_fail(err, EINVAL, "expected no NUL byte, got \"%s\"",
				cfs_dump_quote(*f).s);
	return rc;
}

static int parse_number_field(struct cfs_text f, uint64_t *out, struct cfs_err *err)
{
	if (!cfs_dump_parse_decimal(f, out))
		return cfs_fail(err, EINVAL, "expected a decimal number, got \"%s\"",
				cfs_dump_quote(f).s);
	return 0;
}

/* Only the low 32 bits are kept. */
static int parse_number32(struct cfs_text f, uint32_t *out, struct cfs_err *err)
{
	uint64_t value;
	int rc = parse_number_field(f, &value, err);

	if (rc == 0)
		*out = (uint32_t)value;
	return rc;
}

static int parse_path_field(struct cfs_dump_parser *p, struct cfs_text f,
			    struct cfs_dump_line *out, struct cfs_err *err)
{
	out->path = f;
	if (f.len == 0)
		return cfs_fail(err, EINVAL, "expected a path, got nothing");
	return dump_unescape_string(p, &out->path, err);
}

static int parse_size_field(struct cfs_dump_parser *p, struct cfs_text f,
			    struct cfs_dump_line *out, struct cfs_err *err)
{
	(void)p;
	return parse_number_field(f, &out->inode.size, err);
}

static bool is_mode_type(uint32_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISBLK(mode) ||
	       S_ISCHR(mode) || S_ISSOCK(mode) || S_ISFIFO(mode);
}

/* A mode with "@" before it is a hard link, whose payload is then the target. Type and
 * bits come from outside, so the type is checked here. */
static int parse_mode(struct cfs_dump_parser *p, struct cfs_text f,
		      struct cfs_dump_line *out, struct cfs_err *err)
{
	uint64_t mode;

	(void)p;
	if (f.len && f.s[0] == '@') {
		out->is_link = true;
		f.s++;
		f.len--;
	}
	if (!cfs_dump_parse_octal(f, &mode))
		return cfs_fail(err, EINVAL, "expected an octal number, got \"%s\"",
				cfs_dump_quote(f).s);
	out->inode.mode = (uint32_t)mode;
	if (!is_mode_type(out->inode.mode))
		return cfs_fail(err, EINVAL, "expected a known file type, got %" PRIo32,
				out->inode.mode);
	if (out->is_link && S_ISDIR(out->inode.mode))
		return cfs_fail(err, EINVAL, "directories cannot be hard linked");
	return 0;
}

static int parse_nlink(struct cfs_dump_parser *p, struct cfs_text f,
		       struct cfs_dump_line *out, struct cfs_err *err)
{
	(void)p;
	return parse_number32(f, &out->inode.nlink, err);
}

static int parse_uid(struct cfs_dump_parser *p, struct cfs_text f,
		     struct cfs_dump_line *out, struct cfs_err *err)
{
	(void)p;
	return parse_number32(f, &out->inode.uid, err);
}

static int parse_gid(struct cfs_dump_parser *p, struct cfs_text f,
		     struct cfs_dump_line *out, struct cfs_err *err)
{
	(void)p;
	return parse_number32(f, &out->inode.gid, err);
}

/* Other tools write the number of a device for each file; it counts for devices only. */
static int parse_rdev(struct cfs_dump_parser *p, struct cfs_text f,
		      struct cfs_dump_line *out, struct cfs_err *err)
{
	uint32_t rdev = 0;
	int rc = parse_number32(f, &rdev, err);

	if (rc < 0)
		return rc;
	if (S_ISBLK(out->inode.mode) || S_ISCHR(out->inode.mode))
		out->inode.rdev = rdev;
	else if (p->strict && rdev != 0)
		return cfs_fail(
			err, EINVAL,
			"expected 0 for a file that is not a device, got %" PRIu32, rdev);
	return 0;
}

/* Two integers, not a decimal fraction: 1.5 is one second and five nanoseconds. */
static int parse_mtime(struct cfs_dump_parser *p, struct cfs_text f,
		       struct cfs_dump_line *out, struct cfs_err *err)
{
	const char *dot = memchr(f.s, '.', f.len);
	size_t sec_len = dot ? (size_t)(dot - f.s) : f.len;
	struct cfs_text sec = {f.s, sec_len};
	struct cfs_text nsec = {dot ? dot + 1 : NULL, dot ? f.len - sec_len - 1 : 0};
	uint64_t seconds, nanoseconds;

	(void)p;
	if (!dot || !cfs_dump_parse_decimal(sec, &seconds) ||
	    !cfs_dump_parse_decimal(nsec, &nanoseconds))
		return cfs_fail(err, EINVAL, "expected SECONDS.NANOSECONDS, got \"%s\"",
				cfs_dump_quote(f).s);
	out->inode.mtime_sec = (int64_t)seconds;
	out->inode.mtime_nsec = (uint32_t)nanoseconds;
	return 0;
}

static int check_target(const struct cfs_dump_parser *p, const struct cfs_inode_spec *in,
			struct cfs_err *err)
{
	if (in->payload.len == 0)
		return cfs_fail(err, EINVAL,
				"expected the target of a symlink, got nothing");
	if (p->strict && in->size != in->payload.len)
		return cfs_fail(err, EINVAL,
				"expected a target of %" PRIu64
				" bytes (the size), got %zu",
				in->size, in->payload.len);
	return 0;
}

/* The target of a link or the backing path of a regular file. The limit holds for every type. */
static int parse_payload(struct cfs_dump_parser *p, struct cfs_text f,
			 struct cfs_dump_line *out, struct cfs_err *err)
{
	struct cfs_inode_spec *in = &out->inode;
	int rc = 0;

	if (!is_absent(f)) {
		in->payload = f;
		rc = dump_unescape_string(p, &in->payload, err);
	}
	if (rc < 0)
		return rc;
	/* A hard link names a path of the tree, which may be longer. */
	if (!out->is_link && in->payload.len > CFS_PAYLOAD_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d bytes, got %zu",
				CFS_PAYLOAD_MAX, in->payload.len);
	if (out->is_link && in->payload.len == 0)
		return cfs_fail(err, EINVAL,
				"expected the target of a hard link, got nothing");
	if (!out->is_link && S_ISLNK(in->mode))
		return check_target(p, in, err);
	return 0;
}

/* Inline content. Only regular files keep it, but its length must equal SIZE for every type. */
static int parse_content(struct cfs_dump_parser *p, struct cfs_text f,
			 struct cfs_dump_line *out, struct cfs_err *err)
{
	struct cfs_inode_spec *in = &out->inode;
	int rc;

	if (is_absent(f))
		return 0;
	rc = dump_unescape_field(p, &f, err);
	if (rc < 0)
		return rc;
	if (f.len != in->size)
		return cfs_fail(err, EINVAL,
				"expected %" PRIu64 " bytes (the size), got %zu",
				in->size, f.len);
	if (!S_ISLNK(in->mode) && f.len > CFS_CONTENT_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d bytes inline, got %zu",
				CFS_CONTENT_MAX, f.len);
	if (p->strict && S_ISLNK(in->mode) && f.len)
		return cfs_fail(err, EINVAL, "expected none for a symlink, got %zu bytes",
				f.len);
	if (S_ISREG(in->mode))
		in->content = cfs_text_span(f);
	return 0;
}

static bool has_external_content(const struct cfs_inode_spec *in)
{
	return S_ISREG(in->mode) && in->size > 0 && in->content.len == 0;
}

/* Digits after the length of the algorithm are ignored, as by composefs 1.0.8. */
static int parse_digest(struct cfs_dump_parser *p, struct cfs_text f,
			struct cfs_dump_line *out, struct cfs_err *err)
{
	size_t len = cfs_hash_len(p->alg);
	struct cfs_text digits = f;
	int rc;

	if (is_absent(f) || (f.len == 0 && !has_external_content(&out->inode)))
		return 0;
	rc = dump_unescape_field(p, &digits, err);
	if (rc < 0)
		return rc;
	if (digits.len > 2 * len)
		digits.len = 2 * len;
	if (!cfs_hex_decode(digits, out->digest, len))
		return cfs_fail(err, EINVAL,
				"expected %zu hex digits or \"-\", got \"%s\"", 2 * len,
				cfs_dump_quote(f).s);
	out->inode.digest = out->digest;
	return 0;
}

/* In the order of parsing: other fields depend on the mode. */
static const struct field {
	enum column column;
	bool of_link; /* also parsed for a hard link, which ignores the others */
	const char *name;
	int (*parse)(struct cfs_dump_parser *p, struct cfs_text f,
		     struct cfs_dump_line *out, struct cfs_err *err);
} fields[] = {
	{PATH, true, "path", parse_path_field},
	{MODE, true, "mode", parse_mode},
	{SIZE, false, "size", parse_size_field},
	{NLINK, false, "nlink", parse_nlink},
	{UID, false, "uid", parse_uid},
	{GID, false, "gid", parse_gid},
	{RDEV, false, "rdev", parse_rdev},
	{MTIME, false, "mtime", parse_mtime},
	{PAYLOAD, true, "payload", parse_payload},
	{CONTENT, false, "content", parse_content},
	{DIGEST, false, "digest", parse_digest},
};

int dump_parse_fields(struct cfs_dump_parser *p,
		      const struct cfs_text columns[DUMP_N_COLUMNS],
		      struct cfs_dump_line *out, struct cfs_err *err)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		int rc;

		if (out->is_link && !f->of_link)
			continue;
		rc = f->parse(p, columns[f->column], out, err);
		if (rc < 0)
			return cfs_context(err, rc, "%s", f->name);
	}
	return 0;
}

static const char *name_file_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	default:
		return "device";
	}
}

/* 1.0.8 ignores such fields; we do so with a warning, unless the caller is strict. The
 * error gives the mode that was probably meant. */
int dump_check_no_content(const struct cfs_inode_spec *in,
			  const struct cfs_text columns[DUMP_N_COLUMNS],
			  struct cfs_err *err)
{
	bool has_content = !is_absent(columns[CONTENT]) && columns[CONTENT].len;
	const struct {
		bool given;
		enum column column;
		const char *name;
	} table[] = {
		{in->size > 0 && !S_ISDIR(in->mode), SIZE, "size"},
		{in->payload.len > 0, PAYLOAD, "payload"},
		{has_content, CONTENT, "content"},
		{in->digest != NULL, DIGEST, "digest"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].given)
			return cfs_fail(
				err, EINVAL,
				"%s: expected none for a %s, got \"%s\" (the mode is "
				"%" PRIo32 "; that of a file would be %" PRIo32 ")",
				table[i].name, name_file_type(in->mode),
				cfs_dump_quote(columns[table[i].column]).s, in->mode,
				(in->mode & 07777) | S_IFREG);
	return 0;
}
