/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Values in the text: numbers, escapes, and values quoted in messages. */
#include "dump/dump_priv.h"

#include <errno.h>

enum {
	SAFE_DIGITS = 19, /* a number of so many digits fits 64 bits */
};

/* The blanks that strtoull skips, without space and newline, which separate fields. */
static bool is_skipped_blank(char c)
{
	return c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* The usual number: only digits, and few enough to fit 64 bits. Inline, so that the compiler knows the
 * base. */
static inline bool parse_short_number(struct cfs_text field, unsigned base, uint64_t *out)
{
	uint64_t value = 0;

	if (field.len == 0 || field.len > SAFE_DIGITS)
		return false;
	for (size_t i = 0; i < field.len; i++) {
		unsigned digit = (unsigned)(uint8_t)field.s[i] - '0';

		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*out = value;
	return true;
}

/* The slow way: accepts what strtoull accepts, since dumps of 1.0.8 were read by it:
 * blanks, a sign, and UINT64_MAX for what is too large. */
static bool parse_any_number(struct cfs_text field, unsigned base, uint64_t *out)
{
	const char *s = field.s, *end = s + field.len;
	bool negative = false, too_large = false;
	uint64_t value = 0;

	while (s < end && is_skipped_blank(*s))
		s++;
	if (s < end && (*s == '+' || *s == '-'))
		negative = *s++ == '-';
	if (s == end)
		return false;
	for (; s < end; s++) {
		unsigned digit = (unsigned)(uint8_t)*s - '0';

		if (digit >= base)
			return false;
		too_large |= __builtin_mul_overflow(value, base, &value);
		too_large |= __builtin_add_overflow(value, digit, &value);
	}
	*out = too_large ? UINT64_MAX : negative ? -value : value;
	return true;
}

bool cfs_dump_parse_decimal(struct cfs_text field, uint64_t *out)
{
	return parse_short_number(field, 10, out) || parse_any_number(field, 10, out);
}

bool cfs_dump_parse_octal(struct cfs_text field, uint64_t *out)
{
	return parse_short_number(field, 8, out) || parse_any_number(field, 8, out);
}

/* The byte of each single-letter escape, 0 for other letters. */
static const char letters[256] = {
	['\\'] = '\\',
	['n'] = '\n',
	['r'] = '\r',
	['t'] = '\t',
};

static int fail_escape(struct cfs_text rest, const char *expected, struct cfs_err *err)
{
	if (rest.len > 4)
		rest.len = 4;
	return cfs_fail(err, EINVAL, "escape: expected %s, got \"%s\"", expected,
			cfs_dump_quote(rest).s);
}

/* Unescapes the escape at the start of rest. Returns its length. */
static ssize_t unescape_one(struct cfs_text rest, char *to, struct cfs_err *err)
{
	int high, low;

	if (rest.len < 2)
		return cfs_fail(err, EINVAL,
				"escape: expected a character after \"\\\", got the end");
	*to = letters[(uint8_t)rest.s[1]];
	if (*to)
		return 2;
	if (rest.s[1] != 'x')
		return fail_escape(rest, "one of \\\\ \\n \\r \\t \\xHH", err);
	if (rest.len < 4)
		return fail_escape(rest, "two hex digits after \"\\x\"", err);
	high = cfs_hex_decode_digit(rest.s[2]);
	low = cfs_hex_decode_digit(rest.s[3]);
	if (high < 0 || low < 0)
		return fail_escape(rest, "hex digits after \"\\x\"", err);
	*to = (char)(high << 4 | low);
	return 4;
}

/* Copies the runs between backslashes at once. to has room for field.len bytes: the
 * result is never longer. Returns its length. */
ssize_t cfs_dump_unescape(struct cfs_text field, char *to, struct cfs_err *err)
{
	const char *start = to;

	while (field.len) {
		const char *slash = memchr(field.s, '\\', field.len);
		size_t run = slash ? (size_t)(slash - field.s) : field.len;
		ssize_t n;

		memcpy(to, field.s, run);
		to += run;
		field.s += run;
		field.len -= run;
		if (!slash)
			break;
		n = unescape_one(field, to++, err);
		if (n < 0)
			return n;
		field.s += n;
		field.len -= (size_t)n;
	}
	return to - start;
}

/* For messages: printable ASCII only, cut off with "..." at a fixed length. Returned by
 * value, so that nothing is to be freed. */
struct cfs_dump_quoted cfs_dump_quote(struct cfs_text value)
{
	enum { MARK = sizeof("...") };
	static const char hex[] = "0123456789abcdef";
	struct cfs_dump_quoted q;
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = (uint8_t)value.s[i];

		if (n + 4 + MARK > sizeof(q.s)) {
			memcpy(q.s + n, "...", 3);
			n += 3;
			break;
		}
		if (c >= 0x20 && c < 0x7f) {
			q.s[n++] = (char)c;
			continue;
		}
		q.s[n++] = '\\';
		q.s[n++] = 'x';
		q.s[n++] = hex[c >> 4];
		q.s[n++] = hex[c & 15];
	}
	q.s[n] = '\0';
	return q;
}
