/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The header of a splitstream: magic, version, flags (2), algorithm, log2 of the block
 * size, and at 16 the range of the info section. That one holds ranges (start, end) of
 * the stream references, object references, chunks and names, then the content type (8)
 * and the size of the rebuilt stream. Numbers are little-endian, positions absolute. */
#ifndef CFS_STREAM_FORMAT_H
#define CFS_STREAM_FORMAT_H

#define STREAM_MAGIC "SplitStream"

enum {
	STREAM_HEADER_LEN = 32,
	STREAM_MAGIC_LEN = 11,
	STREAM_INFO_LEN = 80,
	STREAM_LG_BLOCK = 12,
};

#endif
