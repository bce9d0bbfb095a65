/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Base64, of which the decoder accepts the canonical form only. */
#include "base/base64.h"

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes one group of four characters; the last n_pad of them are padding. Returns false
 * if the group is not canonical. */
static bool decode_group(const char *in, size_t n_pad, uint8_t out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - n_pad ? digit_value(in[i]) : in[i] == '=' ? 0 : -1;

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	for (size_t i = 0; i < 3; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return (n_pad < 1 || out[2] == 0) && (n_pad < 2 || out[1] == 0);
}

bool cfs_base64_decode(struct cfs_text in, uint8_t *out, size_t out_cap, size_t *out_len)
{
	uint8_t group[3];
	size_t len = 0;

	if (in.len % 4)
		return false;
	for (size_t i = 0; i < in.len; i += 4) {
		bool last = i + 4 == in.len;
		size_t n_pad = last ? (in.s[i + 3] == '=') + (in.s[i + 2] == '=') : 0;
		size_t n = 3 - n_pad;

		if (!decode_group(in.s + i, n_pad, group) || n > out_cap - len)
			return false;
		memcpy(out + len, group, n);
		len += n;
	}
	*out_len = len;
	return true;
}

void cfs_base64_encode(const void *in, size_t in_len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *bytes = in;

	for (size_t i = 0; i < in_len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < in_len ? bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k > in_len ? '=' : digits[bits >> (18 - 6 * k) & 63];
	}
	*out = '\0';
}
