/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Hexadecimal digits, by table: a million digests pass here. */
#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

/* Value + 1 of each digit, 0 for what is no digit. */
static const uint8_t values[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int cfs_hex_value(char c)
{
	return values[(uint8_t)c] - 1;
}

bool cfs_hex_decode(struct cfs_text in, uint8_t *out, size_t out_len)
{
	if (in.len != 2 * out_len)
		return false;
	for (size_t i = 0; i < out_len; i++) {
		int high = cfs_hex_value(in.s[2 * i]);
		int low = cfs_hex_value(in.s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void cfs_hex_encode(const uint8_t *in, size_t in_len, char *out)
{
	for (size_t i = 0; i < in_len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}
