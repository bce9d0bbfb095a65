/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing: ustar headers, and pax headers for what those cannot hold. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tar/tar_priv.h"

enum {
	OUT_LEN = 256 * 1024,
	NSEC = 1000000000,
	SHORT_MAX = 07777777, /* 7 octal digits and a NUL */
};

#define LONG_MAX_OCTAL UINT64_C(077777777777)

struct cfs_tar_writer {
	struct cfs_out out;
	struct cfs_mem records, name, target;
	struct cfs_xattr *xattrs; /* of the entry, sorted */
	size_t xattrs_cap;
	uint64_t left, padding; /* of the content of the entry */
	bool omits_dot;
};

int cfs_tar_writer_new(struct cfs_sink to, struct cfs_tar_writer **out,
		       struct cfs_err *err)
{
	struct cfs_tar_writer *w = calloc(1, sizeof(*w));

	if (!w || cfs_out_init(&w->out, to, OUT_LEN) < 0) {
		free(w);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	*out = w;
	return 0;
}

void cfs_tar_writer_omit_dot(struct cfs_tar_writer *w)
{
	w->omits_dot = true;
}

void cfs_tar_writer_free(struct cfs_tar_writer *w)
{
	if (!w)
		return;
	cfs_out_fini(&w->out);
	free(w->records.p);
	free(w->name.p);
	free(w->target.p);
	free(w->xattrs);
	free(w);
}

/* --- pax records ------------------------------------------------------------------------ */

static int append_record_text(struct cfs_mem *m, struct cfs_text t, struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(m);

	return t.len ? sink.write(sink.ctx, t.s, t.len, err) : 0;
}

static size_t count_digits(size_t n)
{
	size_t digits = 1;

	while (n >= 10) {
		n /= 10;
		digits++;
	}
	return digits;
}

/* The length at the front counts itself. */
static size_t record_len(size_t key_len, size_t value_len)
{
	size_t rest = key_len + value_len + 3, len = rest + count_digits(rest);

	return count_digits(len) == count_digits(rest) ? len : len + 1;
}

/* Appends a record "LENGTH KEY=VALUE", whose length counts its own digits. */
static int add_pax_record(struct cfs_tar_writer *w, struct cfs_text prefix,
			  struct cfs_text key, struct cfs_text value, struct cfs_err *err)
{
	char front[32];
	int n = snprintf(front, sizeof(front), "%zu ",
			 record_len(prefix.len + key.len, value.len));
	int rc =
		append_record_text(&w->records, (struct cfs_text){front, (size_t)n}, err);

	if (rc == 0)
		rc = append_record_text(&w->records, prefix, err);
	if (rc == 0)
		rc = append_record_text(&w->records, key, err);
	if (rc == 0)
		rc = append_record_text(&w->records, CFS_TEXT("="), err);
	if (rc == 0)
		rc = append_record_text(&w->records, value, err);
	return rc == 0 ? append_record_text(&w->records, CFS_TEXT("\n"), err) : rc;
}

static CFS_PRINTF(4, 5) int add_number(struct cfs_tar_writer *w, const char *key,
				       struct cfs_err *err, const char *fmt, ...)
{
	char value[64];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	return add_pax_record(w, (struct cfs_text){0}, cfs_text(key),
			      (struct cfs_text){value, (size_t)n}, err);
}

static int compare_xattr_keys(const void *a, const void *b)
{
	return cfs_text_cmp(((const struct cfs_xattr *)a)->key,
			    ((const struct cfs_xattr *)b)->key);
}

/* "=" would end the key of the record: it and "%" are encoded as GNU tar does. */
static int encode_name(struct cfs_text name, char out[3 * CFS_XATTR_KEY_MAX],
		       struct cfs_text *encoded, struct cfs_err *err)
{
	size_t n = 0;

