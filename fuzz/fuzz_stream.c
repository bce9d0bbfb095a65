/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The splitstream reader: whatever the bytes, it ends with a result or with -EUCLEAN and a sentence, and
 * gives no more than the stream says that it has. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "stream/stream.h"

struct seen {
	const struct cfs_stream *s;
	uint64_t bytes;
};

static int take_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct seen *seen = ctx;

	(void)p;
	(void)err;
	seen->bytes += len;
	fuzz_hold(seen->bytes <= seen->s->size);
	return seen->bytes > (1 << 24) ? -EFBIG : 0;
}

static int count_named_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
			      struct cfs_err *err)
{
	struct seen *seen = ctx;

	(void)err;
	*size = id->bytes[0];
	seen->bytes += *size;
	return seen->bytes > (1 << 24) ? -EFBIG : 0;
}

static int check_named_stream(void *ctx, struct cfs_text name,
			      const struct cfs_digest *id, struct cfs_err *err)
{
	const struct cfs_stream *s = ctx;
	bool known = false;

	(void)err;
	fuzz_hold(name.len > 0 && !memchr(name.s, '\0', name.len));
	for (size_t i = 0; i < cfs_stream_count_ids(s, s->stream_refs) && !known; i++) {
		struct cfs_digest d = cfs_stream_get_id(s, s->stream_refs, i);

		known = cfs_digest_eq(&d, id);
	}
	fuzz_hold(known);
	return 0;
}

static void check_stream_error(int rc, const struct cfs_err *err)
{
	fuzz_hold(rc == 0 || rc == -EFBIG || rc == -EUCLEAN || rc == -ENOMEM);
	fuzz_hold(rc != -EUCLEAN || err->msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_stream s;
	struct seen seen = {&s, 0};
	struct cfs_stream_sink sink = {take_data, count_named_object, &seen};
	struct cfs_err err = {""};
	int rc;

	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++) {
		rc = cfs_stream_open((struct cfs_span){data, len}, alg, &s, &err);
		check_stream_error(rc, &err);
		if (rc < 0)
			continue;
		check_stream_error(
			cfs_stream_visit_names(&s, check_named_stream, &s, &err), &err);
		seen.bytes = 0;
		rc = cfs_stream_read(&s, &sink, &err);
		check_stream_error(rc, &err);
		fuzz_hold(rc != 0 || seen.bytes == s.size);
	}
	return 0;
}
