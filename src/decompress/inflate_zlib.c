/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The body of a gzip member by zlib. */
#include <errno.h>
#include <zlib.h>

#include "decompress/decompress_priv.h"

enum { WINDOW_BITS_GZIP = 15 + 16 };

struct inflate {
	z_stream z;
};

struct inflate *inflate_new(void)
{
	struct inflate *s = calloc(1, sizeof(*s));

	if (s && inflateInit2(&s->z, WINDOW_BITS_GZIP) != Z_OK) {
		free(s);
		return NULL;
	}
	return s;
}

void inflate_free(struct inflate *s)
{
	if (!s)
		return;
	inflateEnd(&s->z);
	free(s);
}

/* zlib checks the trailer only if it has read a header: it gets a minimal one instead of the one that was parsed
 * already. */
int inflate_begin(struct inflate *s, struct cfs_err *err)
{
	static const uint8_t header[10] = {0x1f, 0x8b, 8};
	uint8_t copy[sizeof(header)], none;
	int rc;

	memcpy(copy, header, sizeof(copy));
	s->z.next_in = copy;
	s->z.avail_in = sizeof(copy);
	s->z.next_out = &none;
	s->z.avail_out = 0;
	if (inflateReset(&s->z) != Z_OK)
		return cfs_fail(err, EINVAL, "zlib cannot start again");
	rc = inflate(&s->z, Z_NO_FLUSH);
	if ((rc != Z_OK && rc != Z_BUF_ERROR) || s->z.avail_in)
		return cfs_fail(err, EINVAL, "zlib refuses a header");
	return 0;
}

/* Z_BUF_ERROR is no error: there was no input or no room. The checksum and length at the
 * end of the member are compared by zlib. */
int inflate_step(struct inflate *s, struct decompress_step *step, struct cfs_err *err)
{
	unsigned in = inflate_cap_len(step->in.len),
		 out = inflate_cap_len(step->out_len - step->n_out);
	int rc;

	s->z.next_in = (uint8_t *)(uintptr_t)step->in.p;
	s->z.avail_in = in;
	s->z.next_out = step->out + step->n_out;
	s->z.avail_out = out;
	rc = inflate(&s->z, Z_NO_FLUSH);
	decompress_use(step, in - s->z.avail_in);
	step->n_out += out - s->z.avail_out;
	if (rc == Z_MEM_ERROR)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc == Z_STREAM_END)
		return 1;
	if (rc != Z_OK && rc != Z_BUF_ERROR)
		return cfs_fail(err, EINVAL, "the data are damaged: %s",
				s->z.msg ? s->z.msg : "unknown reason");
	return 0;
}
