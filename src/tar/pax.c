/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pax records: "LENGTH KEY=VALUE\n". The key is UTF-8, the value may hold any byte. */
#include <errno.h>

#include "tar/tar_priv.h"

static int set_pax_text(struct cfs_text *field, struct cfs_text value)
{
	*field = value.len ? value : (struct cfs_text){0};
	return 0;
}

static int set_pax_path(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	(void)err;
	return set_pax_text(&t->head.said.path, value);
}

static int set_linkpath(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	(void)err;
	return set_pax_text(&t->head.said.linkpath, value);
}

static int set_sparse_name(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	(void)err;
	return set_pax_text(&t->head.said.sparse_name, value);
}

/* An empty value cancels the earlier records of its key (POSIX, pax, "Extended Header Keyword Precedence"). */
static int set_pax_number(struct cfs_text value, const char *what, uint64_t max,
			  bool *has, uint64_t *out, struct cfs_err *err)
{
	*has = value.len > 0;
	return *has ? tar_parse_decimal(value, what, max, out, err) : 0;
}

static int set_size(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "size", INT64_MAX, &s->has_size, &s->size, err);
}

static int set_uid(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "uid", UINT32_MAX, &s->has_uid, &s->uid, err);
}

static int set_gid(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "gid", UINT32_MAX, &s->has_gid, &s->gid, err);
}

static int set_mtime(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	s->has_mtime = value.len > 0;
	return s->has_mtime ? tar_parse_decimal_time(value, &s->mtime, err) : 0;
}

/* --- sparse files ----------------------------------------------------------------------- */

static int set_major(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "GNU.sparse.major", INT64_MAX, &s->has_major,
			      &s->major, err);
}

static int set_minor(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "GNU.sparse.minor", INT64_MAX, &s->has_minor,
			      &s->minor, err);
}

static int set_realsize(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "size of the sparse file", INT64_MAX,
			      &s->has_realsize, &s->realsize, err);
}

static int set_numblocks(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;

	return set_pax_number(value, "GNU.sparse.numblocks", CFS_TAR_SEGMENTS_MAX,
			      &s->has_numblocks, &s->numblocks, err);
}

static int set_map(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	t->head.said.has_map = true;
	return tar_parse_map(&t->head, value, err);
}

/* pax 0.0 has a pair of records for each segment. */
static int set_offset(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;
	uint64_t off;
	int rc = tar_parse_decimal(value, "GNU.sparse.offset", INT64_MAX, &off, err);

	if (rc == 0 && s->awaits_len)
		rc = cfs_fail(err, EINVAL,
			      "expected GNU.sparse.numbytes after GNU.sparse.offset");
	s->awaits_len = true;
	return rc < 0 ? rc : tar_add_segment(&t->head, off, 0, err);
}

static int set_numbytes(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err)
{
	struct tar_head *h = &t->head;

	if (!h->said.awaits_len)
		return cfs_fail(err, EINVAL,
				"expected GNU.sparse.offset before GNU.sparse.numbytes");
	h->said.awaits_len = false;
	return tar_parse_decimal(value, "GNU.sparse.numbytes", INT64_MAX,
				 &h->segments[h->n_segments - 1].len, err);
}

/* --- xattrs ----------------------------------------------------------------------------- */

/* GNU tar encodes "=" and "%" in the name of an xattr. Decoded in place: len shrinks only. */
static void decode_name(char *s, size_t *len)
{
	size_t n = 0;

	for (size_t i = 0; i < *len; i++, n++) {
		bool is_equals = *len - i >= 3 && memcmp(s + i, "%3D", 3) == 0;
		bool is_percent = *len - i >= 3 && memcmp(s + i, "%25", 3) == 0;

		s[n] = s[i];
		if (is_equals)
			s[n] = '=';
		if (is_equals || is_percent)
			i += 2;
	}
	*len = n;
}

static int add_xattr(struct cfs_tar *t, struct cfs_text key, struct cfs_text value,
		     struct cfs_err *err)
{
	struct tar_head *h = &t->head;

