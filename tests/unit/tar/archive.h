/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* For tests: archives in memory, block by block, so that a test decides about each byte. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "tar/tar.h"

/* A header; texts that are NULL stand for usual values. */
struct header {
	const char *name;
	char type; /* 0: '0' */
	const char *link;
	const char *magic; /* 8 bytes; NULL: ustar */
	const char *prefix;
	uint64_t size;
	const char *mode, *uid, *gid, *mtime; /* octal digits */
	unsigned major, minor;
};

/* The block of a header with its checksum. */
void make_header(uint8_t block[CFS_TAR_BLOCK], const struct header *h);

/* Sets the checksum after a change. */
void sum_header(uint8_t block[CFS_TAR_BLOCK]);

void add_header(struct cfs_mem *a, const struct header *h);
void add_bytes(struct cfs_mem *a, const void *p, size_t len);
void add_padding(struct cfs_mem *a); /* to a multiple of the block */
void add_file(struct cfs_mem *a, const char *name, const char *content);

/* A pax header of the records, which are "key=value" each, up to NULL. */
void add_pax(struct cfs_mem *a, ...);
void add_long(struct cfs_mem *a, char type, const char *text); /* GNU L or K */
void add_end(struct cfs_mem *a);

#define GNU_MAGIC "ustar  "
#define V7_MAGIC  "\0\0\0\0\0\0\0"

#endif
