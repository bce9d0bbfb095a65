/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checks the answers of the helper. The helper is not trusted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

int cfs_fetch_round_init(struct cfs_fetch_round *r, const uint64_t *max, size_t n,
			 struct cfs_err *err)
{
	*r = (struct cfs_fetch_round){.max = max, .n = n};
	r->answered = calloc(n + 1, sizeof(*r->answered));
	return r->answered ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

void cfs_fetch_round_fini(struct cfs_fetch_round *r)
{
	free(r->answered);
	*r = (struct cfs_fetch_round){0};
}

/* The helper speaks with foreign servers, so what it passes on is checked before it is
 * read. */
static int check_answer_file(const struct cfs_fetch_file *f, uint64_t max,
			     struct cfs_err *err)
{
	if (f->n != 1)
		return cfs_fail(err, EPROTO, "expected one descriptor, got %zu", f->n);
	if (!f->is_regular)
		return cfs_fail(err, EPROTO, "expected a regular file");
	if (!f->is_readable)
		return cfs_fail(err, EPROTO, "expected a readable file");
	if (f->n_links) /* reading a file of /proc or FUSE can block forever */
		return cfs_fail(err, EPROTO, "expected an unnamed file");
	if (f->size > max)
		return cfs_fail(err, EPROTO,
				"expected a file of at most %ju bytes, got %ju",
				(uintmax_t)max, (uintmax_t)f->size);
	return 0;
}

/* The helper parses what servers send, so it may be under the control of one: each
 * answer is checked as if it came from the network. */
static int check_answer(const struct cfs_fetch_round *r, const struct cfs_fetch_file *f,
			const struct cfs_fetch_answer *a, struct cfs_err *err)
{
	if (a->index >= r->n)
		return cfs_fail(err, EPROTO, "expected an index below %zu, got %ju", r->n,
				(uintmax_t)a->index);
	if (r->answered[a->index])
		return cfs_fail(
			err, EPROTO,
			"expected one answer per object, got a second one for %ju",
			(uintmax_t)a->index);
	if (a->code == 0)
		return check_answer_file(f, r->max[a->index], err);
	if (a->code != -ENOENT && a->code != -EIO)
		return cfs_fail(err, EPROTO, "expected code 0, %d or %d, got %d", -ENOENT,
				-EIO, a->code);
	if (f->n)
		return cfs_fail(err, EPROTO,
				"expected no descriptor with an error code, got one");
	return 0;
}

/* After a wrong answer no further one is taken: the stream of packets has lost its
 * meaning. why is made a string here, whatever the helper sent. */
int cfs_fetch_decode(struct cfs_fetch_round *r, struct cfs_span packet,
		     const struct cfs_fetch_file *file, struct cfs_fetch_answer *out,
		     struct cfs_err *err)
{
	int rc = 0;

	if (r->is_over)
		return cfs_fail(err, EPROTO, "expected no answer after a wrong one");
	if (packet.len != sizeof(*out) || file->is_truncated) {
		rc = cfs_fail(err, EPROTO, "expected a packet of %zu bytes, got %s%zu",
			      sizeof(*out), file->is_truncated ? "more than " : "",
			      packet.len);
	} else {
		memcpy(out, packet.p, sizeof(*out));
		out->why[sizeof(out->why) - 1] = '\0';
		rc = check_answer(r, file, out, err);
	}
	if (rc < 0) {
		r->is_over = true;
		return rc;
	}
	r->answered[out->index] = true;
	r->n_answered++;
	return 0;
}