	if (name.len > CFS_XATTR_KEY_MAX)
		return cfs_fail(err, EINVAL, "xattr name: expected at most %d bytes",
				(int)CFS_XATTR_KEY_MAX);
	for (size_t i = 0; i < name.len; i++) {
		bool special = name.s[i] == '=' || name.s[i] == '%';

		if (special) {
			memcpy(out + n, name.s[i] == '=' ? "%3D" : "%25", 3);
			n += 3;
		} else {
			out[n++] = name.s[i];
		}
	}
	*encoded = (struct cfs_text){out, n};
	return 0;
}

/* Sorted by name: two images of the same tree may list them in different orders. */
static int add_xattrs(struct cfs_tar_writer *w, const struct cfs_inode_spec *inode,
		      struct cfs_err *err)
{
	size_t n = inode->n_xattrs;
	int rc = 0;

	if (n == 0)
		return 0;
	if (cfs_grow(&w->xattrs, &w->xattrs_cap, n, sizeof(*w->xattrs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(w->xattrs, inode->xattrs, n * sizeof(*w->xattrs));
	qsort(w->xattrs, n, sizeof(*w->xattrs), compare_xattr_keys);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char name[3 * CFS_XATTR_KEY_MAX];
		struct cfs_text encoded;

		rc = encode_name(w->xattrs[i].key, name, &encoded, err);
		if (rc == 0)
			rc = add_pax_record(w, CFS_TEXT("SCHILY.xattr."), encoded,
					    cfs_span_text(w->xattrs[i].value), err);
	}
	return rc;
}

/* Adds the pax record of a time that the header cannot hold: before 1970, after 2242,
 * or with nanoseconds. */
static int add_mtime(struct cfs_tar_writer *w, const struct cfs_inode_spec *inode,
		     struct cfs_err *err)
{
	int64_t sec = inode->mtime_sec;
	uint32_t nsec = inode->mtime_nsec;

	if (nsec >= NSEC)
		return cfs_fail(err, EINVAL,
				"modification time: expected less than 10^9 nanoseconds, "
				"got %" PRIu32,
				nsec);
	if (sec >= 0 && (uint64_t)sec <= LONG_MAX_OCTAL && nsec == 0)
		return 0;
	if (nsec == 0)
		return add_number(w, "mtime", err, "%" PRId64, sec);
	if (sec >= 0)
		return add_number(w, "mtime", err, "%" PRId64 ".%09" PRIu32, sec, nsec);
	/* -2 seconds and 500000000 nanoseconds are -1.5 seconds. */
	return add_number(w, "mtime", err, "-%" PRIu64 ".%09" PRIu32,
			  (uint64_t) - (sec + 1), NSEC - nsec);
}

/* Fills in w->records with what does not fit into the header, and nothing else: the
 * tar file of a layer must be the same for each build. */
static int add_records(struct cfs_tar_writer *w, const struct cfs_tar_entry *e,
		       struct cfs_err *err)
{
	const struct cfs_inode_spec *inode = &e->inode;
	struct cfs_text name = {(const char *)w->name.p, w->name.len};
	struct cfs_text target = {(const char *)w->target.p, w->target.len};
	struct cfs_text none = {0};
	int rc = 0;

	w->records.len = 0;
	if (name.len > TAR_NAME_LEN)
		rc = add_pax_record(w, none, CFS_TEXT("path"), name, err);
	if (rc == 0 && target.len > TAR_NAME_LEN)
		rc = add_pax_record(w, none, CFS_TEXT("linkpath"), target, err);
	if (rc < 0 || e->is_link)
		return rc;
	if (S_ISREG(inode->mode) && inode->size > LONG_MAX_OCTAL)
		rc = add_number(w, "size", err, "%" PRIu64, inode->size);
	if (rc == 0 && inode->uid > SHORT_MAX)
		rc = add_number(w, "uid", err, "%" PRIu32, inode->uid);
	if (rc == 0 && inode->gid > SHORT_MAX)
		rc = add_number(w, "gid", err, "%" PRIu32, inode->gid);
	if (rc == 0)
		rc = add_mtime(w, inode, err);
	return rc == 0 ? add_xattrs(w, inode, err) : rc;
}

/* --- headers ---------------------------------------------------------------------------- */

/* A number that does not fit is in a pax record; the field gets the largest that fits. */
static void put_octal(uint8_t *field, size_t len, uint64_t n)
{
	uint64_t max = (UINT64_C(1) << (3 * (len - 1))) - 1;

	if (n > max)
		n = max;
	field[--len] = '\0';
	while (len--) {
		field[len] = (uint8_t)('0' + (n & 7));
		n >>= 3;
	}
}

static void put_field_text(uint8_t *field, size_t len, struct cfs_text t)
{
	if (t.len)
		memcpy(field, t.s, t.len < len ? t.len : len);
}

static void put_tar_header(struct cfs_tar_writer *w, uint8_t block[CFS_TAR_BLOCK],
			   char type)
{
	unsigned sum = 0;

	memcpy(block + TAR_MAGIC, "ustar\00000", 8);
	block[TAR_TYPE] = (uint8_t)type;
	memset(block + TAR_CHECKSUM, ' ', TAR_SHORT_LEN);
	for (size_t i = 0; i < CFS_TAR_BLOCK; i++)
		sum += block[i];
	put_octal(block + TAR_CHECKSUM, TAR_SHORT_LEN - 1, sum);
	cfs_out_put(&w->out, block, CFS_TAR_BLOCK);
}

/* Writes w->records as an "x" header, if there are any. -EFBIG above what our own
 * reader accepts. Fixed values keep the bytes reproducible. */
static int put_records(struct cfs_tar_writer *w, struct cfs_err *err)
{
	uint8_t block[CFS_TAR_BLOCK] = {0};
	size_t len = w->records.len;

	if (len == 0)
		return 0;
	if (len > CFS_TAR_EXTENSIONS_MAX)
		return cfs_fail(err, EFBIG,
				"expected at most %d bytes of pax records, got %zu",
				(int)CFS_TAR_EXTENSIONS_MAX, len);
	put_field_text(block, TAR_NAME_LEN, CFS_TEXT("PaxHeaders/x"));
	put_octal(block + TAR_MODE, TAR_SHORT_LEN, 0644);
	put_octal(block + TAR_UID, TAR_SHORT_LEN, 0);
	put_octal(block + TAR_GID, TAR_SHORT_LEN, 0);
	put_octal(block + TAR_SIZE, TAR_LONG_LEN, len);
	put_octal(block + TAR_MTIME, TAR_LONG_LEN, 0);
	put_tar_header(w, block, 'x');
	cfs_out_put(&w->out, w->records.p, len);
	cfs_out_put_zeros(&w->out, -len % CFS_TAR_BLOCK);
	return 0;
}

/* The type in the header of an entry; 0 for a type that tar does not have, such as a
 * socket. */
static char type_char(const struct cfs_tar_entry *e)
{
	switch (e->is_link ? 0 : e->inode.mode & S_IFMT) {
	case 0:
		return '1';
	case S_IFREG:
		return '0';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return 0;
	}
}

/* Writes the header block of an entry. What does not fit into it is in the PAX records
 * before it. */
static void put_tar_entry(struct cfs_tar_writer *w, const struct cfs_tar_entry *e,
			  char type)
{
	const struct cfs_inode_spec *inode = &e->inode;
	uint8_t block[CFS_TAR_BLOCK] = {0};
	int64_t sec = inode->mtime_sec < 0 ? 0 : inode->mtime_sec;

	put_field_text(block + TAR_NAME, TAR_NAME_LEN, cfs_mem_text(&w->name));
	put_field_text(block + TAR_LINK, TAR_NAME_LEN, cfs_mem_text(&w->target));
	put_octal(block + TAR_MODE, TAR_SHORT_LEN, inode->mode & 07777);
	put_octal(block + TAR_UID, TAR_SHORT_LEN, inode->uid);
	put_octal(block + TAR_GID, TAR_SHORT_LEN, inode->gid);
	put_octal(block + TAR_SIZE, TAR_LONG_LEN, w->left);
	put_octal(block + TAR_MTIME, TAR_LONG_LEN, (uint64_t)sec);
	put_octal(block + TAR_MAJOR, TAR_SHORT_LEN, (inode->rdev >> 8) & 0xfff);
	put_octal(block + TAR_MINOR, TAR_SHORT_LEN,
		  (inode->rdev & 0xff) | ((inode->rdev >> 12) & 0xfff00));
	put_tar_header(w, block, type);
}

/* --- entries ---------------------------------------------------------------------------- */

/* "./" in front, so that no name is taken for an option or an absolute path. */
static int make_name(const struct cfs_tar_writer *w, struct cfs_mem *m,
		     struct cfs_text path, bool is_dir, struct cfs_err *err)
{
	int rc = 0;

	m->len = 0;
	if (!w->omits_dot)
		rc = append_record_text(m, CFS_TEXT("./"), err);
	if (rc == 0)
		rc = append_record_text(m, path, err);
	if (rc == 0 && is_dir && path.len)
		rc = append_record_text(m, CFS_TEXT("/"), err);
	if (rc == 0 && m->len > CFS_TAR_PATH_MAX)
		rc = cfs_fail(err, ENAMETOOLONG,
			      "the path has %zu bytes, expected at most %d", m->len,
			      (int)CFS_TAR_PATH_MAX);
	return rc;
}

static int make_names(struct cfs_tar_writer *w, const struct cfs_tar_entry *e,
		      struct cfs_err *err)
{
	bool is_dir = !e->is_link && S_ISDIR(e->inode.mode);
	int rc = make_name(w, &w->name, e->path, is_dir, err);

	w->target.len = 0;
	if (rc == 0 && e->is_link)
		rc = make_name(w, &w->target, e->target, false, err);
	else if (rc == 0 && S_ISLNK(e->inode.mode))
		rc = append_record_text(&w->target, e->inode.payload, err);
	return rc;
}

int cfs_tar_write_entry(struct cfs_tar_writer *w, const struct cfs_tar_entry *e,
			struct cfs_err *err)
{
	bool has_content = !e->is_link && S_ISREG(e->inode.mode);
	char type = type_char(e);
	int rc;

	if (w->left)
		return cfs_fail(err, EINVAL,
				"expected %" PRIu64
				" more bytes of content, got an entry",
				w->left);
	if (!type)
		return cfs_fail(
			err, EINVAL,
			"expected a file type that tar archives support, got mode %o",
			e->inode.mode);
	cfs_out_put_zeros(&w->out, w->padding);
	rc = make_names(w, e, err);
	if (rc == 0)
		rc = add_records(w, e, err);
	if (rc == 0)
		rc = put_records(w, err);
	if (rc < 0)
		return rc;
	w->left = has_content ? e->inode.size : 0;
	w->padding = -w->left % CFS_TAR_BLOCK;
	put_tar_entry(w, e, type);
	return 0;
}

/* The output buffer keeps the error of the sink; this returns it. */
static int check_out(struct cfs_tar_writer *w, struct cfs_err *err)
{
	return w->out.rc < 0 ? cfs_out_flush(&w->out, err) : 0;
}

int cfs_tar_write_content(struct cfs_tar_writer *w, const void *p, size_t len,
			  struct cfs_err *err)
{
	if (len > w->left)
		return cfs_fail(err, EINVAL,
				"expected at most %" PRIu64
				" more bytes of content, got %zu",
				w->left, len);
	cfs_out_put(&w->out, p, len);
	w->left -= len;
	return check_out(w, err);
}

int cfs_tar_write_end(struct cfs_tar_writer *w, struct cfs_err *err)
{
	if (w->left)
		return cfs_fail(err, EINVAL,
				"expected %" PRIu64 " more bytes of content, got the end",
				w->left);
	cfs_out_put_zeros(&w->out, w->padding + 2 * CFS_TAR_BLOCK);
	return cfs_out_flush(&w->out, err);
}
