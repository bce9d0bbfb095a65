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

#define EACH(byte) (0x0101010101010101U * (byte))

/* Sets the high bit of each byte that is not plain. For bytes below 0x80, adding 0x80 - N sets it from N
 * on, without a carry into the next byte. Those from 0x80 on are found by from_delete, and 0xff as
 * below; they can carry, so that only the first byte found is certain. */
static uint64_t find_escaped(uint64_t bytes, unsigned lowest, unsigned other)
{
	uint64_t below = ~(bytes + EACH(0x80 - lowest)), from_delete = bytes + EACH(1);
	uint64_t backslash = ~((bytes ^ EACH('\\')) + EACH(0x7f));
	uint64_t equals_other = ~((bytes ^ EACH(other)) + EACH(0x7f));

	return (below | from_delete | backslash | equals_other) & EACH(0x80);
}

/* How many bytes at the start are plain. Eight at a time, since nearly all bytes of a dump go
 * through here. */
static size_t count_plain(struct cfs_text t, enum cfs_dump_plain plain)
{
	unsigned lowest = plain == CFS_DUMP_SPACES ? ' ' : '!',
		 other = plain == CFS_DUMP_XATTR ? '=' : '\\';
	size_t i = 0;

	for (; t.len - i >= 8; i += 8) {
		uint64_t found = find_escaped(cfs_le64(t.s + i), lowest, other);

		if (found)
			return i + (unsigned)__builtin_ctzll(found) / 8;
	}
	while (i < t.len && (plain_in[(uint8_t)t.s[i]] & plain))
		i++;
	return i;
}

void cfs_dump_escape(struct cfs_out *out, struct cfs_text bytes,
		     enum cfs_dump_plain plain)
{
	while (bytes.len) {
		size_t n = count_plain(bytes, plain);

		cfs_out_put(out, bytes.s, n);
		if (n < bytes.len)
			put_escape(out, (uint8_t)bytes.s[n++]);
		bytes = (struct cfs_text){bytes.s + n, bytes.len - n};
	}
}

/* Writes a number, and the character after it, so that they end before end. Returns where they
 * begin. */
static inline char *prepend_number(char *end, uint64_t n, unsigned base, char after)
{
	*--end = after;
	do {
		*--end = (char)('0' + n % base);
		n /= base;
	} while (n);
	return end;
}

static char *prepend_mtime(char *end, const struct cfs_inode_spec *in)
{
	uint64_t sec = (uint64_t)in->mtime_sec;

	end = prepend_number(end, in->mtime_nsec, 10, ' ');
	end = prepend_number(end, in->mtime_sec < 0 ? -sec : sec, 10, '.');
	if (in->mtime_sec < 0)
		*--end = '-';
	return end;
}

/* The fields from the size to the time, with the spaces around them. From the last one to the first,
 * as digits come out of a division, and put as one piece. */
static void put_numbers(struct cfs_out *out, const struct cfs_inode_spec *in,
			bool is_link)
{
	char text[8 * 24]; /* eight numbers */
	char *end = text + sizeof(text), *s = prepend_mtime(end, in);

	s = prepend_number(s, in->rdev, 10, ' ');
	s = prepend_number(s, in->gid, 10, ' ');
	s = prepend_number(s, in->uid, 10, ' ');
	s = prepend_number(s, in->nlink, 10, ' ');
	s = prepend_number(s, in->mode & 0xffff, 8, ' ');
	if (is_link)
		*--s = '@';
	s = prepend_number(s, in->size, 10, ' ');
	*--s = ' ';
	cfs_out_put(out, s, (size_t)(end - s));
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

	if (!digest) {
		cfs_out_char(out, '-');
		return;
	}
	cfs_hex_encode(digest, len, (char *)cfs_out_room(out, 2 * len));
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
	put_numbers(out, in, e->link.len != 0);
	put_optional(out, e->link.len ? e->link : in->payload);
	cfs_out_char(out, ' ');
	put_optional(out, cfs_span_text(in->content));
	cfs_out_char(out, ' ');
	put_dump_digest(out, in->digest, e->alg);
	put_xattrs(out, in);
	cfs_out_char(out, '\n');
}
