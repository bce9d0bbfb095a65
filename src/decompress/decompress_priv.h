/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Declarations that all formats share. */
#ifndef CFS_DECOMPRESS_PRIV_H
#define CFS_DECOMPRESS_PRIV_H

#include "decompress/decompress.h"

/* Where a format is in its input, and how it goes on. */
struct decompress_step {
	struct cfs_span in; /* not used yet; a format advances it */
	uint8_t *out;
	size_t out_len; /* room at out */
	size_t n_out;	/* bytes put there */
};

/* A format: one state for a stream. */
struct decompress_format {
	const char *name;
	/* -ENOMEM */
	int (*begin)(void **state, struct cfs_err *err);
	/* Goes on as long as there is input, or output that waits. No output and no input used: it needs more input. */
	int (*step)(void *state, struct decompress_step *s, struct cfs_err *err);
	/* At the end of the input: is it complete? */
	bool (*is_complete)(const void *state);
	void (*end)(void *state);
};

extern const struct decompress_format decompress_gzip, decompress_zstd;

/* The body of one member of gzip, from behind its header to the end of its trailer, which is checked. By zlib or by ISA-L,
 * which the build chooses. */
struct inflate;
struct inflate *inflate_new(void);    /* NULL: out of memory */
void inflate_free(struct inflate *s); /* NULL is fine */
int inflate_begin(struct inflate *s, struct cfs_err *err) CFS_MUST_CHECK;
/* 1 when the member is complete, else 0. */
int inflate_step(struct inflate *s, struct decompress_step *step,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* Both libraries count bytes in 32 bits: a step uses at most so many of len. */
static inline uint32_t inflate_cap_len(size_t len)
{
	return len > 1U << 30 ? 1U << 30 : (uint32_t)len;
}

static inline void decompress_use(struct decompress_step *s, size_t n)
{
	s->in.p += n;
	s->in.len -= n;
}

#endif
