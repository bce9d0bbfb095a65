/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The body of a gzip member by ISA-L, which takes half the time of zlib. */
#include <errno.h>
#include <isa-l/igzip_lib.h>

#include "decompress/decompress_priv.h"

struct inflate {
	struct inflate_state s; /* 87 KB */
};

struct inflate *inflate_new(void)
{
	return calloc(1, sizeof(struct inflate));
}

void inflate_free(struct inflate *s)
{
	free(s);
}

/* The header was parsed already, the trailer is checked here. */
int inflate_begin(struct inflate *s, struct cfs_err *err)
{
	(void)err;
	isal_inflate_init(&s->s);
	s->s.crc_flag = ISAL_GZIP_NO_HDR_VER;
	return 0;
}

/* ISAL_DECOMP_OK says nothing about the end: only the state of the block does. */
int inflate_step(struct inflate *s, struct decompress_step *step, struct cfs_err *err)
{
	uint32_t in = inflate_cap_len(step->in.len),
		 out = inflate_cap_len(step->out_len - step->n_out);
	int rc;

	s->s.next_in = (uint8_t *)(uintptr_t)step->in.p;
	s->s.avail_in = in;
	s->s.next_out = step->out + step->n_out;
	s->s.avail_out = out;
	rc = isal_inflate(&s->s);
	decompress_use(step, in - s->s.avail_in);
	step->n_out += out - s->s.avail_out;
	if (rc == ISAL_INCORRECT_CHECKSUM)
		return cfs_fail(err, EINVAL, "the data are damaged: incorrect checksum");
	if (rc < 0)
		return cfs_fail(err, EINVAL, "the data are damaged: ISA-L reports %d",
				rc);
	return s->s.block_state == ISAL_BLOCK_FINISH;
}
