/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One line: split at single spaces, fields first, then xattrs. */
#include "dump/dump_priv.h"

#include <errno.h>

enum {
	XATTRS_TEXT_MAX =
		65535, /* all xattrs of a line, escaped, with the spaces between */
};

void cfs_dump_parser_fini(struct cfs_dump_parser *p)
{
	free(p->scratch);
	free(p->xattrs);
}

/* The position of the first space, or the length. Most fields are too short for memchr to
 * pay off, so eight bytes are tested at once: the XOR turns a space into a zero byte, and
 * the subtraction sets the top bit of the lowest zero byte. */
static size_t find_space(struct cfs_text t)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; t.len - i >= 8; i += 8) {
		uint64_t x = cfs_le64(t.s + i) ^ ones * ' ';
		uint64_t zeros = (x - ones) & ~x & ones << 7;

		if (zeros)
			return i + (size_t)__builtin_ctzll(zeros) / 8;
	}
	while (i < t.len && t.s[i] != ' ')
		i++;
	return i;
}

/* Removes the text before the first space, and the space, from rest. */
static struct cfs_text cut_dump_field(struct cfs_text *rest)
{
	struct cfs_text head = {rest->s, find_space(*rest)};
	size_t used = head.len + (head.len < rest->len);

	rest->s += used;
	rest->len -= used;
	return head;
}

/* Parses KEY=VALUE. The first "=" ends the key; one in the key is escaped. */
static int parse_xattr(struct cfs_dump_parser *p, struct cfs_text item,
		       struct cfs_xattr *out, struct cfs_err *err)
{
	const char *equals = item.len ? memchr(item.s, '=', item.len) : NULL;
	struct cfs_text value;
	int rc;

	if (!equals)
		return cfs_fail(err, EINVAL, "expected KEY=VALUE, got \"%s\"",
				cfs_dump_quote(item).s);
	out->key = (struct cfs_text){item.s, (size_t)(equals - item.s)};
	value = (struct cfs_text){equals + 1, item.len - out->key.len - 1};
	rc = dump_unescape_string(p, &out->key, err);
	if (rc == 0)
		rc = dump_unescape_field(p, &value, err);
	out->value = cfs_text_span(value);
	return rc;
}

/* All after the digest. */
static int parse_xattrs(struct cfs_dump_parser *p, struct cfs_text rest,
			struct cfs_dump_line *out, struct cfs_err *err)
{
	size_t n = 0;

	if (rest.len > XATTRS_TEXT_MAX)
		return cfs_fail(err, EINVAL,
				"xattrs: expected at most %d bytes of text, got %zu",
				XATTRS_TEXT_MAX, rest.len);
	while (rest.len) {
		int rc;

		if (cfs_grow(&p->xattrs, &p->xattrs_cap, n + 1, sizeof(*p->xattrs)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		rc = parse_xattr(p, cut_dump_field(&rest), &p->xattrs[n++], err);
		if (rc < 0)
			return cfs_context(err, rc, "xattr %zu", n);
	}
	out->inode.xattrs = p->xattrs;
	out->inode.n_xattrs = n;
	return 0;
}

/* Only a line with escapes needs scratch memory. */
static int reserve_scratch(struct cfs_dump_parser *p, struct cfs_text text,
			   struct cfs_err *err)
{
	const char *slash = text.len ? memchr(text.s, '\\', text.len) : NULL;

	p->first_escape = slash ? slash : text.s + text.len;
	p->scratch_len = 0;
	if (slash && cfs_grow(&p->scratch, &p->scratch_cap, text.len, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

/* *out borrows from text and from p, until the next line. Fields of a device or
 * directory that have no meaning are an error in strict mode, else has_ignored is set. */
int cfs_dump_parse_line(struct cfs_dump_parser *p, struct cfs_text text,
			struct cfs_dump_line *out, struct cfs_err *err)
{
	const char *nul = text.len ? memchr(text.s, '\0', text.len) : NULL;
	struct cfs_text columns[DUMP_N_COLUMNS], rest = text;
	int rc;

	if (nul)
		return cfs_fail(err, EINVAL, "expected no NUL byte, got one as byte %zu",
				(size_t)(nul - text.s) + 1);
	rc = reserve_scratch(p, text, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < DUMP_N_COLUMNS; i++)
		columns[i] = cut_dump_field(&rest);
	out->inode = (struct cfs_inode_spec){0};
	out->is_link = false;
	out->has_ignored = false;
	rc = dump_parse_fields(p, columns, out, err);
	if (rc < 0 || out->is_link)
		return rc;
	if (!S_ISREG(out->inode.mode) && !S_ISLNK(out->inode.mode)) {
		rc = dump_check_no_content(&out->inode, columns,
					   p->strict ? err : &p->ignored);
		if (rc < 0 && p->strict)
			return rc;
		out->has_ignored = rc < 0;
	}
	return parse_xattrs(p, rest, out, err);
}
