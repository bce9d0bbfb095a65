/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* CRC-64 with the polynomial x^64 + x^4 + x^3 + x + 1 (ISO 3309), reflected: the highest bit of
 * the register is the coefficient of x^0. */
#include "tarsplit/tarsplit.h"

/* Multiplies by x^4 + x^3 + x + 1, which x^64 is equal to, without what becomes x^64 or more. */
static uint64_t multiply_low(uint64_t a)
{
	return a ^ a >> 1 ^ a >> 3 ^ a >> 4;
}

/* What multiply_low(a) left out, divided by x^64. Its degree is 3 at most. */
static uint64_t multiply_high(uint64_t a)
{
	return a << 63 ^ a << 61 ^ a << 60;
}

static uint64_t add_byte(uint64_t crc, uint8_t byte)
{
	return crc >> 8 ^ multiply_low((crc ^ byte) << 56);
}

static uint64_t add_word(uint64_t crc, uint64_t word)
{
	crc ^= word;
	return multiply_low(crc) ^ multiply_low(multiply_high(crc));
}

uint64_t cfs_crc64_update(uint64_t crc, const void *p, size_t len)
{
	const uint8_t *bytes = p;
	size_t i = 0;

	crc = ~crc;
	for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t))
		crc = add_word(crc, cfs_le64(bytes + i));
	for (; i < len; i++)
		crc = add_byte(crc, bytes[i]);
	return ~crc;
}
