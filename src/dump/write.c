/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing: one line per entry; plain bytes are copied in runs, others escaped by a table. */
#include "dump/dump.h"

#include <inttypes.h>

enum {
	F = CFS_DUMP_FIELD,
	X = CFS_DUMP_XATTR,
	S = CFS_DUMP_SPACES,
	ALL = F | X | S,
};

/* The styles in which a byte is plain. */
static const uint8_t plain_in[256] = {
	[' '] = S,	     ['!' ... '<'] = ALL, ['='] = F | S,
	['>' ... '['] = ALL, [']' ... '~'] = ALL,
};

/* The letter of the two-character escapes, 0 for bytes written as \xhh. */
static const char letters[256] = {
	['\\'] = '\\',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
};

static void put_escape(struct cfs_out *out, uint8_t byte)
{
	char e[4] = {'\\', letters[byte]};

	if (e[1]) {
		cfs_out_put(out, e, 2);
		return;
	}
	e[1] = 'x';
	cfs_hex_encode(&byte, 1, e + 2);
	cfs_out_put(out, e, 4);
}

void cfs_dump_escape(struct cfs_out *out, struct cfs_text bytes,
		     enum cfs_dump_plain plain)
{
	size_t done = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t byte = (uint8_t)bytes.s[i];

		if (plain_in[byte] & plain)
			continue;
		cfs_out_put(out, bytes.s + done, i - done);
		put_escape(out, byte);
		done = i + 1;
	}
	if (done < bytes.len)
		cfs_out_put(out, bytes.s + done, bytes.len - done);
}

/* A number and the character after it. */
static void put_dump_number(struct cfs_out *out, uint64_t n, unsigned base, char after)
{
	char digits[24];
	char *s = digits + sizeof(digits);

	*--s = after;
	do {
		*--s = (char)('0' + n % base);
		n /= base;
	} while (n);
	cfs_out_put(out, s, (size_t)(digits + sizeof(digits) - s));
}

static void put_mtime(struct cfs_out *out, const struct cfs_inode_spec *in)
{
	uint64_t sec = (uint64_t)in->mtime_sec;

	if (in->mtime_sec < 0)
		cfs_out_char(out, '-');
	put_dump_number(out, in->mtime_sec < 0 ? -sec : sec, 10, '.');
	put_dump_number(out, in->mtime_nsec, 10, ' ');
}

/* "-" means that there is no value, so a value of one dash is escaped. */
static void put_optional(struct cfs_out *out, struct cfs_text value)
{
	if (value.len == 0)
		cfs_out_char(out, '-');
	else if (value.len == 1 && value.s[0] == '-')
		cfs_out_text(out, CFS_TEXT("\\x2d"));
	else
		cfs_dump_escape(out, value, CFS_DUMP_FIELD);
}

static void put_dump_digest(struct cfs_out *out, const uint8_t *digest,
			    enum cfs_hash_alg alg)
{
	size_t len = cfs_hash_len(alg);
	char hex[2 * CFS_HASH_MAX_LEN];

	if (!digest) {
		cfs_out_char(out, '-');
		return;
	}
	cfs_hex_encode(digest, len, hex);
	cfs_out_put(out, hex, 2 * len);
}

static void put_xattrs(struct cfs_out *out, const struct cfs_inode_spec *in)
{
	for (size_t i = 0; i < in->n_xattrs; i++) {
		cfs_out_char(out, ' ');
		cfs_dump_escape(out, in->xattrs[i].key, CFS_DUMP_XATTR);
		cfs_out_char(out, '=');
		cfs_dump_escape(out, cfs_span_text(in->xattrs[i].value), CFS_DUMP_XATTR);
	}
}

/* One line, with the fields in the order of composefs-dump(5). Errors stay in out. */
void cfs_dump_put(struct cfs_out *out, const struct cfs_dump_entry *e)
{
	const struct cfs_inode_spec *in = e->inode;

	cfs_dump_escape(out, e->path, CFS_DUMP_FIELD);
	cfs_out_char(out, ' ');
	put_dump_number(out, in->size, 10, ' ');
	if (e->link.len)
		cfs_out_char(out, '@');
	put_dump_number(out, in->mode & 0xffff, 8, ' ');
	put_dump_number(out, in->nlink, 10, ' ');
	put_dump_number(out, in->uid, 10, ' ');
	put_dump_number(out, in->gid, 10, ' ');
	put_dump_number(out, in->rdev, 10, ' ');
	put_mtime(out, in);
	put_optional(out, e->link.len ? e->link : in->payload);
	cfs_out_char(out, ' ');
	put_optional(out, cfs_span_text(in->content));
	cfs_out_char(out, ' ');
	put_dump_digest(out, in->digest, e->alg);
	put_xattrs(out, in);
	cfs_out_char(out, '\n');
}
