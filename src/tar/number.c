/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Numbers in headers and records. */
#include <errno.h>
#include <inttypes.h>

#include "tar/tar_priv.h"

static bool ends_number(uint8_t c)
{
	return c == ' ' || c == '\0';
}

/* Two's complement, most significant byte first. Bit 7 of the first byte is the mark, bit 6 the sign. */
static int parse_binary(const uint8_t *field, size_t len, const char *what, int64_t *out,
			struct cfs_err *err)
{
	uint8_t sign = field[0] & 0x40 ? 0xff : 0;
	uint64_t n = (field[0] ^ sign) & 0x7f;

	for (size_t i = 1; i < len; i++) {
		if (n >> 55)
			return cfs_fail(err, EINVAL,
					"%s: the binary number exceeds 63 bits", what);
		n = n << 8 | (uint8_t)(field[i] ^ sign);
	}
	*out = sign ? -(int64_t)n - 1 : (int64_t)n;
	return 0;
}

int tar_parse_octal(const uint8_t *field, size_t len, const char *what, uint64_t *out,
		    struct cfs_err *err)
{
	uint64_t n = 0;
	size_t i = 0;

	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && !ends_number(field[i]); i++) {
		if (field[i] < '0' || field[i] > '7')
			return cfs_fail(err, EINVAL,
					"%s: expected octal digits, got byte 0x%02x",
					what, field[i]);
		n = n << 3 | (uint8_t)(field[i] - '0'); /* 36 bits at most */
	}
	*out = n;
	return 0;
}

int tar_parse_number(const uint8_t *field, size_t len, const char *what, int64_t *out,
		     struct cfs_err *err)
{
	uint64_t n;
	int rc;

	if (field[0] & 0x80)
		return parse_binary(field, len, what, out, err);
	rc = tar_parse_octal(field, len, what, &n, err);
	if (rc == 0)
		*out = (int64_t)n;
	return rc;
}

int tar_parse_count(const uint8_t *field, size_t len, const char *what, uint64_t max,
		    uint64_t *out, struct cfs_err *err)
{
	int64_t n;
	int rc = tar_parse_number(field, len, what, &n, err);

	if (rc < 0)
		return rc;
	if (n < 0 || (uint64_t)n > max)
		return cfs_fail(err, EINVAL,
				"%s: expected 0 to %" PRIu64 ", got %" PRId64, what, max,
				n);
	*out = (uint64_t)n;
	return 0;
}

int tar_parse_decimal(struct cfs_text text, const char *what, uint64_t max, uint64_t *out,
		      struct cfs_err *err)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.s[i];

		if (c < '0' || c > '9')
			return cfs_fail(err, EINVAL,
					"%s: expected decimal digits, got byte 0x%02x",
					what, (unsigned char)c);
		if (!cfs_mul(n, 10, &n) || !cfs_add(n, (uint64_t)(c - '0'), &n) ||
		    n > max)
			return cfs_fail(err, EINVAL,
					"%s: expected at most %" PRIu64 ", got more",
					what, max);
	}
	if (text.len == 0)
		return cfs_fail(err, EINVAL, "%s: expected decimal digits, got none",
				what);
	*out = n;
	return 0;
}

enum { NSEC_DIGITS = 9, SECOND = 1000000000 };

/* The first nine digits; shorter fractions are padded with zeros on the right, further digits are cut off. */
static int parse_fraction(struct cfs_text text, uint32_t *out, struct cfs_err *err)
{
	uint32_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.s[i] < '0' || text.s[i] > '9')
			return cfs_fail(err, EINVAL,
					"mtime: expected decimal digits, got byte 0x%02x",
					(unsigned char)text.s[i]);
	for (size_t i = 0; i < NSEC_DIGITS; i++)
		n = n * 10 + (i < text.len ? (uint32_t)(text.s[i] - '0') : 0);
	*out = n;
	return 0;
}

int tar_parse_decimal_time(struct cfs_text text, struct tar_time *out,
			   struct cfs_err *err)
{
	bool negative = text.len && text.s[0] == '-';
	struct cfs_text whole, fraction = {0};
	const char *dot;
	uint64_t sec;
	int rc;

	if (negative)
		text = (struct cfs_text){text.s + 1, text.len - 1};
	whole = text;
	dot = text.len ? memchr(text.s, '.', text.len) : NULL;
	if (dot) {
		whole.len = (size_t)(dot - text.s);
		fraction = (struct cfs_text){dot + 1, text.len - whole.len - 1};
	}
	rc = tar_parse_decimal(whole, "mtime", INT64_MAX - 1, &sec, err);
	if (rc == 0)
		rc = parse_fraction(fraction, &out->nsec, err);
	if (rc < 0)
		return rc;
	out->sec = negative ? -(int64_t)sec : (int64_t)sec;
	/* -1.5 is half a second after second -2. */
	if (negative && out->nsec) {
		out->sec--;
		out->nsec = SECOND - out->nsec;
	}
	return 0;
}
