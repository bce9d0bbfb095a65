/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* JSON text. Names in an image are bytes; JSON wants UTF-8, so what is none is replaced. */
#include <stdint.h>

#include "composefs.h"

/* Source: the table 3-7 of the Unicode standard. */
size_t utf8_len(const uint8_t *p, size_t left)
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

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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

/* How many bytes stand for themselves, in JSON and on a terminal: no control characters, U+0080 to U+009F
 * among them. */
static size_t plain_len(const uint8_t *p, size_t left)
{
	size_t len = 0;

	while (len < left) {
		const uint8_t *c = p + len;
		size_t n = utf8_len(c, left - len);

		if (n == 0 || *c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\' ||
		    (*c == 0xc2 && c[1] < 0xa0))
			break;
		len += n;
	}
	return len;
}

/* Puts a character that does not, and returns its length. */
static size_t put_escaped(FILE *to, const uint8_t *p, size_t left)
{
	size_t n = utf8_len(p, left);

	if (n == 0) {
		fputs("\\ufffd", to);
		return 1;
	}
	putc('\\', to);
	if (*p == '"' || *p == '\\')
		putc(*p, to);
	else
		fprintf(to, "u%04x", p[n - 1]); /* of c2 XX, XX is the number */
	return n;
}

void json_text(FILE *to, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;

	putc('"', to);
	while (p < end) {
		size_t n = plain_len(p, (size_t)(end - p));

		fwrite(p, 1, n, to);
		p += n;
		if (p < end)
			p += put_escaped(to, p, (size_t)(end - p));
	}
	putc('"', to);
}
