/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gzip (RFC 1952): the members of a stream and their headers. inflate_step() decompresses the data of a member. The
 * header is parsed here because ISA-L 2.31 refuses valid ones that are split between two pieces of input, and accepts
 * flags that are reserved. */
#include <errno.h>

#include "decompress/decompress_priv.h"

enum {
	FLAG_HCRC = 2,
	FLAG_EXTRA = 4,
	FLAG_NAME = 8,
	FLAG_COMMENT = 16,
	FLAGS_RESERVED = 0xe0,
	HEADER_MAX = 1 << 20, /* bytes; names and comments have no limit of their own */
	METHOD_DEFLATE = 8,
};

/* Parts of a member in order. */
enum part {
	PART_FIXED, /* the first ten bytes */
	PART_EXTRA_LEN,
	PART_EXTRA,
	PART_NAME,
	PART_COMMENT,
	PART_HCRC,
	PART_BODY,
	PART_ZEROS, /* behind the last member */
};

struct gzip {
	struct inflate *inflate;
	enum part part;
	uint8_t flags;
	size_t n; /* bytes of this part so far */
	size_t extra_len;
	size_t header_len;
	bool in_member; /* a byte of a member has come that is not complete */
};

static int gzip_begin(void **state, struct cfs_err *err)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (g)
		g->inflate = inflate_new();
	if (!g || !g->inflate) {
		free(g);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	*state = g;
	return 0;
}

static void gzip_end(void *state)
{
	struct gzip *g = state;

	inflate_free(g->inflate);
	free(g);
}

static bool gzip_is_complete(const void *state)
{
	return !((const struct gzip *)state)->in_member;
}

/* The next part that this member has. */
static void begin_next_part(struct gzip *g)
{
	static const uint8_t needed[] = {
		[PART_EXTRA_LEN] = FLAG_EXTRA, [PART_EXTRA] = FLAG_EXTRA,
		[PART_NAME] = FLAG_NAME,       [PART_COMMENT] = FLAG_COMMENT,
		[PART_HCRC] = FLAG_HCRC,
	};

	g->n = 0;
	do
		g->part++;
	while (g->part < PART_BODY && (!(g->flags & needed[g->part]) ||
				       (g->part == PART_EXTRA && g->extra_len == 0)));
}

/* Checks the fixed bytes of a member's header. Data after a member must be another
 * member: gzip(1) would ignore it, and two readers would see two archives. */
static int check_fixed(struct gzip *g, uint8_t c, struct cfs_err *err)
{
	static const uint8_t magic[] = {0x1f, 0x8b, METHOD_DEFLATE};

	if (g->n < sizeof(magic) && c != magic[g->n])
		return cfs_fail(err, EINVAL,
				g->n < 2 ? "expected another member or the end after a "
					   "member, got data"
					 : "expected compression method 8, got another");
	if (g->n == 3 && (c & FLAGS_RESERVED))
		return cfs_fail(err, EINVAL, "reserved flags are set in the header");
	if (g->n == 3)
		g->flags = c;
	return 0;
}

/* One byte of a header. */
static int parse_byte(struct gzip *g, uint8_t c, struct cfs_err *err)
{
	int rc = 0;
	bool ends = false;

	switch (g->part) {
	case PART_FIXED:
		rc = check_fixed(g, c, err);
		ends = g->n == 9;
		break;
	case PART_EXTRA_LEN:
		g->extra_len = g->n ? g->extra_len | (size_t)c << 8 : c;
		ends = g->n == 1;
		break;
	case PART_EXTRA:
		ends = g->n + 1 == g->extra_len;
		break;
	case PART_HCRC:
		ends = g->n == 1;
		break;
	default: /* a text */
		ends = c == 0;
	}
	g->n++;
	if (rc == 0 && ++g->header_len > HEADER_MAX)
		rc = cfs_fail(err, EFBIG, "expected a header of at most %d bytes",
			      (int)HEADER_MAX);
	if (ends)
		begin_next_part(g);
	return rc;
}

/* Parses headers of members byte by byte, since a header may be cut anywhere by the
 * buffer. Zeros behind the last member are padding. */
static int parse_header(struct gzip *g, struct decompress_step *s, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0 && s->in.len && g->part < PART_BODY) {
		if (!g->in_member && s->in.p[0] == 0) {
			g->part = PART_ZEROS;
			return 0;
		}
		g->in_member = true;
		rc = parse_byte(g, s->in.p[0], err);
		decompress_use(s, 1);
	}
	return rc == 0 && g->part == PART_BODY ? inflate_begin(g->inflate, err) : rc;
}

/* Tapes and some programs pad with zeros. */
static int skip_zeros(struct decompress_step *s, struct cfs_err *err)
{
	if (!cfs_span_is_zero(s->in))
		return cfs_fail(err, EINVAL,
				"expected zeros or the end behind the last member, got "
				"data");
	decompress_use(s, s->in.len);
	return 0;
}

/* A state machine over the parts of a member, since input ends anywhere. Zeros behind
 * the last member are skipped, as gzip does it. */
static int gzip_step(void *state, struct decompress_step *s, struct cfs_err *err)
{
	struct gzip *g = state;
	int rc;

	if (g->part == PART_ZEROS)
		return skip_zeros(s, err);
	if (g->part < PART_BODY) {
		rc = parse_header(g, s, err);
		if (rc < 0 || g->part != PART_BODY)
			return rc;
	}
	rc = inflate_step(g->inflate, s, err);
	if (rc > 0) {
		g->part = PART_FIXED;
		g->n = g->header_len = 0;
		g->in_member = false;
	}
	return rc < 0 ? rc : 0;
}

const struct decompress_format decompress_gzip = {"gzip", gzip_begin, gzip_step,
						  gzip_is_complete, gzip_end};
