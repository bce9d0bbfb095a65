/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Requests that log in when they are challenged, and are repeated after temporary failures. */
#include <errno.h>

#include "helpers/registry/registry_helper.h"

int http_fail_answer(const struct transfer *t, const struct answer *a,
		     struct cfs_err *err)
{
	return http_fail_status(t, a->status, (struct cfs_span){a->body.p, a->body.len},
				err);
}

int http_try(struct transfer *t, const struct http_request *r, struct answer *a,
	     struct cfs_err *err)
{
	for (unsigned logins = 0;; logins++) {
		int rc = http_send(t, r, a, err);

		if (rc < 0)
			return rc;
		if (http_is_temporary(CURLE_OK, a->status)) {
			http_fail_answer(t, a, err);
			return -EAGAIN;
		}
		if (a->status != 401 || r->is_foreign || logins == LOGINS_MAX)
			return 0;
		rc = authenticate_transfer(t, a->challenge, err);
		if (rc < 0)
			return rc;
	}
}

int http_repeat(struct transfer *t, const struct http_request *r, struct answer *a,
		struct cfs_err *err)
{
	for (unsigned try = 0;; try++) {
		int rc = http_try(t, r, a, err);

		if (rc != -EAGAIN)
			return rc;
		if (!http_wait(try, a->status ? a->retry_after : 0))
			return -EIO;
	}
}
