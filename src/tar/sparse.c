/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The maps of sparse files: old GNU (in the header), pax 0.0 and 0.1 (in records), pax 1.0 (in front of the content). */
#include <errno.h>
#include <inttypes.h>

#include "tar/tar_priv.h"

int tar_add_segment(struct tar_head *h, uint64_t off, uint64_t len, struct cfs_err *err)
{
	if (h->n_segments == CFS_TAR_SEGMENTS_MAX)
		return cfs_fail(err, EFBIG,
				"sparse file: expected at most %d segments, got more",
				(int)CFS_TAR_SEGMENTS_MAX);
	if (cfs_grow(&h->segments, &h->segments_cap, h->n_segments + 1,
		     sizeof(*h->segments)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	h->segments[h->n_segments++] = (struct cfs_tar_segment){off, len};
	return 0;
}

static struct cfs_text next_field(struct cfs_text *rest)
{
	const char *comma = memchr(rest->s, ',', rest->len);
	struct cfs_text field = {rest->s, comma ? (size_t)(comma - rest->s) : rest->len};
	size_t used = field.len + (comma != NULL);

	*rest = (struct cfs_text){rest->s + used, rest->len - used};
	return field;
}

int tar_parse_map(struct tar_head *h, struct cfs_text map, struct cfs_err *err)
{
	h->n_segments = 0;
	while (map.len) {
		uint64_t off, len;
		int rc = tar_parse_decimal(next_field(&map), "GNU.sparse.map", INT64_MAX,
					   &off, err);

		if (rc == 0)
			rc = tar_parse_decimal(next_field(&map), "GNU.sparse.map",
					       INT64_MAX, &len, err);
		if (rc == 0)
			rc = tar_add_segment(h, off, len, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- old GNU ---------------------------------------------------------------------------- */

/* Adds the segments of a block up to the first unused one. Returns false if there was one. */
static int add_gnu_segments(struct tar_head *h, const uint8_t *p, size_t n, bool *ended,
			    struct cfs_err *err)
{
	for (size_t i = 0; i < n && !*ended; i++, p += 2 * TAR_LONG_LEN) {
		uint64_t off, len;
		int rc;

		if (p[TAR_LONG_LEN] == '\0') {
			*ended = true;
			return 0;
		}
		rc = tar_parse_count(p, TAR_LONG_LEN, "offset of a sparse segment",
				     INT64_MAX, &off, err);
		if (rc == 0)
			rc = tar_parse_count(p + TAR_LONG_LEN, TAR_LONG_LEN,
					     "length of a sparse segment", INT64_MAX,
					     &len, err);
		if (rc == 0)
			rc = tar_add_segment(h, off, len, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads the segments of an old GNU sparse file, in the header and in the blocks behind
 * it. *size is the size of the whole file. */
static int read_gnu(struct cfs_tar *t, uint64_t *size, struct cfs_err *err)
{
	struct tar_head *h = &t->head;
	bool more = h->block[TAR_GNU_EXTENDED], ended = false;
	int rc = tar_parse_count(h->block + TAR_GNU_REALSIZE, TAR_LONG_LEN,
				 "size of the sparse file", INT64_MAX, size, err);

	if (rc == 0)
		rc = add_gnu_segments(h, h->block + TAR_GNU_SPARSE, 4, &ended, err);
	/* Each further block must hold at least one segment: that bounds their number. */
	while (rc == 0 && more) {
		const uint8_t *block;

		if (ended)
			return cfs_fail(err, EINVAL,
					"sparse file: a block of segments follows their "
					"end");
		rc = tar_take_block(t, &block, err);
		if (rc < 0)
			return rc;
		more = block[TAR_GNU_MORE_EXTENDED];
		rc = add_gnu_segments(h, block, TAR_GNU_MORE, &ended, err);
	}
	return rc;
}

/* --- pax 1.0 ---------------------------------------------------------------------------- */

/* The map: the number of segments, then offset and length of each; a line for each number. */
struct map {
	char digits[20];
	size_t n_digits;
	uint64_t n_numbers;  /* so far */
	uint64_t n_expected; /* all of them, known after the first */
	uint64_t off;
};

/* Takes the next number of a map: their count, then offset and length by turns. A
 * hostile count is limited. */
static int end_number(struct map *m, struct tar_head *h, struct cfs_err *err)
{
	bool is_count = m->n_numbers == 0, is_off = m->n_numbers % 2 == 1;
	uint64_t n;
	int rc =
		tar_parse_decimal((struct cfs_text){m->digits, m->n_digits}, "sparse map",
				  is_count ? CFS_TAR_SEGMENTS_MAX : INT64_MAX, &n, err);

	if (rc < 0)
		return rc;
	m->n_digits = 0;
	m->n_numbers++;
	if (is_count)
		m->n_expected = 1 + 2 * n;
	else if (is_off)
		m->off = n;
	else
		return tar_add_segment(h, m->off, n, err);
	return 0;
}

/* What follows the last number in its block is padding. */
static int parse_map_block(struct map *m, struct tar_head *h, const uint8_t *block,
			   struct cfs_err *err)
{
	for (size_t i = 0; i < CFS_TAR_BLOCK && m->n_numbers < m->n_expected; i++) {
		int rc = 0;

		if (block[i] == '\n')
			rc = end_number(m, h, err);
		else if (m->n_digits == sizeof(m->digits))
			rc = cfs_fail(err, EINVAL,
				      "sparse map: expected a line of at most %zu "
				      "digits, got more",
				      sizeof(m->digits));
		else
			m->digits[m->n_digits++] = (char)block[i];
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads the map of a sparse file in the form 1.0 of GNU tar, which stands before the
 * content. */
static int read_pax_map(struct cfs_tar *t, struct cfs_err *err)
{
	struct map m = {.n_expected = 1};
	const uint8_t *block;
	int rc = 0;

	t->head.n_segments = 0;
	while (rc == 0 && m.n_numbers < m.n_expected) {
		if (t->left < CFS_TAR_BLOCK)
			return cfs_fail(err, EINVAL,
					"sparse map: the entry ends within it");
		t->left -= CFS_TAR_BLOCK;
		rc = tar_take_block(t, &block, err);
		if (rc == 0)
			rc = parse_map_block(&m, &t->head, block, err);
	}
	return rc;
}

/* Reads the segments of a pax sparse file. Version 1.0 keeps them at the start of the
 * content, 0.x in the pax records. -ENOTSUP for other versions. */
static int read_pax(struct cfs_tar *t, uint64_t *size, struct cfs_err *err)
{
	struct tar_said *s = &t->head.said;
	bool in_content = s->has_major && s->major == 1;

	if (s->has_major && (s->major > 1 || (in_content && s->minor != 0)))
		return cfs_fail(err, ENOTSUP,
				"sparse format %" PRIu64 ".%" PRIu64 " is not supported",
				s->major, s->minor);
	if (!s->has_realsize)
		return cfs_fail(err, EINVAL, "sparse file: its size is missing");
	*size = s->realsize;
	if (in_content)
		return read_pax_map(t, err);
	if (s->awaits_len || (s->has_numblocks && s->numblocks != t->head.n_segments))
		return cfs_fail(err, EINVAL,
				"sparse file: expected %" PRIu64 " segments, got %zu",
				s->numblocks, t->head.n_segments);
	return 0;
}

/* --- all of them ------------------------------------------------------------------------ */

/* Segments must ascend without overlap, lie inside the file, and add up to the stored bytes. */
static int check_segments(const struct tar_head *h, uint64_t size, uint64_t stored,
			  struct cfs_err *err)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < h->n_segments; i++) {
		const struct cfs_tar_segment *s = &h->segments[i];

		if (s->off < end || s->off > size || s->len > size - s->off)
			return cfs_fail(err, EINVAL,
					"sparse file: segment %zu (%" PRIu64
					" bytes at %" PRIu64
					") overlaps the one before or leaves the file",
					i, s->len, s->off);
		end = s->off + s->len;
		sum += s->len; /* at most size */
	}
	if (sum != stored)
		return cfs_fail(err, EINVAL,
				"sparse file: expected %" PRIu64
				" stored bytes by its map, got %" PRIu64,
				sum, stored);
	return 0;
}

int tar_read_sparse(struct cfs_tar *t, struct cfs_err *err)
{
	struct tar_head *h = &t->head;
	uint64_t size;
	int rc = h->block[TAR_TYPE] == 'S' ? read_gnu(t, &size, err)
					   : read_pax(t, &size, err);

	if (rc == 0)
		rc = check_segments(h, size, t->left, err);
	if (rc < 0)
		return rc;
	if (!cfs_add(t->holes, size - t->left, &t->holes) ||
	    t->holes > (t->opts->max_holes ? t->opts->max_holes : CFS_TAR_HOLES_DEFAULT))
		return cfs_fail(
			err, EFBIG,
			"sparse file: the holes of the archive exceed %" PRIu64 " bytes",
			t->opts->max_holes ? t->opts->max_holes : CFS_TAR_HOLES_DEFAULT);
	t->entry.is_sparse = true;
	t->entry.segments = h->segments;
	t->entry.n_segments = h->n_segments;
	t->entry.inode.size = size;
	return 0;
}
