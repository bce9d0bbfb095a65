/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: a search that runs out of memory says so, wherever it happens. */
#include "t.h"

#include <errno.h>

#include "dump/dump.h"
#include "profile/profile.h"
#include "starve.h"

static struct cfs_err err;

/* The tree has no /usr, so that some profiles are impossible, and the search asks for the
 * reason. */
T(search_without_memory_says_so)
{
	struct cfs_dump_opts dump_opts = {0};
	struct cfs_profile_search opts = {.threads = 1};
	struct cfs_digest none = {.alg = CFS_SHA256};
	struct cfs_profile_match m;
	struct cfs_tree *t = NULL;
	long n = 0;
	int rc;

	t_eq(cfs_dump_read_mem(CFS_TEXT("/ 0 40755 1 0 0 0 1.5 - - -\n"
					"/f 1 100644 1 0 0 0 1.5 - x -\n"),
			       CFS_SHA256, &dump_opts, &t, &err),
	     0);
	do {
		err.msg[0] = '\0';
		starve_left = n++;
		rc = cfs_profile_find_rules(t, &none, &opts, &m, &err);
		starve_left = -1;
		if (rc < 0) {
			t_eq(rc, -ENOMEM);
			t_has(err.msg, "memory");
		}
	} while (rc < 0);
	t_ok(n > 10);
	t_ok(!m.found && m.why.msg[0]);
	cfs_tree_free(t);
}
