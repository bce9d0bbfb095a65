/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Escape untrusted text for terminals. */
#include "base/show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Source: table 3-7 of the Unicode standard. */
size_t cfs_utf8_measure(const uint8_t *p, size_t left)
{
	static const struct {
		uint8_t first, last, low, high;
		size_t len;
	} rows[] = {
		{0x00, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; left && i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = rows[i].len;

		if (*p < rows[i].first || *p > rows[i].last)
			continue;
		if (n > left || (n > 1 && (p[1] < rows[i].low || p[1] > rows[i].high)))
			return 0;
		for (size_t k = 2; k < n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return n;
	}
	return 0;
}

uint32_t cfs_utf8_decode(const uint8_t *p, size_t len)
{
	uint32_t c = len == 1 ? *p : *p & (0xffU >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Control characters, and those that change the direction of text: on a terminal
 * either could make a message say something else. */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},
		{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

size_t cfs_show_hidden_len(const uint8_t *p, size_t left)
{
	size_t n = cfs_utf8_measure(p, left);

	if (n == 0)
		return left ? 1 : 0;
	return is_hidden(cfs_utf8_decode(p, n)) ? n : 0;
}

/* Cuts before a character that does not fit, never inside one or inside its escape.
 * Returns the length without the NUL. */
size_t cfs_show_text(struct cfs_text text, char *out, size_t cap)
{
	const uint8_t *p = (const uint8_t *)text.s;
	size_t left = text.len, len = 0;

	while (left) {
		bool is_plain = *p >= 0x20 && *p < 0x7f; /* most text is ASCII */
		size_t hidden = is_plain ? 0 : cfs_show_hidden_len(p, left);
		size_t n = hidden || is_plain ? hidden + is_plain
					      : cfs_utf8_measure(p, left);

		if (len + (hidden ? CFS_SHOW_FACTOR * n : n) >= cap)
			break;
		for (size_t i = 0; i < hidden; i++)
			len += (size_t)sprintf(out + len, "\\x%02x", p[i]);
		if (!hidden)
			memcpy(out + len, p, n);
		len += hidden ? 0 : n;
		p += n;
		left -= n;
	}
	out[len] = '\0';
	return len;
}
