/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* JSON text. Names in an image are bytes; JSON wants UTF-8, so what is none is replaced. */
#include "cli/json.h"

#include <stdint.h>

#include "base/base.h"

/* How many bytes stand for themselves, in JSON and on a terminal. */
static size_t plain_len(const uint8_t *p, size_t left)
{
	size_t len = 0;

	while (len < left) {
		const uint8_t *c = p + len;
		size_t n = cfs_utf8_len(c, left - len);

		if (*c == '"' || *c == '\\' || cfs_show_hidden_len(c, left - len))
			break;
		len += n;
	}
	return len;
}

/* Puts a character that does not, and returns its length. */
static size_t put_escaped(FILE *to, const uint8_t *p, size_t left)
{
	size_t n = cfs_utf8_len(p, left);

	if (n == 0) {
		fputs("\\ufffd", to);
		return 1;
	}
	putc('\\', to);
	if (*p == '"' || *p == '\\')
		putc(*p, to);
	else
		fprintf(to, "u%04x", cfs_utf8_decode(p, n));
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