	if (cfs_text_eq(key, CFS_TEXT("security.capability")))
		h->said.has_capability = true;
	if (cfs_grow(&h->xattrs, &h->xattrs_cap, h->n_xattrs + 1, sizeof(*h->xattrs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (t->opts->encoded_xattr_names)
		decode_name((char *)h->pax.p + (key.s - (char *)h->pax.p), &key.len);
	h->xattrs[h->n_xattrs++] = (struct cfs_xattr){key, cfs_text_span(value)};
	return 0;
}

/* --- records ---------------------------------------------------------------------------- */

static const struct {
	const char *key;
	int (*set)(struct cfs_tar *t, struct cfs_text value, struct cfs_err *err);
} known[] = {
	{"path", set_pax_path},
	{"linkpath", set_linkpath},
	{"size", set_size},
	{"uid", set_uid},
	{"gid", set_gid},
	{"mtime", set_mtime},
	{"GNU.sparse.name", set_sparse_name},
	{"GNU.sparse.major", set_major},
	{"GNU.sparse.minor", set_minor},
	{"GNU.sparse.size", set_realsize},
	{"GNU.sparse.realsize", set_realsize},
	{"GNU.sparse.numblocks", set_numblocks},
	{"GNU.sparse.map", set_map},
	{"GNU.sparse.offset", set_offset},
	{"GNU.sparse.numbytes", set_numbytes},
};

#define XATTR	   CFS_TEXT("SCHILY.xattr.")
#define CAPABILITY CFS_TEXT("LIBARCHIVE.xattr.security.capability")

/* Keys that are not known are ignored, as POSIX asks. */
static int apply_record(struct cfs_tar *t, struct cfs_text key, struct cfs_text value,
			struct cfs_err *err)
{
	if (cfs_text_has_prefix(key, XATTR)) {
		key.s += XATTR.len;
		key.len -= XATTR.len;
		return add_xattr(t, key, value, err);
	}
	if (cfs_text_eq(key, CAPABILITY))
		t->head.said.has_archive_capability = true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cfs_text_eq(key, cfs_text(known[i].key)))
			return known[i].set(t, value, err);
	return 0;
}

static bool is_utf8(struct cfs_text text)
{
	while (text.len) {
		size_t n = cfs_utf8_measure((const uint8_t *)text.s, text.len);

		if (n == 0)
			return false;
		text = (struct cfs_text){text.s + n, text.len - n};
	}
	return true;
}

/* Splits the first record off. */
static int take_record(struct cfs_text *rest, struct cfs_text *key,
		       struct cfs_text *value, struct cfs_err *err)
{
	const char *space = memchr(rest->s, ' ', rest->len), *equals;
	size_t digits = space ? (size_t)(space - rest->s) : 0;
	struct cfs_text record;
	uint64_t len;

	if (tar_parse_decimal((struct cfs_text){rest->s, digits}, "", rest->len, &len,
			      NULL) < 0 ||
	    len < digits + 2 || rest->s[len - 1] != '\n')
		return cfs_fail(err, EINVAL,
				"pax record: expected \"LENGTH KEY=VALUE\" and a newline "
				"within %zu bytes",
				rest->len);
	record = (struct cfs_text){space + 1, (size_t)len - digits - 2};
	equals = memchr(record.s, '=', record.len);
	if (!equals || equals == record.s)
		return cfs_fail(err, EINVAL, "pax record: expected KEY=VALUE");
	*key = (struct cfs_text){record.s, (size_t)(equals - record.s)};
	*value = (struct cfs_text){equals + 1, record.len - key->len - 1};
	*rest = (struct cfs_text){rest->s + len, rest->len - (size_t)len};
	if (!is_utf8(*key))
		return cfs_fail(err, EINVAL, "pax record: the key is not UTF-8");
	return 0;
}

int tar_parse_pax(struct cfs_tar *t, struct cfs_err *err)
{
	struct cfs_text rest = {(const char *)t->head.pax.p, t->head.pax.len};
	struct cfs_text key, value;
	size_t n = 0;

	while (rest.len) {
		int rc = take_record(&rest, &key, &value, err);

		if (rc == 0 && ++n > CFS_TAR_RECORDS_MAX)
			rc = cfs_fail(err, EFBIG,
				      "expected at most %d pax records, got more",
				      (int)CFS_TAR_RECORDS_MAX);
		if (rc == 0)
			rc = apply_record(t, key, value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
