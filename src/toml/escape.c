/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Escapes in strings in double quotes. */
#include "toml/toml_priv.h"

#include <errno.h>
#include <string.h>

/* Returns the number of bytes written for the code point c, which the caller has
 * checked: it is below 0x110000 and no surrogate. */
static size_t encode_utf8(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The character of an escape, and behind it in *in; false: there is no such escape. A NUL byte is
 * none, because paths cannot have it. */
static bool decode_escape(struct cfs_text *in, uint32_t *out)
{
	static const char letters[] = "btnfr\"\\";
	static const char values[] = "\b\t\n\f\r\"\\";
	char c = in->len > 1 ? in->s[1] : '\0';
	size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
	const char *at = c ? strchr(letters, c) : NULL;

	if (digits == 0 && !at)
		return false;
	if (in->len < 2 + digits)
		return false;
	*out = at ? (uint32_t)values[at - letters] : 0;
	for (size_t i = 0; i < digits; i++) {
		int value = hex_value(in->s[2 + i]);

		if (value < 0)
			return false;
		*out = *out << 4 | (uint32_t)value;
	}
	in->s += 2 + digits;
	in->len -= 2 + digits;
	return *out > 0 && *out <= 0x10ffff && (*out < 0xd800 || *out > 0xdfff);
}

int toml_decode_string(struct cfs_text in, struct cfs_mem *out, struct cfs_err *err)
{
	/* No character is longer than its escape. */
	out->len = 0;
	if (cfs_grow(&out->p, &out->cap, in.len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (in.len) {
		uint32_t c;

		if (in.s[0] != '\\') {
			out->p[out->len++] = (uint8_t)in.s[0];
			in.s++;
			in.len--;
			continue;
		}
		if (!decode_escape(&in, &c))
			return cfs_fail(err, EINVAL, "a string with a wrong escape");
		out->len += encode_utf8(c, out->p + out->len);
	}
	return 0;
}
