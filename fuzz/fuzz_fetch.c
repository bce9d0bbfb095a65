/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Answers of composefs-fetch: each object is answered once at most, by a file that fits, and behind the first packet
 * that is no answer nothing is believed. The input is packets, each behind four bytes of what the kernel says
 * of the descriptors. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "fetch/fetch.h"

enum { N_WANTS = 4, FACTS_LEN = 4 };

static struct cfs_fetch_file facts_of(const uint8_t *p)
{
	return (struct cfs_fetch_file){
		.n = p[0],
		.is_regular = p[1] & 1,
		.is_readable = p[1] & 2,
		.is_truncated = p[1] & 4,
		.n_links = p[2],
		.size = UINT64_C(1) << (p[3] & 63),
	};
}

static void check_believed(const struct cfs_fetch_round *r,
			   const struct cfs_fetch_file *file,
			   const struct cfs_fetch_answer *a, size_t before)
{
	size_t n = 0;

	for (size_t i = 0; i < N_WANTS; i++)
		n += r->answered[i];
	fuzz_hold(a->index < N_WANTS && r->answered[a->index]);
	fuzz_hold(n == r->n_answered && n == before + 1 && n <= N_WANTS);
	fuzz_hold(memchr(a->why, '\0', sizeof(a->why)));
	fuzz_hold(a->code == 0 || a->code == -ENOENT || a->code == -EIO);
	fuzz_hold(!file->is_truncated && file->n == (a->code == 0));
	fuzz_hold(a->code || (file->is_regular && file->is_readable && !file->n_links &&
			      file->size <= r->max[a->index]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t max[N_WANTS] = {0, 1, 1000, UINT64_C(4) << 30};
	struct cfs_fetch_round r;
	bool was_over = false;

	fuzz_hold(cfs_fetch_round_init(&r, max, N_WANTS, NULL) == 0);
	while (len > FACTS_LEN) {
		size_t left = len - FACTS_LEN, before = r.n_answered;
		size_t n = left < sizeof(struct cfs_fetch_answer)
				   ? left
				   : sizeof(struct cfs_fetch_answer);
		struct cfs_fetch_file file = facts_of(data);
		struct cfs_fetch_answer a;
		struct cfs_err err;
		int rc = cfs_fetch_decode(&r, (struct cfs_span){data + FACTS_LEN, n},
					  &file, &a, &err);

		fuzz_hold(rc == 0 || rc == -EPROTO);
		fuzz_hold(rc == 0 ? !was_over : r.is_over && *err.msg);
		if (rc == 0)
			check_believed(&r, &file, &a, before);
		was_over = r.is_over;
		data += FACTS_LEN + n;
		len -= FACTS_LEN + n;
	}
	cfs_fetch_round_fini(&r);
	return 0;
}
