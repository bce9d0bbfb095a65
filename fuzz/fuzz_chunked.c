/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of contents of a zstd:chunked layer: a result or a sentence, the same for pieces of
 * any size; ranges cover the files that are wanted, within the blob, in order. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "chunked/chunked.h"

enum { BLOB_LEN = 200000, RANGES = 5 };

static void check_files(const struct cfs_chunked_toc *toc)
{
	uint64_t at = 0;

	for (size_t i = 0; i < toc->n_files; i++) {
		const struct cfs_chunked_file *f = &toc->files[i];

		fuzz_hold(f->size > 0 && f->off >= at && f->end > f->off);
		fuzz_hold(f->end <= BLOB_LEN);
		at = f->end;
	}
}

/* The ranges cover each wanted file, are in order, and neither overlap nor touch. */
static void check_ranges(const struct cfs_chunked_toc *toc, unsigned step)
{
	bool *wanted = calloc(toc->n_files + 1, sizeof(*wanted));
	struct cfs_oci_range *ranges;
	struct cfs_err err;
	size_t n, k = 0;

	fuzz_hold(wanted);
	for (size_t i = 0; i < toc->n_files; i += step)
		wanted[i] = true;
	fuzz_hold(cfs_chunked_choose_ranges(toc, wanted, RANGES, &ranges, &n, &err) == 0);
	fuzz_hold(n <= RANGES);
	for (size_t i = 0; i + 1 < n; i++)
		fuzz_hold(ranges[i].len &&
			  ranges[i].off + ranges[i].len < ranges[i + 1].off);
	for (size_t i = 0; i < toc->n_files; i++) {
		const struct cfs_chunked_file *f = &toc->files[i];

		if (!wanted[i])
			continue;
		while (k < n && ranges[k].off + ranges[k].len < f->end)
			k++;
		fuzz_hold(k < n && ranges[k].off <= f->off);
	}
	free(ranges);
	free(wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_feed_mem whole = {{data, len}, 0}, pieces = {{data, len}, 3};
	struct cfs_chunked_toc toc, again;
	struct cfs_err err = {""};
	int rc = cfs_chunked_toc_parse(cfs_feed_mem(&whole), BLOB_LEN, &toc, &err);

	fuzz_hold(rc == 0 || ((rc == -EINVAL || rc == -EFBIG) && *err.msg));
	fuzz_hold(cfs_chunked_toc_parse(cfs_feed_mem(&pieces), BLOB_LEN, &again, &err) ==
		  rc);
	fuzz_hold(toc.n_files == again.n_files);
	check_files(&toc);
	check_ranges(&toc, 1);
	check_ranges(&toc, 3);
	cfs_chunked_toc_fini(&toc);
	cfs_chunked_toc_fini(&again);
	return 0;
}
