/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Archives in memory. */
#include "tar/archive.h"

#include <stdarg.h>
#include <stdio.h>

#include "t.h"

void add_bytes(struct cfs_mem *a, const void *p, size_t len)
{
	struct cfs_sink sink = cfs_sink_mem(a);

	t_eq(sink.write(sink.ctx, p, len, NULL), 0);
}

void add_padding(struct cfs_mem *a)
{
	static const uint8_t zeros[CFS_TAR_BLOCK];

	add_bytes(a, zeros, -a->len % CFS_TAR_BLOCK);
}

void sum_header(uint8_t block[CFS_TAR_BLOCK])
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < CFS_TAR_BLOCK; i++)
		sum += block[i];
	snprintf((char *)block + 148, 8, "%06o", sum);
}

static void put(uint8_t *at, const char *text, const char *usual, size_t max)
{
	const char *t = text ? text : usual;
	size_t len = strlen(t);

	memcpy(at, t, len < max ? len : max);
}

void make_header(uint8_t block[CFS_TAR_BLOCK], const struct header *h)
{
	char number[32];

	memset(block, 0, CFS_TAR_BLOCK);
	put(block, h->name, "file", 100);
	put(block + 100, h->mode, "0000644", 8);
	put(block + 108, h->uid, "0000000", 8);
	put(block + 116, h->gid, "0000000", 8);
	snprintf(number, sizeof(number), "%011llo", (unsigned long long)h->size);
	put(block + 124, number, "", 12);
	put(block + 136, h->mtime, "00000000012", 12);
	block[156] = (uint8_t)(h->type ? h->type : '0');
	put(block + 157, h->link, "", 100);
	memcpy(block + 257, h->magic ? h->magic : "ustar\00000", 8);
	snprintf(number, sizeof(number), "%07o", h->major);
	put(block + 329, number, "", 8);
	snprintf(number, sizeof(number), "%07o", h->minor);
	put(block + 337, number, "", 8);
	put(block + 345, h->prefix, "", 155);
	sum_header(block);
}

void add_header(struct cfs_mem *a, const struct header *h)
{
	uint8_t block[CFS_TAR_BLOCK];

	make_header(block, h);
	add_bytes(a, block, sizeof(block));
}

void add_file(struct cfs_mem *a, const char *name, const char *content)
{
	add_header(a, &(struct header){.name = name, .size = strlen(content)});
	add_bytes(a, content, strlen(content));
	add_padding(a);
}

static void add_record(struct cfs_mem *m, const char *record)
{
	size_t rest = strlen(record) + 2, len = rest;
	char front[32];

	for (int i = 0; i < 3; i++)
		len = rest + (size_t)snprintf(front, sizeof(front), "%zu", len);
	add_bytes(m, front, strlen(front));
	add_bytes(m, " ", 1);
	add_bytes(m, record, strlen(record));
	add_bytes(m, "\n", 1);
}

void add_pax(struct cfs_mem *a, ...)
{
	struct cfs_mem records = {0};
	const char *record;
	va_list args;

	va_start(args, a);
	while ((record = va_arg(args, const char *)))
		add_record(&records, record);
	va_end(args);
	add_header(a, &(struct header){.name = "pax", .type = 'x', .size = records.len});
	add_bytes(a, records.p, records.len);
	add_padding(a);
	free(records.p);
}

void add_long(struct cfs_mem *a, char type, const char *text)
{
	struct header h = {.name = "././@LongLink",
			   .type = type,
			   .size = strlen(text) + 1,
			   .magic = GNU_MAGIC};

	add_header(a, &h);
	add_bytes(a, text, strlen(text) + 1);
	add_padding(a);
}

void add_end(struct cfs_mem *a)
{
	static const uint8_t zeros[2 * CFS_TAR_BLOCK];

	add_bytes(a, zeros, sizeof(zeros));
}
