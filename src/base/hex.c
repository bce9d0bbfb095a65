/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Hexadecimal digits, eight at a time in one 64-bit word, because a large image has
 * millions of digests. */
#include "base/hex.h"

#include <string.h>

/* The same byte eight times. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

int cfs_hex_decode_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Sets the top bit of each byte that is at least min. All bytes are below 0x80. */
static uint64_t at_least(uint64_t bytes, unsigned min)
{
	return (bytes + EIGHT(0x80 - min)) & EIGHT(0x80);
}

/* Eight digits to four bytes; the first digit is the lowest byte of x. */
static bool decode_eight(uint64_t x, uint32_t *out)
{
	uint64_t low7 = x & EIGHT(0x7f), lower = low7 | EIGHT('a' ^ 'A');
	uint64_t number = at_least(low7, '0') & ~at_least(low7, '9' + 1);
	uint64_t letter = at_least(lower, 'a') & ~at_least(lower, 'f' + 1);
	uint64_t v = (x & EIGHT(0x0f)) + (letter >> 7) * 9;

	if (((number | letter) & ~x) != EIGHT(0x80))
		return false;
	v = (v << 4 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	*out = (uint32_t)(v | v >> 16);
	return true;
}

/* Eight digits at a time: an image has a digest for each of its objects, and this is the
 * hot loop of loading it. */
bool cfs_hex_decode(struct cfs_text in, uint8_t *out, size_t out_len)
{
	size_t i = 0;

	if (in.len != 2 * out_len)
		return false;
	for (; out_len - i >= 4; i += 4) {
		uint32_t four;

		if (!decode_eight(cfs_le64(in.s + 2 * i), &four))
			return false;
		cfs_put_le32(out + i, four);
	}
	for (; i < out_len; i++) {
		int high = cfs_hex_decode_digit(in.s[2 * i]);
		int low = cfs_hex_decode_digit(in.s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Four bytes to eight digits, lowest byte first on both sides. */
static uint64_t encode_four(uint32_t four)
{
	uint64_t x = four;

	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x >> 4 & UINT64_C(0x000f000f000f000f)) | (x & UINT64_C(0x000f000f000f000f))
							      << 8;
	return x + EIGHT('0') + (at_least(x, 10) >> 7) * ('a' - '0' - 10);
}

void cfs_hex_encode(const uint8_t *in, size_t in_len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i = 0;

	for (; in_len - i >= 4; i += 4)
		cfs_put_le64(out + 2 * i, encode_four(cfs_le32(in + i)));
	for (; i < in_len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

bool cfs_take_number(const char **text, unsigned base, char end, uint64_t *out)
{
	const char *at = *text;
	int digit;

	for (*out = 0; (digit = cfs_hex_decode_digit(*at)) >= 0 && (unsigned)digit < base;
	     at++)
		if (!cfs_mul(*out, base, out) || !cfs_add(*out, (uint64_t)digit, out))
			return false;
	if (at == *text || *at != end)
		return false;
	*text = at + 1;
	return true;
}
